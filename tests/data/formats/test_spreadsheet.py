"""A sheet's table is found among titles and groups, typed by all its cells, and its stray rows are refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from loopline.data.formats.reading import Refusal
from loopline.data.formats.spreadsheet import Spreadsheet
from loopline.data.spec import LINE, SourceSpec
from loopline.errors import Mistake


def book(path: Path, rows: Sequence[Sequence[Any]], merged: Iterable[str] = (), *, others: Sequence[str] = ("Other",)) -> Path:
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as made:
        sheet = made.add_worksheet("S")
        forms = {
            datetime: made.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            time: made.add_format({"num_format": "hh:mm:ss"}),
            timedelta: made.add_format({"num_format": "[h]:mm:ss"}),
        }
        for place, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell is not None:
                    sheet.write(place, column, cell, forms.get(type(cell)))
        for span in merged:
            first = span.split(":")[0]
            column, row = ord(first[0]) - ord("A"), int(first[1:]) - 1
            sheet.merge_range(span, rows[row][column])
        for name in others:
            made.add_worksheet(name).write(0, 0, "x")
    return path


def read(path: Path, **said: Any) -> tuple[pl.DataFrame, list[Refusal]]:
    sheet = Spreadsheet(path, SourceSpec(path="x", **said), where="x")
    chunks = list(sheet.chunks())
    sheet.close()
    assert all(len(chunk.raw(range(chunk.frame.height))) == chunk.frame.height for chunk in chunks)
    return pl.concat([chunk.frame for chunk in chunks]), [item for chunk in chunks for item in chunk.refused]


def test_columns_have_the_type_of_all_their_cells(tmp_path: Path) -> None:
    path = book(
        tmp_path / "x.xlsx",
        [
            ["id", "x", "d", "t", "ok", "mixed", "clock", "long"],
            [1, 1.5, date(2020, 1, 2), datetime(2020, 1, 2, 3, 4, 5), True, 1, time(1, 2), timedelta(hours=30)],
            [2, 2, date(2020, 1, 3), date(2020, 1, 1), False, "a", None, timedelta(seconds=1.5)],
            [],
            [3, None, None, None, None, 2.5],
        ],
    )
    frame, refused = read(path)
    assert not refused
    assert frame.drop(LINE).rows() == [
        (1, 1.5, date(2020, 1, 2), datetime(2020, 1, 2, 3, 4, 5), True, "1", "01:02:00", "30:00:00"),
        (2, 2.0, date(2020, 1, 3), datetime(2020, 1, 1), False, "a", None, "00:00:01.500000"),
        (3, None, None, None, None, "2.5", None, None),
    ]
    assert frame[LINE].to_list() == [2, 3, 5]
    assert frame.schema["id"] == pl.Int64


def test_titles_are_refused_and_stray_cells_too(tmp_path: Path) -> None:
    path = book(tmp_path / "x.xlsx", [["Report of 2020"], [], ["id", "x", "y"], [1, 2, 3], [4, 5, 6, "note"], [7, 8, 9]])
    frame, refused = read(path)
    assert frame.rows() == [(1, 2, 3, 4), (7, 8, 9, 6)]
    assert [(item.line, item.reasons) for item in refused] == [(1, ("it stands above the header",)), (5, ("it has cells beside the header's columns",))]
    assert read(path, skip=2)[1][0].line == 5


def test_merged_cells_of_a_header_come_before_its_names(tmp_path: Path) -> None:
    rows = [["id", "costs", None, "n"], [None, "planned", "real", None], [1, 2, 3, 4], [4, 5, 6, 7]]
    frame, refused = read(book(tmp_path / "x.xlsx", rows, ["A1:A2", "B1:C1", "D1:D2"]))
    assert frame.columns == ["id", "costs.planned", "costs.real", "n", LINE]
    assert not refused
    frame, refused = read(book(tmp_path / "y.xlsx", [["Title"], ["id", "x", "y"], [1, 2, 3]], ["A1:C1"]))
    assert frame.columns == ["id", "x", "y", LINE]
    assert len(refused) == 1


def test_a_table_may_stand_anywhere(tmp_path: Path) -> None:
    frame, _ = read(book(tmp_path / "x.xlsx", [[], [], [None, "id", "x"], [None, 1, 2]]))
    assert frame.rows() == [(1, 2, 4)]


def test_a_sheet_is_named_or_numbered(tmp_path: Path) -> None:
    path = book(tmp_path / "x.xlsx", [["id"], [1]], others=("Two", "3"))
    assert read(path)[0]["id"].to_list() == [1]
    assert Spreadsheet(path, SourceSpec(path="x", sheet="Two"), where="x").columns == {"x": pl.String}
    assert Spreadsheet(path, SourceSpec(path="x", sheet=2), where="x").about["sheet"] == "Two"
    assert Spreadsheet(path, SourceSpec(path="x", sheet="3"), where="x").about["sheet"] == "3"


def test_names_may_be_declared(tmp_path: Path) -> None:
    path = book(tmp_path / "x.xlsx", [[1, 2], [3, 4]])
    assert read(path, header=False)[0].columns == ["column_1", "column_2", LINE]
    assert read(path, header=False, names=("a", "b"))[0].rows() == [(1, 2, 1), (3, 4, 2)]


@pytest.mark.parametrize(
    ("rows", "said", "what"),
    [
        ([[1, 2], [3, 4]], {}, "holds numbers"),
        ([["id", "id"], [1, 2]], {}, "2 times"),
        ([["__a", "id"], [1, 2]], {}, "begins like"),
        ([["a"], ["b"]], {"sheet": "No"}, "the sheets are 'S', 'Other'"),
        ([["a"], ["b"]], {"sheet": 9}, "no sheet 9"),
        ([[]], {"sheet": 1}, "no cells"),
        ([["a", "b"], [1, 2]], {"header": False, "names": ("a",)}, "1 names are declared"),
    ],
)
def test_what_cannot_be_read_is_a_mistake(tmp_path: Path, rows: list[list[Any]], said: dict[str, Any], what: str) -> None:
    with pytest.raises(Mistake) as told:
        Spreadsheet(book(tmp_path / "x.xlsx", rows), SourceSpec(path="x", **said), where="x")
    assert what in str(told.value)


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, b"PK\x03\x04" + b"x" * 999])
def test_a_damaged_workbook_is_a_mistake(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.xlsx").write_bytes(data)
    with pytest.raises(Mistake, match="no workbook, or a damaged one"):
        Spreadsheet(tmp_path / "x.xlsx", SourceSpec(path="x"), where="x")


def test_a_truncated_workbook_is_a_mistake(tmp_path: Path) -> None:
    path = book(tmp_path / "x.xlsx", [["a"], [1]])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Mistake, match="damaged"):
        Spreadsheet(path, SourceSpec(path="x"), where="x")
