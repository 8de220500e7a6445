"""Turns as facts: when one is entered in the ledger, and whether the next one is late. Light."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_high
from typing import Any

from loopline.data.schedule import next_due
from loopline.data.spec import DataSpec
from loopline.data.spec_source import ScheduleSpec
from loopline.ledger.entry import Entry
from loopline.ledger.store import Ledger
from loopline.watch.clock import not_ahead
from loopline.watch.spec import LEAST_LATE, WatchSpec
from loopline.watch.spec_retrain import RetrainSpec

KIND = "turn"
ONE_IN = timedelta(hours=1)
"""A turn that did nothing, and ended as the one before, is entered no more often than this."""
FEWEST = 5
"""So many distances between turns tell how often they are called for."""


@dataclass(frozen=True)
class Watcher:
    """The last turn that is known of, and until when there must be another one.

    Parameters
    ----------
    last
        The newest entry of a turn; None where none was ever taken.
    seen
        The newest sign of work: that entry, or the newest entry of a step.
    until
        From when on it is late; None where nothing says when a turn is due.
    """

    last: Entry | None
    seen: datetime | None
    until: datetime | None
    now: datetime

    @property
    def is_ahead(self) -> bool:
        """Whether the newest sign of work is from ahead of now: the clock that told it had jumped, and nobody knows how long ago that was."""
        return self.seen is not None and self.seen > self.now + ONE_IN

    @property
    def is_late(self) -> bool:
        """Whether nobody seems to watch any more."""
        return self.until is not None and (self.now > self.until or self.is_ahead)

    @property
    def says(self) -> str:
        """The last turn and the next one, in words; empty where no turn was ever taken, nor is due."""
        if self.last is None or self.seen is None:
            return "no turn has been taken yet" if self.is_late else ""
        body = self.last.body
        beat = body["heartbeat"]
        unheard = f"; its heartbeat was not taken: {beat}" if beat else ""
        said = f"the last turn ended {self.last.time:%Y-%m-%d %H:%M} UTC on {body['host']}, {body['state']}{unheard}"
        if self.until is None:
            return said
        if self.is_ahead:
            return f"{said}; its clock was ahead, so that nobody knows how long ago that was"
        verb = "was due by" if self.is_late else "is late after"
        return f"{said}; the next one {verb} {self.until:%Y-%m-%d %H:%M} UTC"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        last = self.last
        told = None if last is None else {"time": last.time.isoformat(), **{name: last.body[name] for name in ("state", "says", "host", "heartbeat")}}
        return {"last_turn": told, "late_after": None if self.until is None else self.until.isoformat(), "late": self.is_late}


def schedules(data: DataSpec, retrain: RetrainSpec | None) -> list[ScheduleSpec]:
    """The schedules that call for a turn: those of sources, and that of retrainings."""
    found = [source.schedule for source in data.sources.values()] + ([] if retrain is None else [retrain.when.schedule])
    return [schedule for schedule in found if schedule is not None]


def is_news(body: Mapping[str, Any], last: Entry | None, now: datetime, *, did_something: bool) -> bool:
    """Whether a turn is to be entered: it did something, it ended otherwise than the last one that was, or that is a while ago.

    Parameters
    ----------
    last
        The newest entry of a turn.
    """
    if did_something or last is None or now - last.time >= ONE_IN or now < last.time:
        return True
    return any(body[name] != last.body[name] for name in ("state", "every_s", "heartbeat"))


def late_after(turns: Iterable[datetime]) -> timedelta | None:
    """After how long without a turn one is late that somebody else calls for, such as cron: three times the median distance of the last ones.

    Turns within `ONE_IN` of one another count as one, as idle ones do. None while there are too few to tell.

    Parameters
    ----------
    turns
        The moments of the last turns, in any order.
    """
    kept: list[datetime] = []
    for moment in sorted(turns):
        if not kept or moment - kept[-1] >= 0.9 * ONE_IN:
            kept.append(moment)
    gaps = [later - early for early, later in pairwise(kept)][-FEWEST:]
    return None if len(gaps) < FEWEST else max(LEAST_LATE, 3 * median_high(gaps))


def watched(ledger: Ledger, data: DataSpec, watch: WatchSpec, now: datetime) -> Watcher:
    """What a ledger says of the turns, whichever machine took them."""
    last, step = (next(iter(ledger.read(kinds=(kind,), newest_first=True, limit=1)), None) for kind in (KIND, "step"))
    return watcher(last, step, watch.late, schedules(data, watch.retrain), now)


def watcher(last: Entry | None, step: Entry | None, late: timedelta | None, calls: Iterable[ScheduleSpec], now: datetime) -> Watcher:
    """Whether turns are taken as they should be.

    A turn is late after `late` where that is declared. Otherwise one that was taken by a process that stays says how often it takes them, and is
    late after twice as long. One that somebody else called for says how far the last ones lay apart (`late_after`), and where a schedule calls for a turn,
    one that was not taken within two hours of its moment is late. A sign of work from ahead, as the clock was set back since, is late at once.

    Parameters
    ----------
    last, step
        The newest entry of a turn, and of a step: a long turn is no dead one.
    calls
        The schedules that call for a turn.
    """
    seen = max((entry.time for entry in (last, step) if entry is not None), default=None)
    since = None if seen is None else not_ahead(seen, now)
    if late is not None:
        return Watcher(last, seen, now - timedelta(microseconds=1) if since is None else since + late, now)
    if last is None or since is None:
        return Watcher(last, seen, None, now)
    if last.body["every_s"] is not None:
        return Watcher(last, seen, since + 2 * max(ONE_IN, timedelta(seconds=last.body["every_s"])), now)
    due = [moment + LEAST_LATE for schedule in calls if (moment := next_due(schedule, since)) is not None]
    due += [] if last.body.get("late_s") is None else [since + timedelta(seconds=last.body["late_s"])]
    return Watcher(last, seen, min(due, default=None), now)
