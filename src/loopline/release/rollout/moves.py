"""The moves of a rollout that the loop makes: it begins, goes on to its next leg, asks, is withdrawn or decides from now on."""

from __future__ import annotations

from loopline.engine.step import Facts
from loopline.release.champion import enter
from loopline.release.rollout.course import KIND, PROMOTED, STARTED, Course, move, newest, start
from loopline.workspace import Job


def run(job: Job) -> Facts:
    """Make the move that was ruled, unless it has been made."""
    inputs, ledger = job.step.inputs, job.workspace.ledger
    course = newest(ledger.read(kinds=(KIND,)))
    action, package = inputs["action"], inputs["package"]
    if action == STARTED:
        if inputs["after"] == ("" if course is None else course.entries[-1].id):
            ledger.append(
                start(package, inputs["champion"], inputs["plan"], inputs["traffic"], salt=job.attempt, why=inputs["why"], parents=(job.attempt,)),
            )
        return {"says": inputs["why"], "package": package}
    if course is not None and _waits(course, package, inputs["after"]):
        if action == PROMOTED:
            enter(ledger, package, inputs["approvals"], inputs["waived"], also=f"its rollout: {inputs['why']}", key=job.step.key, parents=(job.attempt,))
        ledger.append(move(course, action, why=inputs["why"], traffic=inputs["traffic"], leg=inputs["leg"], figures=inputs["figures"]))
    return {"says": inputs["why"], "package": package}


def _waits(course: Course, package: str, after: str) -> bool:
    """Whether the course is where it was when the move was ruled: a person may have moved or paused it since."""
    return course.is_live and course.package == package and course.entries[-1].id == after
