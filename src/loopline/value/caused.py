"""What the model causes, from what there is: a hold-out where chance took one, else estimates with what must be true for them, and what cannot be known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.engine.step import Facts
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.model.package import Package, load
from loopline.model.policy import ACT
from loopline.model.signing import Trust
from loopline.serve.apart import fitting
from loopline.value import offpolicy
from loopline.value.lift import Lift, Reading, lift, target_each, yearly
from loopline.value.logged import Logged, Measured, acted, read
from loopline.value.offpolicy import Estimated
from loopline.value.parted import lately, parted
from loopline.value.realised import Body, per_year, shown, split_of
from loopline.value.spec import BASELINE, ValueSpec
from loopline.watch.earned import Earned, interval, summed
from loopline.watch.summary import bodies
from loopline.workspace import Job

NEWEST = 500_000
"""So many decisions are read at most where bounds need single rows: the newest."""

_NEVER_YET = "no outcome has come yet: what the model causes is not known"

NOTHING_HELD = (
    "Nothing is held out from the model: were acting to change what happens, nobody would see it. Declare value.holdout, such as 5%, and a part of the "
    "decisions is taken without the model to compare with."
)
HIDDEN = "Outcomes are seen only where somebody acted: what became of the rows that were left alone is not known, and neither is a mean over all decisions."
USELESS = "Nobody acts on what is held out, so that no outcome of it is seen: this hold-out tells nothing. Let it act (decision: act), or leave it out."


def run(job: Job) -> Facts:
    """What the champion causes, in money per decision and per year."""
    inputs, reads = job.step.inputs, job.step.reads
    blobs, charter = Blobs(job.workspace.lake), CharterSpec.model_validate(reads["charter"])
    spec = ValueSpec.model_validate(reads["value"])
    windows = bodies(blobs, inputs["summary"])
    package = None if inputs["champion"] is None else load(blobs, inputs["champion"], Trust.of(job.workspace.ledger))
    if package is not None:
        require_fitting(spec, package)
    if package is None or not any(window["rows"] for window in windows):
        return _facts(None, [], [], charter, None, "", says="nothing is served yet: what the model causes is not known")
    measured = Measured.of(package, charter.worth)
    tables, holds_out = Tables(job.workspace.lake), acts_on_held(spec, measured)
    own = [window for window in windows if window["package"] == inputs["champion"]]
    found = _lift(own, charter, spec, measured, lambda where: read(tables, inputs["versions"], measured, where=where, newest=NEWEST), acts_without=holds_out)
    told = list(instead(windows, charter, spec, measured, lambda: read(tables, inputs["versions"], measured, newest=NEWEST)))
    cannot = unknowable(charter, measured, windows, acts_without=holds_out)
    facts = _facts(found, told, cannot, charter, per_year(windows, charter), without(measured))
    over_time = [] if found is None else [asdict(reading) for reading in found.readings]
    return {**facts, "readings": blobs.put(json.dumps(over_time).encode())}


def _lift(
    own: Sequence[Body], charter: CharterSpec, spec: ValueSpec, measured: Measured, rows: Callable[[pl.Expr], Logged], *, acts_without: bool
) -> Lift | None:
    """The lift of the package that decides now: what others caused before says nothing of it."""
    if not any(split_of(window).held for window in own):
        return None
    starts = lately(sorted(window["start"] for window in own))
    when = pl.coalesce("event_time", "time") >= datetime.fromisoformat(starts[0])
    made = parted(rows(pl.col("holdout").is_not_null() & when), measured, starts)
    return lift(made, charter, confidence=spec.confidence, acts_without=acts_without)


def require_fitting(spec: ValueSpec, package: Package) -> None:
    """Check that what is declared to be decided of the hold-out is a decision of the package, before a server has to refuse it.

    Raises
    ------
    Mistake
        When it is none.
    """
    if spec.holdout is not None and spec.holdout.share and spec.holdout.decision != BASELINE:
        fitting(spec.holdout.decision, package.manifest["task"], package.manifest["classes"], package=package.digest)


def acts_on_held(spec: ValueSpec, measured: Measured) -> bool:
    """Whether what is held out from the model is always acted on (binary)."""
    said = BASELINE if spec.holdout is None else spec.holdout.decision
    return measured.acts_without if said == BASELINE else said == ACT


def without(measured: Measured) -> str:
    """What is decided without the model, as its package names it, in words."""
    said = measured.gauge.yardstick.without_model
    if measured.task == "binary":
        return "always acting" if said else "never acting"
    return f"saying always the same number ({figure(said)})" if isinstance(said, float) else f"always {said}"


def _facts(
    found: Lift | None, told: Sequence[Estimated], cannot: Sequence[str], charter: CharterSpec, yearly_rows: float | None, against: str, *, says: str = ""
) -> Facts:
    currency = charter.worth.currency
    facts = None if found is None else found.as_json(yearly_rows)
    if found is not None and facts is not None:
        says = "; ".join(part for part in (found.says(currency), yearly(facts, currency)) if part)
    elif told:
        says = told[0].says(_above(against), currency)
    return {
        "says": says or _NEVER_YET,
        "lift": facts,
        "estimates": [one.as_json() for one in told],
        "against": against,
        "cannot": list(cannot),
        "currency": currency,
        "target": target_each(charter, yearly_rows),
    }


def _above(against: str) -> str:
    return f"what the model adds to {against}"


def instead(windows: Sequence[Body], charter: CharterSpec, spec: ValueSpec, measured: Measured, rows: Callable[[], Logged]) -> Iterator[Estimated]:
    """What the model adds to deciding without it, told from its own decisions.

    Parameters
    ----------
    rows
        Gives the logged decisions; called only where sums over windows do not suffice.
    """
    parts = [Earned.of_json(window["sums"]) for window in windows]
    whole = summed(parts)
    if charter.outcome_seen == "always" or measured.task != "binary":
        if whole.outcomes:
            yield _direct(whole, parts, spec.confidence, share=1.0, assumptions=(offpolicy.UNCHANGED, offpolicy.ALIKE))
        return
    if not measured.acts_without:
        if whole.outcomes:
            # Where the model rests, it does what is done without it: nothing is added there, and nothing needs to be seen.
            yield _direct(whole, parts, spec.confidence, share=shown(windows, charter), assumptions=(offpolicy.UNCHANGED, offpolicy.ALIKE))
        return
    yield from _against_acting(rows(), measured, spec.confidence)


def _direct(whole: Earned, parts: Sequence[Earned], confidence: float, *, share: float, assumptions: tuple[str, ...]) -> Estimated:
    seen = interval([part.gain for part in parts], confidence) if whole.outcomes >= offpolicy.LEAST_ROWS else None
    low, high = (None, None) if seen is None else (share * seen[0], share * seen[1])
    value = share * whole.gain.total / whole.outcomes
    return Estimated(method="direct", value=value, low=low, high=high, rows=whole.outcomes, assumptions=assumptions)


def _against_acting(logged: Logged, measured: Measured, confidence: float) -> Iterator[Estimated]:
    """Against acting on every row: where the model rests, nobody has seen what acting would have brought."""
    own = ~logged.held & logged.owned
    rests = ~acted(logged.own)[own]
    saved = [np.where(rests, -measured.of_acting(logged, happens=happens)[own], 0.0) for happens in (True, False)]
    yield offpolicy.bound(np.minimum(*saved), np.maximum(*saved))
    chance = logged.scores[own]
    expected = np.where(rests, chance * saved[0] + (1 - chance) * saved[1], 0.0)
    yield offpolicy.direct(expected, confidence=confidence, assumptions=(offpolicy.UNCHANGED, offpolicy.CALIBRATED))


def unknowable(charter: CharterSpec, measured: Measured, windows: Sequence[Body], *, acts_without: bool) -> list[str]:
    """What cannot be known from these decisions, in words; empty where nothing stands in the way.

    Parameters
    ----------
    acts_without
        Whether what is held out is acted on.
    """
    has_holdout = any(split_of(window).held for window in windows)
    said = [] if has_holdout else [NOTHING_HELD]
    if charter.outcome_seen == "when_acted" and measured.task == "binary":
        said += [HIDDEN] if acts_without or not has_holdout else [HIDDEN, USELESS]
    return said


def readings(lake: Lake, facts: Facts) -> list[Reading]:
    """The lift after each window, from what `run` found; none where nothing tells it."""
    if "readings" not in facts:
        return []
    return [Reading(**said) for said in json.loads(Blobs(lake).get(facts["readings"]))]


def lines(facts: Mapping[str, Any]) -> list[str]:
    """The facts of `run` for a person."""
    currency, found = facts["currency"], facts["lift"]
    shown = [facts["says"]]
    if found is not None:
        came = found["outcomes"]
        keys = found["units"]
        of_keys = "" if keys == came else f", of {keys['policy']:,} and {keys['holdout']:,} keys"
        shown.append(
            f"  {found['held']:,} of {found['decisions']:,} decisions were held out; outcomes came of {came['policy']:,} and {came['holdout']:,}{of_keys}"
        )
        shown.append(f"  the bounds hold at all looks together with {found['confidence']:.0%}")
    for one in facts["estimates"]:
        told = Estimated(**{**one, "assumptions": tuple(one["assumptions"])})
        shown += [f"{told.method.replace('_', ' ')}: {told.says(_above(facts['against']), currency)}", *(f"  if: {assumed}" for assumed in told.assumptions)]
    return [*shown, *facts["cannot"]]
