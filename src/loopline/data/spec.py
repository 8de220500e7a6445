"""The data as it is declared: sources, the contract that they must satisfy, and the tables that are made of them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from loopline.data.spec_contract import Columns, ColumnSpec, ColumnType, ContractSpec, QuerySpec, Severity
from loopline.data.spec_source import SourceSpec
from loopline.declaration import Span, Spec

__all__ = [
    "BATCH",
    "HIDDEN",
    "LINE",
    "OWN",
    "RESERVED",
    "ROW",
    "ColumnSpec",
    "ColumnType",
    "ContractSpec",
    "DataSpec",
    "LookupSpec",
    "Severity",
    "SourceSpec",
    "TableSpec",
]

OWN = "__"
"""How the names of Loopline's own columns begin; no source may name a column so."""
BATCH = "__batch"
"""The column of every table of the data stage that holds the digest of the row's batch."""
LINE = "__line"
"""The column that holds the row's line in its file (of a file without lines: its row), from 1."""
ROW = "__row"
"""The column that holds the row's place in the order of delivery: it grows over batches and, in a batch, with the line."""
HIDDEN = (BATCH, LINE, ROW)
"""The columns that Loopline adds to what a source delivers; no model learns from them."""

RESERVED = ("quarantine", "cleaned", "mends", "forgotten", "predictions", "outcomes", "refused")
"""Tables that Loopline keeps itself."""
_TABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class LookupSpec(Spec):
    """Columns of another table as they were known at a row's moment.

    `on` are the columns of both tables that must be equal (``{theirs: ours}`` where they are called otherwise); `as_of` is the other table's
    time; the newest row of it that is not later than the moment, was there by then (`delay` after its time), and is no older than
    `tolerance` is taken. `no_later_than` is ``decided``, the charter's moment of decision, or a column of the main table. `columns` are those
    that are taken, all but `on` and `as_of` by default, with `prefix` before their names.
    """

    table: str | None = None
    on: Columns | dict[str, str]
    as_of: str | None = None
    no_later_than: str = "decided"
    delay: Span | None = None
    tolerance: Span | None = None
    columns: Columns = ()
    prefix: str = ""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The columns that must be equal: ours and theirs."""
        return tuple((ours, theirs) for theirs, ours in self.on.items()) if isinstance(self.on, dict) else tuple((name, name) for name in self.on)


def _function(value: str) -> str:
    if not _FUNCTION.fullmatch(value):
        raise ValueError(f"{value!r} names no function; write it as module:function")
    return value


class TableSpec(Spec):
    """A table made of others: by a query over them, or by a function of theirs, with tests of its own.

    A function is handed a mapping from table names to Polars lazy frames, and returns one. With `by`, the column that holds what is new,
    only rows of new batches are computed and added.
    """

    sql: str | None = None
    function: Annotated[str, AfterValidator(_function)] | None = None
    reads: Columns = ()
    key: Columns = ()
    time: str | None = None
    incremental: bool = False
    tests: tuple[QuerySpec, ...] = ()

    @model_validator(mode="after")
    def _made(self) -> TableSpec:
        if (self.sql is None) == (self.function is None):
            raise ValueError("a table is made by a query or by a function; say sql: or function:")
        if self.function is not None and not self.reads:
            raise ValueError("say which tables the function reads, as in reads: [orders, customers]")
        return self


class DataSpec(Spec):
    """Sources by table name, the contract of the table that is learned from (the first source), lookups into others, and derived tables."""

    sources: dict[str, SourceSpec] = Field(min_length=1)
    contract: ContractSpec = ContractSpec()
    lookups: dict[str, LookupSpec] = {}
    tables: dict[str, TableSpec] = {}

    @model_validator(mode="after")
    def _free_names(self) -> DataSpec:
        for name in (*self.sources, *self.tables):
            if name in RESERVED:
                raise ValueError(f"table {name!r} is Loopline's own; give it another name")
            if not _TABLE.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a table's name; use letters, digits, _ and -")
        if twice := set(self.sources) & set(self.tables):
            raise ValueError(f"{sorted(twice)[0]!r} is a source and a derived table; give one of them another name")
        return self

    @model_validator(mode="after")
    def _known_tables(self) -> DataSpec:
        known = {*self.sources, *self.tables}
        for name, lookup in self.lookups.items():
            if (lookup.table or name) not in known:
                raise ValueError(f"lookup {name!r} reads table {lookup.table or name!r}, which is not declared; there are {', '.join(sorted(known))}")
        if self.sources[self.main].contract is not None:
            raise ValueError(f"the contract of the first source, {self.main!r}, stands under data.contract; move it there")
        for table in self.sources:
            for reference in self.contract_of(table).references:
                if reference.table not in known:
                    raise ValueError(f"a reference of {table!r} names table {reference.table!r}, which is not declared; there are {', '.join(sorted(known))}")
        return self

    @property
    def main(self) -> str:
        """The name of the table that is learned from: the first source."""
        return next(iter(self.sources))

    def key_of(self, table: str) -> tuple[str, ...]:
        """The columns that name a row of a table, as they are declared; none for a table that is not."""
        if table in self.sources:
            return self.sources[table].key
        return self.tables[table].key if table in self.tables else ()

    def contract_of(self, table: str) -> ContractSpec:
        """The contract of a source's table: the main one's is `contract`, another's stands in its source."""
        return self.contract if table == self.main else self.sources[table].contract or ContractSpec()
