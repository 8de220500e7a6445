import csv
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.casting import parsed
from loopline.data.formats import delimited
from loopline.data.formats.delimited import Delimited
from loopline.data.formats.reading import whole
from loopline.data.spec import SourceSpec
from loopline.errors import Mistake

CELL = st.text(st.sampled_from('ab1 ,;"\n\ré'), max_size=6)
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=30)
NUMBER = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    st.floats().map(repr),
    st.sampled_from(["", "NA", " 5 ", "+7", "007", "1e400", "1_000", "0x1", ".5", "5.", "-", "x", "1.0", "-0", "inf", "NaN", "9223372036854775808", "1e3"]),
)


def opened(data, **declared):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data if isinstance(data, bytes) else data.encode())
        file.flush()
        return Delimited(Path(file.name), SourceSpec(path="f.csv", **declared), where="f.csv")


def read(data, **declared):
    reading = opened(data, **declared)
    try:
        return whole(reading)
    finally:
        reading.close()


def written(rows):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["h", "i"], *rows])
    return file.getvalue().encode()


def told(chunk):
    return (
        chunk.frame.rows(),
        [(one.line, one.raw, one.reasons) for one in chunk.refused],
        chunk.raw(range(chunk.frame.height)),
    )


@given(ROWS, st.integers(1, 40))
def test_a_written_file_is_read_alike_whatever_the_size_of_the_blocks(rows, block_bytes):
    data = written(rows)
    at_once = told(read(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK_BYTES", block_bytes)
        assert told(read(data)) == at_once


@given(st.lists(st.text(st.sampled_from('ab1,;"\n\r é'), max_size=8), min_size=2, max_size=30), st.integers(1, 40))
def test_every_character_is_accounted_for_in_small_blocks(lines, block_bytes):
    text = "h,i\n" + "\n".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK_BYTES", block_bytes)
        patch.setattr(delimited, "_LOOK_AHEAD_BYTES", block_bytes)
        try:
            found = read(text, separator=",", header=True)
        except Mistake:
            return
    if found.frame.columns != ["h", "i", "__line"]:
        return
    lines_told = sorted([*found.frame["__line"].to_list(), *(refusal.line for refusal in found.refused)])
    assert len(lines_told) == len(set(lines_told)) == found.read
    kept = "".join([*found.raw(range(found.frame.height)), *(refusal.raw for refusal in found.refused)])
    assert sorted(kept.replace("\n", "").replace("\r", "")) == sorted(text.removeprefix("h,i").replace("\n", "").replace("\r", ""))


@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=12))
def test_numbers_that_come_typed_are_those_that_the_contract_reads(rows):
    data = "x,y\n" + "".join(f"{x},{y}\n" for x, y in rows)
    reading = opened(data, separator=",")
    try:
        texts = whole(reading).frame
        (typed,) = reading.chunks(typed={"x": "integer", "y": "number"})
    finally:
        reading.close()
    nulls = SourceSpec(path="f").nulls
    for name, kind in (("x", "integer"), ("y", "number")):
        slow = texts.select(parsed(name, texts.schema[name], kind, nulls=nulls))
        fast = typed.frame.select(parsed(name, typed.frame.schema[name], kind, nulls=nulls))
        assert slow[name].equals(fast[name], null_equal=True)


def test_clean_numbers_come_typed_and_missing_ones_are_null():
    reading = opened("x,y,z\n1,2.5,a\n,NA,b\n3,4,c\n5,6,d\n7,8,e\n")
    (chunk,) = reading.chunks(typed={"x": "integer", "y": "number"})
    assert chunk.frame.schema == {"x": pl.Int64, "y": pl.Float64, "z": pl.String, "__line": pl.Int64}
    assert chunk.frame["x"].to_list() == [1, None, 3, 5, 7]
    reading.close()


