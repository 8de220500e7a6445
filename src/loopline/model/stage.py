"""The model stage: the search for the package that earns most."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from loopline.charter.contradictions import require_possible
from loopline.charter.metrics import slice_columns
from loopline.charter.prices import of_charter
from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.data.spec import SPEC, DataSpec
from loopline.engine.step import Facts, Step, Steps, brief_digest
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.constraints import standing
from loopline.model.spec import FAMILIES, ModelSpec
from loopline.workspace import Ask

_ROOMS = (
    "model",
    "charter/worth.py",
    "charter/metrics.py",
    "charter/ranges.py",
    "charter/spec.py",
    "data/casting.py",
    "data/contract",
    "data/outcome.py",
    "data/proposals/leaks.py",
    *SPEC,
    "expression",
    "declaration.py",
    "charts.py",
    "plots.py",
)


OF_DATA = frozenset({"table", "lookups", "columns"})
"""The inputs of a step by which data alone makes it stale."""


_SOUNDS = ("split", "features", "policy", "leaks", "leave_out", "monotone", "rules", "baseline", "season", "seed")
"""What a sounding reads of what is declared of the model: the search it comes before is no part of it."""


def sounding(spec: ModelSpec, data: DataSpec, charter: CharterSpec, ask: Ask, *, forced: bool = False, anew: bool = False) -> Steps:
    """What each way to decide earns on a sample of the data, before the search is paid for: the charter stage judges by it.

    It is asked for where the charter says prices and a volume, so that a year can be told. Once a package decides, new data alone asks for none.

    Parameters
    ----------
    forced
        Whether it is asked for in any case.
    anew
        Whether new data ask for one although a package decides, as under a no-go.
    """
    step = Step(
        stage="model",
        name="sounding",
        function="loopline.model.sounding:run",
        reads={"model": spec.fields(*_SOUNDS), **charter.fields(*MEASURED_FOR), **_moments(charter), **_bounds(spec, charter)},
        inputs=_given(ask),
        rooms=_ROOMS,
    )
    if forced or (charter.worth.is_priced and charter.volume is not None and (anew or not _is_judged(step, ask.state))):
        yield step
    return {"says": "what the data tell before a search has been told"}


def _bounds(spec: ModelSpec, charter: CharterSpec) -> dict[str, Any]:
    """What bounds what the data can tell: a volume on which a limit is spent, and outcomes that only acting shows; a charter without them keeps its keys."""
    limited = spec.policy.limit is not None and charter.volume is not None
    names = [*(["volume"] if limited else []), *(["outcome_seen"] if charter.outcome_seen != "always" else [])]
    return charter.fields(*names) if names else {}


def _is_judged(step: Step, state: State) -> bool:
    """Whether a package decides, and nothing that the sounding reads is declared otherwise since the newest one."""
    newest = state.latest.get((step.stage, step.name))
    return state.champion is not None and (newest is None or newest.body["made_from"]["reads"] == step.made_from["reads"])


def steps(spec: ModelSpec, data: DataSpec, charter: CharterSpec, ask: Ask, *, only_when_asked: bool = False) -> Steps:
    """One search, or what was imported since; they read of the charter only what a package depends on, so that a criterion's limit retrains nothing.

    An imported model is judged on the same rows as the search's package, and passes the same gates. The next search takes its place.

    Parameters
    ----------
    only_when_asked
        Whether new data alone retrains nothing: a search stands until the declaration changes, or an entry asks for another one.
    """
    # A metric of another task would be refused by a gate, once everything is trained.
    require_possible(charter, ask.facts["data"]["task"])
    search = _search(spec, data, charter, ask)
    if only_when_asked:
        search = _standing(search, ask.state)
    facts = yield search
    searched, proposed = ask.state.latest.get(("model", "search")), ask.state.proposal
    if proposed is None or searched is None or proposed.seq < searched.seq:
        return facts
    adopt = Step(
        stage="model",
        name="import",
        function="loopline.model.adopt:run",
        reads=search.reads,
        # Where it was read from changes nothing in how it is judged.
        inputs={
            **search.inputs,
            "proposal": {name: value for name, value in proposed.body.items() if name != "source"},
            "rival": _rival(ask.state, proposed, str(facts["package"])),
        },
        rooms=_ROOMS,
    )
    adopted = yield _standing(adopt, ask.state) if only_when_asked else adopt
    return adopted


def learned_table(ingested: Facts) -> dict[str, Any]:
    """The table that is learned from, and its version, as the search's input ``table`` names it."""
    main = ingested["main"]
    return {"name": main, **{name: ingested["tables"][main][name] for name in ("id", "version")}}


