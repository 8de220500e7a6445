"""The rows of a table of the lake or of a bare file, typed, part by part: what a look at data needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loopline.data.contract import Terms, check
from loopline.data.sources import load, read
from loopline.data.spec import SourceSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.workspace import Workspace

CHUNK_ROWS = 250_000


@dataclass(frozen=True)
class Rows:
    """Rows that can be gone through once.

    Parameters
    ----------
    name, source
        What they are called, and where they come from, for people.
    total
        How many there are.
    notes
        What a reader must know of them.
    is_table
        Whether they are a table's, not a bare file's.
    """

    name: str
    source: str
    total: int
    chunks: Iterator[pl.DataFrame]
    notes: tuple[str, ...] = ()
    is_table: bool = False


def rows_of_table(workspace: Workspace, name: str) -> Rows:
    """The rows of a table's newest version.

    Raises
    ------
    Mistake
        When there is no such table.
    """
    tables = Tables(workspace.lake)
    at = tables.version(name)
    batches = tables.read(name, version=at.version).collect_batches(chunk_size=CHUNK_ROWS)
    return Rows(name, f"table {name}, version {at.version}", at.rows, (_flat(batch) for batch in batches), is_table=True)


def rows_of_file(path: Path, *, nulls: Sequence[str] = ()) -> Rows:
    """The rows of a file, with the types that fit all of them.

    Parameters
    ----------
    nulls
        Words that stand for null, beside those that always do.

    Raises
    ------
    Mistake
        When it cannot be read, or holds no row.
    """
    source = SourceSpec(path=str(path))
    batch = read(load(path), source, where=path.name)
    checked = check(batch.frame, Terms(nulls=(*source.nulls, *nulls)))
    if not checked.accepted.height:
        raise Mistake("no record of the file holds anything", where=path.name, remedy="check the file's separator and encoding")
    refused = len(batch.refused) + checked.refused.height
    notes = (f"{refused:,} of {batch.read:,} records could not be read as rows and are left out.",) if refused else ()
    return Rows(_stem(path), path.name, checked.accepted.height, iter([_flat(checked.accepted)]), notes)


def _stem(path: Path) -> str:
    return path.name.split(".")[0] or path.name


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists and records as texts: they are looked at as they are written."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.with_columns(_written(frame[name]) for name in nested) if nested else frame


def _written(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.List) and values.dtype.inner == pl.String:
        return values.list.join("; ")
    return pl.Series(values.name, [None if value is None else str(value) for value in values.to_list()], dtype=pl.String)
