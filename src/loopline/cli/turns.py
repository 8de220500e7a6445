"""Turn after turn, as long as the process lives: what ``loopline tick --keep`` does."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from loopline.cli.words import Words
from loopline.data.arrivals import Arrivals, next_moment
from loopline.data.schedule import due, next_due
from loopline.data.spec_source import ScheduleSpec
from loopline.errors import CheckFailed, LooplineError, Mistake
from loopline.lake.unexpected import in_words
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.loop import STAGES, Loop, LoopStatus, open_loop
from loopline.project import FILE, Declaration, load
from loopline.watch.heartbeat import beat
from loopline.watch.turns import KIND, is_news, late_after

FIRST_RETRY_S, LONGEST_RETRY_S = 5.0, 900.0
_log = logging.getLogger(__name__)
_TURNS = 200
"""The newest turns that tell how often they are called for: some hours of them where each does something."""


@dataclass(frozen=True)
class Turn:
    """One turn, as it is told.

    Parameters
    ----------
    why
        The reasons for it.
    state
        ``done``, ``waiting`` (for a person), ``refused`` (a check said no) or ``failed``.
    retry_s
        After how many seconds a failed turn is tried again, if nothing comes before.
    next_due
        When the next schedule of a source is due.
    """

    number: int
    time: datetime
    why: tuple[str, ...]
    seconds: float
    state: str
    says: str
    error: LooplineError | None
    retry_s: float | None
    next_due: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The turn as plain values; `docs/json.md` has the shape."""
        error = {"what": self.error.what, "where": self.error.where, "remedy": self.error.remedy} if self.error is not None else None
        return {
            "turn": self.number,
            "time": self.time.isoformat(),
            "why": list(self.why),
            "seconds": round(self.seconds, 3),
            "state": self.state,
            "says": self.says,
            "error": error,
            "retry_s": self.retry_s,
            "next_due": self.next_due.isoformat() if self.next_due is not None else None,
        }

    def as_text(self) -> str:
        """The turn in one line."""
        again = f"; again in {self.retry_s:g} s" if self.retry_s is not None else ""
        said = " ".join(f"{self.says}{again}".split())
        # Who was quicker, a form of the pages perhaps, is soon through: nothing is broken.
        state = "put off" if isinstance(self.error, Mistake) and self.error.retry else self.state
        return f"{self.time:%Y-%m-%d %H:%M:%S} UTC  turn {self.number} ({', '.join(self.why)}): {state} in {self.seconds:.1f} s; {said}"


def retry_s(failures: int) -> float:
    """How long to wait after so many failed turns in a row: twice as long each time."""
    return min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures - 1, 20))


