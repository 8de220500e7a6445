"""The ledger's door: append, read, verify."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from loopline.errors import Fault, Mistake
from loopline.ledger import chain, database, lease, paging, upgrade
from loopline.ledger.chain import Head, Row, Verdict
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.paging import Answer, Question
from loopline.ledger.schema import ENTRIES, HEAD, Whole, appending

_PAGE = 2_000
_First = TypeVar("_First")


class Ledger:
    """Facts in the order in which they happened, of one project in a database that several projects may share.

    Open one with `Ledger.open`; it is a context manager, and threads may share it. Entries are never changed: the database
    refuses it, and `verify` finds it where someone got round the database.
    """

    def __init__(self, engine: Engine, project: str) -> None:
        self.project = project
        self._engine = engine
        self._last: tuple[Head, int] | None = None
        self._insert, self._head, self._move = appending(engine.url.drivername, engine.dialect.paramstyle)

    @classmethod
    def open(cls, url: str, project: str) -> Self:
        """The ledger at the URL, made or migrated where needed.

        Parameters
        ----------
        url
            ``sqlite:////folder/ledger.db`` or ``postgresql://user@host/database``.
        project
            The project whose entries are appended and read.

        Raises
        ------
        Mistake
            Where the URL, the file or its folder cannot be used, or a newer Loopline wrote the ledger.
        Fault
            Where the disk is full or the database is away, or the file that was there is gone.
        """
        return cls._opened(url, project, upgrade.ensure_current)[0]

    @classmethod
    def find(cls, url: str, project: str) -> Self | None:
        """The ledger at the URL as it is, or None where there is none: nothing is made or migrated.

        Raises
        ------
        Mistake
            Where the URL or the file cannot be used, or another Loopline wrote the ledger.
        Fault
            Where the database is away.
        """
        ledger, is_there = cls._opened(url, project, upgrade.is_there)
        if is_there:
            return ledger
        ledger.close()
        return None

    @classmethod
    def _opened(cls, url: str, project: str, first: Callable[[Engine], _First]) -> tuple[Self, _First]:
        engine = database.connect(database.parse(url))
        try:
            with database.told(engine):
                return cls(engine, project), first(engine)
        except BaseException:
            engine.dispose()
            raise

    def beside(self, project: str) -> Ledger:
        """The ledger of another project in the same database; it is let go together with this one."""
        return Ledger(self._engine, project)

    def projects(self) -> list[str]:
        """The projects that have entries in the database, sorted."""
        found: list[str] = []
        with database.told(self._engine), self._engine.begin() as connection:
            # From each to the next by the index: all distinct ones at once would be sought in every entry.
            first = sa.select(sa.func.min(ENTRIES.c.project))
            name = connection.scalar(first)
            while name is not None:
                found.append(name)
                name = connection.scalar(first.where(ENTRIES.c.project > name))
        return sorted(found)

    def seq(self) -> int:
        """The number of the project's last entry, 0 before the first; it grows with each, and with none of another project in the database."""
        head, known = self.head(), self._last
        if known is None or known[0] != head:
            known = self._last = head, self._run(paging.LAST.bindparams(project=self.project))[0][0] or 0
        return known[1]

    def newest(self, kinds: Sequence[str]) -> int:
        """The number of the project's last entry of any of these kinds; 0 where there is none."""
        return max(place or 0 for (place,) in self._run(paging.last_of(self.project, kinds)))

    @property
    def url(self) -> str:
        """The ledger's address, without a password."""
        return self._engine.url.render_as_string(hide_password=True)

    def size_bytes(self) -> int:
        """What the project's entries take in the database; where several projects share it, by the number of their entries."""
        with database.told(self._engine), self._engine.begin() as connection:
            whole = connection.scalar(sa.text(database.SIZE[self._engine.dialect.name])) or 0
            projects = connection.scalars(sa.select(ENTRIES.c.project).distinct().limit(2)).all()
            if len(projects) < 2:
                # Counting a million takes 50 ms, and nearly every database has one project.
                return int(whole) if self.project in projects else 0
            entries = sa.select(sa.func.count()).select_from(ENTRIES)
            every, own = connection.scalar(entries) or 0, connection.scalar(entries.where(ENTRIES.c.project == self.project)) or 0
        return round(whole * own / every) if every else 0

    def close(self) -> None:
        """Lets the database go."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def append(self, *drafts: Draft) -> list[Entry]:
        """The drafts as entries, all of them durable when this returns, or none.

        Raises
        ------
        Mistake
            Where a body is not plain JSON.
        Fault
            Where the database could not take them.
        """
        written = []
        for draft in drafts:
            try:
                written.append(chain.write(draft))
            except (TypeError, ValueError, RecursionError) as error:
                raise Mistake(f"an entry of kind {draft.kind!r} cannot be written: {error}", remedy="give it plain JSON values") from None
        if not written:
            return []
        with database.told(self._engine), database.writing(self._engine) as connection:
            # The driver's cursor, because SQLAlchemy's own bookkeeping takes longer than the three statements.
            cursor = connection.connection.cursor()
            # On Postgres this locks the head's row until the commit; on SQLite the transaction has the whole file already.
            cursor.execute(self._head)
            found = cursor.fetchall()
            if len(found) != 1:
                raise Fault("the ledger's head is missing", where=self.url, remedy="`loopline ledger verify` says more; restore the ledger from a backup")
            rows, entries = _sealed(written, head=Head(*found[0]), project=self.project)
            if len(rows) == 1:
                cursor.execute(self._insert, rows[0])
            else:
                cursor.executemany(self._insert, rows)
            cursor.execute(self._move, (entries[-1].seq, entries[-1].hash))
            cursor.close()
        return entries

    def read(
        self,
        *,
        kinds: Sequence[str] = (),
        subject: str | None = None,
        key: str | None = None,
        ids: Sequence[str] | None = None,
        after: int = 0,
        before: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        all_projects: bool = False,
    ) -> list[Entry]:
        """The entries that meet every condition, oldest first unless told otherwise.

        Parameters
        ----------
        kinds
            Any of these kinds; every kind where empty.
        subject, key, ids
            What they are about, what they were made from, which they are.
        after, before
            Only entries with a greater `seq`, or a smaller one.
        since, until
            Only entries of this moment or later, or earlier; a moment without a zone is UTC.
        limit
            At most so many.
        all_projects
            Whether to read every project of the ledger.
        """
        query = sa.select(ENTRIES).order_by(ENTRIES.c.seq.desc() if newest_first else ENTRIES.c.seq)
        if not all_projects:
            query = query.where(ENTRIES.c.project == self.project)
        if kinds:
            query = query.where(ENTRIES.c.kind.in_(kinds))
        if subject is not None:
            query = query.where(Whole(ENTRIES.c.subject) == subject)
            query = query.where(sa.text("subject <> '' AND substr(subject, 1, 12) = :about").bindparams(about=subject[:12])) if subject else query
        if key is not None:
            query = query.where(Whole(ENTRIES.c.key) == key)
            query = query.where(sa.text("kind = 'step' AND substr(key, 1, 12) = :made_from").bindparams(made_from=key[:12])) if [*kinds] == ["step"] else query
        if ids is not None:
            query = query.where(ENTRIES.c.seq.in_([place for place, _ in map(_parts, ids) if place is not None]))
        if after:
            query = query.where(ENTRIES.c.seq > after)
        if before is not None:
            query = query.where(ENTRIES.c.seq < before)
        if since is not None:
            query = query.where(ENTRIES.c.time >= _stamp(since))
        if until is not None:
            query = query.where(ENTRIES.c.time <= _stamp(until))
        entries = [_entry(row) for row in self._select(query if limit is None else query.limit(limit))]
        return entries if ids is None else [entry for entry in entries if entry.id in ids]

    def _select(self, query: sa.Select[Any], **values: object) -> list[Row]:
        with database.told(self._engine), self._engine.begin() as connection:
            return [Row(*row) for row in connection.execute(query, values)]

    def head(self) -> Head:
        """The place and hash of the newest entry of all projects; nothing else says as quickly whether something has come."""
        with database.told(self._engine):
            connection = self._engine.raw_connection()
            try:
                # The driver's cursor: by SQLAlchemy's own statement it takes ten times as long.
                cursor = connection.cursor()
                cursor.execute("SELECT seq, hash FROM ledger_head")
                found = cursor.fetchone()
                cursor.close()
            finally:
                connection.close()
        return Head() if found is None else Head(*found)

    def holds(self, head: Head) -> bool:
        """Whether the entry at a place has the hash, and with it every entry before."""
        return not head.seq or any(row.hash == head.hash for row in self._select(sa.select(ENTRIES).where(ENTRIES.c.seq == head.seq)))

    def page(self, asked: Question, *, before: int | None = None, limit: int = 50) -> Answer:
        """The newest entries that a question asks for, newest first, and where the next page goes on.

        Parameters
        ----------
        before
            Only entries with a smaller `seq`: what the page before said.
        """
        after = 0 if asked.since is None else self.place(asked.since, is_before=True)
        newest = self.head().seq if asked.until is None else self.place(asked.until)
        before = min(newest + 1, before or newest + 1)
        rows, before, is_partial = paging.answer(self._run, self.project, asked, after=after, before=before, limit=limit)
        return Answer(tuple(_entry(Row(*row)) for row in rows), before, is_partial)

    def _run(self, query: sa.Executable) -> Sequence[Any]:
        with database.told(self._engine), self._engine.begin() as connection:
            return connection.execute(query).all()

    def place(self, moment: datetime, *, is_before: bool = False) -> int:
        """The place of the newest entry of a moment or earlier; 0 where there is none. Halved until it is found: there is no index of times.

        Parameters
        ----------
        is_before
            Whether entries of the moment itself are left out.
        """
        high = self.head().seq
        with database.told(self._engine), self._engine.begin() as connection:
            return paging.halved(lambda query: connection.scalar(query) or "", _stamp(moment), high, is_before=is_before)

    def children(self, entry: Entry, *, after: int = 0, limit: int = 50) -> list[Entry]:
        """The entries that name one among their parents, oldest first."""
        found = {row.seq: row for query in paging.children(self.project, entry, after=after, limit=limit) for row in self._select(query)}
        return [_entry(found[seq]) for seq in sorted(found)[:limit]]

    def newest_of_each(self, kind: str, *, before: int | None = None) -> list[Entry]:
        """The newest entry about each subject of a kind, with a smaller `seq` where one is said; oldest first."""
        return [_entry(row) for row in self._select(paging.newest_of_each(self.project, kind, before=before))]

    def kinds(self) -> list[str]:
        """The kinds of entries that the project has, sorted."""
        return [row.kind for row in self._run(paging.KINDS.bindparams(project=self.project))]

    def parts(self, name: str, *, kinds: Sequence[str]) -> list[tuple[datetime, Any]]:
        """A list or an object out of the bodies of some kinds of entries, each with its time, oldest first; None where a body has none of the name.

        The database cuts it out: reading whole bodies of thousands of reviews takes seconds.
        """
        part = sa.text(database.PART[self._engine.dialect.name]).bindparams(name=name)
        query = sa.select(ENTRIES.c.time, part).where(ENTRIES.c.project == self.project, ENTRIES.c.kind.in_(kinds)).order_by(ENTRIES.c.seq)
        with database.told(self._engine), self._engine.begin() as connection:
            found = connection.execute(query).all()
        return [(datetime.fromisoformat(time), None if text is None else json.loads(text)) for time, text in found]

    def get(self, id: str) -> Entry:
        """The entry with the id; its place alone, or with the first digits of the hash, is enough.

        Raises
        ------
        Mistake
            Where there is none.
        """
        place, digits = _parts(id)
        found = [] if place is None else self._select(sa.select(ENTRIES).where(ENTRIES.c.project == self.project, ENTRIES.c.seq == place))
        if not found or not found[0].hash.startswith(digits):
            raise Mistake(f"no entry has the id {id[:80]!r}", remedy="`loopline ledger log` lists them")
        return _entry(found[0])

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Verdict:
        """Whether every entry of every project is as it was written, in order and complete; else the first that is not.

        The chain of hashes shows changed, moved and missing entries; the head, kept in its own table and moved only forward, shows
        entries cut off the end. Who can rewrite entries, hashes and head alike leaves no trace here: compare `Verdict.head` with
        one kept elsewhere. Entries appended meanwhile are left for the next time. Memory does not grow with the ledger.

        Parameters
        ----------
        progress
            Told how many entries are done, and how many there are.
        """
        with database.told(self._engine), self._engine.begin() as connection:
            found = connection.execute(sa.select(HEAD.c.seq, HEAD.c.hash)).all()
        if len(found) != 1:
            return Verdict(0, False, 1, "the ledger's head is missing")
        head = Head(*found[0])
        return chain.inspect(self._rows(head, progress), head)

    def _rows(self, head: Head, progress: Callable[[int, int], None] | None) -> Iterator[Row]:
        """Every row up to the head, page by page."""
        query = sa.select(ENTRIES).where(ENTRIES.c.seq > sa.bindparam("last")).order_by(ENTRIES.c.seq).limit(_PAGE)
        last, done = -(2**62), 0
        while True:
            page = self._select(query, last=last)
            yield from page
            done += len(page)
            if progress is not None:
                progress(done, max(done, head.seq))
            if len(page) < _PAGE:
                return
            last = page[-1].seq

    def holder(self) -> str:
        """Which process holds the project's lease now, and since when, in words; empty where none does."""
        file = database.file_of(self._engine)
        with database.told(self._engine):
            return lease.advisory_holder(self._engine, self.project) if file is None else lease.file_holder(file, self.project)

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Makes this process the one writer of the project for a while; a dead holder's lease is free at once.

        Raises
        ------
        Mistake
            Where another process holds it; says which, and since when.
        """
        file = database.file_of(self._engine)
        with database.told(self._engine):
            held: AbstractContextManager[None] = lease.hold_advisory(self._engine, self.project) if file is None else lease.hold_file(file, self.project)
            held.__enter__()
        try:
            yield
        finally:
            with database.told(self._engine):
                held.__exit__(None, None, None)


def _sealed(written: list[chain.Written], *, head: Head, project: str) -> tuple[list[chain.Stored], list[Entry]]:
    try:
        return chain.seal(written, head=head, project=project, time=now())
    except UnicodeEncodeError:
        raise Mistake("an entry has half a character (a lone surrogate)", remedy="read the text with its right encoding") from None


def _parts(id: str) -> tuple[int | None, str]:
    """The place in an id and its digits of the hash; no place where it is no id."""
    place, _, digits = id.partition("-")
    return (int(place), digits) if place.isdecimal() and len(place) < 19 else (None, "")


def _entry(row: Row) -> Entry:
    try:
        return chain.read(row)
    except (TypeError, ValueError):
        raise Fault(f"entry {row.seq} of the ledger cannot be read", remedy="`loopline ledger verify` says what was tampered with") from None


def _stamp(moment: datetime) -> str:
    """The moment as the ledger writes times, so that texts compare as moments do."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(timespec="microseconds")
