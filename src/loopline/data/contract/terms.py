"""A table's contract made ready to be held against rows: with the types that the table binds, and what the tables hold that it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from loopline.data.casting import inferred
from loopline.data.contract.contract import Terms
from loopline.data.spec import HIDDEN, ColumnSpec, DataSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables


def place_of(data: DataSpec, table: str) -> str:
    """Where the declaration says the table's contract."""
    return "data.contract" if table == data.main else f"data.sources.{table}.contract"


def terms_of(tables: Tables, data: DataSpec, table: str, columns: Iterable[str], *, schema: Mapping[str, pl.DataType] | None = None) -> Terms:
    """The contract of a source's table, for rows with these columns.

    Parameters
    ----------
    schema
        The types that the table has and keeps; None where it is to be made.

    Raises
    ------
    Mistake
        When a table that the contract refers to is not there yet.
    """
    contract, source = data.contract_of(table), data.sources[table]
    specs = dict(contract.columns)
    for name in columns:
        if schema is not None and name in schema and name not in HIDDEN and specs.get(name, ColumnSpec()).type is None:
            kind, _ = inferred(pl.Series([], dtype=schema[name]))
            specs[name] = specs.get(name, ColumnSpec()).model_copy(update={"type": kind})
    references = []
    for index, reference in enumerate(contract.references):
        if not tables.exists(reference.table):
            remedy = "run the data stage to the end once, or take the reference out"
            raise Mistake(f"table {reference.table!r} is not there yet", where=f"{place_of(data, table)}.references.{index}", remedy=remedy)
        there = tables.read(reference.table).select(reference.target).drop_nulls().unique()
        references.append((reference, there.collect(engine="streaming")))
    return Terms(
        specs,
        source.key,
        source.time,
        source.nulls,
        decimal=source.decimal,
        together=contract.unique,
        rules=contract.rules,
        references=references,
    )
