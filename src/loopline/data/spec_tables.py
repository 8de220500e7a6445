"""Tables that are made of others, and lookups into tables, as they are declared."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, PrivateAttr, model_validator

from loopline.data.rowwise import NotRowwise, growing, tables_in
from loopline.data.spec_contract import Columns, QuerySpec
from loopline.data.spec_past import KNOWN_AT, PastSpec
from loopline.declaration import Span, Spec, say_duration

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class LookupSpec(Spec):
    """Columns of another table as they were known at a row's moment.

    `on` are the columns of both tables that must be equal (``{theirs: ours}`` where they are called otherwise); `as_of` is the other table's
    time; the newest row of it that is not later than the moment, was there by then (`delay` after its time), and is no older than
    `tolerance` is taken. `no_later_than` is ``decided``, the charter's moment of decision, or a column of the main table, or a moment told from
    one, such as ``2h before departure``. `columns` are those that are taken, all but `on` and `as_of` by default, with `prefix` before their
    names. `required` leaves out rows for which nothing is found; otherwise their columns are null.

    Without `as_of` the table is joined as it is now: for what changes slowly, and never for what tells the outcome.
    """

    table: str | None = None
    on: Columns | dict[str, str]
    as_of: str | None = None
    no_later_than: str = "decided"
    delay: Span | None = None
    tolerance: Span | None = None
    columns: Columns = ()
    prefix: str = ""
    required: bool = False

    @model_validator(mode="after")
    def _timed(self) -> LookupSpec:
        if not self.on:
            raise ValueError("say which columns must be equal, as in on: [origin]")
        if self.as_of is None and (said := [name for name in ("delay", "tolerance") if getattr(self, name) is not None]):
            raise ValueError(f"{said[0]} belongs to a table with a time; say as_of: COLUMN too")
        if self.delay is not None and self.tolerance is not None and self.tolerance < self.delay:
            raise ValueError(f"what is there after {say_duration(self.delay)} is always older than {say_duration(self.tolerance)}; make the tolerance greater")
        return self

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The columns that must be equal: ours and theirs."""
        return tuple((ours, theirs) for theirs, ours in self.on.items()) if isinstance(self.on, dict) else tuple((name, name) for name in self.on)


def _function(value: str) -> str:
    if not _FUNCTION.fullmatch(value):
        raise ValueError(f"{value!r} names no function; write it as module:function")
    return value


class TableSpec(Spec):
    """A table made of others: by a query over them, by a function of theirs, or of the past of one of them, with tests of its own.

    A function is handed a mapping from table names to Polars lazy frames, and returns one. `reads` names the tables that are read; a query's
    are found in it by default. `key` are columns that together name a row, `time` the column that says when. With `incremental`, only what new
    rows of the first table in the query give is computed and added; the query must work row by row.
    """

    sql: str | None = None
    function: Annotated[str, AfterValidator(_function)] | None = None
    past: PastSpec | None = None
    reads: Columns = ()
    key: Columns = ()
    time: str | None = None
    incremental: bool = False
    tests: tuple[QuerySpec, ...] = ()
    _said_at: str | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _keyed_by_the_past(cls, said: object) -> object:
        if not isinstance(said, dict) or said.get("past") is None:
            return said
        past = PastSpec.model_validate(said["past"])
        known = {"reads": (past.table,), "key": (*past.by, KNOWN_AT), "time": KNOWN_AT}
        return {**said, **{name: value for name, value in known.items() if not said.get(name)}}

    @model_validator(mode="after")
    def _made(self) -> TableSpec:
        if sum(way is not None for way in (self.sql, self.function, self.past)) != 1:
            raise ValueError("a table is made by a query, by a function or of the past; say one of sql:, function: and past:")
        if self.past is not None and (self.reads, self.key, self.time) != ((self.past.table,), (*self.past.by, KNOWN_AT), KNOWN_AT):
            raise ValueError("of the past, what is read, the key and the time are known from it; leave reads, key and time out")
        if self.past is not None and self.incremental:
            raise ValueError("a table of the past is made whole; leave incremental out")
        if self.function is not None and not self.reads:
            raise ValueError("say which tables the function reads, as in reads: [orders, customers]")
        if self.function is not None and self.incremental:
            raise ValueError("whether a function works row by row cannot be seen; leave incremental out, or write the table as sql")
        return self

    @property
    def said_at(self) -> str | None:
        """The part of the declaration that the table comes from, where that is not `data.tables`."""
        return self._said_at

    def from_part(self, part: str) -> TableSpec:
        """The same table, as what another part of the declaration asks for: what is wrong with it is told of that part."""
        made = self.model_copy()
        made._said_at = part
        return made

    def read_of(self, known: Collection[str]) -> tuple[str, ...]:
        """The tables that it reads, of those that there are."""
        return self.reads or tables_in(self.sql or "", known)

    def needs_of(self, name: str, known: Collection[str]) -> tuple[str, ...]:
        """The tables that must be there before it is made, called so: those that it reads, and those that its tests read beside it."""
        tested = (table for test in self.tests for table in tables_in(test.sql, known))
        return tuple(dict.fromkeys((*self.read_of(known), *(table for table in tested if table != name))))

    def require_sound(self, name: str, known: Collection[str]) -> None:
        """Check that it reads tables that there are, and works row by row where it says so.

        Raises
        ------
        ValueError
            When it does not.
        """
        if unknown := [other for other in self.reads if other not in known]:
            raise ValueError(f"table {name!r} reads {unknown[0]!r}, which is not declared; there are {', '.join(sorted(known))}")
        if not self.read_of(known):
            raise ValueError(f"the query of table {name!r} reads no declared table; there are {', '.join(sorted(known))}")
        if self.incremental and self.sql is not None:
            try:
                growing(self.sql, self.read_of(known))
            except NotRowwise as why:
                remedy = "leave incremental out: it is then made anew whenever what it reads has changed"
                raise ValueError(f"table {name!r} cannot be incremental, for its query is not row by row: {why}; {remedy}") from None
