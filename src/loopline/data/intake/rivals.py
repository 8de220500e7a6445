"""Rows that perhaps share a key: held aside while a batch is read, and sorted out once all of it is known."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import polars as pl

from loopline.data.cleaning import duplicates
from loopline.data.contract.contract import in_table
from loopline.data.spec import ROW
from loopline.data.spec_source import Duplicates

_IN_MEMORY_BYTES = 32 << 20
_VIEW_BYTES = 16
VERDICTS = {ROW: pl.Int64(), "reasons": pl.List(pl.String()), "merged": pl.Boolean()}


class Spool:
    """Rows that are held aside; beyond some megabytes they lie on disk.

    Parameters
    ----------
    times
        How many times the usual size is held in memory.
    """

    def __init__(self, *, times: int = 1) -> None:
        self.rows = 0
        self._times = times
        self._held: list[pl.DataFrame] = []
        self._held_bytes = 0
        self._files: list[Path] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        """Hold some rows aside."""
        self._held.append(frame)
        # Of texts only the letters are counted, and not where they stand.
        self._held_bytes += int(frame.estimated_size()) + _VIEW_BYTES * frame.height * frame.schema.dtypes().count(pl.String())
        self.rows += frame.height
        if self._held_bytes > self._times * _IN_MEMORY_BYTES:
            self._folder = self._folder or tempfile.TemporaryDirectory()
            self._files.append(Path(self._folder.name) / f"{len(self._files)}.arrow")
            # What is packed is read, not mapped: pages of a mapped file count as memory.
            pl.concat(self._held).write_ipc(self._files[-1], compression="lz4")
            self._held, self._held_bytes = [], 0

    def parts(self) -> Iterator[pl.DataFrame]:
        """The rows in their order, some at a time."""
        for file in self._files:
            yield pl.read_ipc(file)
        yield from self._held

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        """Some columns of all rows."""
        return pl.concat(part.select(names) for part in self._lazily()).collect()

    def like(self, rivals: pl.DataFrame, groups: Sequence[Sequence[str]]) -> list[pl.DataFrame]:
        """The rows that share a key with one of the rivals, by any group of columns; nothing where there are none."""
        if not self.rows:
            return []
        every = pl.concat(self._lazily())
        shared = [every.join(rivals.lazy().select(group).unique(), on=list(group), how="semi") for group in groups]
        return [pl.concat(shared).select(rivals.columns).collect(engine="streaming").unique(ROW)]

    def _lazily(self) -> list[pl.LazyFrame]:
        return [*(pl.scan_ipc(file) for file in self._files), *(frame.lazy() for frame in self._held)]


def losers(
    rivals: pl.DataFrame, groups: Sequence[Sequence[str]], *, key: Sequence[str], rule: Duplicates, order: str | None, taken: pl.LazyFrame | None
) -> pl.DataFrame:
    """The rows that do not enter the table, each with every reason, and whether it was merged into another row; pure.

    Parameters
    ----------
    rivals
        The groups' columns, `ROW`, `LINE` and `order`.
    groups
        The columns whose values come once, each group together.
    key, rule
        The group that names a row, and what becomes of rows that share it; in the other groups the first row wins.
    order
        The column by which a row is the latest; the order of delivery where None.
    taken
        The table's rows whose values are not free.
    """
    found = [
        part for group in groups for part in _of_group(rivals, list(group), rule=rule if tuple(group) == tuple(key) else "refuse", order=order, taken=taken)
    ]
    if not found:
        return pl.DataFrame(schema=VERDICTS)
    return pl.concat(found).group_by(ROW, maintain_order=True).agg(pl.col("reason").alias("reasons"), pl.col("merged").all())


def _of_group(rivals: pl.DataFrame, group: list[str], *, rule: Duplicates, order: str | None, taken: pl.LazyFrame | None) -> Iterator[pl.DataFrame]:
    known = rivals.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in group))
    if taken is not None and set(group) <= set(taken.collect_schema()):
        keys = known.lazy().select(group).unique()
        there = taken.select(pl.col(name).cast(known.schema[name], strict=False) for name in group).join(keys, on=group, how="semi").unique()
        gone = known.join(there.collect(engine="streaming"), on=group, how="semi")
        yield gone.select(ROW, pl.lit(in_table(group)).alias("reason"), pl.lit(False).alias("merged"))
        known = known.join(gone, on=ROW, how="anti")
    known = known.sort(ROW)
    lost = duplicates.losers(known, group, rule, order=[order] if order is not None else [])
    yield lost.select(known[ROW].gather(lost["place"]).alias(ROW), "reason", pl.lit(rule in ("first", "latest")).alias("merged"))
