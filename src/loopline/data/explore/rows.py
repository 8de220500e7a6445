"""The rows of a table of the lake or of a bare file, typed, part by part: what a look at data needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from loopline.data.cleaning.cleaning import Plan
from loopline.data.contract.contract import Terms, check_rows
from loopline.data.formats.ahead import ahead
from loopline.data.formats.opening import open_reading
from loopline.data.intake.survey import survey, typed_ahead
from loopline.data.spec import ColumnSpec, SourceSpec
from loopline.data.testing.sample import file_at
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.workspace import Workspace

CHUNK_ROWS = 250_000


@dataclass
class Rows:
    """Rows to go through once, chunk by chunk.

    Parameters
    ----------
    name, source
        What they are called, and where they come from, for people.
    total
        How many there are; None where nobody knows before they have been read.
    is_table
        Whether they are a table's, not a bare file's.
    read, left_out
        How many records a file has, and how many of them are no rows; true once all chunks have come.
    """

    name: str
    source: str
    total: int | None
    chunks: Iterator[pl.DataFrame]
    is_table: bool = False
    read: int = 0
    left_out: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of them; once all chunks have come."""
        return (f"{self.left_out:,} of {self.read:,} records could not be read as rows and are left out.",) if self.left_out else ()


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
    """The rows of a file of any format, with the types that fit all of them; memory does not grow with the file.

    Parameters
    ----------
    nulls
        Words that stand for null, beside those that always do.

    Raises
    ------
    Mistake
        When it is not there, or nothing that can be read here; going through the chunks, when no record holds anything.
    """
    file_at(path)
    rows = Rows(_stem(path), path.name, None, iter(()))
    rows.chunks = _typed(path, nulls, rows)
    return rows


def _typed(path: Path, nulls: Sequence[str], rows: Rows) -> Iterator[pl.DataFrame]:
    source = SourceSpec(path=str(path))
    terms = Terms(nulls=(*source.nulls, *nulls))
    with closing(open_reading(path, source, where=path.name)) as reading:
        nested = {name: ColumnSpec(type="text") for name, dtype in reading.columns.items() if dtype.is_nested()}
        # No cleaning: what is odd is to be seen.
        terms = survey(reading, replace(terms, columns=nested), Plan()).terms
        for chunk in ahead(reading.chunks(typed=typed_ahead(reading, terms, Plan()))):
            checked = check_rows(_flat(chunk.frame), terms)
            rows.read += chunk.read
            rows.left_out += len(chunk.refused) + checked.refused.height
            yield checked.accepted
    if rows.left_out == rows.read:
        raise Mistake("no record of the file holds anything", where=rows.source, remedy="check the file's separator and encoding")


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
