"""A sample of what a source delivers: rows drawn evenly from all of its files, with what is known of how these are written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from loopline.access.secrets import masked, resolve
from loopline.data.cleaning.cleaning import clean, declared
from loopline.data.formats.columnar import delta
from loopline.data.formats.opening import open_reading
from loopline.data.formats.reading import Reading, Refusal
from loopline.data.listing import File, listing
from loopline.data.sources.databases import pull
from loopline.data.sources.remote import fetch, listed
from loopline.data.spec import LINE, OWN, ContractSpec, SourceSpec
from loopline.engine.step import Progress, Silence
from loopline.errors import Mistake

FILE = "__file"
"""The column of a sample that names the row's file."""
_KEY, _ORDER = "__drawn", "__order"
_SHOWN = 5


@dataclass(frozen=True)
class Sample:
    """Rows of a source, as they are delivered.

    Parameters
    ----------
    frame
        The rows in the order of their files: texts or typed values, their line (`LINE`) and their file (`FILE`).
    files
        From each file to how many records it has, in their order.
    unreadable
        How many records could not be cut into columns, by reason.
    refusals
        The first of those records.
    about
        How the last file is written: ``separator``, ``encoding`` ... where they apply.
    """

    frame: pl.DataFrame
    files: Mapping[str, int]
    unreadable: Mapping[str, int] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many records there are in all."""
        return sum(self.files.values())

    @property
    def refused(self) -> int:
        """How many records could not be cut into columns."""
        return sum(self.unreadable.values())

    @property
    def columns(self) -> list[str]:
        """The columns that are delivered."""
        return [name for name in self.frame.columns if name not in (LINE, FILE)]


def drawn(source: SourceSpec, folder: Path, *, rows: int | None, where: str, progress: Progress | None = None) -> Sample:
    """A sample of all that a source holds now, wherever it is.

    Parameters
    ----------
    folder
        Where relative paths begin.
    rows
        How many rows at most; all where None. They are drawn at random, and the same ones each time.

    Raises
    ------
    Mistake
        When nothing is there, or a file cannot be read.
    Fault
        When a database or a server goes away.
    """
    told = progress or Silence()
    with tempfile.TemporaryDirectory(prefix="loopline-") as temporary:
        return _drawn(readings(source, folder, Path(temporary), told, where), rows)


def drawn_from(files: Sequence[File], source: SourceSpec, *, rows: int | None, progress: Progress | None = None) -> Sample:
    """A sample of some files that are written as the source's are."""
    return _drawn(_files(files, source, progress or Silence()), rows)


def _drawn(found: Iterator[tuple[str, Reading]], rows: int | None) -> Sample:
    counts: dict[str, int] = {}
    reasons: dict[str, int] = {}
    first: list[Refusal] = []
    about: dict[str, Any] = {}

    def parts() -> Iterator[pl.DataFrame]:
        for name, reading in found:
            counts[name] = 0
            about.clear()
            about.update(reading.about)
            for chunk in reading.chunks():
                counts[name] += chunk.read
                for refusal in chunk.refused:
                    for reason in refusal.reasons[:1]:
                        reasons[reason] = reasons.get(reason, 0) + 1
                first.extend(chunk.refused[: max(0, _SHOWN - len(first))])
                yield chunk.frame.with_columns(pl.lit(name).alias(FILE))

    frame = evenly(parts(), rows)
    return Sample(frame, counts, reasons, tuple(first), about)


def _files(files: Sequence[File], source: SourceSpec, progress: Progress) -> Iterator[tuple[str, Reading]]:
    for done, file in enumerate(files):
        if len(files) > 1:
            progress.at(done, len(files), unit="files", note=file.name)
        with closing(open_reading(file.path, source, where=file.name)) as reading:
            yield file.name, reading


