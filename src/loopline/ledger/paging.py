"""Questions of which a page shows the newest answers, as statements that an index answers however long the ledger is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from loopline.ledger.entry import Entry
from loopline.ledger.schema import ENTRIES, Whole

LOOKED_THROUGH = 10_000
"""So many entries are looked through at once for what no index tells: that takes some 40 ms, and what is older is asked for by the next page."""
READ_THROUGH = 2_500
"""And so many for a text: their bodies lie all over the file, and PostgreSQL takes long to compare a body without regard to case."""
_LOOKED_AT = tuple(ENTRIES.c[name] for name in ("seq", "kind", "subject", "actor", "body"))
"""Of a body of ten kilobytes the database reads nothing unless it is asked for."""
_PARENT_DIGITS = 14
"""The shortest id has so many letters."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which entries are asked for; every one where nothing is said.

    Parameters
    ----------
    kinds
        Any of these kinds.
    subject, actor
        What they are about, who made them.
    text
        What stands in their subject, author or body; a letter is taken for small and great alike.
    since, until
        Only entries of this moment or later, or earlier. Where the clock was set back in between, it may miss some.
    """

    kinds: Sequence[str] = ()
    subject: str | None = None
    actor: str | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """The newest entries that a question asks for.

    Parameters
    ----------
    before
        Where the next page goes on; None where there is nothing older.
    is_partial
        Whether the page is not full because enough was looked through, and not because nothing is older.
    """

    entries: tuple[Entry, ...]
    before: int | None
    is_partial: bool = False


def answer(
    run: Callable[[sa.Executable], Sequence[Any]], project: str, asked: Question, *, after: int, before: int, limit: int
) -> tuple[Sequence[Any], int | None, bool]:
    """The rows of a page between two places, with what else `Answer` says."""
    by, rest = driven(asked, has_few=lambda: run(_some(project, asked.kinds))[0][0] < LOOKED_THROUGH)
    if rest == Question():
        rows = run(newest(project, by, after=after, before=before, limit=limit + 1))
    else:
        most = min(READ_THROUGH, LOOKED_THROUGH) if rest.text else LOOKED_THROUGH
        looked = newest(project, by, after=after, before=before, limit=most, columns=_LOOKED_AT if rest.text else _LOOKED_AT[:-1])
        rows = run(meeting(looked, rest, limit=limit + 1))
        if len(rows) <= limit:
            oldest, many = run(oldest_of(looked))[0]
            is_partial = many == most
            return rows, oldest if is_partial else None, is_partial
    return rows[:limit], rows[limit - 1].seq if len(rows) > limit else None, False


def _some(project: str, kinds: Sequence[str]) -> sa.Select[Any]:
    """How many entries of some kinds there are, counted as far as is looked through."""
    some = sa.select(ENTRIES.c.seq).where(ENTRIES.c.project == project, ENTRIES.c.kind.in_(kinds)).limit(LOOKED_THROUGH).subquery()
    return sa.select(sa.func.count()).select_from(some)


def driven(asked: Question, *, has_few: Callable[[], bool]) -> tuple[Question, Question]:
    """The part of a question that an index answers, and the rest, which is looked for among the entries that it gives.

    Parameters
    ----------
    has_few
        Whether all the entries of the kinds can be looked through.
    """
    rest = replace(asked, since=None, until=None)
    if asked.subject is not None and not (asked.kinds and has_few()):
        return Question(subject=asked.subject), replace(rest, subject=None)
    if asked.actor is not None and asked.actor != "loopline" and not asked.kinds:
        return Question(actor=asked.actor), replace(rest, actor=None)
    return Question(kinds=asked.kinds), replace(rest, kinds=())


def newest(project: str, by: Question, *, after: int, before: int, limit: int, columns: Sequence[Any] = (ENTRIES,)) -> sa.Select[Any]:
    """The newest entries between two places by what `driven` says that an index answers, newest first.

    Of several kinds each is asked for by itself: a database would sort all that there are of them.
    """
    among = ENTRIES.c.project == project, ENTRIES.c.seq > after, ENTRIES.c.seq < before
    if by.actor is not None:
        return _newest(columns, (*among, ENTRIES.c.actor == by.actor, sa.text("actor <> 'loopline'")), limit)
    if by.subject:
        # As in `Ledger.read`: the index holds beginnings.
        begins = sa.text("subject <> '' AND substr(subject, 1, 12) = :about").bindparams(about=by.subject[:12])
        return _newest(columns, (*among, Whole(ENTRIES.c.subject) == by.subject, begins), limit)
    if by.subject is not None:
        return _newest(columns, (*among, ENTRIES.c.subject == ""), limit)
    if len(by.kinds) > 1:
        each = [sa.select(_newest(columns, (*among, ENTRIES.c.kind == kind), limit).subquery()) for kind in by.kinds]
        together = sa.union_all(*each).subquery()
        return sa.select(together).order_by(together.c.seq.desc()).limit(limit)
    return _newest(columns, (*among, ENTRIES.c.kind == by.kinds[0]) if by.kinds else among, limit)


def _newest(columns: Sequence[Any], among: tuple[Any, ...], limit: int) -> sa.Select[Any]:
    return sa.select(*columns).where(*among).order_by(ENTRIES.c.seq.desc()).limit(limit)


def meeting(looked: sa.Select[Any], rest: Question, *, limit: int) -> sa.Select[Any]:
    """Of the entries that are looked through those that meet the rest of a question."""
    found = looked.subquery()
    query = sa.select(found.c.seq).order_by(found.c.seq.desc()).limit(limit)
    for name, value in (("subject", rest.subject), ("actor", rest.actor)):
        query = query if value is None else query.where(found.c[name] == value)
    if rest.kinds:
        query = query.where(found.c.kind.in_(rest.kinds))
    if rest.text:
        query = query.where(sa.or_(*(found.c[name].icontains(rest.text, autoescape=True) for name in ("subject", "actor", "body"))))
    return sa.select(ENTRIES).where(ENTRIES.c.seq.in_(query.subquery().select())).order_by(ENTRIES.c.seq.desc())


def oldest_of(looked: sa.Select[Any]) -> sa.Select[int | None, int]:
    """The place of the oldest entry that is looked through, and how many are."""
    found = looked.subquery()
    return sa.select(sa.func.min(found.c.seq), sa.func.count())


def halved(time_at: Callable[[sa.Executable], str], stamp: str, high: int, *, is_before: bool) -> int:
    """The newest place up to a height whose time is a stamp or earlier; only earlier where `is_before`."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        time = time_at(sa.select(ENTRIES.c.time).where(ENTRIES.c.seq == middle))
        low, high = (middle, high) if time < stamp or (time == stamp and not is_before) else (low, middle - 1)
    return low


