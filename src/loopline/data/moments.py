"""Lookups as they are carried out: whose columns, by which keys, and as of which moment of a row; light, and plain enough for a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec, LookupSpec
from loopline.declaration import Moment, parse_moment, say_duration
from loopline.errors import Mistake
from loopline.ledger.entry import digest

DECIDED = "decided"
"""How a lookup names the charter's moment of decision."""


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A lookup whose moment is known.

    Parameters
    ----------
    keys
        The columns that must be equal: ours and theirs.
    as_of
        The other table's time; None where it is joined as it is now.
    moment, offset_us
        The column that the row's moment is told from, and how much later than its value that is; None without `as_of`.
    delay_us
        How long after its time a row of the other table is there.
    tolerance_us
        How much older than the moment a row may be; None where any age will do.
    columns
        From the other table's columns that are taken to their names with us; None stands for all but the keys and the time.
    prefix
        What is put before the names where `columns` is None.
    required
        Whether a row for which nothing is found is refused.
    """

    name: str
    table: str
    keys: tuple[tuple[str, str], ...]
    as_of: str | None
    moment: str | None
    offset_us: int = 0
    delay_us: int = 0
    tolerance_us: int | None = None
    columns: Mapping[str, str] | None = None
    prefix: str = ""
    required: bool = False

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Lookup:
        """The lookup from plain values; the inverse of `plain`."""
        return cls(**{**said, "keys": tuple((ours, theirs) for ours, theirs in said["keys"])})

    def plain(self) -> dict[str, Any]:
        """The lookup as plain JSON values."""
        return {**asdict(self), "keys": [list(pair) for pair in self.keys]}

    @cached_property
    def digest(self) -> str:
        """The digest of all that decides what is found: what is published for one lookup serves every package that has the same."""
        return digest(self.plain())

    @property
    def ours(self) -> tuple[str, ...]:
        """The looked-up columns by their names with us."""
        return tuple((self.columns or {}).values())

    def only(self, names: frozenset[str]) -> Lookup:
        """The same lookup, of these columns of ours only."""
        return replace(self, columns={theirs: ours for theirs, ours in (self.columns or {}).items() if ours in names})

    @property
    def says(self) -> str:
        """The moment in words."""
        if self.moment is None:
            return "as it is now"
        return f"as of {_moment_words(self.moment, self.offset_us)}"


def _moment_words(column: str, offset_us: int) -> str:
    return str(Moment(offset_s=offset_us / 1e6, column=column)) if offset_us else column


def joined_name(main: str) -> str:
    """The name of the table that the main one becomes; no user's table can have it."""
    return f"{main}.joined"


def resolved(data: DataSpec, charter: CharterSpec) -> tuple[Lookup, ...]:
    """The declared lookups with their moments.

    Raises
    ------
    Mistake
        When a moment is not said, or a row could find itself.
    """
    return tuple(_resolved(data, charter, name, spec) for name, spec in data.lookups.items())


def _resolved(data: DataSpec, charter: CharterSpec, name: str, spec: LookupSpec) -> Lookup:
    where = f"data.lookups.{name}"
    table = spec.table or name
    moment = _moment(charter, spec, where) if spec.as_of is not None else None
    lookup = Lookup(
        name=name,
        table=table,
        keys=spec.pairs,
        as_of=spec.as_of,
        moment=None if moment is None else moment.column,
        offset_us=round(moment.offset_s * 1e6) if moment else 0,
        delay_us=_us(spec.delay) or 0,
        tolerance_us=_us(spec.tolerance),
        columns={theirs: spec.prefix + theirs for theirs in spec.columns} or None,
        prefix=spec.prefix,
        required=spec.required,
    )
    if table == data.main:
        _require_others(lookup, where)
    return lookup


def _moment(charter: CharterSpec, spec: LookupSpec, where: str) -> Moment:
    if spec.no_later_than == DECIDED:
        if charter.decided is None:
            remedy = "say charter.decided, as in decided: 2h before COLUMN, or no_later_than: COLUMN"
            raise Mistake("it goes by the moment of decision, and that is not said", where=where, remedy=remedy)
        return charter.decided
    return parse_moment(spec.no_later_than) or Moment(offset_s=0, column=spec.no_later_than)


def _us(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(microseconds=1)


def _require_others(lookup: Lookup, where: str) -> None:
    """Check that no row of the main table can find itself: it would be told its own outcome."""
    if lookup.as_of is None or lookup.moment != lookup.as_of:
        remedy = f"say as_of: and no_later_than: with the same column of {lookup.table}, or look a derived table up"
        raise Mistake("each row could find itself, with its outcome", where=where, remedy=remedy)
    if lookup.delay_us <= lookup.offset_us:
        least = say_duration(timedelta(microseconds=max(lookup.offset_us, 0) + 1_000_000))
        raise Mistake("each row would find itself, with its outcome", where=where, remedy=f"say how long an outcome takes, as in delay: {least} or more")


def moments_of(data: DataSpec, charter: CharterSpec) -> frozenset[str]:
    """The main table's columns that moments are told from, as far as they are said: a row without one cannot be looked up for."""
    found = set()
    for spec in data.lookups.values():
        if spec.as_of is None:
            continue
        moment = charter.decided if spec.no_later_than == DECIDED else parse_moment(spec.no_later_than)
        found.add(moment.column if moment is not None else spec.no_later_than)
    return frozenset(found - {DECIDED})
