"""Rows as they are asked for: at a version or moment, by a condition, shown or written."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from loopline.data.edits.rows import chosen, first, moment_or_version, plain_rows, write
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables

FRAME = pl.DataFrame(
    {
        "id": [3, 1, 2],
        "v": [1.5, float("nan"), None],
        "tags": [["a", "b"], [], None],
        "at": pl.Series([datetime(2024, 1, 2, 3, tzinfo=UTC)] * 3),
        "__batch": ["x"] * 3,
        "__line": [4, 2, 3],
        "__row": [2, 0, 1],
    }
)


@pytest.fixture
def tables(tmp_path):
    made = Tables(Lake(str(tmp_path / "lake")))
    made.append("t", FRAME)
    made.append("t", FRAME.with_columns(pl.col("id") + 10, pl.col("__row") + 3))
    return made


def test_rows_come_in_the_order_of_delivery_without_hidden_columns(tables):
    total, shown = first(chosen(tables, "t"), 4)
    assert (total, shown["id"].to_list(), shown.columns) == (6, [1, 2, 3, 11], ["id", "v", "tags", "at"])
    assert first(chosen(tables, "t", at=1), 9)[0] == 3
    assert first(chosen(tables, "t", where="id > 2 and v < 2"), 9)[1]["id"].to_list() == [3, 13]
    total, shown = first(chosen(tables, "t", columns=["__line", "id"]), 2, ["__line", "id"])
    assert shown.rows() == [(2, 1), (3, 2)]


def test_a_moment_finds_its_version(tables):
    times = {change.version: change.time for change in tables.history("t")}
    assert first(chosen(tables, "t", at=times[1]), 9)[0] == 3
    with pytest.raises(Mistake, match="did not exist"):
        chosen(tables, "t", at=moment_or_version("2001-01-01"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("2024-05-01", datetime(2024, 5, 1, 23, 59, 59, 999999, UTC)),
        ("2024-05-01T10:00+00:00", datetime(2024, 5, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_version_or_a_moment(text, value):
    assert moment_or_version(text) == value


@pytest.mark.parametrize("text", ["", "-1", "yesterday", "2024-13-01", "1.5"])
def test_what_is_neither_is_told(text):
    with pytest.raises(Mistake, match="no version and no date"):
        moment_or_version(text)


def test_rows_are_written_by_the_ending(tables, tmp_path):
    rows = chosen(tables, "t")
    assert write(rows, tmp_path / "all.csv") == 6
    assert (tmp_path / "all.csv").read_text().splitlines()[:2] == ["id,v,tags,at", '1,NaN,"",2024-01-02T03:00:00.000000+0000']
    assert write(rows, tmp_path / "two.parquet", limit=2) == 2
    assert pl.read_parquet(tmp_path / "two.parquet").drop("v", "at").to_dicts() == [{"id": 1, "tags": []}, {"id": 2, "tags": None}]
    assert write(chosen(tables, "t", columns=["id"]), tmp_path / "some.jsonl", limit=3, columns=["id"]) == 3
    assert [json.loads(line) for line in (tmp_path / "some.jsonl").read_text().splitlines()] == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.csv", "lake", "some.jsonl", "two.parquet"]


def test_what_cannot_be_written_is_told(tables, tmp_path):
    rows = chosen(tables, "t")
    for path, what in ((tmp_path / "x.xls", "no format that is written"), (tmp_path / "no" / "x.csv", "no such folder"), (tmp_path, "this is a folder")):
        with pytest.raises(Mistake, match=what):
            write(rows, path)


def test_plain_rows_are_json():
    assert json.loads(json.dumps(plain_rows(FRAME.select("id", "v", "at")))) == [
        {"id": 3, "v": 1.5, "at": "2024-01-02T03:00:00+00:00"},
        {"id": 1, "v": None, "at": "2024-01-02T03:00:00+00:00"},
        {"id": 2, "v": None, "at": "2024-01-02T03:00:00+00:00"},
    ]


def test_what_is_not_there_is_told(tables):
    with pytest.raises(Mistake, match="there is no table 'tt'; did you mean 't'"):
        chosen(tables, "tt")
    with pytest.raises(Mistake, match="--columns: there is no column 'idd'; did you mean 'id'"):
        chosen(tables, "t", columns=["idd"])
    with pytest.raises(Mistake, match="no version 9"):
        chosen(tables, "t", at=9)
