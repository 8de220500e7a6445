"""The trial as it went: what champion and challenger earned, failed and took in each leg of the rollout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import WorthSpec
from loopline.engine.step import Facts
from loopline.errors import LooplineError
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.serve.collect import latest
from loopline.watch.gauge import Gauge, gauge
from loopline.watch.served import SLICE_ROWS, apart, decoded
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import judge
from loopline.workspace import Job

SLOWEST_MS = 1000.0
"""Times are cut here: one stalled request must not outweigh a thousand others."""

_ANSWER = ("score", "scores", "decision", "ms")


def run(job: Job) -> Facts:
    """The evidence on each leg that has begun: of a shadow row by row, of a canary from either arm."""
    inputs, reads = job.step.inputs, job.step.reads
    blobs, trust = Blobs(job.workspace.lake), Trust.of(job.workspace.ledger)
    spec, worth = WatchSpec.model_validate(reads["watch"]), WorthSpec.model_validate(reads["worth"])
    champion, challenger = (_Measured.of(blobs, inputs[name], trust, worth, spec) for name in ("champion", "challenger"))
    tables, versions = Tables(job.workspace.lake), inputs["versions"]
    found = []
    for leg in inputs["legs"]:
        served = _Served(tables, versions, leg["leg"])
        # Where an outcome is seen only after acting, neither what the other would have brought about nor what not acting brings is known.
        known = reads["outcome_seen"] == "always"
        evidence = _side_by_side(served, champion, challenger, known=known)
        if leg["kind"] == "canary":
            own, on_trial = _arms(served, champion, challenger, known=known)
            evidence = replace(evidence, champion=own, challenger=on_trial)
        found.append(replace(evidence, currency=worth.currency))
    whole = sum(found, Evidence())
    says = f"{whole.champion.requests:,} decisions of the champion, {whole.challenger.requests:,} of the challenger"
    return {"says": says, "leg": inputs["leg"], "package": inputs["challenger"], "evidence": [one.as_json() for one in found]}


@dataclass(frozen=True)
class _Measured:
    """A package and what it is measured with; None where it can no longer be read, so that its worth is unknown and only its errors tell."""

    package: str
    gauge: Gauge | None

    @classmethod
    def of(cls, blobs: Blobs, package: str, trust: Trust, worth: WorthSpec, spec: WatchSpec) -> _Measured:
        try:
            return cls(package, gauge(load(blobs, package, trust), worth, spec.window))
        except LooplineError:
            return cls(package, None)


class _Served:
    """The log's tables, as far as they are about a leg."""

    def __init__(self, tables: Tables, versions: Mapping[str, int], leg: str) -> None:
        self._tables = tables
        self._versions = versions
        self._leg = leg

    def read(self, name: str, package: str) -> pl.LazyFrame | None:
        """What a package did in the leg, as whoever answered stamped it; None where there is no such table yet."""
        if name not in self._versions:
            return None
        frame = self._tables.read(name, version=self._versions[name])
        if "leg" not in frame.collect_schema():
            # Such a table was written before anything was on trial.
            return None
        own = frame.filter((pl.col("package") == package) & (pl.col("leg") == self._leg))
        # What is held out from the model, or given to another arm of an experiment on policies, was decided by neither of the two.
        return own.filter(~taken for taken in apart(own.collect_schema()).values()) if name == "predictions" else own

    def with_outcomes(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame with ``outcome``, null where none has come."""
        if "outcomes" not in self._versions:
            return frame.with_columns(outcome=pl.lit(None, dtype=pl.String))
        told = self._tables.read("outcomes", version=self._versions["outcomes"])
        return frame.join(latest(told.select("prediction_id", "outcome", "time")).drop("time"), on="prediction_id", how="left")


def _arms(served: _Served, champion: _Measured, challenger: _Measured, *, known: bool) -> tuple[Arm, Arm]:
    """What each did with the rows that it answered."""
    failed = served.read("shadows", challenger.package)
    errors = None if failed is None else failed.filter(pl.col("kind") == "canary").select("prediction_id")
    arms = []
    for measured in (champion, challenger):
        frame = served.read("predictions", measured.package)
        if frame is not None and errors is not None:
            # What the champion answered in place of the challenger is no row of its own.
            frame = frame.join(errors, on="prediction_id", how="anti")
        arms.append(Arm() if frame is None else _arm(served.with_outcomes(frame), measured, known=known))
    lost = 0 if errors is None else errors.select(pl.len()).collect().item()
    own, on_trial = arms
    return own, replace(on_trial, requests=on_trial.requests + lost, errors=lost)


def _arm(frame: pl.LazyFrame, measured: _Measured, *, known: bool) -> Arm:
    whole = Arm()
    for part in frame.select("prediction_id", "row", *_ANSWER, "outcome").collect(engine="streaming").iter_slices(SLICE_ROWS):
        whole += Arm(requests=part.height, latency=_latency(part["ms"]), worth=Moments.of(_money(part, measured)) if known else Moments())
    return whole


def _side_by_side(served: _Served, champion: _Measured, challenger: _Measured, *, known: bool) -> Evidence:
    """What both said of the same rows, which the champion answered."""
    shown, answered = served.read("shadows", challenger.package), served.read("predictions", champion.package)
    if shown is None or answered is None:
        return Evidence(champion=Arm(), challenger=Arm())
    own = served.with_outcomes(answered.select("prediction_id", "row", *_ANSWER))
    other = shown.filter(pl.col("kind") == "shadow").select("prediction_id", "error", *(pl.col(name).alias(f"{name} on trial") for name in _ANSWER))
    both = own.join(other, on="prediction_id", how="inner").collect(engine="streaming")
    known = known and champion.gauge is not None and challenger.gauge is not None
    arms, paired, differ = [Arm(), Arm()], Moments(), 0
    for part in both.iter_slices(SLICE_ROWS):
        failed = int((part["error"] != "").sum())
        said = part.filter(pl.col("error") == "")
        money = _money(said, champion)
        instead = _money(said.with_columns(pl.col(f"{name} on trial").alias(name) for name in _ANSWER), challenger) if known else money[:0]
        # Off the answering path a row takes as long as it may: its time tells nothing.
        arms[0] += Arm(requests=part.height, worth=Moments.of(money))
        arms[1] += Arm(requests=part.height, errors=failed, worth=Moments.of(instead))
        paired += Moments.of(instead - money) if known else Moments()
        differ += int(np.count_nonzero(instead - money)) if known else 0
    return Evidence(champion=arms[0], challenger=arms[1], paired=paired if known else None, differ=differ)


def _latency(ms: pl.Series) -> Moments:
    return Moments.of(ms.drop_nulls().clip(upper_bound=SLOWEST_MS).to_numpy())


def _money(frame: pl.DataFrame, measured: _Measured) -> NDArray[np.float64]:
    """The money of each row whose outcome has come, shape (n,)."""
    known = frame.filter(pl.col("outcome").is_not_null())
    if measured.gauge is None or known.is_empty():
        return np.empty(0)
    yardstick, columns = measured.gauge.yardstick, measured.gauge.columns
    read: dict[str, Any] = {name: columns[name] for name in yardstick.worth.columns if name in columns}
    classes = yardstick.classes if yardstick.task == "multiclass" else ()
    return judge(decoded(known, read, classes), yardstick)[0].money
