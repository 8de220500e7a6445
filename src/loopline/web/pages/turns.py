"""What waits for people in a project now, whichever page or command tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from loopline.charter.asked import asked_of
from loopline.errors import LooplineError
from loopline.release.approvals import stakeholders
from loopline.serve.experiments import folded
from loopline.watch.people import waiting
from loopline.watch.standing import Standing, lasting
from loopline.web.current import Current
from loopline.web.pages.data.waiting import of_data
from loopline.web.pages.release.earlier import earlier
from loopline.web.waiting import BESIDE_THE_STAGES, Known, waits

_WORDS = 2
"""So many words that were said of an earlier package are told."""


def waiting_for_roles(current: Current) -> list[dict[str, Any]]:
    """What waits, for each role by itself: the hand-offs of the stages, and what else only a person can say."""
    stages = {one.stage: one.entry for one in current.status.stages}
    found = waiting(current.workspace.ledger, current.state, stages, current.status.handoffs)
    for one in waits(known_of(current, lasting(current.state, current.at)), ""):
        since = None if one.since is None else one.since.isoformat()
        if one.kind in BESIDE_THE_STAGES:
            found += [{"role": role, "stage": one.kind, "since": since, "says": one.what, "next": one.next} for role in one.roles]
    return found


def known_of(current: Current, alerts: Sequence[Standing]) -> Known:
    """What may wait for somebody."""
    charter, state = current.project.declaration.charter, current.state
    before = "".join(f"; {one.says}" for one in earlier(current)[:_WORDS])
    return Known(
        state=state,
        handoffs=tuple(replace(one, says=f"{one.says}{before}") if one.stage == "release" else one for one in current.status.handoffs),
        alerts=alerts,
        stakeholders=stakeholders(charter),
        currency=charter.worth.currency,
        per_year=None if charter.volume is None else charter.volume.per_year,
        data=of_data(current),
        questions=_questions(current),
        ending=_ending(current),
    )


def _ending(current: Current) -> dict[str, date]:
    """The experiments that run on their last day or after it, each with that day."""
    running = [one for one in folded(current.state.experiments) if one.is_running and one.plan.get("until")]
    days = {one.name: date.fromisoformat(one.plan["until"]) for one in running}
    return {name: day for name, day in days.items() if day <= current.at.date()}


def _questions(current: Current) -> dict[str, int]:
    """From a role to how many questions of the charter's template are open for it."""
    charter, found = current.project.declaration.charter, dict[str, int]()
    if charter.template is None:
        return found
    try:
        _, standing = asked_of(charter, current.project.folder, current.project.text)
    except LooplineError:
        # The price book is wrong as it is now: the charter's page says so.
        return found
    for one in standing:
        if one.is_open and one.entry.question is not None:
            found[one.entry.question.role] = found.get(one.entry.question.role, 0) + 1
    return found
