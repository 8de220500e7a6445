"""Turn after turn, as long as the process lives: what ``loopline tick --keep`` does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from loopline.cli.status import waiting
from loopline.data.arrivals import Arrivals, next_moment
from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
from loopline.loop import STAGES, LoopStatus, open_loop
from loopline.project import FILE, load

FIRST_RETRY_S, LONGEST_RETRY_S = 5.0, 900.0
_log = logging.getLogger(__name__)


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
        return f"{self.time:%Y-%m-%d %H:%M:%S} UTC  turn {self.number} ({', '.join(self.why)}): {self.state} in {self.seconds:.1f} s; {said}"


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
        self._every, self._until, self._run, self._clock = every, until, run or _run, clock
        self._file = self._state()
        self._sources = load(folder).declaration.data.sources
        self._arrivals = Arrivals(clock())
        self._number = self._failures = 0
        self._again: datetime | None = None

    @property
    def watches(self) -> list[str]:
        """What is waited for, in words."""
        found = []
        for name, source in self._sources.items():
            found += [f"{name}: files in {source.watch}"] if source.watch is not None else []
            found += [f"{name}: {source.schedule}"] if source.schedule is not None else []
        return found

    def look(self) -> Turn | None:
        """One look at what has come, and the turn that it led to, if any."""
        now = self._clock()
        why = self._reasons(now)
        if not why:
            return None
        self._number += 1
        self._arrivals.take(now)
        since = time.monotonic()
        state, says, error = self._taken()
        failed = state == "failed"
        self._failures = self._failures + 1 if failed else 0
        wait = retry_s(self._failures) if failed else None
        ended = self._clock()
        self._again = ended + timedelta(seconds=wait) if wait is not None else None
        return Turn(self._number, now, tuple(why), time.monotonic() - since, state, says, error, wait, next_moment(self._sources, ended))

    def _reasons(self, now: datetime) -> list[str]:
        changed = self._reread()
        come = self._arrivals.come(self._sources, self.folder, now)
        if not self._number:
            return ["the first"]
        if changed:
            come.append(f"{FILE} has changed")
        if self._again is not None and now >= self._again:
            come.append("again after a failure")
        if not come and self._again is None and now - self._arrivals.asked >= self._every:
            come.append("it is time")
        return come

    def _reread(self) -> bool:
        """Whether the declaration has changed; while it is wrong, what it said before is looked at, and the turn says what is wrong."""
        state = self._state()
        if state == self._file:
            return False
        self._file = state
        try:
            self._sources = load(self.folder).declaration.data.sources
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
            fault = Fault(f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]}", remedy="`loopline run` says more")
            return "failed", str(fault), fault
        if status.error is not None:
            says = "; ".join([*_did(status), str(status.error)])
            return ("refused" if isinstance(status.error, CheckFailed) else "failed"), says, status.error
        waits = [f"{waiting(status)}: {status.next}"] if status.waiting_for else []
        return ("waiting" if waits else "done"), "; ".join([*_did(status), *waits]) or "nothing new", None


def _run(folder: Path, until: str | None) -> LoopStatus:
    with open_loop(folder) as loop:
        return loop.run(until=until)


def _did(status: LoopStatus) -> list[str]:
    """What a turn did: the data's own line, and the names of the other stages."""
    done = [stage for stage in status.stages if stage.state == "done" and not stage.cached]
    others = ", ".join(stage.stage for stage in done if stage.stage != "data")
    return [*(f"data: {stage.why}" for stage in done if stage.stage == "data"), *([f"{others} done"] if others else [])]
