"""Long work that a page starts: one at a time in a project, in a process of its own, followed by whoever looks, and stopped by a word."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal

from loopline.engine.kept import END_S, spawned
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.store import Ledger
from loopline.web.worker import carry_out

KIND = "work"
"""The kind of the entries: what was started, stopped or ended, and by whom; the subject is what it does."""
LINES = 200
"""So many of the newest lines of a work are kept for those who look."""
Condition = Literal["running", "stopping", "done", "failed", "stopped"]
_ENDS: Mapping[str, Condition] = {"done": "done", "failed": "failed", "stopped": "stopped"}


@dataclass(frozen=True)
class Work:
    """Long work that an action asks for: it is done by a process of its own, shown while it lasts, and can be stopped.

    Parameters
    ----------
    name
        What is done, in words that finish "now doing: ...".
    function
        What is called, as ``module:function``: with the project's folder, a `Progress`, the author's name and the arguments; it returns a sentence.
    arguments
        Plain values by name.
    to
        The address of the page to which the reader returns at the end, below the project's.
    """

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    to: str = "/"


@dataclass(frozen=True, kw_only=True)
class Course:
    """How far a work has come.

    Parameters
    ----------
    lines
        What it said, the newest last.
    at
        So much of the total is done, with unit, note and the seconds left; empty before anything is told.
    says
        What came of it.
    remedy
        What a reader can do where it failed.
    entry
        Id of the ledger's entry that says it began.
    """

    name: str
    by: str
    since: datetime
    to: str
    entry: str
    state: Condition = "running"
    lines: tuple[str, ...] = ()
    at: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""
    remedy: str = ""
    stopped_by: str = ""
    ended: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.ended is None

    def as_json(self) -> dict[str, Any]:
        """The course as plain values."""
        ended = None if self.ended is None else self.ended.isoformat()
        return {**asdict(self), "since": self.since.isoformat(), "ended": ended, "lines": list(self.lines)}

    def after(self, kind: str, said: Any) -> Course:
        """The course after the process told something."""
        if kind == "say":
            return replace(self, lines=(*self.lines, str(said))[-LINES:], at={})
        if kind == "at":
            return replace(self, at=said)
        if kind in _ENDS:
            return replace(self, state=_ENDS[kind], ended=now(), at={}, **said)
        return self


class Works:
    """The long work of one project: at most one runs, and the newest is remembered.

    Parameters
    ----------
    folder
        The project's folder.
    ledger
        Gives the ledger in which it is entered who started and who stopped what.
    """

    def __init__(self, folder: Path, ledger: Callable[[], Ledger]) -> None:
        self._folder, self._ledger = folder, ledger
        self._lock = threading.Lock()
        self._course: Course | None = None
        self._process: SpawnProcess | None = None
        self._follower: threading.Thread | None = None
        self._held = ExitStack()
        self._is_closed = self._is_ready = False
        self.version = 0

    @property
    def now(self) -> Course | None:
        """The work that runs, or the one that ended last; None where none was started here."""
        return self._course

    def start(self, work: Work, *, by: str) -> Course:
        """Begin a work.

        Raises
        ------
        Mistake
            When another one runs; says which.
        """
        with self._lock:
            if self._is_closed:
                raise Mistake("the pages are ending", remedy="start them again, then start the work", retry=True)
            running = self._course
            if running is not None and running.is_running:
                begun = f"{running.by} started {running.name!r} at {running.since:%H:%M} UTC, and it runs"
                raise Mistake(begun, remedy="wait for its end, or stop it first", retry=True)
            with ExitStack() as held:
                # Where these pages are killed it is free at once, by which those that come after them know.
                self._hold(held)
                body = {"state": "started", "does": work.name, "function": work.function}
                (entry,) = self._ledger().append(Draft(kind=KIND, subject=work.name, body=body, actor=by))
                course = Course(name=work.name, by=by, since=entry.time, to=work.to, entry=entry.id)
                process, pipe = spawned(carry_out, self._folder, work.function, by, dict(work.arguments))
                self._held = held.pop_all()
            self._process, self._course, self._is_ready = process, course, False
            self.version += 1
            self._follower = threading.Thread(target=self._follow, args=(process, pipe, entry.id), name="work", daemon=True)
            self._follower.start()
        return course

    def _hold(self, held: ExitStack) -> None:
        ledger = self._ledger()
        try:
            # A lease of its own: the project's is the one that the work itself takes.
            held.enter_context(ledger.beside(f"{ledger.project} {KIND}").lease())
        except Mistake as error:
            remedy = "wait for its end, or stop it on those pages first"
            raise Mistake("other pages of this project have started work, and it runs", where=error.what, remedy=remedy, retry=True) from None

    def settle(self) -> None:
        """Enter an end for work that was killed together with its pages; that of other pages, which goes on, is left alone."""
        ledger = self._ledger()
        if not _unended(ledger):
            return
        with ExitStack() as held:
            try:
                self._hold(held)
            except Mistake:
                return
            for entry in _unended(ledger):
                says = "its pages were ended before it could say how far it had come; what was done is kept"
                body = {"state": "failed", "does": entry.body["does"], "says": says}
                ledger.append(Draft(kind=KIND, subject=entry.subject, body=body, parents=(entry.id,), actor=entry.actor))
            self.version += 1

    def stop(self, *, by: str, at_once: bool = False) -> Course:
        """Ask the work that runs to stop, what was done is kept; one that was asked already can be ended at once.

        Raises
        ------
        Mistake
            When none runs; when it was asked already, or is to be ended at once and was not.
        """
        with self._lock:
            course, process = self._course, self._process
            if course is None or process is None or not course.is_running:
                raise Mistake("no work is running", remedy="look at what came of the last one", retry=False)
            if at_once != (course.state == "stopping"):
                what = "it has not been asked to stop yet" if at_once else f"{course.stopped_by} has asked it to stop already"
                raise Mistake(what, where=course.name, remedy="look at where it is now, then decide", retry=True)
            body = {"state": "stopping", "does": course.name, "at_once": at_once}
            self._ledger().append(Draft(kind=KIND, subject=course.name, body=body, parents=(course.entry,), actor=by))
            self._course = course = replace(course, state="stopping", stopped_by=by)
            self.version += 1
            if process.pid is not None and process.is_alive():
                # One that is still starting has no hand for a signal yet: it just ends.
                gentle = signal.SIGINT if self._is_ready else signal.SIGTERM
                os.kill(process.pid, signal.SIGKILL if at_once else gentle)
        return course

    def close(self) -> None:
        """Stop what runs, in order, and wait for it."""
        with self._lock:
            self._is_closed = True
            process, follower = self._process, self._follower
            runs = self._course is not None and self._course.is_running
        if process is None or follower is None:
            return
        if runs and process.is_alive():
            process.terminate()
            process.join(END_S)
            process.kill()
        follower.join()

    def _follow(self, process: SpawnProcess, pipe: Connection, entry: str) -> None:
        """Take in what the process tells, until it has ended."""
        with pipe:
            while True:
                try:
                    kind, said = pipe.recv()
                except (EOFError, OSError):
                    break
                self._take(entry, kind, said)
        process.join()
        with self._lock:
            # Another one may have begun as soon as this one said its last word.
            if self._course is not None and self._course.entry == entry and self._course.is_running:
                self._end(self._course.after(*_unsaid(self._course, process.exitcode)))

    def _take(self, entry: str, kind: str, said: Any) -> None:
        with self._lock:
            course = self._course
            if course is None or course.entry != entry or not course.is_running:
                return
            course, self._is_ready = course.after(kind, said), True
            if course.is_running:
                self._course = course
                self.version += 1
            else:
                self._end(course)

    def _end(self, course: Course) -> None:
        """Enter how a work ended; the lock is held."""
        assert course.ended is not None
        body = {"state": course.state, "does": course.name, "says": course.says, "seconds": round((course.ended - course.since).total_seconds(), 3)}
        try:
            self._ledger().append(Draft(kind=KIND, subject=course.name, body=body, parents=(course.entry,), actor=course.stopped_by or course.by))
        finally:
            self._course = course
            self.version += 1
            self._held.close()


def _unended(ledger: Ledger) -> list[Entry]:
    """The starts that no end follows."""
    words = ledger.read(kinds=(KIND,))
    ended = {parent for entry in words if entry.body["state"] in _ENDS for parent in entry.parents}
    return [entry for entry in words if entry.body["state"] == "started" and entry.id not in ended]


def _unsaid(course: Course, code: int | None) -> tuple[str, dict[str, str]]:
    """What is to be said of a process that ended without a word."""
    if course.stopped_by:
        return "stopped", {"says": "it was ended before it could say how far it had come; what was done is kept"}
    killed = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return "failed", {
        "says": f"its process ended with {killed}",
        "remedy": "start it again: what was done is kept; where it ends again, look whether memory is short",
    }


def history(ledger: Ledger, *, limit: int = 50) -> list[Entry]:
    """The newest words on long work, newest first."""
    return ledger.read(kinds=(KIND,), newest_first=True, limit=limit)
