"""The looks at a rollout: what was known of worth, errors and latency each time that its evidence was summed up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from loopline.charts import WIDE, Reading, Spec, over_time
from loopline.ledger.store import Ledger
from loopline.release.rollout.course import Course
from loopline.release.rollout.evidence import Evidence
from loopline.release.rollout.plan import Plan
from loopline.release.rollout.rule import findings
from loopline.release.rollout.ruling import Finding

STEPS = 600
"""The newest steps of the watch stage among which looks are sought: a picture has no room for more."""
QUESTIONS = ("worth", "errors", "latency")
_TITLES = {"worth": "What the challenger earns more than the champion", "errors": "How much more often it fails", "latency": "How much longer it takes"}
_UNITS = {"errors": "share of requests", "latency": "milliseconds"}


@dataclass(frozen=True)
class Look:
    """A look: when, what each leg had shown by then, and what followed from it for each question."""

    at: datetime
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]


def looks(ledger: Ledger, course: Course) -> list[Look]:
    """The newest looks at a rollout, oldest first."""
    plan, legs = Plan.of_json(course.plan), {leg["leg"] for leg in course.legs}
    steps = ledger.read(kinds=("step",), subject="watch", after=course.entries[0].seq, newest_first=True, limit=STEPS)
    found = []
    for step in reversed(steps):
        if step.body["name"] == "trial" and step.body["state"] == "succeeded" and step.body["facts"]["leg"] in legs:
            evidence = tuple(Evidence.of_json(one) for one in step.body["facts"]["evidence"])
            found.append(Look(step.time, evidence, findings(plan, evidence)))
    return found


def sequence(seen: list[Look], question: str, *, width: int = WIDE) -> Spec | None:
    """The difference between the two as it was known at each look, with the bounds that hold at all of them; None where it never was."""
    told = [(look.at, one) for look in seen for one in look.findings if one.question == question and one.difference is not None]
    if not told:
        return None
    last = told[-1][1]
    margin = -last.margin if question == "worth" else last.margin
    return over_time(
        [Reading(at=at, value=one.difference, low=one.low, high=one.high, marked=one.judgement == "worse") for at, one in told],
        title=_TITLES[question],
        unit=last.unit or _UNITS.get(question, ""),
        name="challenger less champion",
        lines={"no difference": 0.0, "how far it may be worse": margin if margin else None},
        note="The bounds hold however often one looks. A diamond: surely worse.",
        width=width,
    )
