"""What a source that is no file on this machine has to deliver now: rows of a database, files behind URLs, a version of a Delta table."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from loopline.access.secrets import masked, resolve
from loopline.data.batches import Holding
from loopline.data.formats.columnar import delta
from loopline.data.formats.reading import Reading
from loopline.data.sources.databases import Mark, pull
from loopline.data.sources.delivery import Delivery
from loopline.data.sources.remote import fetch, listed
from loopline.data.spec import SourceSpec
from loopline.engine.step import Progress
from loopline.lake.blobs import Blobs


def brought(source: SourceSpec, holding: Holding, blobs: Blobs, *, folder: Path, progress: Progress, where: str) -> Iterator[Delivery]:
    """The deliveries that are new, one after the other; each one's file is there until the next is asked for, and its bytes are kept in the lake.

    Parameters
    ----------
    holding
        What the table holds: it tells how far a database was read, and which files were fetched.
    folder
        Where relative paths begin.
    where
        The field that says the source.

    Raises
    ------
    Mistake
        When the place, a table, a column or the credentials are wrong.
    Fault
        When a database or a server goes away; nothing half is delivered, and the next time goes on from what was.
    """
    with tempfile.TemporaryDirectory(prefix="loopline-") as temporary:
        into = Path(temporary)
        if source.url is not None:
            yield from _rows(source, holding, blobs, into, folder, progress, where)
        elif source.format == "delta":
            yield from _version(source, holding, blobs, into, folder, where)
        else:
            yield from _files(source, holding, blobs, into, progress, where)


def _rows(source: SourceSpec, holding: Holding, blobs: Blobs, into: Path, folder: Path, progress: Progress, where: str) -> Iterator[Delivery]:
    marks = [entry.body["mark"] for entry in (*holding.owed.values(), *holding.held.values()) if entry.body.get("mark")]
    since = Mark.load(blobs.get(marks[-1])) if source.cursor is not None and marks else None
    pulled = pull(source, into, since=since, base=folder, progress=progress, where=where)
    if not pulled.rows:
        return
    # With a cursor each pull is a delivery of its own; without one it takes the place of the one before.
    name = f"{source.table or 'query'} of {masked(source.place)}" + (f" #{pulled.digest[:8]}" if source.cursor is not None else "")
    mark = None if pulled.mark is None else blobs.put(pulled.mark.dump())
    yield Delivery(name, "source", pulled.path, pulled.digest, blobs.put_file(pulled.path), mark=mark)


def _files(source: SourceSpec, holding: Holding, blobs: Blobs, into: Path, progress: Progress, where: str) -> Iterator[Delivery]:
    tags = {entry.body["file"]: entry.body.get("tag") for entry in (*holding.owed.values(), *holding.held.values(), *holding.stopped.values())}
    for file in listed(source.place, source.options, where=where):
        if file.tag is not None and tags.get(file.url) == file.tag:
            continue
        found = fetch(file, source.options, folder=into, progress=progress, where=where)
        yield Delivery(file.url, "source", found.path, found.digest, blobs.put_file(found.path), tag=found.file.tag or file.tag)
        found.path.unlink(missing_ok=True)


def _version(source: SourceSpec, holding: Holding, blobs: Blobs, into: Path, folder: Path, where: str) -> Iterator[Delivery]:
    place = source.place if "://" in source.place else str(folder / source.place)
    reading: Reading = delta(place, {name: resolve(value, where=where) for name, value in source.options.items()}, where=where)
    tag = str(reading.about["version"])
    name = masked(source.place)
    held = (*holding.owed.values(), *holding.held.values(), *holding.stopped.values())
    if any(entry.body["file"] == name and entry.body.get("tag") == tag for entry in held):
        return
    path = into / "version.parquet"
    _spool(reading, path)
    yield Delivery(name, "source", path, hashlib.sha256(f"{name}@{tag}".encode()).hexdigest(), blobs.put_file(path), tag=tag)


def _spool(reading: Reading, path: Path) -> None:
    """Write a delivery's records into a Parquet file, some at a time."""

    def frames(with_columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, batch_size: int | None) -> Iterator[pl.DataFrame]:
        for chunk in reading.chunks(only=with_columns):
            frame = chunk.frame.select(with_columns or list(reading.columns))
            yield frame if predicate is None else frame.filter(predicate)

    register_io_source(frames, schema=dict(reading.columns)).sink_parquet(path, maintain_order=True)
