"""A delivery without somebody's records: nothing else in it changes, not even its lines."""

import gzip
import io
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.forget.erasing import without
from loopline.data.forget.sought import Keys
from loopline.data.formats.opening import read_bytes
from loopline.data.spec import SourceSpec

SOURCE = SourceSpec(path="x", key="id")
FIVE = Keys(("id",), frozenset({("5",)}), ("integer",))


def records(data, source=SOURCE):
    batch, _ = read_bytes(data, source, where="x")
    return {line: tuple(row) for *row, line in batch.frame.iter_rows()}, {item.line: item.raw for item in batch.refused}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_a_csv_are_left_blank(encoding, end):
    text = end.join(["id;name", "4;Zoë", f'5;"two{end}lines"', "6;x", "5;again", "7;ä;more", "5;too;many", ""])
    data = text.encode(encoding)
    source = SourceSpec(path="x", separator=";", encoding="latin-1" if encoding == "latin-1" else None)
    kept, count = without(data, source, FIVE)
    assert count == 3
    assert kept == text.replace(f'5;"two{end}lines"', end).replace("5;again", "").replace("5;too;many", "").encode(encoding)
    before, after = records(data, source), records(kept, source)
    assert after[0] == {line: row for line, row in before[0].items() if row[0] != "5"}
    assert after[1] == {line: raw for line, raw in before[1].items() if not raw.startswith("5")}


@given(st.lists(st.tuples(st.integers(1, 8), st.text(st.sampled_from('ab,;"\n é5'), max_size=6)), min_size=1, max_size=20))
def test_everybody_else_keeps_their_line_and_cells(rows):
    pl.DataFrame({"id": [1, *(number for number, _ in rows)], "name": ["first", *(name for _, name in rows)]}).write_csv(file := io.BytesIO())
    data = file.getvalue()
    kept, count = without(data, SOURCE, FIVE)
    before, after = records(data), records(kept)
    theirs = FIVE.rows(read_bytes(data, SOURCE, where="x")[0].frame)
    assert count >= theirs.sum()
    assert after[0] == {line: row for line, row in before[0].items() if row[0].strip().lstrip("0") != "5"}


def test_what_has_none_of_them_is_the_same_to_the_byte():
    for data in (b"id,name\n1,a\n", b'{"id": 1}\n', b'[{"id": 1}]', gzip.compress(b"id,name\n1,a\n"), b"\x00\xff\x00 no table", b""):
        assert without(data, SOURCE, FIVE) == (data, 0)


def test_records_of_json():
    assert without(b'{"id": 5, "a": 1}\n{"id": 6}\n{"id": "5"\n{"id": 5.0}\n', SOURCE, FIVE) == (b'\n{"id": 6}\n{"id": "5"\n\n', 2)
    kept, count = without(b'{"features": [{"id": 5, "a": {"b": 1}}, {"id": 6}]}', SOURCE, FIVE)
    assert (json.loads(kept), count) == ({"features": [{}, {"id": 6}]}, 1)


def test_rows_of_parquet_and_arrow_keep_their_places():
    frame = pl.DataFrame({"id": [4, 5, 6], "name": ["a", "b", "c"]})
    for write, read_back in ((frame.write_parquet, pl.read_parquet), (frame.write_ipc, pl.read_ipc)):
        buffer = io.BytesIO()
        write(buffer)
        kept, count = without(buffer.getvalue(), SOURCE, FIVE)
        assert (read_back(io.BytesIO(kept)).rows(), count) == ([(4, "a"), (None, None), (6, "c")], 1)


def test_packed_texts_are_packed_again():
    kept, count = without(gzip.compress(b"id,name\n4,a\n5,b\n"), SOURCE, FIVE)
    assert (gzip.decompress(kept), count) == (b"id,name\n4,a\n\n", 1)
