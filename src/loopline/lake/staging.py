"""Rows on their way into a table: written part by part beside the table's files, and seen by nobody until they are committed."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import polars as pl
from arro3.core import RecordBatch, RecordBatchReader
from deltalake.transaction import AddAction, RemoveAction

from loopline.lake import objects
from loopline.lake.columns import storable
from loopline.lake.place import Lake

PART_ROWS = 1_000_000
_GROUP_ROWS = 250_000


@dataclass(frozen=True)
class Part:
    """A data file that was written: its name in the table's folder, where its bytes can be read now, and what Delta's log says of it."""

    name: str
    file: Path
    rows: int
    action: AddAction


class Staging:
    """Rows that are being written for a table, in the order in which they come.

    Memory holds one part at a time. Parts that are not committed are removed by `discard`, and swept after a death.

    Parameters
    ----------
    table
        The table's name; it need not exist.
    known
        The table's schema, where it exists: what is written fits it.
    """

    def __init__(self, lake: Lake, table: str, known: pl.Schema | None = None) -> None:
        self.table = table
        self.rows = 0
        self.parts: list[Part] = []
        self.schema: pl.Schema | None = None
        self._lake = lake
        self._known = known
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._offered = False
        self._spool = None if lake.is_folder else tempfile.TemporaryDirectory()

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self.discard()
        if self._spool is not None:
            self._spool.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        """Take in some rows; all frames have the same columns.

        Raises
        ------
        Mistake
            Where a column does not fit the table's.
        """
        rows = storable(frame, self._known, where=f"table {self.table!r}")
        if self.schema is None:
            self.schema = rows.schema
        self._waiting.append(rows.select(pl.col(name).cast(kind) for name, kind in self.schema.items()) if rows.schema != self.schema else rows)
        self._waiting_rows += rows.height
        self.rows += rows.height
        if self._waiting_rows >= PART_ROWS:
            self._write()

    def flush(self) -> None:
        """Write what waits for more rows."""
        if self._waiting_rows:
            self._write()

    def scan(self) -> pl.LazyFrame:
        """The rows that were written, in their order; call `flush` first."""
        if not self.parts:
            return pl.LazyFrame(schema=self.schema or {})
        return pl.scan_parquet([part.file for part in self.parts])

    def reader(self) -> RecordBatchReader:
        """The rows as Arrow batches, one part at a time; call `flush` first."""
        schema = RecordBatchReader.from_arrow(pl.DataFrame(schema=self.schema or {})).schema

        def batches() -> Iterator[RecordBatch]:
            for part in self.parts:
                yield from RecordBatchReader.from_arrow(pl.read_parquet(part.file))

        return RecordBatchReader.from_batches(schema, batches())

    def upload(self) -> list[AddAction | RemoveAction]:
        """What the table's log has to say of the parts, once they are where it looks for them."""
        self.flush()
        self._offered = True
        if self._spool is not None:
            store = objects.store(self._lake)
            with objects.told(self._lake):
                for part in self.parts:
                    store.put(f"{self._lake.tables}/{self.table}/{part.name}", part.file)
        return [part.action for part in self.parts]

    def discard(self) -> None:
        """Remove the parts, unless a commit was tried: whether it holds them is then for a sweep to tell."""
        for part in self.parts if not self._offered else ():
            with suppress(OSError):
                part.file.unlink(missing_ok=True)
        self.parts, self._waiting, self._waiting_rows, self.rows = [], [], 0, 0

    def _write(self) -> None:
        frame = pl.concat(self._waiting)
        self._waiting, self._waiting_rows = [], 0
        folder = Path(self._lake.table(self.table)) if self._spool is None else Path(self._spool.name)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"part-{len(self.parts):05}-{secrets.token_hex(8)}.parquet"
        with objects.told(self._lake):
            try:
                # The lowest level writes in three quarters of the time, and files are 3 % larger.
                frame.write_parquet(folder / name, compression="zstd", compression_level=1, row_group_size=_GROUP_ROWS)
            except BaseException:
                with suppress(OSError):
                    (folder / name).unlink(missing_ok=True)
                raise
        stats = json.dumps({"numRecords": frame.height, **_bounds(frame)})
        action = AddAction(name, os.stat(folder / name).st_size, {}, int(time.time() * 1000), True, stats)
        self.parts.append(Part(name, folder / name, frame.height, action))


def _bounds(frame: pl.DataFrame) -> dict[str, dict[str, int | str]]:
    """Least and greatest values of whole numbers, and of texts that are all one: by them readers pass over a file."""
    whole = [name for name, kind in frame.schema.items() if kind.is_integer()]
    same = [name for name, kind in frame.schema.items() if kind == pl.String and _is_one(frame[name])]
    names: Sequence[str] = [*whole, *same]
    if not names or not frame.height:
        return {}
    low, high, nulls = (frame.select(getattr(pl.col(name), how)() for name in names).row(0, named=True) for how in ("min", "max", "null_count"))
    known = [name for name in names if low[name] is not None]
    return {
        "minValues": {name: low[name] for name in known},
        "maxValues": {name: high[name] for name in known},
        "nullCount": {name: nulls[name] for name in names},
    }


def _is_one(texts: pl.Series) -> bool:
    first = texts[0] if len(texts) else None
    return first is not None and len(first) <= 64 and texts[-1] == first and bool((texts == first).all())
