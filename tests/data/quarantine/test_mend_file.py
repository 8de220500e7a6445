import json

import openpyxl
import polars as pl
import pytest

from loopline.data.ingest import ingest_file
from loopline.data.quarantine import mend_file
from loopline.data.quarantine.mending import mend
from loopline.data.quarantine.quarantine import Filter, found
from loopline.errors import Fault, LooplineError, Mistake
from tests.data.conftest import visits

BAD = {4: "4,99,no", 7: "007,=two,no", 9: "9,1"}


@pytest.fixture
def batch(room):
    return ingest_file(room.workspace, room.data, room.write("visits.csv", visits(1, 20, BAD)))["batch"]


def exported(room, path):
    frame = mend_file.sheet(room.workspace, room.data, found(room.tables, room.data, Filter()))
    mend_file.write(frame, path)
    return frame


def taken_back(room, path):
    said = mend_file.said_in(room.workspace, room.data, mend_file.read(path), where=path.name)
    return mend(room.workspace, room.data, said, by="ann")


def test_a_sheet_has_ids_reasons_and_cells_by_column(room, batch):
    frame = exported(room, room.folder / "out.csv")
    assert frame.columns == ["__id", "__table", "__state", "__source", "__line", "__reasons", "id", "pages", "bought", "__raw"]
    assert frame.row(0) == (f"{batch[:8]}:5", "visits", "refused", "visits.csv", "5", "pages is above 8", "4", "99", "no", "4,99,no")
    assert frame.row(2)[6:] == (None, None, None, "9,1")


@pytest.mark.parametrize("ending", mend_file.ENDINGS)
def test_what_comes_back_unchanged_changes_nothing(room, batch, ending):
    path = room.folder / f"out{ending}"
    exported(room, path)
    assert taken_back(room, path).rows == 0


def test_cells_that_were_changed_in_a_csv_are_mended(room, batch):
    path = room.folder / "out.csv"
    exported(room, path)
    path.write_text(path.read_text("utf-8").replace(",4,99,no,", ",4,8,no,").replace(";", ",").replace(",,,,", ",9,1,no,"))
    done = taken_back(room, path)
    assert (done.rows, done.cells, done.would_enter) == (2, 4, 2)


def test_a_spreadsheet_with_semicolons_and_its_own_numbers_is_read(room, batch):
    path = room.folder / "out.csv"
    frame = exported(room, path)
    frame.with_columns(pages=pl.Series(["8", "=two", None])).write_csv(path, separator=";", include_bom=True)
    assert (taken_back(room, path).cells, taken_back(room, path).cells) == (1, 0)


def test_cells_that_were_changed_in_excel_are_mended(room, batch):
    path = room.folder / "out.xlsx"
    exported(room, path)
    book = openpyxl.load_workbook(path)
    page = book.active
    assert [page["G3"].value, page["H3"].value] == ["007", "=two"]
    page["H2"], page["H3"] = 8, 3.0
    book.save(path)
    done = taken_back(room, path)
    assert (done.cells, done.would_enter) == (2, 2)


def test_json_lines_and_parquet_may_come_back_typed(room, batch):
    path = room.folder / "out.jsonl"
    path.write_text(json.dumps({"__id": f"{batch[:8]}:5", "pages": 8}) + "\n\n")
    assert taken_back(room, path).cells == 1
    pl.DataFrame({"__id": [f"{batch[:8]}:7"], "pages": [3]}).write_parquet(room.folder / "out.parquet")
    assert taken_back(room, room.folder / "out.parquet").relabelled == 1


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("none.csv", None, "there is no such file.*quarantine export"),
        ("rows.txt", "x", "is no .txt; end it with .csv"),
        ("rows", "x", "file without an ending"),
        ("rows.csv", "id,pages\n1,2\n", "no column __id"),
        ("rows.csv", "", "cannot be read as csv"),
        ("rows.csv", b"\xff\xfe\x00", "cannot be read as csv|no column __id"),
        ("rows.csv", '__id,pages\n"x', "cannot be read as csv"),
        ("rows.jsonl", "{", "cannot be read as jsonl"),
        ("rows.jsonl", "[1]", "cannot be read as jsonl|no column __id"),
        ("rows.parquet", "no", "cannot be read as parquet"),
        ("rows.xlsx", "no", "cannot be read as xlsx"),
        ("rows.csv", "__id,pages\nx,2\n", "names no row"),
        ("rows.csv", "__id,pages\n,2\n", "names no row"),
        ("rows.csv", "__id,pages\nabcd:5,2\n", "no row has the id"),
        ("rows.csv", "__id,pages\nID:5,2\nID:5,3\n", "stands there twice"),
        ("rows.csv", "__id,page\nID:5,2\n", "did you mean 'pages'"),
    ],
)
def test_a_file_that_is_no_sheet_is_told(room, batch, name, content, why):
    path = room.folder / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.replace("ID", batch[:8]).encode())
    with pytest.raises(Mistake, match=why):
        taken_back(room, path)
    assert not room.tables.exists("mends")


@pytest.mark.parametrize("ending", mend_file.ENDINGS)
def test_a_file_that_cannot_be_written_is_told(room, batch, ending):
    with pytest.raises(LooplineError) as told:
        exported(room, room.folder / "nowhere" / f"out{ending}")
    assert isinstance(told.value, Fault)


def test_rows_of_two_tables_share_a_sheet(room, batch):
    room.sources["orders"] = {"path": "orders.csv", "contract": {"price": {"type": "number"}}}
    ingest_file(room.workspace, room.data, room.write("orders.csv", "id,price\n1,2\n2,x\n"), table="orders")
    frame = exported(room, room.folder / "out.csv")
    assert (frame.height, frame.filter(pl.col("__table") == "orders")["price"].to_list()) == (4, ["x"])
    assert taken_back(room, room.folder / "out.csv").rows == 0
