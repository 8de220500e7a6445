"""Frames written as files of each format: CSV, JSON, JSON Lines, Parquet, Arrow, Excel."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl
import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from loopline.data.formats.packed import zstd_file
from loopline.data.formats.sinking import sink
from loopline.data.proposals.fitting import EXCEL_COLUMNS, EXCEL_ROWS
from loopline.errors import Fault, Mistake

Frames = Callable[[], Iterator[pl.DataFrame]]
_EXACT = 2**53


@contextmanager
def _file(path: Path, name: str) -> Iterator[BinaryIO]:
    """A file to write to; packed where the name in the end says so."""
    low = name.lower()
    try:
        if low.endswith((".gz", ".gzip")):
            with gzip.open(path, "wb", compresslevel=6) as file:
                yield cast(BinaryIO, file)
        elif low.endswith((".zst", ".zstd")):
            with zstd_file(path, "wb") as packed:
                yield packed
        else:
            with path.open("wb") as plain:
                yield plain
    except OSError as error:
        raise Fault(f"it cannot be written ({error.strerror})", where=name, remedy="free some space there, or choose another place") from None


def csv(frames: Frames, schema: Mapping[str, pl.DataType], path: Path, name: str) -> None:
    """Write a CSV file: commas (tabs for ``.tsv``), UTF-8, a header; quotes where they are needed, and around empty text."""
    separator = "\t" if ".tsv" in name.lower() or ".tab" in name.lower() else ","
    with _file(path, name) as file:
        file.write(pl.DataFrame(schema=dict.fromkeys(schema, pl.String())).write_csv(separator=separator).encode("utf-8"))
        for frame in frames():
            # A line with nothing at all would be taken for a blank one.
            alone = frame.with_columns(pl.all().cast(pl.String()).fill_null("")) if frame.width == 1 else frame
            file.write(alone.write_csv(separator=separator, include_header=False).encode("utf-8"))


def json_lines(frames: Frames, schema: Mapping[str, pl.DataType], path: Path, name: str) -> None:
    """Write JSON Lines: one object in each line."""
    with _file(path, name) as file:
        for frame in frames():
            file.write(_objects(frame))


def json_array(frames: Frames, schema: Mapping[str, pl.DataType], path: Path, name: str) -> None:
    """Write a JSON array of objects, each in a line of its own."""
    with _file(path, name) as file:
        between = b"[\n"
        for frame in frames():
            if frame.height:
                file.write(between + _objects(frame).rstrip(b"\n").replace(b"\n", b",\n"))
                between = b",\n"
        file.write(b"\n]\n" if between == b",\n" else b"[]\n")


def _objects(frame: pl.DataFrame) -> bytes:
    return frame.write_ndjson().encode("utf-8")


def parquet(frames: Frames, schema: Mapping[str, pl.DataType], path: Path, name: str) -> None:
    """Write a Parquet file."""
    sink(frames, schema, path)


def arrow(frames: Frames, schema: Mapping[str, pl.DataType], path: Path, name: str) -> None:
    """Write an Arrow file."""
    sink(frames, schema, path, arrow=True)


def excel(frames: Frames, schema: Mapping[str, pl.DataType], path: Path, name: str) -> None:
    """Write a workbook with one sheet, row by row.

    Raises
    ------
    Mistake
        When there are more rows or columns than a sheet holds.
    """
    if len(schema) > EXCEL_COLUMNS:
        raise Mistake(f"a sheet of Excel holds {EXCEL_COLUMNS:,} columns", where=name, remedy="write Parquet or CSV")
    book = xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    try:
        sheet = book.add_worksheet("rows")
        writers = [_cell(sheet, dtype, book) for dtype in schema.values()]
        for column, title in enumerate(schema):
            sheet.write_string(0, column, title)
        row = 0
        for frame in frames():
            if row + frame.height >= EXCEL_ROWS:
                raise Mistake(f"a sheet of Excel holds {EXCEL_ROWS - 1:,} rows under its header, and there are more", where=name, remedy="write Parquet or CSV")
            for values in frame.iter_rows():
                row += 1
                for column, value in enumerate(values):
                    if value is not None:
                        writers[column](row, column, value)
        book.close()
    except (OSError, XlsxWriterException):
        raise Fault("the workbook cannot be written", where=name, remedy="free some space there, and in TMPDIR") from None
    finally:
        # What was begun and not closed leaves open files.
        for begun in book.worksheets():
            for file in (begun.row_data_fh, begun.fh):
                if file is not None and not file.closed:
                    file.close()


def _cell(sheet: Any, dtype: pl.DataType, book: Any) -> Callable[[int, int, Any], Any]:
    """What writes a cell of a type."""
    if dtype == pl.Boolean():
        return cast(Callable[[int, int, Any], Any], sheet.write_boolean)
    if dtype == pl.Date() or isinstance(dtype, pl.Datetime):
        day, moment = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})

        def dated(row: int, column: int, value: date) -> None:
            if (value.year, value.month) < (1900, 3):
                sheet.write_string(row, column, value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat())
            else:
                sheet.write_datetime(row, column, value, moment if isinstance(value, datetime) else day)

        return dated
    if dtype.is_numeric():

        def number(row: int, column: int, value: int | float) -> None:
            if isinstance(value, int) and abs(value) > _EXACT:
                sheet.write_string(row, column, str(value))
            else:
                sheet.write_number(row, column, value)

        return number
    return cast(Callable[[int, int, Any], Any], sheet.write_string)
