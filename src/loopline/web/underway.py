"""The turn that is under way: since when, at which stage and step, and how far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.declaration import counted
from loopline.ledger.entry import Entry
from loopline.web.current import Current
from loopline.web.work import Course

_SINCE = re.compile(r"since (\S+)$")


@dataclass(frozen=True, kw_only=True)
class Underway:
    """A turn that is under way.

    Parameters
    ----------
    holder
        Which process takes it.
    since
        Since when; None where that is not told.
    stage, step
        What it does now; empty between two steps.
    begun
        When the step began; None between two steps.
    progress
        How far the step is, where these pages started the turn; empty elsewhere.
    """

    holder: str
    since: datetime | None
    stage: str = ""
    step: str = ""
    begun: datetime | None = None
    progress: str = ""

    @property
    def process(self) -> str:
        """Which process takes it, without since when."""
        return _SINCE.sub("", self.holder).rstrip(", ")

    @property
    def says(self) -> str:
        """It in words."""
        since = "" if self.since is None else f" since {self.since:%H:%M} UTC"
        does = f": {self.stage}: {self.step}" if self.stage else ""
        return f"A turn is running{since}{does}{f', {self.progress}' if self.progress else ''}"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        times = {name: None if moment is None else moment.isoformat() for name, moment in (("since", self.since), ("begun", self.begun))}
        return {**vars(self), **times}


def underway(current: Current) -> Underway | None:
    """The turn that somebody takes now; None where nobody does."""
    ledger = current.workspace.ledger
    holder = ledger.holder()
    if not holder:
        return None
    newest = next(iter(ledger.read(kinds=("step",), newest_first=True, limit=1)), None)
    return told(holder, newest, current.works.now)


def told(holder: str, newest: Entry | None, course: Course | None) -> Underway:
    """What is under way by the holder of the project's lease, its newest entry of a step, and the work of these pages."""
    found = _SINCE.search(holder)
    try:
        since = None if found is None else datetime.fromisoformat(found[1])
    except ValueError:
        since = None
    # One that was begun before the lease was taken belongs to a turn that was killed.
    is_of_it = newest is not None and newest.body["state"] == "started" and (since is None or newest.time.replace(microsecond=0) >= since)
    if newest is None or not is_of_it:
        return Underway(holder=holder, since=since)
    progress = _progress(course) if course is not None and course.is_running else ""
    return Underway(holder=holder, since=since, stage=newest.subject, step=str(newest.body["name"]), begun=newest.time, progress=progress)


def _progress(course: Course) -> str:
    """How far a work is, in words; empty where it does not tell."""
    at = course.at
    if not at:
        return ""
    done = f"{at['done']:,.0f} of {at['total']:,.0f} {at['unit']}" if at.get("total") else f"{at['done']:,.0f} {at['unit']}"
    left = f", {counted(round(at['left_s']), 'second')} left" if at.get("left_s") is not None else ""
    return f"{done}{left}"