def is_newer(state: State, ingested: Facts) -> bool:
    """Whether there is data that the newest search has not seen."""
    searched = state.latest.get(("model", "search"))
    if searched is None:
        return True
    seen = searched.body["made_from"]["inputs"]
    now = {"table": learned_table(ingested), **({"lookups": ingested["plans"]} if ingested.get("plans") else {})}
    return any(seen.get(name) != brief_digest(value) for name, value in now.items())


def _standing(step: Step, state: State) -> Step:
    """The step, or its newest success in its place where only data is newer, and nobody has asked for another since."""
    newest = state.latest.get((step.stage, step.name))
    asked = state.retrains[-1].seq if state.retrains else 0
    if newest is None or newest.key not in state.succeeded or asked > newest.seq:
        return step
    old, new = newest.body["made_from"], step.made_from
    changed = {(part, name) for part in new for name in {*old[part], *new[part]} if old[part].get(name) != new[part].get(name)}
    return replace(step, stands=newest.key) if changed <= {("inputs", name) for name in OF_DATA} else step


def _search(spec: ModelSpec, data: DataSpec, charter: CharterSpec, ask: Ask) -> Step:
    """The search on what the data stage holds now."""
    ingested = ask.facts["data"]
    return Step(
        stage="model",
        name="search",
        function="loopline.model.learn:run",
        reads={
            "model": spec.model_dump(mode="json"),
            **charter.fields("predict", "worth", "decision"),
            **_moments(charter),
            **_stop(charter, ask.folder),
            "slices": sorted(slice_columns(charter.acceptance)),
            "required": sorted(name for name, column in data.contract.columns.items() if column.required),
            **({"units": units} if (units := _units(data, ingested.get("plans") or ())) else {}),
        },
        inputs={
            **_given(ask),
            "own": {name: _source(name, ask.folder) for name in spec.families if name not in FAMILIES},
        },
        rooms=_ROOMS,
    )


def _given(ask: Ask) -> dict[str, Any]:
    """What there is to learn: the table with its columns, and what the expert holds of them."""
    ingested = ask.facts["data"]
    return {
        "table": learned_table(ingested),
        **{name: ingested[name] for name in ("columns", "task", "positive", "classes", "time", "key")},
        "order": ingested.get("order"),
        # A project without lookups keeps the keys that its searches have.
        **({"lookups": ingested["plans"]} if ingested.get("plans") else {}),
        # Nor does one in which no effect is refused.
        **({"constraints": [one.as_json() for one in held]} if (held := standing(ask.state.constraints.values())) else {}),
    }


def _moments(charter: CharterSpec) -> dict[str, Any]:
    """The moments of decision and outcome, as far as the charter says them."""
    return {name: value for name, value in charter.fields("decided", "outcome_known").items() if value is not None}


def _rival(state: State, proposed: Entry, searched: str) -> dict[str, str]:
    """Whom an imported model is held against: the champion, or where there is none the package of the search."""
    # The champion at the time of the import: one that the import itself becomes asks for no second judgement.
    champion = next((entry.subject for entry in reversed(state.champions) if entry.seq < proposed.seq), "")
    return {"package": champion, "role": "champion"} if champion else {"package": searched, "role": "search"}


def _units(data: DataSpec, lookups: Iterable[Facts]) -> dict[str, str]:
    """The units that contracts name, by the main table's column; of what is looked up, as its own table's contract says."""
    found = {
        ours: data.contract_of(lookup["table"]).columns[theirs].unit
        for lookup in lookups
        if lookup["table"] in data.sources
        for theirs, ours in lookup["columns"].items()
        if theirs in data.contract_of(lookup["table"]).columns
    }
    units = {**found, **{name: column.unit for name, column in data.contract.columns.items()}}
    return {name: unit for name, unit in sorted(units.items()) if unit}


def _stop(charter: CharterSpec, folder: Path) -> dict[str, Any]:
    """What a minute of search costs and a better model would earn, where the charter says prices and a volume: the search weighs the two."""
    book = of_charter(charter, folder)
    if book is None or charter.volume is None:
        return {}
    per_hour = book.machine_per_hour
    return {} if per_hour is None else {"stop": {"per_year": charter.volume.per_year, "per_hour": per_hour, "currency": charter.worth.currency}}


def _source(family: str, folder: Path) -> str | None:
    """The digest of one's own family's module, where it lies beside the declaration."""
    file = folder / f"{family.partition(':')[0].replace('.', '/')}.py"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
