"""A sheet of a workbook (xlsx, xlsb, xls, ods) as a delivery: its header found, its columns typed, its stray rows refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import python_calamine as calamine

from loopline.data.formats.reading import Chunk, Refusal, require_names
from loopline.data.spec import LINE, ColumnType, SourceSpec
from loopline.errors import Mistake

CHUNK_ROWS = 100_000
_LOOK_ROWS = 500
_EXACT = 2.0**53
Row = list[Any]


@dataclass(frozen=True)
class _Layout:
    """Where the table stands in the sheet: names from column to name, the row of the header (-1: none), rows whose words are in the names."""

    names: Mapping[int, str]
    head: int
    groups: frozenset[int]


class Spreadsheet:
    """An opened sheet.

    A row's line is its number in the sheet. Dates without a time are dates; times of day and durations are texts; a formula gives its value,
    or nothing where it gives an error.
    """

    def __init__(self, path: Path, source: SourceSpec, *, where: str) -> None:
        self._where = where
        self._workbook = _workbook(path, where)
        self._sheet = _sheet(self._workbook, source.sheet, where)
        self._skip = source.skip
        self._layout = _layout(self._sheet, source, where)
        require_names(list(self._layout.names.values()), where)
        self._columns = self._typed()
        self._about = {"format": "excel", "sheet": self._sheet.name, "header_row": self._layout.head + 1}

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns, each with a type that holds all its cells."""
        return self._columns

    @property
    def about(self) -> Mapping[str, Any]:
        """Which sheet it is, and in which row the header stands."""
        return self._about

    def _rows(self) -> Iterator[tuple[int, Row]]:
        """The rows that hold something, with their places; the header and what is passed over left out."""
        for place, row in enumerate(self._sheet.iter_rows()):
            if place >= self._skip and place != self._layout.head and place not in self._layout.groups and any(cell != "" for cell in row):
                yield place, row

    def _typed(self) -> dict[str, pl.DataType]:
        kinds: dict[int, set[type]] = {index: set() for index in self._layout.names}
        whole = dict.fromkeys(self._layout.names, True)
        rows = (row for place, row in self._rows() if place > self._layout.head)
        while part := list(islice(rows, CHUNK_ROWS)):
            for index in kinds:
                values = [row[index] for row in part if index < len(row) and row[index] != ""]
                kinds[index] |= set(map(type, values))
                if float in kinds[index] and whole[index]:
                    whole[index] = all(value.is_integer() and abs(value) <= _EXACT for value in values if type(value) is float)
        return {name: _dtype(kinds[index], whole[index]) for index, name in self._layout.names.items() if kinds[index] or not name.startswith("column_")}

    def chunks(self, *, typed: Mapping[str, ColumnType] | None = None, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The rows, chunk by chunk."""
        rows = self._rows()
        names = {index: name for index, name in self._layout.names.items() if name in self._columns}
        while part := list(islice(rows, CHUNK_ROWS)):
            good: list[tuple[int, Row]] = []
            refused: list[Refusal] = []
            for place, row in part:
                why = self._why(place, row, names)
                if why:
                    refused.append(Refusal(place + 1, _text(row), (why,)))
                else:
                    good.append((place, row))
            columns = [_series(name, [row[index] for _, row in good], self._columns[name]) for index, name in names.items() if only is None or name in only]
            frame = pl.DataFrame(columns, height=len(good)).with_columns(pl.Series(LINE, [place + 1 for place, _ in good], dtype=pl.Int64))
            yield Chunk(frame if only is None else frame.select(*only, LINE), tuple(refused), _texts(good))

    def _why(self, place: int, row: Row, names: Mapping[int, str]) -> str:
        if place < self._layout.head:
            return "it stands above the header"
        if any(cell != "" and index not in names for index, cell in enumerate(row)):
            return "it has cells beside the header's columns"
        return "" if any(row[index] != "" for index in names) else "it has no cell under the header"

    def close(self) -> None:
        """Let go of the workbook."""
        self._workbook.close()


def _workbook(path: Path, where: str) -> calamine.CalamineWorkbook:
    try:
        return calamine.CalamineWorkbook.from_path(path)
    except calamine.PasswordError:
        raise Mistake("the workbook is locked with a password", where=where, remedy="save it without one") from None
    except (calamine.CalamineError, OSError, ValueError):
        raise Mistake("this is no workbook, or a damaged one", where=where, remedy="save it again as xlsx, or deliver it as CSV") from None


def _sheet(workbook: calamine.CalamineWorkbook, wanted: str | int | None, where: str) -> calamine.CalamineSheet:
    names = workbook.sheet_names
    try:
        if isinstance(wanted, str) and wanted in names:
            return workbook.get_sheet_by_name(wanted)
        if wanted is not None:
            number = int(wanted) if str(wanted).isdecimal() else 0
            if not 1 <= number <= len(names):
                raise Mistake(f"there is no sheet {wanted!r}", where=where, remedy=f"the sheets are {', '.join(map(repr, names))}; a number counts from 1")
            return workbook.get_sheet_by_index(number - 1)
        shown = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible == calamine.SheetVisibleEnum.Visible] or names
        sheets = (workbook.get_sheet_by_name(name) for name in shown)
        found = next((sheet for sheet in sheets if sheet.height), None)
    except calamine.CalamineError:
        raise Mistake("a sheet of the workbook is damaged", where=where, remedy="save it again as xlsx, or deliver it as CSV") from None
    if found is None:
        raise Mistake("the workbook has no cells", where=where, remedy="give one with a header and rows")
    return found


def _layout(sheet: calamine.CalamineSheet, source: SourceSpec, where: str) -> _Layout:
    looked = [(place, row) for place, row in enumerate(islice(sheet.iter_rows(), source.skip + _LOOK_ROWS)) if place >= source.skip]
    filled = {place: count for place, row in looked if (count := sum(cell != "" for cell in row))}
    if not filled:
        raise Mistake(f"sheet {sheet.name!r} has no cells", where=where, remedy="say another sheet, or less to skip")
    rows = dict(looked)
    if source.header is False:
        width = max(max(index for index, cell in enumerate(rows[place]) if cell != "") for place in filled) + 1
        names = source.names or tuple(f"column_{index}" for index in range(1, width + 1))
        if len(names) < width:
            raise Mistake(f"{len(names)} names are declared, and the rows have {width} cells", where=where, remedy="name each column")
        return _Layout(dict(enumerate(names)), -1, frozenset())
    counts = Counter(filled.values())
    usual = max(counts, key=lambda count: (counts[count], count))
    head = next(place for place, count in filled.items() if count >= usual - 1 and count > min(1, usual - 1))
    if any(top == bottom == head and right > left and _is_over(rows.get(head + 1, []), left, right) for (top, left), (bottom, right) in _merged(sheet)):
        head += 1
    names_at, groups = _names(sheet, rows, head)
    if source.names:
        names_at = dict(zip(names_at, source.names, strict=False))
    if all(not isinstance(rows[head][index], str) or not rows[head][index] for index in names_at) and len(filled) > 1 and not source.names:
        raise Mistake(f"row {head + 1} holds numbers, not the columns' names", where=where, remedy="put the names above the rows, or say header: false")
    return _Layout(names_at, head, groups)


Merged = tuple[tuple[int, int], tuple[int, int]]


def _merged(sheet: calamine.CalamineSheet) -> Sequence[Merged]:
    """The merged cells: their first and last place, as row and column."""
    return sheet.merged_cell_ranges or []


def _is_over(row: Row, left: int, right: int) -> bool:
    """Whether a row has names in each of these columns."""
    return len(row) > right and all(isinstance(cell, str) and cell for cell in row[left : right + 1])


def _names(sheet: calamine.CalamineSheet, rows: Mapping[int, Row], head: int) -> tuple[dict[int, str], frozenset[int]]:
    """The names under which the columns stand; a merged cell above several of them comes first, as in ``costs.planned``."""
    merged = [span for span in _merged(sheet) if span[0][0] <= head <= span[1][0] + 1]
    ends = [right for (top, left), (_, right) in merged if top in rows and rows[top][left] != ""]
    width = max([*(index for index, cell in enumerate(rows[head]) if cell != ""), *ends]) + 1
    names: dict[int, str] = {}
    groups: set[int] = set()
    for index in range(width):
        own = _word(rows[head][index]) if index < len(rows[head]) else ""
        for (top, left), (bottom, right) in merged:
            word = _word(rows[top][left]) if top in rows and left < len(rows[top]) else ""
            if not (left <= index <= right and word and top < head):
                continue
            if bottom >= head and not own:
                own = word
                groups.add(top)
            elif bottom == head - 1 and 0 < right - left + 1 < width and right > left:
                own = f"{word}.{own}" if own else word
                groups.add(top)
        names[index] = own or f"column_{index + 1}"
    return names, frozenset(groups)


def _word(cell: Any) -> str:
    return " ".join(_cell(cell).split())


def _dtype(kinds: set[type], whole: bool) -> pl.DataType:
    if kinds and kinds <= {float, int}:
        return pl.Int64() if whole else pl.Float64()
    if kinds == {bool}:
        return pl.Boolean()
    if kinds == {date}:
        return pl.Date()
    return pl.Datetime("us") if kinds and kinds <= {date, datetime} else pl.String()


def _series(name: str, cells: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    converts: Mapping[pl.DataType, Callable[[Any], Any]] = {pl.Int64(): int, pl.Float64(): float, pl.String(): _cell, pl.Datetime("us"): _moment}
    convert = converts.get(dtype, lambda cell: cell)
    return pl.Series(name, [None if cell == "" else convert(cell) for cell in cells], dtype=dtype, strict=True)


def _moment(cell: date) -> datetime:
    return cell if isinstance(cell, datetime) else datetime(cell.year, cell.month, cell.day)


def _cell(cell: Any) -> str:
    """A cell as text: whole numbers without a fraction, moments as ISO 8601, durations as hours, minutes and seconds."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) <= _EXACT else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = cell.total_seconds()
        return f"{'-' if seconds < 0 else ''}{int(abs(seconds) // 3600):02}:{int(abs(seconds) // 60 % 60):02}:{abs(seconds) % 60:09.6f}".removesuffix(".000000")
    return str(cell)


def _text(row: Row) -> str:
    return json.dumps([None if cell == "" else cell if isinstance(cell, (str, float, bool)) else _cell(cell) for cell in row], ensure_ascii=False)


def _texts(rows: Sequence[tuple[int, Row]]) -> Callable[[Sequence[int]], list[str]]:
    return lambda places: [_text(rows[place][1]) for place in places]
