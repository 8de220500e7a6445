"""Conducting a rollout: whether a package is tried first, and what the evidence says about the one on trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from loopline.engine.local import resolve
from loopline.engine.step import Facts, Step
from loopline.ledger.state import State
from loopline.release.rollout.course import ADVANCED, ASKED, PROMOTED, STARTED, WITHDRAWN, Course
from loopline.release.rollout.plan import Leg, Plan
from loopline.release.rollout.ruling import Ruling
from loopline.release.rollout.ruling import State as Standing

ROOMS = ("release/rollout/moves.py", "release/rollout/course.py", "release/champion.py", "release/words.py", "model/signing.py")
Approvals = Sequence[Mapping[str, Any]]


def evidence_on(state: State, course: Course) -> tuple[Facts, ...]:
    """What the watch stage last found out about each leg that has begun; none where it has not looked since the last one began."""
    found = state.facts("watch", "trial")
    return () if found is None or found["leg"] != course.leg_entry else tuple(found["evidence"])


def ruling_on(state: State, course: Course, now: datetime, *, approved: bool) -> Ruling:
    """What is to be done with a live rollout.

    Whatever the evidence, it ends once another package than the one that it is compared with decides.

    Parameters
    ----------
    approved
        Whether the plan's approver lets it pass without outcomes.
    """
    plan = Plan.of_json(course.plan)
    if state.champion == course.package:
        return Ruling(action="promote", why="it decides already", figures=())
    if state.champion != course.champion:
        return Ruling(action="withdraw", why=f"it was compared with {course.champion[:8]}, which decides no more", figures=())
    standing = Standing(leg=course.leg, since=course.since, paused=course.paused, approved=approved)
    # Light until something is on trial: what decides loads NumPy and SciPy.
    ruling: Ruling = resolve("loopline.release.rollout.rule:judged")(plan, standing, evidence_on(state, course), now)
    return ruling


def begin(package: str, champion: str, plan: Plan, before: Course | None) -> Step:
    """The step by which a package that may decide is put on trial first.

    Parameters
    ----------
    before
        The newest rollout so far: the same package may be tried again after another one, or after a second yes.
    """
    first = plan.legs[0]
    return _step(
        stage="release",
        action=STARTED,
        after="" if before is None else before.entries[-1].id,
        package=package,
        champion=champion,
        plan=plan.as_json(),
        traffic=traffic(first),
        why=f"{package[:8]} is on trial beside {champion[:8]}: {plan}",
    )


def moved(course: Course, ruling: Ruling, approvals: Approvals, waived: Approvals) -> Step | None:
    """The step by which a ruling is carried out; None where there is nothing to carry out."""
    plan = Plan.of_json(course.plan)
    match ruling.action:
        case "advance":
            leg, action = course.leg + 1, ADVANCED
        case "ask" if course.asked:
            return None
        case "withdraw" | "promote" | "ask" as said:
            leg, action = course.leg, {"withdraw": WITHDRAWN, "promote": PROMOTED, "ask": ASKED}[said]
        case _:
            return None
    return _step(
        # It watches over what runs, and is not held back when the budget to make something new is spent.
        stage="watch",
        action=action,
        package=course.package,
        leg=leg,
        after=course.entries[-1].id,
        traffic=None if action in (WITHDRAWN, PROMOTED) else traffic(plan.legs[leg]),
        why=ruling.why,
        figures=[one.as_json() for one in ruling.figures],
        **({"approvals": list(approvals), "waived": list(waived)} if action == PROMOTED else {}),
    )


def traffic(leg: Leg) -> Facts:
    """What a leg gives the challenger."""
    return {"kind": leg.kind, "share": 1.0 if leg.kind == "shadow" else leg.share}


def _step(*, stage: str, **inputs: Any) -> Step:
    return Step(stage=stage, name="rollout", function="loopline.release.rollout.moves:run", reads={}, inputs=inputs, rooms=ROOMS)
