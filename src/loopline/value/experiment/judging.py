"""The experiments that run, judged at every turn: each is looked at, and ended where a rule says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC
from loopline.engine.step import Facts, Step, Steps
from loopline.ledger.state import State
from loopline.release.spec import ReleaseSpec
from loopline.release.withdrawal import withdrawal
from loopline.serve.experiments import Experiment, folded
from loopline.value.experiment.ruling import Ending, Seen, ruled
from loopline.value.experiment.spec import LOOK, Plan
from loopline.watch.spec import EXPERIMENT
from loopline.workspace import Ask

_CHARTER = tuple(f"charter/{module}.py" for module in ("ranges", "spec", "worth"))
ROOMS = (
    "value/experiment",
    *(f"value/{module}.py" for module in ("logged", "offpolicy")),
    "watch",
    *(f"serve/{module}.py" for module in ("apart", "collect", "experiments", "records", "segments", "split")),
    *(f"release/rollout/{module}.py" for module in ("evidence", "sequences")),
    # Whole: a look costs less than telling which parts of a package it depends on.
    "model",
    *_CHARTER,
    *SPEC,
    "declaration.py",
    "expression",
)
_TABLES = ("predictions", "outcomes", "shadows", "feedback", "assignments", "measures")


def steps(release: ReleaseSpec, charter: CharterSpec, ask: Ask, now: datetime) -> Steps:
    """A look at each experiment that runs, and its end where one is ruled; then the alerts of those that another package has made void."""
    told = []
    for experiment in folded(ask.state.experiments):
        if experiment.is_running:
            looked = yield _look(experiment, charter, ask)
            ending = ruled(_seen(experiment, release, charter, ask.state, looked, now))
            said = looked if ending is None else (yield _end(experiment, ending, charter, ask, looked))
            told.append(f"{experiment.name}: {said['says']}" if ending is None else str(said["says"]))
    void = [entry.subject for entry in ask.state.open_alerts() if entry.body["monitor"] == EXPERIMENT and entry.body["champion"] != ask.state.champion]
    if void:
        yield _step("settle experiments", "loopline.value.experiment.ending:settle", {"alerts": void, "champion": ask.state.champion})
    return {"says": "; ".join(told) or "no experiment runs"}


def _look(experiment: Experiment, charter: CharterSpec, ask: Ask) -> Step:
    versions = {name: version for name, version in ask.facts["serve"]["versions"].items() if name in _TABLES}
    inputs = {"name": experiment.name, "id": experiment.id, "versions": versions}
    return _step(LOOK.format(name=experiment.name), "loopline.value.experiment.look:run", inputs, reads=charter.fields("worth", "outcome_seen"))


def _seen(experiment: Experiment, release: ReleaseSpec, charter: CharterSpec, state: State, looked: Facts, now: datetime) -> Seen:
    plan = Plan.model_validate(experiment.plan)
    others = [arm.package for arm in experiment.arms if arm.package and arm.package != experiment.package]
    void = next((why for package in others if (why := withdrawal(release, charter, state, package, since=experiment.entries[0]))), "")
    return Seen(
        arms={arm.name: arm.package for arm in experiment.arms},
        package="" if experiment.sort == "feature" else experiment.package,
        champion=state.champion,
        units=plan.units,
        until=plan.until,
        today=now.date(),
        withdrawn=void,
        found=looked["found"],
        trouble=looked["trouble"],
    )


def _end(experiment: Experiment, ending: Ending, charter: CharterSpec, ask: Ask, looked: Facts) -> Step:
    inputs = {
        "name": experiment.name,
        "id": experiment.id,
        "effect": experiment.plan["effect"],
        "ending": asdict(ending),
        "found": looked["found"],
        "currency": charter.worth.currency,
        "per_year": _per_year(charter, ask.state),
        "champion": ask.state.champion,
        "promoted": sorted({entry.subject for entry in ask.state.champions if entry.subject}),
    }
    return _step(f"end of experiment {experiment.name}", "loopline.value.experiment.ending:run", inputs)


def _per_year(charter: CharterSpec, state: State) -> float | None:
    """Decisions in a year: the charter's, else as the newest review knows them."""
    if charter.volume is not None:
        return charter.volume.per_year
    reviewed: Mapping[str, Any] = (state.facts("value", "review") or {}).get("learned", {})
    return reviewed.get("decisions_per_year")


def _step(name: str, function: str, inputs: Facts, *, reads: Facts | None = None) -> Step:
    return Step(stage="value", name=name, function=function, reads=reads or {}, inputs=inputs, rooms=ROOMS)
