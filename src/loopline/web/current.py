"""What holds now, as the pages are told it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from time import monotonic
from urllib.parse import quote

from loopline.errors import LooplineError, Mistake
from loopline.ledger.entry import now
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.loop import Loop, LoopStatus, open_loop
from loopline.project import FILE, Project, load
from loopline.web.events import Pulse, Seen
from loopline.web.work import Works
from loopline.workspace import Workspace

STALE_AFTER = timedelta(seconds=30)
"""So long a status holds although nothing was entered for the project: what is due changes with the clock."""


@dataclass(frozen=True, kw_only=True)
class Current:
    """A project at one moment.

    Parameters
    ----------
    seq
        The number of the project's last entry.
    works
        The long work that pages start.
    work
        How often its course had changed.
    mistake
        What is wrong with the declaration as it lies there; `project` is then the last one that was right.
    """

    project: Project
    workspace: Workspace
    state: State
    status: LoopStatus
    seq: int
    at: datetime
    works: Works
    work: int = 0
    mistake: LooplineError | None = None

    @property
    def base(self) -> str:
        """What the addresses of the project's pages begin with."""
        return base_of(self.project.name)


def base_of(project: str) -> str:
    """What the addresses of a project's pages begin with.

    >>> base_of("late trains")
    '/late%20trains'
    """
    return f"/{quote(project, safe='')}"


class Followed:
    """A project that is followed: what holds now, made anew when the ledger or the declaration has moved. Threads may share it.

    `deciding` is held by whoever looks whether a form still holds and then does what it says: two people at once would both be told that it does.

    Raises
    ------
    Mistake
        When there is no project in the folder, or its declaration is wrong.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self.deciding = Lock()
        self._loop: Loop = open_loop(folder)
        self._declared = self._stamp()
        self._mistake: LooplineError | None = None
        self._known: Current | None = None
        self._looked = 0.0
        # What moved its ledger or its lake is still read by requests that were under way.
        self._left: list[Loop] = []
        self.works = Works(folder, lambda: self._loop.workspace.ledger)
        self.pulse = Pulse(self.seen)

    @property
    def name(self) -> str:
        """The project's name."""
        return self._loop.project.name

    @property
    def project(self) -> Project:
        """The project as it was last declared rightly."""
        return self._loop.project

    @property
    def ledger(self) -> Ledger:
        """The project's ledger."""
        return self._loop.workspace.ledger

    def seen(self) -> Seen:
        """How far it has come."""
        return Seen(self._loop.workspace.ledger.seq(), self.works.version)

    def current(self) -> Current:
        """What holds now.

        Raises
        ------
        LooplineError
            When the workspace cannot be read.
        """
        asked = monotonic()
        with self._lock:
            self._reread()
            known = self._known
            if known is not None and self._looked >= asked:
                # Somebody looked while this one waited: of twenty who ask at once, two look.
                return replace(known, at=now(), work=self.works.version, mistake=self._mistake)
            started = monotonic()
            seq, at = self._loop.workspace.ledger.seq(), now()
            if known is None or known.seq != seq or at - known.at > STALE_AFTER:
                loop = self._loop
                known = Current(
                    project=loop.project,
                    workspace=loop.workspace,
                    state=loop.state(),
                    status=loop.status(),
                    seq=seq,
                    at=at,
                    works=self.works,
                    mistake=self._mistake,
                )
                self._known = known
            # A look that failed tells nobody who waited for it.
            self._looked = started
            return replace(known, at=at, work=self.works.version, mistake=self._mistake)

    def close(self) -> None:
        """Stop what runs, and let go of the workspace."""
        self.works.close()
        with self._lock:
            for loop in (*self._left, self._loop):
                loop.close()

    def _stamp(self) -> tuple[int, int]:
        try:
            stat = (self.folder / FILE).stat()
        except OSError:
            return (0, 0)
        return stat.st_mtime_ns, stat.st_size

    def declared(self) -> Project:
        """The project as it is declared now, or was when it was right last: who may see it is told by this before anything is worked out for them."""
        with self._lock:
            self._reread()
            return self.project

    def _reread(self) -> None:
        """Take in a declaration that was changed; the last one that was right holds while the new one is wrong."""
        stamp = self._stamp()
        if stamp == self._declared:
            return
        self._declared, self._known = stamp, None
        try:
            project = load(self.folder)
            if project.name != self.name:
                # Its addresses, its ledger's name and its readers' links are those of the old one.
                what = f"the project's name changed from {self.name!r} to {project.name!r} while it was served"
                raise Mistake(what, where=str(self.folder / FILE), remedy=f"start the pages anew, or name it {self.name} again")
            if (project.ledger_url, project.lake_url) != (self._loop.project.ledger_url, self._loop.project.lake_url):
                fresh = open_loop(self.folder)
                self._left.append(self._loop)
                self._loop = fresh
            else:
                self._loop.project = project
            self._mistake = None
        except LooplineError as error:
            self._mistake = error
