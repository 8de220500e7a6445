"""The watch stage's door: windows of what was served, alerts, and telling them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.data.spec import SPEC, DataSpec
from loopline.engine.step import Facts, Step, Steps
from loopline.ledger.entry import Entry, now
from loopline.ledger.state import State
from loopline.release.rollout.course import Course, newest
from loopline.watch import handoff
from loopline.watch.duty import letters
from loopline.watch.machinery.judged import Judged
from loopline.watch.proof import evidence_of
from loopline.watch.retrain import asked, came_of, held, situation
from loopline.watch.spans import start_of
from loopline.watch.spec import WatchSpec
from loopline.watch.spec_retrain import RetrainSpec
from loopline.watch.standing import open_in_words
from loopline.watch.turns import ONE_IN, schedules
from loopline.workspace import Ask

_ALARMS = frozenset({("watch", "machinery"), ("watch", "handoff"), ("watch", "tell")})
"""The steps that are taken whatever stands still, and say nothing of how far their stage has come."""
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
    *("windows", "spans", "gaps", "elapsed", "drift", "limits", "scan", "domain", "earned", "gauge", "served", "alerts", "causes", "survey"),
    *("chapters", "reckoning", "measuring", "merging", "summary", "arrivals", "latency", "shares"),
    *("basis", "estimate", "estimated", "expected", "confidence", "reweighted", "honesty"),
)
_ROOMS = (
    *(f"watch/{module}.py" for module in _WATCHING),
    *_SPECS,
    "watch/monitors",
    *(f"model/{module}.py" for module in _SCORING),
    *(f"serve/{module}.py" for module in ("collect", "records", "segments", "split")),
    *(f"charter/{module}.py" for module in ("metrics", "ranges", "spec", "worth")),
    *SPEC,
    "declaration.py",
    "expression",
    "charts.py",
)
_HANDING = ("watch/handoff.py", *_SPECS, *(f"charter/{module}.py" for module in ("ranges", "spec")), *SPEC, "expression", "declaration.py")
_TELLING = (
    # Whole: a message is explained by nearly all of it.
    "watch",
    "model",
    *(f"serve/{module}.py" for module in ("collect", "records", "segments", "split")),
    *(f"charter/{module}.py" for module in ("metrics", "ranges", "spec", "worth")),
    "tell.py",
    *SPEC,
    "expression",
    "declaration.py",
    "charts.py",
)


def steps(spec: WatchSpec, charter: CharterSpec, ask: Ask, *, at: datetime | None = None) -> Steps:
    """How windows of the champion's test part scatter, the windows of all that was served, the trial of a challenger; then whether the model is to be
    trained anew.

    Parameters
    ----------
    at
        When the turn began; None where nothing is to be done.
    """
    champion = ask.state.champion
    reads: dict[str, Any] = {"watch": spec.fields(*READS), **charter.fields("worth", "outcome_seen")}
    evidence = evidence_of(ask.state, champion)
    before = None
    if champion is not None and evidence is not None:
        before = (yield _before(spec, charter, champion, evidence))["windows"]
    watched = yield Step(
        stage="watch",
        name="windows",
        function="loopline.watch.survey:run",
        reads=reads,
        inputs={"versions": ask.facts["serve"]["versions"], "clock": _clock(spec, ask, at), "champion": champion, "before": before, "evidence": evidence},
        rooms=_ROOMS,
    )
    course = newest(ask.state.rollouts)
    if course is not None and course.traffic is not None:
        yield _trial(spec, charter, ask, course)
    said, hold = ("", "") if spec.retrain is None else (yield from _retrained(spec.retrain, ask))
    # Told as the alerts stand now: somebody may have taken them on, or closed them, since the windows were computed.
    told = {**watched, "says": "; ".join(filter(None, (watched["says"], open_in_words(ask.state, now()), said)))}
    return told if spec.retrain is None else {**told, "held_back": hold}


def alarms(
    spec: WatchSpec,
    data: DataSpec,
    charter: CharterSpec,
    ask: Callable[[], Ask],
    *,
    at: datetime,
    waits: handoff.Waits | None = None,
    clock: Callable[[], datetime] = now,
) -> Steps:
    """A look at the machinery where a package decides and one is due, whose turn it is, and then who is to be told of what: whatever stands still.

    Parameters
    ----------
    ask
        Gives what is known now, with the facts of the stages that have come through; what the look raises is told at once.
    at
        When the turn began.
    waits
        Where the stages that were asked have halted.
    clock
        What time it is: who is on duty, what is silent and what nobody has taken on is judged when it is told, and a turn may have begun hours before.
    """
    known = ask()
    failing, judged = _failing(known), Judged.of(known.state.latest.get(("value", "review")))
    if known.state.champion is not None and _is_due(known.state, failing, judged, at):
        newest = (known.state.facts("data", "ingest") or {}).get("newest", {})
        yield _machinery(spec, data, charter, at, failed=failing, judged=judged.as_json(), newest=newest)
    inputs = handoff.inputs(waits or {} if spec.tell else dict.fromkeys(waits or {}), ask().state.alerts)
    if inputs is not None:
        yield Step(stage="watch", name="handoff", function="loopline.watch.handoff:run", reads={}, inputs=inputs, rooms=_HANDING)
    return (yield from messages(spec, charter, ask().state, clock=clock))


def overdue(spec: WatchSpec, charter: CharterSpec, state: State) -> Steps:
    """Send what was due before a turn began."""
    return messages(spec, charter, handoff.without(state))


def messages(spec: WatchSpec, charter: CharterSpec, state: State, *, clock: Callable[[], datetime] = now) -> Steps:
    """Send what is due to whom it concerns."""
    moment = clock()
    due = letters(state, spec, moment)
    if due:
        yield Step(
            stage="watch",
            name="tell",
            function="loopline.watch.telling:run",
            reads={**spec.fields("tell"), **charter.fields("worth")},
            inputs={"letters": [letter.as_json() for letter in due], "now": moment.isoformat(), "host": socket.gethostname()},
            rooms=_TELLING,
        )
    return {"says": ""}


def _clock(spec: WatchSpec, ask: Ask, at: datetime | None) -> str | None:
    """The start of the window in which the turn began: a window without any row is looked at, too, once it is over.

    None before anything was served. Where nothing is to be done it is that of the last look: that time goes by makes nothing stale by itself.
    """
    if at is None:
        return (ask.state.facts("watch", "windows") or {}).get("clock")
    return start_of(at, spec.window).isoformat() if {"predictions", "refused"} & set(ask.facts["serve"]["versions"]) else None


def _before(spec: WatchSpec, charter: CharterSpec, package: str, evidence: str) -> Step:
    """The step that measures the windows of a package's test part: how windows scatter when nothing has changed."""
    return Step(
        stage="watch",
        name="before",
        function="loopline.watch.gauge:run",
        reads={"watch": spec.fields("window"), **charter.fields("worth", "outcome_seen")},
        inputs={"package": package, "evidence": evidence},
        rooms=_ROOMS,
    )