class Turns:
    """Takes turns when something has come, when the last one failed, and now and then in any case.

    Parameters
    ----------
    folder
        The project's folder. Its declaration is read again when it changes, which is a reason for a turn too.
    every
        After so long without a turn one is taken whatever has come.
    until
        The last stage of a turn; the whole loop where None.
    run
        Takes the loop round once, up to the stage.
    clock
        What time it is, in UTC.

    Raises
    ------
    Mistake
        When there is no project or stage, or the declaration is wrong.
    """

    def __init__(
        self,
        folder: Path,
        *,
        every: timedelta,
        until: str | None = None,
        run: Callable[[Path, str | None], LoopStatus] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = folder
        if until is not None and until not in STAGES:
            raise Mistake(f"there is no stage {until!r}", remedy=f"the stages are: {', '.join(STAGES)}")
        self._every, self._until, self._clock = every, until, clock
        self._run = run or partial(take, every=every)
        self._file = self._state()
        self._project = load(folder)
        self._arrivals = Arrivals(clock())
        self._words = Words()
        self._number = self._failures = 0
        self._again: datetime | None = None

    @property
    def _declared(self) -> Declaration:
        return self._project.declaration

    @property
    def watches(self) -> list[str]:
        """What is waited for, in words."""
        return watches(self._declared)

    def keep(self, stop: Event, poll: timedelta) -> Iterator[Turn]:
        """The turns as they are taken, with a look every so often, until the event is set."""
        while not stop.is_set():
            turn = self.look()
            if turn is not None:
                yield turn
            stop.wait(poll.total_seconds())

    def look(self) -> Turn | None:
        """One look at what has come, and the turn that it led to, if any."""
        now = self._clock()
        why = self._reasons(now)
        if not why:
            return None
        self._number += 1
        self._arrivals.take(now)
        self._words.take()
        since = time.monotonic()
        state, says, error = self._taken()
        failed = state == "failed"
        self._failures = self._failures + 1 if failed else 0
        wait = retry_s(self._failures) if failed else None
        ended = self._clock()
        self._again = ended + timedelta(seconds=wait) if wait is not None else None
        return Turn(self._number, now, tuple(why), time.monotonic() - since, state, says, error, wait, self._next(ended))

    def _reasons(self, now: datetime) -> list[str]:
        changed = self._reread()
        come = self._arrivals.come(self._declared.data.sources, self.folder, now) + self._words.come(self._project)
        if not self._number:
            return ["the first"]
        moments = (due(schedule, self._arrivals.asked, now) for schedule in retrains(self._declared))
        come += [f"a retraining is due since {moment:%Y-%m-%d %H:%M} UTC" for moment in moments if moment is not None]
        if changed:
            come.append(f"{FILE} has changed")
        if self._again is not None and now >= self._again:
            come.append("again after a failure")
        if not come and self._again is None and now - self._arrivals.asked >= self._every:
            come.append("it is time")
        if now < self._arrivals.asked:
            come.append("the clock was put back")
        return come

    def _next(self, now: datetime) -> datetime | None:
        """When the next schedule is due, of a source or of a retraining."""
        moments = [next_moment(self._declared.data.sources, now), *(next_due(schedule, now) for schedule in retrains(self._declared))]
        return min((moment for moment in moments if moment is not None), default=None)

    def _reread(self) -> bool:
        """Whether the declaration has changed; while it is wrong, what it said before is looked at, and the turn says what is wrong."""
        state = self._state()
        if state == self._file:
            return False
        self._file = state
        try:
            self._project = load(self.folder)
        except LooplineError as error:
            _log.debug("the declaration cannot be read: %s", error)
        return True

    def _state(self) -> tuple[int, int]:
        try:
            stat = (self.folder / FILE).stat()
        except OSError:
            return (0, 0)
        return (stat.st_size, stat.st_mtime_ns)

    def _taken(self) -> tuple[str, str, LooplineError | None]:
        """Take one turn; whatever goes wrong in it is said, and the next one is taken all the same."""
        try:
            status = self._run(self.folder, self._until)
        except LooplineError as error:
            return ("refused" if isinstance(error, CheckFailed) else "failed"), str(error), error
        except Exception as error:
            _log.debug("a turn failed", exc_info=True)
            fault = in_words(error)
            return "failed", str(fault), fault
        return (*status.told(), status.error)


def take(folder: Path | None, until: str | None, *, every: timedelta | None = None) -> LoopStatus:
    """Take one turn, send the sign of life that is declared, and enter the turn where it is news.

    Parameters
    ----------
    every
        After how long the next turn comes at the latest; None where somebody else calls for it.
    """
    since = time.monotonic()
    with open_loop(folder) as loop:
        try:
            status = loop.run(until=until)
        except Exception as error:
            if not (isinstance(error, LooplineError) and error.retry):
                _enter(loop, "failed", str(in_words(error)), every, since, did_something=True)
            raise
        state, says = status.told()
        _enter(loop, state, says, every, since, did_something=any(stage.seconds for stage in status.stages))
    return status


def _enter(loop: Loop, state: str, says: str, every: timedelta | None, since: float, *, did_something: bool) -> None:
    ledger, address = loop.workspace.ledger, loop.project.declaration.watch.heartbeat
    body = {
        "state": state,
        "says": says,
        "seconds": round(time.monotonic() - since, 3),
        "every_s": None if every is None else every.total_seconds(),
        "late_s": None if every is not None else _late_s(ledger),
        "host": socket.gethostname(),
        # Empty where it was taken.
        "heartbeat": beat(address) if address is not None and state != "failed" else None,
    }
    last = next(iter(ledger.read(kinds=(KIND,), newest_first=True, limit=1)), None)
    if is_news(body, last, datetime.now(UTC), did_something=did_something):
        ledger.append(Draft(kind=KIND, body=body))


def _late_s(ledger: Ledger) -> float | None:
    """After how long the next turn is late, by the distances of the last ones."""
    entered = [entry.time for entry in ledger.read(kinds=(KIND,), newest_first=True, limit=_TURNS)]
    late = late_after([*entered, datetime.now(UTC)])
    return None if late is None else late.total_seconds()


def watches(declared: Declaration) -> list[str]:
    """What calls for a turn, in words: watched folders and schedules."""
    found = []
    for name, source in declared.data.sources.items():
        found += [f"{name}: files in {source.watch}"] if source.watch is not None else []
        found += [f"{name}: {source.schedule}"] if source.schedule is not None else []
    return found + [f"a retraining: {schedule}" for schedule in retrains(declared)]


def retrains(declared: Declaration) -> list[ScheduleSpec]:
    """The schedule of retrainings, where one is declared."""
    schedule = None if declared.watch.retrain is None else declared.watch.retrain.when.schedule
    return [] if schedule is None else [schedule]
