"""Frames that come one by one, written into one Parquet or Arrow file without being held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from loopline.errors import Fault


def sink(frames: Callable[[], Iterator[pl.DataFrame]], schema: Mapping[str, pl.DataType], path: Path, *, arrow: bool = False) -> None:
    """Write frames into a Parquet file as they come, or into an Arrow file; what goes wrong on their side is raised as it is.

    Raises
    ------
    Fault
        When the file cannot be written.
    """
    caught: list[BaseException] = []

    def source(columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None) -> Iterator[pl.DataFrame]:
        try:
            for frame in frames():
                yield frame.select(columns) if columns is not None else frame
        except BaseException as error:
            caught.append(error)
            raise

    try:
        flow = register_io_source(source, schema=dict(schema))
        if arrow:
            flow.sink_ipc(path)
        else:
            flow.sink_parquet(path)
    except BaseException as error:
        if caught:
            raise caught[0] from None
        if isinstance(error, (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)):
            raise Fault("the rows cannot be written", where=str(path.parent), remedy="check the free space and the permissions there", retry=True) from None
        raise