def children(project: str, entry: Entry, *, after: int, limit: int) -> tuple[sa.Select[Any], ...]:
    """The entries that name one as their first parent, and those that name it as another one of theirs, oldest first."""
    later = ENTRIES.c.project == project, ENTRIES.c.seq > max(entry.seq, after)
    begins = sa.text("parents <> '[]' AND substr(parents, 3, 14) = :first").bindparams(first=entry.id[:_PARENT_DIGITS])
    is_first, is_among = ENTRIES.c.parents.startswith(f'["{entry.id}"', autoescape=True), ENTRIES.c.parents.contains(f',"{entry.id}"', autoescape=True)
    several = sa.text("parents LIKE '%,%'")
    first = sa.select(ENTRIES).where(*later, begins, is_first).order_by(ENTRIES.c.seq).limit(limit)
    places = sa.select(ENTRIES.c.seq).where(ENTRIES.c.seq > max(entry.seq, after), several, is_among).order_by(ENTRIES.c.seq).limit(limit)
    return first, sa.select(ENTRIES).where(*later, ENTRIES.c.seq.in_(places.subquery().select())).order_by(ENTRIES.c.seq).limit(limit)


def newest_of_each(project: str, kind: str, *, before: int | None) -> sa.Select[Any]:
    """The newest entry about each subject of a kind; the bodies of the others, of which there are most, are not read."""
    among = ENTRIES.c.project == project, ENTRIES.c.kind == kind, *([] if before is None else [ENTRIES.c.seq < before])
    places = sa.select(sa.func.max(ENTRIES.c.seq)).where(*among)
    return sa.select(ENTRIES).where(ENTRIES.c.seq.in_(places.group_by(ENTRIES.c.subject))).order_by(ENTRIES.c.seq)


KINDS = sa.text(
    "WITH RECURSIVE known(kind) AS ("
    " SELECT min(kind) FROM ledger_entries WHERE project = :project"
    " UNION ALL SELECT (SELECT min(kind) FROM ledger_entries WHERE project = :project AND kind > known.kind) FROM known WHERE known.kind IS NOT NULL"
    ") SELECT kind FROM known WHERE kind IS NOT NULL"
)
"""The kinds that there are, from one to the next by the index."""
LAST = sa.text(
    KINDS.text.removesuffix("SELECT kind FROM known WHERE kind IS NOT NULL")
    + "SELECT max((SELECT max(seq) FROM ledger_entries WHERE project = :project AND kind = known.kind)) FROM known WHERE kind IS NOT NULL"
)
"""The place of the newest entry: of each kind the index has it at once, however many entries of other projects have come since."""


def last_of(project: str, kinds: Sequence[str]) -> sa.CompoundSelect[Any]:
    """The place of the newest entry of each kind: the index has each at once, where together a database would sort all that there are of them."""
    place = sa.func.max(ENTRIES.c.seq)
    return sa.union_all(*(sa.select(place).where(ENTRIES.c.project == project, ENTRIES.c.kind == kind) for kind in kinds))
