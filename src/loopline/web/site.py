"""The projects whose pages are served."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from itsdangerous import URLSafeSerializer

from loopline.access.spec import PagesSpec
from loopline.errors import Fault, LooplineError, Mistake
from loopline.ledger.deciding import alone
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.web.asked import Reader
from loopline.web.closed import Closed
from loopline.web.current import Current, Followed
from loopline.web.door import Door, Local
from loopline.web.drawn import Drawings
from loopline.web.events import Pulse, Seen
from loopline.web.forms import Forms
from loopline.web.overview import Elsewhere, Loop, broken, here
from loopline.web.page import Missing
from loopline.web.refusals import Refusals


class Site:
    """The projects whose pages are served, and what all their pages share.

    Parameters
    ----------
    door
        Tells who reads.
    closed
        The projects that could not be opened; each is, once it can be.
    spec
        Where the pages are served, as the first project declares it.
    follow
        Opens a project.
    """

    def __init__(
        self,
        projects: Mapping[str, Followed],
        *,
        door: Door | None = None,
        closed: Mapping[str, Closed] | None = None,
        spec: PagesSpec | None = None,
        follow: Callable[[Path], Followed] = Followed,
    ) -> None:
        self.projects = dict(projects)
        self.closed = dict(closed or {})
        self.spec = PagesSpec() if spec is None else spec
        self._follow, self._opening = follow, threading.Lock()
        self.door: Door = Local() if door is None else door
        self.drawings = Drawings()
        self.elsewhere = Elsewhere()
        self._pulses: dict[frozenset[tuple[str, str]], Pulse] = {}
        self.forms = Forms(self.door.key)
        self.refusals = Refusals(self.door.key)
        self.notes = URLSafeSerializer(self.door.key, salt="said")

    def current(self, name: str) -> Current:
        """What holds now in a project.

        Raises
        ------
        Missing
            When there is no such project here.
        Fault
            When it cannot be opened; says why.
        """
        self._open_again()
        if (closed := self.closed.get(name)) is not None:
            raise closed.fault
        if name not in self.projects:
            raise Missing("there is no such project here", where=name, remedy="the projects are listed at /")
        return self.projects[name].current()

    @contextlib.contextmanager
    def deciding(self, name: str) -> Iterator[None]:
        """Hold off everybody else who decides in a project, here and, where its ledger is a database that several machines share, on those."""
        if name not in self.projects:
            yield
            return
        followed = self.projects[name]
        with followed.deciding, alone(followed.ledger):
            yield

    def known(self, reader: Reader, name: str) -> Reader:
        """The reader with their roles in a project, as it was last read; none in one that is not here."""
        if name not in self.projects:
            return reader
        self.projects[name].declared()
        return self.door.known(reader, self.projects[name])

    def enter(self, name: str, draft: Draft) -> None:
        """Enter a fact about a person's account in the ledger of the first project that lists them, else of the first.

        Accounts belong to the machine, and to no project; a fact needs a ledger all the same. It stands in one alone, so that it is told once, and in one
        whose readers know the person. ``loopline access account`` enters it in the project in which it is called.

        Raises
        ------
        Fault
            When no project can be opened.
        """
        listed = [followed for followed in self.projects.values() if self.door.known(Reader(name), followed).roles]
        if not self.projects:
            raise Fault("no project here can be opened now", remedy="ask whoever runs the pages")
        (listed or list(self.projects.values()))[0].current().workspace.ledger.append(draft)

    def loops(self, reader: Reader) -> list[Loop]:
        """Every loop that a reader may see: those of this site, and those that share a ledger with one of them."""
        self._open_again()
        # Who may see it is not known either.
        found: list[Loop] = [broken(name, one.error) for name, one in self.closed.items()] if reader.is_local else []
        for name, followed in self.projects.items():
            try:
                current = followed.current()
                known = self.door.known(reader, current)
                found += [here(current, known)] if known.may(None) else []
            except LooplineError as error:
                # The declaration was read: it says who may see it.
                found += [broken(name, error)] if self.door.known(reader, followed).may(None) else []
        for ledger in self._ledgers():
            # One that is away is in the row of its project.
            with contextlib.suppress(LooplineError):
                found += self.elsewhere.loops(ledger, self.projects, reader)
        return found

    def _ledgers(self) -> list[Ledger]:
        """Each database once, however many projects share it."""
        return [*{followed.ledger.url: followed.ledger for followed in self.projects.values()}.values()]

    def seen(self, reader: Reader) -> Seen:
        """How far all projects have come that a reader may see."""
        self._open_again()
        return self._seen(self._theirs(reader))

    def pulse(self, reader: Reader) -> Pulse:
        """That any project has moved that a reader may see."""
        theirs = self._theirs(reader)
        if theirs not in self._pulses:
            self._pulses[theirs] = Pulse(lambda: self._seen(theirs))
        return self._pulses[theirs]

    def _theirs(self, reader: Reader) -> frozenset[tuple[str, str]]:
        """The projects that a reader may see: each by its name and, where it is declared elsewhere, the address of its ledger."""
        found = {("", name) for name in self.projects if self.known(reader, name).may(None)}
        for ledger in self._ledgers():
            with contextlib.suppress(LooplineError):
                found |= self.elsewhere.ledgers(ledger, self.projects, reader)
        return frozenset(found)

    def _seen(self, theirs: frozenset[tuple[str, str]]) -> Seen:
        every = [_seen(self.projects[name]) if not url else self._seen_elsewhere(url, name) for url, name in theirs]
        return Seen(sum(one.seq for one in every), sum(one.work for one in every))

    def _seen_elsewhere(self, url: str, name: str) -> Seen:
        try:
            return Seen(self.elsewhere.seq(url, name), 0)
        except LooplineError:
            return Seen(0, 0)

    def _open_again(self) -> None:
        """Open what can be opened by now; one looks for all."""
        if not self.closed or not self._opening.acquire(blocking=False):
            return
        try:
            for name, one in self.closed.items():
                followed = one.opened(self._follow)
                if followed is not None and followed.name in self.projects:
                    where = f"{self.projects[followed.name].folder} and {one.folder}"
                    one.error = Mistake(f"two projects are named {followed.name!r}", where=where, remedy="give one of them another name")
                    followed.close()
                elif followed is not None:
                    # Anew, not changed: others go through them.
                    self.projects = {**self.projects, followed.name: followed}
                    self.closed = {other: kept for other, kept in self.closed.items() if other != name}
        finally:
            self._opening.release()

    def end(self) -> None:
        """Let the streams of all readers end: a server waits for them before it ends."""
        for pulse in (*self._pulses.values(), *(followed.pulse for followed in self.projects.values())):
            pulse.end()

    def close(self) -> None:
        """Stop what runs, and let go of every workspace and of the door."""
        self.door.close()
        for followed in self.projects.values():
            followed.close()


def _seen(followed: Followed) -> Seen:
    """How far a project has come; nowhere while its ledger cannot be read, so that the others are followed all the same."""
    try:
        return followed.seen()
    except LooplineError:
        return Seen(0, 0)
