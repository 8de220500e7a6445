"""The rows that are to be scored: of a file, or of a table of the lake, opened to be read block by block."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
from deltalake import DeltaTable

from loopline.data.casting import FormatFinder, absent
from loopline.data.formats.columnar import scanned
from loopline.data.formats.opening import open_reading
from loopline.data.formats.reading import Chunk, Reading, nothing
from loopline.data.spec import HIDDEN, LINE, SourceSpec
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.signature import Signature

TABLE = "table:"
"""How the name of a table begins, where a file could be named: ``table:NAME`` or ``table:NAME@VERSION``."""
_SAMPLE = 200


@dataclass(frozen=True, eq=False)
class Given:
    """Opened rows.

    Parameters
    ----------
    name
        What they are called in what is said of them.
    is_same_as
        What tells their content apart from another, so long as nobody forges the times of files.
    rows
        How many they are; None where only reading all of them tells.
    """

    name: str
    reading: Reading
    is_same_as: str
    rows: int | None = None


def opened(source: str, lake: Lake, like: SourceSpec) -> Given:
    """The rows of a file of any format that is read here, or of a version of a table.

    Parameters
    ----------
    source
        A path, or ``table:NAME[@VERSION]``.
    like
        The source that the package learned from: the words that stand for null are the same.

    Raises
    ------
    Mistake
        When there is no such table or version, or the file cannot be read as a table.
    """
    if source.startswith(TABLE):
        return _table(source, lake)
    path = Path(source)
    # What is said of how the source is written holds for a file like it, where the file does not tell by itself.
    reading = open_reading(path, SourceSpec(path=source, nulls=like.nulls, decimal=like.decimal, records=like.records), where=source)
    if path.is_dir():
        return Given(source, reading, _delta(path, reading.about["version"]))
    about = path.stat()
    return Given(source, reading, f"{path.absolute()}, {about.st_size} bytes, changed at {about.st_mtime_ns}", _rows(path, reading))


def _delta(path: Path, version: int) -> str:
    # A log that was packed meanwhile may tell the files in another order, and the rows would have other places.
    files = "\n".join(DeltaTable(str(path), version=version).file_uris())
    return f"{path.absolute()} at version {version}, files {sha256(files.encode()).hexdigest()}"


def _table(source: str, lake: Lake) -> Given:
    name, _, said = source.removeprefix(TABLE).partition("@")
    if said and not said.isdecimal():
        raise Mistake(f"{said!r} is no version", where=source, remedy="give a number, as in table:NAME@3; loopline data history tells them")
    tables = Tables(lake)
    newest = tables.version(name)
    version = int(said) if said else newest.version
    rows = tables.in_order(name, version).drop(*HIDDEN, strict=False)
    count = int(rows.select(pl.len()).collect().item())
    return Given(source, scanned(rows, {"format": "delta", "version": version}, source), f"table {newest.id} at version {version}", count)


def _rows(path: Path, reading: Reading) -> int | None:
    if reading.about["format"] != "parquet" or reading.about.get("packed"):
        return None
    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())


def expected(given: Given, chunk: Chunk, before: int) -> int | None:
    """About how many records a text has beyond those before, going by the length of some; None where the file is packed, or no text."""
    about, rows = given.reading.about, chunk.frame.height
    if about["format"] not in ("csv", "jsonl") or about.get("packed") or not rows:
        return None
    texts = chunk.raw(np.linspace(0, rows - 1, _SAMPLE, dtype=int).tolist())
    return round(Path(given.name).stat().st_size * len(texts) / sum(len(text.encode()) + 1 for text in texts)) - before


def written_as(reading: Reading, signature: Signature, nulls: Sequence[str]) -> Mapping[str, str]:
    """How the dates are written in each column that has them as texts; these columns are read until that is sure."""
    finders = {
        column.name: FormatFinder(column.type)
        for column in signature.columns
        if column.type in ("date", "datetime") and reading.columns.get(column.name) == pl.String
    }
    if finders:
        for chunk in reading.chunks(only=list(finders)):
            for name, finder in finders.items():
                finder.add(chunk.frame.filter(~absent(name, pl.String(), nulls))[name])
            if all(finder.is_sure for finder in finders.values()):
                break
    return {name: finder.found() for name, finder in finders.items()}


def blocks(reading: Reading, signature: Signature, rows: int, *, after: int = 0) -> Iterator[Chunk]:
    """The records behind a line, so many rows at a time; one block without records where there is none at all."""
    typed = {column.name: column.type for column in signature.columns if column.type in ("integer", "number")}
    empty = not after
    for chunk in reading.chunks(typed=typed):
        for block in cut(chunk, rows, after=after):
            empty = False
            yield block
    if empty:
        yield nothing(reading)


def cut(chunk: Chunk, rows: int, *, after: int = 0) -> Iterator[Chunk]:
    """A chunk's records behind a line, so many rows at a time, each with the refused records before the next one's first row."""
    lines = chunk.frame[LINE].to_numpy()
    refused = sorted((one for one in chunk.refused if one.line > after), key=lambda one: one.line)
    told = [one.line for one in refused]
    first = int(np.searchsorted(lines, after, side="right"))
    begun = 0
    for at in range(first, len(lines), rows) or [first]:
        end = min(at + rows, len(lines))
        upto = bisect_left(told, lines[end]) if end < len(lines) else len(told)
        if end > at or upto > begun:
            yield Chunk(chunk.frame[at:end], tuple(refused[begun:upto]), partial(_raw, chunk, at))
        begun = upto


def _raw(chunk: Chunk, first: int, places: Sequence[int]) -> list[str]:
    return chunk.raw([first + place for place in places])


def last_line(block: Chunk) -> int:
    """The line of a block's last record; 0 where it has none."""
    return max(_lines(block), default=0)


def _lines(block: Chunk) -> Iterable[int]:
    if block.frame.height:
        yield block.frame[LINE][-1]
    if block.refused:
        yield block.refused[-1].line
