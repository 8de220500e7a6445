"""The watch stage's door: windows of what was served, alerts, and telling them."""

from __future__ import annotations

from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC, DataSpec
from loopline.engine.step import Step, Steps
from loopline.ledger.entry import now
from loopline.release.rollout.course import Course, newest
from loopline.watch.proof import evidence_of
from loopline.watch.spec import WatchSpec
from loopline.watch.telling import due
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
    "words",
    "policy",
)
_ROOMS = (
    *(f"watch/{module}.py" for module in ("windows", "drift", "earned", "gauge", "served", "alerts", "survey", "spec")),
    "watch/monitors",
    *(f"model/{module}.py" for module in _SCORING),
    *(f"serve/{module}.py" for module in ("collect", "segments")),
    *(f"charter/{module}.py" for module in ("spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
    "charts.py",
)


def steps(spec: WatchSpec, data: DataSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """How windows of the champion's test part scatter, the windows of all that was served, the trial of a challenger; then alerts nobody was told of."""
    champion = ask.state.champion
    reads: dict[str, Any] = {"watch": spec.fields(*READS), **charter.fields("worth")}
    evidence = evidence_of(ask.state, champion)
    before = None
    if champion is not None and evidence is not None:
        facts = yield Step(
            stage="watch",
            name="before",
            function="loopline.watch.gauge:run",
            reads={"watch": spec.fields("window"), **charter.fields("worth")},
            inputs={"package": champion, "evidence": evidence},
            rooms=_ROOMS,
        )
        before = facts["windows"]
    watched = yield Step(
        stage="watch",
        name="windows",
        function="loopline.watch.survey:run",
        reads=reads,
        inputs={"versions": ask.facts["serve"]["versions"], "champion": champion, "before": before},
        rooms=_ROOMS,
    )
    waiting = due(ask.state.open_alerts(), spec.tell, now())
    course = newest(ask.state.rollouts)
    if course is not None and course.traffic is not None:
        yield _trial(spec, charter, ask, course)
    if waiting:
        yield Step(
            stage="watch",
            name="tell",
            function="loopline.watch.telling:run",
            reads={"tell": dict(spec.tell)},
            inputs={"alerts": sorted(entry.id for entry in waiting)},
            rooms=("watch/telling.py", "watch/spec.py", "tell.py", "charter/spec.py", "expression", "declaration.py"),
        )
    return watched


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
