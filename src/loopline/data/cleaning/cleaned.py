"""The raw values of cleaned cells: the lake's table ``cleaned``, and what it says of one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from loopline.data.spec import BATCH, LINE
from loopline.errors import Mistake
from loopline.lake.tables import Tables

CLEANED = "cleaned"
SCHEMA: Mapping[str, pl.DataType] = {"table": pl.String(), "batch": pl.String(), "line": pl.Int64(), "column": pl.String(), "raw": pl.String()}
_SHORTEST = 4


@dataclass(frozen=True)
class Cell:
    """A cleaned cell: the value as it came, and as the table holds it now."""

    column: str
    raw: str | None
    now: str | None


@dataclass(frozen=True)
class Row:
    """Where a row came from, whether the table holds it, and which of its cells were cleaned."""

    batch: str
    line: int
    held: bool
    cells: tuple[Cell, ...]


def rows(table: str, batch: str, cells: pl.DataFrame) -> pl.DataFrame:
    """The changed cells of a batch, as `Plan.clean` gives them, as rows of the table ``cleaned``."""
    return cells.select(pl.lit(table).alias("table"), pl.lit(batch).alias("batch"), *(pl.col(name).cast(SCHEMA[name]) for name in ("line", "column", "raw")))


def raw_of(tables: Tables, table: str, batch: str, line: int) -> Row:
    """The cells of one row that cleaning changed.

    Parameters
    ----------
    batch
        The batch's digest, or its beginning.

    Raises
    ------
    Mistake
        When no batch or more than one begins so, or nothing is known of the line.
    """
    if len(batch) < _SHORTEST:
        raise Mistake(f"{batch!r} is too short for a batch", remedy=f"give at least {_SHORTEST} characters of its digest")
    known = _part(tables, CLEANED, (pl.col("table") == table) & pl.col("batch").str.starts_with(batch) & (pl.col("line") == line), SCHEMA)
    there = _part(tables, table, pl.col(BATCH).str.starts_with(batch) & (pl.col(LINE) == line), {BATCH: pl.String()})
    found = sorted({*known["batch"], *there[BATCH]})
    if len(found) > 1:
        raise Mistake(f"{len(found)} batches begin with {batch!r}", remedy=f"give more of it: {', '.join(name[:12] for name in found[:3])}")
    if not found:
        remedy = "take a batch from `loopline ledger log --kind batch`, and the line from the table's column __line"
        raise Mistake(f"table {table!r} has no row of batch {batch!r}, line {line}", remedy=remedy)
    held = there.row(0, named=True) if there.height else {}
    cells = tuple(Cell(column, raw, _text(held.get(column))) for column, raw in known.sort("column").select("column", "raw").iter_rows())
    return Row(found[0], line, bool(held), cells)


def _part(tables: Tables, name: str, where: pl.Expr, otherwise: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return tables.read(name).filter(where).collect() if tables.exists(name) else pl.DataFrame(schema=otherwise)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