def readings(source: SourceSpec, folder: Path, into: Path, progress: Progress, where: str) -> Iterator[tuple[str, Reading]]:
    """What a source holds, one file after the other, each with its name: on this machine, in a database, a Delta table, or behind a URL.

    Parameters
    ----------
    folder
        Where relative paths begin.
    into
        A folder for what must be fetched first.

    Raises
    ------
    Mistake, Fault
        As `drawn` does.
    """
    if source.url is not None:
        pulled = pull(source, into, base=folder, progress=progress, where=where)
        if not pulled.rows:
            raise Mistake("the database gives no rows", where=where, remedy="check the table or the query")
        with closing(open_reading(pulled.path, source.model_copy(update={"format": "parquet"}), where=where)) as reading:
            yield source.table or "query", reading
    elif source.format == "delta":
        place = source.place if "://" in source.place else str(folder / source.place)
        yield masked(source.place), delta(place, {name: resolve(value, where=where) for name, value in source.options.items()}, where=where)
    elif source.is_local:
        yield from _files(listing(source, folder, where=where), source, progress)
    else:
        for file in listed(source.place, source.options, where=where):
            found = fetch(file, source.options, folder=into, progress=progress, where=where)
            with closing(open_reading(found.path, source, where=file.url)) as reading:
                yield file.url, reading
            found.path.unlink(missing_ok=True)


def file_at(path: Path) -> File:
    """A file that a person names.

    Raises
    ------
    Mistake
        When there is no such file.
    """
    try:
        stat = path.stat()
    except OSError:
        raise Mistake("there is no such file", where=str(path), remedy="check the path") from None
    return File(path.name, path, stat.st_size, stat.st_mtime_ns)


def cleaned(rows: pl.DataFrame, source: SourceSpec, contract: ContractSpec) -> pl.DataFrame:
    """Rows as they came, cleaned as it is declared for the columns that are there."""
    columns = {name: kind for name, kind in rows.schema.items() if not name.startswith(OWN)}
    present = {name: spec for name, spec in contract.columns.items() if name in columns}
    return clean(rows, declared(columns, source.clean, present), nulls=source.nulls).frame


def evenly(parts: Iterable[pl.DataFrame], rows: int | None) -> pl.DataFrame:
    """So many rows of all parts (all where None), each as likely as any other, in their order; memory does not grow with the parts.

    Every row draws a number, the same one each time, and the rows with the smallest ones stay.
    """
    chance = np.random.default_rng(0)
    kept: list[pl.DataFrame] = []
    seen = held = 0
    for part in parts:
        order = pl.int_range(seen, seen + part.height, eager=True, dtype=pl.Int64).alias(_ORDER)
        kept.append(part.with_columns(order, pl.Series(_KEY, chance.random(part.height))))
        seen, held = seen + part.height, held + part.height
        if rows is not None and held > 2 * rows:
            kept = [pl.concat(kept, how="diagonal_relaxed").bottom_k(rows, by=_KEY)]
            held = kept[0].height
    if not kept:
        return pl.DataFrame(schema={LINE: pl.Int64(), FILE: pl.String()})
    whole = pl.concat(kept, how="diagonal_relaxed")
    whole = whole if rows is None or whole.height <= rows else whole.bottom_k(rows, by=_KEY)
    whole = whole.sort(_ORDER).drop(_ORDER, _KEY)
    return whole.select(*(name for name in whole.columns if name not in (LINE, FILE)), *(name for name in (LINE, FILE) if name in whole.columns))


def evenly_from(table: pl.LazyFrame, rows: int | None) -> pl.DataFrame:
    """So many rows of a table (all where None), each as likely as any other, in their order; the same ones each time."""
    if rows is None:
        return table.collect()
    numbered = table.with_row_index(_ORDER).with_columns(pl.col(_ORDER).hash(seed=0).alias(_KEY))
    return numbered.bottom_k(rows, by=_KEY).sort(_ORDER).drop(_ORDER, _KEY).collect(engine="streaming")
