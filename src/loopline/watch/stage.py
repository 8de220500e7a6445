"""The watch stage's door: windows of what was served, alerts, and telling them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC, DataSpec
from loopline.engine.step import Facts, Step, Steps
from loopline.ledger.entry import now
from loopline.ledger.state import State
from loopline.release.rollout.course import Course, newest
from loopline.watch.duty import letters
from loopline.watch.proof import evidence_of
from loopline.watch.retrain import asked, came_of, held, situation
from loopline.watch.spec import WatchSpec
from loopline.watch.spec_retrain import RetrainSpec
from loopline.watch.turns import ONE_IN, schedules
from loopline.workspace import Ask

READS = ("window", "false_alarms", "refused_share")
_SCORING = (
    "columns",
    "blocks",
    "evaluate",
    "features",
    "package",
    "background",
    "reasons",
    "scoring",
    "calibration",
    "layout",
    "signing",
    "predictor",
    "encode",
    "formulas",
    "plan",
    "reference",
    "words",
    "policy",
)
_SPECS = tuple(f"watch/{module}.py" for module in ("spec", "spec_duty", "spec_machinery", "spec_retrain"))
_WATCHING = (
    *("windows", "drift", "limits", "scan", "domain", "earned", "gauge", "served", "alerts", "causes", "survey"),
    *("basis", "estimate", "estimated", "expected", "confidence", "reweighted", "honesty"),
)
_ROOMS = (
    *(f"watch/{module}.py" for module in _WATCHING),
    *_SPECS,
    "watch/monitors",
    *(f"model/{module}.py" for module in _SCORING),
    *(f"serve/{module}.py" for module in ("collect", "records", "segments", "split")),
    *(f"charter/{module}.py" for module in ("spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
    "charts.py",
)
_TELLING = (
    *(f"watch/{module}.py" for module in ("telling", "causes", "told")),
    *_SPECS,
    "watch/exported/alertmanager.py",
    "tell.py",
    "charter/spec.py",
    *SPEC,
    "expression",
    "declaration.py",
)


def steps(spec: WatchSpec, data: DataSpec, charter: CharterSpec, ask: Ask, *, at: datetime | None = None) -> Steps:
    """How windows of the champion's test part scatter, the windows of all that was served, the trial of a challenger, the machinery; then who is to be
    told of what, and whether the model is to be trained anew.

    Parameters
    ----------
    at
        When the turn began; None where nothing is to be done: then nobody looks at the machinery.
    """
    champion = ask.state.champion
    reads: dict[str, Any] = {"watch": spec.fields(*READS), **charter.fields("worth")}
    evidence = evidence_of(ask.state, champion)
    before = None
    if champion is not None and evidence is not None:
        before = (yield _before(spec, charter, champion, evidence))["windows"]
    watched = yield Step(
        stage="watch",
        name="windows",
        function="loopline.watch.survey:run",
        reads=reads,
        inputs={"versions": ask.facts["serve"]["versions"], "champion": champion, "before": before, "evidence": evidence},
        rooms=_ROOMS,
    )
    course = newest(ask.state.rollouts)
    if course is not None and course.traffic is not None:
        yield _trial(spec, charter, ask, course)
    failing = _failing(ask)
    if at is not None and _is_due(ask.state, failing, at):
        yield _machinery(spec, data, charter, failing, at)
    moment = at or now()
    due = letters(ask.state, spec, moment)
    if due:
        yield Step(
            stage="watch",
            name="tell",
            function="loopline.watch.telling:run",
            reads=spec.fields("tell"),
            inputs={"letters": [letter.as_json() for letter in due], "now": moment.isoformat()},
            rooms=_TELLING,
        )
    if spec.retrain is None:
        return watched
    said = yield from _retrained(spec.retrain, ask)
    return {**watched, "says": f"{watched['says']}; {said}"} if said else watched


def _before(spec: WatchSpec, charter: CharterSpec, package: str, evidence: str) -> Step:
    """The step that measures the windows of a package's test part: how windows scatter when nothing has changed."""
    return Step(
        stage="watch",
        name="before",
        function="loopline.watch.gauge:run",
        reads={"watch": spec.fields("window"), **charter.fields("worth")},
        inputs={"package": package, "evidence": evidence},
        rooms=_ROOMS,
    )


def _retrained(spec: RetrainSpec, ask: Ask) -> Generator[Step, Facts, str]:
    """Ask for a retraining where one is due and nothing holds it back; what there is to be said of it."""
    seen = situation(spec, ask.state, ask.facts.get("data", {}), now())
    reasons = [] if seen is None else asked(seen)
    if seen is None or not reasons:
        return came_of(ask.state)
    why = "; ".join(reason.says for reason in reasons)
    if hold := held(seen):
        return f"a retraining is due ({why}), and held back: {hold}"
    facts = yield Step(
        stage="watch",
        name="retrain",
        function="loopline.watch.request:run",
        reads={},
        inputs={"champion": ask.state.champion, "after": seen.trained.id, "reasons": [asdict(reason) for reason in reasons]},
        rooms=("watch/request.py",),
    )
    return str(facts["says"])


def _failing(ask: Ask) -> list[list[str]]:
    """Stage and name of the steps that stand still, because they failed: a stage that has come through since has facts."""
    failed = ask.state.failed.items()
    return sorted([stage, str(entry.body["name"])] for stage, entry in failed if stage not in ("watch", "value") and not ask.facts.get(stage))


def _is_due(state: State, failing: list[list[str]], at: datetime) -> bool:
    """Whether the machinery is to be looked at: once an hour, and when other steps stand still than at the last look."""
    last = state.facts("watch", "machinery")
    return last is None or last["failed"] != failing or not timedelta() <= at - datetime.fromisoformat(last["at"]) < ONE_IN


def _machinery(spec: WatchSpec, data: DataSpec, charter: CharterSpec, failing: list[list[str]], at: datetime) -> Step:
    """The step that looks at the machinery; each look is one of its own."""
    calls = [schedule.model_dump(mode="json") for schedule in schedules(data, spec.retrain)]
    return Step(
        stage="watch",
        name="machinery",
        function="loopline.watch.machinery.look:run",
        reads={**spec.fields("machinery", "late"), "schedules": calls, "charter": charter.fields("predict", "worth", "budget", "prices")},
        inputs={"at": at.isoformat(), "failed": failing},
        rooms=(
            *_ROOMS,
            "watch/machinery",
            "watch/turns.py",
            *(f"charter/{module}.py" for module in ("budget", "machines", "prices", "quantities")),
            "data/probe",
            "data/schedule.py",
        ),
    )


def _trial(spec: WatchSpec, charter: CharterSpec, ask: Ask, course: Course) -> Step:
    """The step that sums up what champion and challenger did in each leg of the rollout that runs."""
    return Step(
        stage="watch",
        name="trial",
        function="loopline.watch.trial:run",
        reads={"watch": spec.fields("window"), **charter.fields("worth", "outcome_seen")},
        inputs={
            "versions": ask.facts["serve"]["versions"],
            "champion": course.champion,
            "challenger": course.package,
            "leg": course.leg_entry,
            "legs": course.legs,
        },
        rooms=(*_ROOMS, "watch/trial.py", "release/rollout/evidence.py"),
    )
