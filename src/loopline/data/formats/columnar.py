"""Columns that come typed: Parquet, Arrow and Delta tables, read a chunk at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from loopline.access.secrets import masked
from loopline.data.formats.arrow_stream import stream_frames, stream_schema
from loopline.data.formats.reading import Chunk, require_names
from loopline.data.spec import LINE, ColumnType
from loopline.errors import Fault, LooplineError, Mistake
from loopline.lake.faults import explain

CHUNK_ROWS = 250_000


def as_json(row: Mapping[str, Any]) -> str:
    """A record of typed values as JSON text: bytes in hexadecimal, times as ISO 8601."""
    return json.dumps(row, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


class Columnar:
    """A delivery of typed columns.

    Parameters
    ----------
    frames
        Gives the rows, frame by frame; asked again for every reading.
    columns
        The columns with their types.
    about
        How it is written.
    ended
        Called when the reading is closed.
    """

    def __init__(
        self,
        frames: Callable[[Sequence[str] | None], Iterator[pl.DataFrame]],
        columns: Mapping[str, pl.DataType],
        about: Mapping[str, Any],
        *,
        where: str,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        require_names(list(columns), where)
        self._frames = frames
        self._columns = dict(columns)
        self._about = dict(about)
        self._where = where
        self._ended = ended

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns in their order, with their types."""
        return self._columns

    @property
    def about(self) -> Mapping[str, Any]:
        """How it is written."""
        return self._about

    def chunks(self, *, typed: Mapping[str, ColumnType] | None = None, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The rows, chunk by chunk; they are typed already, and none is refused."""
        line = 1
        with _damage(self._where):
            for frame in self._frames(only):
                for part in frame.iter_slices(CHUNK_ROWS):
                    yield _chunk(part, line)
                    line += part.height

    def close(self) -> None:
        """Let go of what was opened."""
        self._ended()


def _chunk(frame: pl.DataFrame, line: int) -> Chunk:
    numbered = frame.with_columns(pl.int_range(line, line + pl.len(), dtype=pl.Int64).alias(LINE))
    return Chunk(numbered, (), lambda places: [as_json(row) for row in frame[list(places)].iter_rows(named=True)])


@contextmanager
def _damage(where: str) -> Iterator[None]:
    """Turns what Polars says of a file that it cannot read into one line."""
    try:
        yield
    except LooplineError:
        raise
    # A panic in Polars is no Exception.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise _unreadable(error, where) from None
    except OSError as error:
        raise Fault(f"it cannot be read ({error.strerror or 'the system refuses'})", where=where, remedy="check the disk and the permissions") from None


def _unreadable(error: BaseException, where: str) -> LooplineError:
    said = " ".join(str(error).split())
    if "not yet" in said or "not supported" in said.lower() or "unsupported" in said.lower() or "not implemented" in said.lower():
        return Mistake("it holds a type of column that cannot be read here", where=where, remedy="write it again with plain types")
    return Mistake("the file is damaged", where=where, remedy="deliver it again")


def scanned(frame: pl.LazyFrame, about: Mapping[str, Any], where: str) -> Columnar:
    """An opened delivery of whatever a lazy frame reads."""

    def frames(only: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        wanted = frame if only is None else frame.select(only)
        return iter(wanted.collect_batches(chunk_size=CHUNK_ROWS, maintain_order=True))

    with _damage(where):
        return Columnar(frames, frame.collect_schema(), about, where=where)


def parquet(path: Path, *, where: str) -> Columnar:
    """An opened Parquet file.

    Raises
    ------
    Mistake
        When it is damaged, or names a column as Loopline names its own.
    """
    with _damage(where):
        frame = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        rows = int(frame.select(pl.len()).collect().item())

        def frames(only: Sequence[str] | None) -> Iterator[pl.DataFrame]:
            wanted = frame if only is None else frame.select(only)
            # One after the other: a stream of them reads whole row groups ahead, of which each may be hundreds of megabytes.
            return (wanted.slice(at, CHUNK_ROWS).collect() for at in range(0, rows, CHUNK_ROWS))

        return Columnar(frames, frame.collect_schema(), {"format": "parquet"}, where=where)


def arrow(path: Path, *, where: str) -> Columnar:
    """An opened Arrow file, or stream of record batches.

    Raises
    ------
    Mistake
        As for Parquet.
    """
    with _damage(where):
        with path.open("rb") as file:
            is_file = file.read(6) == b"ARROW1"
        if is_file:
            return scanned(pl.scan_ipc(path, glob=False), {"format": "arrow"}, where)

        def frames(only: Sequence[str] | None) -> Iterator[pl.DataFrame]:
            return (frame if only is None else frame.select(only) for frame in stream_frames(path))

        return Columnar(frames, stream_schema(path), {"format": "arrow", "stream": True}, where=where)


def delta(place: str, options: Mapping[str, str] | None = None, *, version: int | None = None, where: str) -> Columnar:
    """An opened Delta table, in a folder or an object store; it stays with the version that it has now.

    Raises
    ------
    Mistake
        When there is no Delta table.
    """
    shown = where or masked(place)
    stored = dict(options or {})
    try:
        table = DeltaTable(place, version=version, storage_options=stored or None)
        frame = pl.scan_delta(table, storage_options=stored or None)
    except (DeltaError, OSError, ValueError) as error:
        told = explain(error, shown)
        what = "there is no Delta table" if isinstance(told, Mistake) or "not a Delta table" in str(error) else ""
        raise (Mistake(what, where=shown, remedy="name the folder that holds _delta_log") if what else told) from None
    with _damage(shown):
        return scanned(frame, {"format": "delta", "version": table.version()}, shown)
