"""What the declared cleaning would do to files that have not been delivered: the core of ``loopline data clean``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.cleaning.cleaning import Done, declared, merged, planned
from loopline.data.formats.opening import open_reading
from loopline.data.formats.reading import Reading
from loopline.data.spec import DataSpec, SourceSpec
from loopline.data.testing.sample import readings
from loopline.engine.step import Progress
from loopline.errors import Mistake


@dataclass(frozen=True)
class Preview:
    """What cleaning does to some rows.

    Parameters
    ----------
    files
        The files that were looked at.
    rows, cells
        How many rows were looked at, and how many of their cells are another after cleaning.
    steps
        What each declared step does, also where it changes nothing.
    """

    table: str
    files: tuple[str, ...]
    rows: int
    cells: int
    steps: tuple[Done, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; `docs/json.md` has the shape."""
        steps = [step.as_json() for step in self.steps]
        return {"table": self.table, "files": list(self.files), "rows": self.rows, "cells": self.cells, "steps": steps}


def preview(data: DataSpec, folder: Path, progress: Progress, *, table: str | None = None, file: Path | None = None, sample: int | None = None) -> Preview:
    """What the declared cleaning does to what a source holds, wherever it is, or to one file; nothing is delivered.

    Parameters
    ----------
    folder
        Where the source's paths start.
    table
        The source; the main one by default.
    sample
        Only so many rows are looked at, the first ones.

    Raises
    ------
    Mistake
        When there is no such source, a file cannot be read, or a step has no meaning for its column.
    """
    table = table or data.main
    if table not in data.sources:
        raise Mistake(f"there is no source {table!r}", remedy=f"the sources are: {', '.join(data.sources)}")
    source = data.sources[table]
    contract = data.contract_of(table).columns
    rows, cells, files = 0, 0, []
    parts: list[tuple[Done, ...]] = []
    for name, frame in _frames(source, folder, file, table, progress):
        files.append(name)
        part = frame if sample is None else frame.head(sample - rows)
        done = planned(declared(part.schema, source.clean, contract), part.schema, nulls=source.nulls).clean(part)
        rows, cells = rows + part.height, cells + done.cells.height
        parts.append(done.steps)
        if sample is not None and rows >= sample:
            break
    return Preview(table, tuple(dict.fromkeys(files)), rows, cells, merged(parts))


def _frames(source: SourceSpec, folder: Path, file: Path | None, table: str, progress: Progress) -> Iterator[tuple[str, pl.DataFrame]]:
    with tempfile.TemporaryDirectory(prefix="loopline-") as temporary:
        found = _one(file, source) if file is not None else readings(source, folder, Path(temporary), progress, f"data.sources.{table}")
        for name, reading in found:
            for chunk in reading.chunks():
                yield name, chunk.frame


def _one(file: Path, source: SourceSpec) -> Iterator[tuple[str, Reading]]:
    with closing(open_reading(file, source, where=file.name)) as reading:
        yield file.name, reading
