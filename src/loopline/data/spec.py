"""The data as it is declared: sources, the contract that they must satisfy, and the tables that are made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import model_validator

from loopline.data.rowwise import in_order
from loopline.data.spec_contract import ColumnSpec, ColumnType, ContractSpec, Severity
from loopline.data.spec_source import SourceSpec
from loopline.data.spec_tables import LookupSpec, TableSpec
from loopline.declaration import Spec
from loopline.errors import Mistake

__all__ = [
    "BATCH",
    "HIDDEN",
    "LINE",
    "OWN",
    "RESERVED",
    "ROW",
    "SPEC",
    "ColumnSpec",
    "ColumnType",
    "ContractSpec",
    "DataSpec",
    "LookupSpec",
    "Severity",
    "SourceSpec",
    "TableSpec",
]

SPEC = ("data/spec.py", "data/spec_cleaning.py", "data/spec_contract.py", "data/spec_past.py", "data/spec_source.py", "data/spec_tables.py", "data/rowwise.py")
"""The modules of this declaration, as a step's rooms name them."""
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

RESERVED = ("quarantine", "mends", "cleaned", "forgotten", "predictions", "outcomes", "feedback", "refused", "assignments", "measures")
"""Tables that Loopline keeps itself."""
_TABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")


class DataSpec(Spec):
    """Sources by table name, the contract of the table that is learned from (the first source), lookups into others, and derived tables.

    There may be no source yet: a charter is studied from what is stated, before there are data.
    """

    sources: dict[str, SourceSpec] = {}
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
        if self.sources and self.sources[self.main].contract is not None:
            raise ValueError(f"the contract of the first source, {self.main!r}, stands under data.contract; move it there")
        for table in self.sources:
            for reference in self.contract_of(table).references:
                if reference.table not in known:
                    raise ValueError(f"a reference of {table!r} names table {reference.table!r}, which is not declared; there are {', '.join(sorted(known))}")
        return self

    @model_validator(mode="after")
    def _sound_tables(self) -> DataSpec:
        known = (*self.sources, *self.tables)
        for name, table in self.tables.items():
            table.require_sound(name, known)
        self.made_in_order()
        return self

    def made_in_order(self) -> tuple[str, ...]:
        """The derived tables, each after those that it reads."""
        return tuple(name for name in in_order(self._needs()) if name in self.tables)

    def made_early(self) -> dict[str, tuple[str, ...]]:
        """The derived tables that must be there before all sources are taken in, for a contract refers to them, and the sources that each needs first."""
        needs, early = self._needs(), set[str]()
        waiting = [table for source in self.sources for table in needs[source]]
        while waiting:
            name = waiting.pop()
            if name not in early:
                early.add(name)
                waiting += needs[name]
        return {name: tuple(other for other in needs[name] if other in self.sources) for name in self.made_in_order() if name in early}

    def _needs(self) -> dict[str, tuple[str, ...]]:
        """What must be there before a derived table is made, and before a source is taken in: the derived tables that its contract refers to."""
        known = (*self.sources, *self.tables)
        made = {name: table.needs_of(name, known) for name, table in self.tables.items()}
        taken = {name: tuple(reference.table for reference in self.contract_of(name).references if reference.table in self.tables) for name in self.sources}
        return {**taken, **made}

    @property
    def main(self) -> str:
        """The name of the table that is learned from: the first source.

        Raises
        ------
        Mistake
            When there is no source yet.
        """
        if not self.sources:
            remedy = "say where they lie, as in sources: {customers: {path: customers.csv}}"
            raise Mistake("there are no data yet", where="data.sources", remedy=remedy)
        return next(iter(self.sources))

    def key_of(self, table: str) -> tuple[str, ...]:
        """The columns that name a row of a table, as they are declared; none for a table that is not."""
        if table in self.sources:
            return self.sources[table].key
        return self.tables[table].key if table in self.tables else ()

    def requiring(self, columns: Iterable[str]) -> DataSpec:
        """The same data, with columns of the main table that are never null."""
        declared = self.contract.columns
        required = {name: declared.get(name, ColumnSpec()).model_copy(update={"required": True}) for name in columns}
        contract = self.contract.model_copy(update={"columns": {**declared, **required}})
        return self.model_copy(update={"contract": contract}) if required else self

    def contract_of(self, table: str) -> ContractSpec:
        """The contract of a source's table: the main one's is `contract`, another's stands in its source."""
        return self.contract if table == self.main else self.sources[table].contract or ContractSpec()