def test_only_the_wanted_columns_are_cut():
    reading = opened("x,y\n1,2\n3\n5,6\n")
    (chunk,) = reading.chunks(only=["y"])
    assert chunk.frame.columns == ["y", "__line"]
    assert chunk.frame["y"].to_list() == ["2", "6"]
    assert [one.line for one in chunk.refused] == [3]
    reading.close()


@pytest.mark.parametrize(
    ("declared", "data", "rows"),
    [
        ({"header": False}, "1,2\n3,4\n", [("1", "2"), ("3", "4")]),
        ({"header": False, "names": ["a", "b"]}, "1,2\n3,4\n", [("1", "2"), ("3", "4")]),
        ({"header": True, "names": ["a", "b"]}, "x,y\n3,4\n", [("3", "4")]),
        ({"skip": 2}, "made by hand\r\n,,,\r\nx,y\r\n3,4\r\n", [("3", "4")]),
        ({"quote": "'"}, "x,y\n'a,\nb','it''s'\n", [("a,\nb", "it's")]),
        ({"separator": "^"}, "x^y\n3^4\n", [("3", "4")]),
    ],
)
def test_what_is_declared_of_a_file_is_believed(declared, data, rows):
    found = read(data, **declared)
    assert [row[:-1] for row in found.frame.iter_rows()] == rows
    assert found.frame.columns[:-1] == (declared.get("names") or (["x", "y"] if declared.get("header") is not False else ["column_1", "column_2"]))


@pytest.mark.parametrize(
    ("declared", "says"),
    [({"header": False, "names": ["a"]}, "1 columns are named"), ({"skip": 9}, "9 are to be skipped")],
)
def test_what_is_declared_wrongly_is_one_line_with_a_remedy(declared, says):
    with pytest.raises(Mistake, match=says) as caught:
        read("1,2\n3,4\n", **declared)
    assert caught.value.remedy


def test_lines_are_counted_over_blocks(monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    data = "x,y\r\n" + "".join(f"{number},{number % 7}\r\n" for number in range(300)) + "\r\n9\r\n1,2"
    found = read(data)
    assert found.frame["__line"].to_list() == [*range(2, 302), 304]
    assert [(one.line, one.raw) for one in found.refused] == [(303, "9")]


def test_blank_lines_above_the_header_may_fill_whole_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 8)
    (tmp_path / "x.csv").write_bytes(b"\r\n" * 30 + b"\n" * 30 + b"id;n\n1;2\n")
    reading = Delimited(tmp_path / "x.csv", SourceSpec(path="x.csv"), where="x.csv")
    (chunk,) = [chunk for chunk in reading.chunks() if chunk.read]
    assert chunk.frame.rows() == [("1", "2", 62)]
    reading.close()


def test_a_nul_in_a_columns_name_is_told_in_a_line(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"id,n\0m\n" + b"1,2\n" * 99)
    with pytest.raises(Mistake, match=r"the column name 'n\\x00m' has a NUL character"):
        Delimited(tmp_path / "x.csv", SourceSpec(path="x.csv", encoding="utf-8"), where="x.csv")


@pytest.mark.parametrize("typed", [None, {"n": "integer", "m": "number"}])
@pytest.mark.parametrize(("long", "short"), [(3, 190_000), (190_000, 3), (100_000, 100_001), (199_999, 4)])
def test_a_field_too_many_is_not_made_up_for_by_one_that_is_missing_elsewhere(monkeypatch, typed, long, short):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1 << 20)
    lines = [f"{number},{number}.5,text {number}" for number in range(200_000)]
    lines[long] += ","
    lines[short] = f"{short},1.5"
    with_header = "\n".join(["n,m,t", *lines, ""])
    reading = opened(with_header.encode())
    for _ in range(2):
        chunks = list(reading.chunks(typed=typed))
        refused = {one.line: one.reasons[0] for chunk in chunks for one in chunk.refused}
        assert refused == {long + 2: "too many fields for the header", short + 2: "too few fields for the header"}
        assert sum(chunk.frame.height for chunk in chunks) == len(lines) - 2
    reading.close()