def _retrained(spec: RetrainSpec, ask: Ask) -> Generator[Step, Facts, tuple[str, str]]:
    """Ask for a retraining where one is due and nothing holds it back; what there is to be said of it, and what holds it back."""
    seen = situation(spec, ask.state, ask.facts.get("data", {}), now())
    reasons = [] if seen is None else asked(seen)
    if seen is None or not reasons:
        return came_of(ask.state), ""
    why = "; ".join(reason.says for reason in reasons)
    if hold := held(seen):
        return f"a retraining is due ({why}), and held back: {hold}", hold
    facts = yield Step(
        stage="watch",
        name="retrain",
        function="loopline.watch.request:run",
        reads={},
        inputs={"champion": ask.state.champion, "after": seen.trained.id, "reasons": [asdict(reason) for reason in reasons]},
        rooms=("watch/request.py",),
    )
    return str(facts["says"]), ""


def _failing(ask: Ask) -> list[list[str]]:
    """Stage and name of the steps that stand still because they failed: of each stage the newest, unless the stage has come through, or further, since.

    A stage that the walk has not asked yet stands as it stood at the last look: whether what failed there is still wanted, nobody knows before.
    """
    came = {stage: entry.seq for (stage, name), entry in sorted(ask.state.latest.items(), key=_place) if (stage, name) not in _ALARMS}
    standing = {stage: name for stage, name in (ask.state.facts("watch", "machinery") or {"failed": []})["failed"] if stage not in ask.facts}
    for (stage, name), entry in sorted(ask.state.failed.items(), key=_place):
        if (stage, name) not in _ALARMS and stage in ask.facts and not ask.facts[stage] and entry.seq > came.get(stage, 0):
            standing[stage] = name
    return sorted([stage, name] for stage, name in standing.items())


def _place(item: tuple[tuple[str, str], Entry]) -> int:
    return item[1].seq


def _is_due(state: State, failing: list[list[str]], judged: Judged, at: datetime) -> bool:
    """Whether the machinery is to be looked at: once an hour, and when not the same steps stand still, or parts of the charter fail, as at the last look."""
    last = state.facts("watch", "machinery")
    return (
        last is None
        or last["failed"] != failing
        or last.get("judged", []) != judged.names
        or not timedelta() <= at - datetime.fromisoformat(last["at"]) < ONE_IN
    )


def _machinery(spec: WatchSpec, data: DataSpec, charter: CharterSpec, at: datetime, **known: Any) -> Step:
    """The step that looks at the machinery, with what is known beside the ledger; each look is one of its own."""
    calls = [schedule.model_dump(mode="json") for schedule in schedules(data, spec.retrain)]
    return Step(
        stage="watch",
        name="machinery",
        function="loopline.watch.machinery.look:run",
        reads={
            **spec.fields("machinery", "late"),
            "schedules": calls,
            "sources": list(data.sources),
            "charter": charter.fields("predict", "worth", "budget", "prices"),
        },
        inputs={"at": at.isoformat(), **known},
        rooms=(
            *_ROOMS,
            "watch/machinery",
            *(f"watch/{module}.py" for module in ("clock", "turns")),
            *(f"charter/{module}.py" for module in ("budget", "machines", "metrics", "prices", "quantities", "ranges")),
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
