"""Opened rows: blocks of any size hold the same records in their order, and a table of the lake is read like a file."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.formats.reading import Chunk, Refusal
from loopline.data.spec import LINE, SourceSpec
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.given import cut, expected, last_line, opened

LIKE = SourceSpec(path="x")


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 12), st.integers(0, 32))
def test_blocks_hold_every_record_behind_a_line_once(is_refused, rows, after):
    lines = [line for line, refused in enumerate(is_refused, start=1) if not refused]
    refused = tuple(Refusal(line, f"r{line}", ()) for line, refused in enumerate(is_refused, start=1) if refused)
    chunk = Chunk(pl.DataFrame({LINE: lines}, schema={LINE: pl.Int64}), refused, lambda places: [f"g{lines[place]}" for place in places])
    found = list(cut(chunk, rows, after=after))
    assert [line for block in found for line in block.frame[LINE]] == [line for line in lines if line > after]
    assert [one.line for block in found for one in block.refused] == [one.line for one in refused if one.line > after]
    assert [text for block in found for text in block.raw(range(block.frame.height))] == [f"g{line}" for line in lines if line > after]
    ends = [last_line(block) for block in found]
    assert ends == sorted(set(ends)), "each block ends before the next one begins"
    for block, begins_behind in zip(found, [after, *ends], strict=False):
        assert min([*block.frame[LINE], *(one.line for one in block.refused)]) > begins_behind


@pytest.fixture
def lake(tmp_path):
    made = Lake(str(tmp_path / "lake"))
    for city in ("Bern", "Oslo"):
        Tables(made).append("people", pl.DataFrame({"id": [1, 2], "city": [city] * 2, "__row": [0, 1], "__batch": ["b"] * 2}))
    return made


def test_a_table_is_read_at_a_version_without_our_own_columns(lake):
    now, before = opened("table:people", lake, LIKE), opened("table:people@1", lake, LIKE)
    assert (now.rows, before.rows) == (4, 2)
    assert list(now.reading.columns) == ["id", "city"]
    assert now.is_same_as != before.is_same_as
    assert opened("table:people@2", lake, LIKE).is_same_as == now.is_same_as
    assert {city for chunk in before.reading.chunks() for city in chunk.frame["city"]} == {"Bern"}


@pytest.mark.parametrize(("source", "says"), [("table:nobody", "no table"), ("table:people@x", "no version"), ("table:people@9", "version 9")])
def test_a_table_that_is_not_there_is_a_mistake(lake, source, says):
    with pytest.raises(Mistake, match=says) as caught:
        opened(source, lake, LIKE)
    assert "\n" not in str(caught.value)


def test_the_rows_of_a_text_are_estimated_and_those_of_parquet_known(lake, tmp_path):
    rows = pl.DataFrame({"id": range(1000, 3000)})
    rows.write_csv(tmp_path / "rows.csv")
    rows.write_parquet(tmp_path / "rows.parquet")
    assert opened(str(tmp_path / "rows.parquet"), lake, LIKE).rows == 2000
    text = opened(str(tmp_path / "rows.csv"), lake, LIKE)
    assert expected(text, next(text.reading.chunks()), 0) == pytest.approx(2000, rel=0.01)
    text.reading.close()


def test_another_content_is_told_apart(lake, tmp_path):
    def content():
        given = opened(str(tmp_path / "in.csv"), lake, LIKE)
        given.reading.close()
        return given.is_same_as

    (tmp_path / "in.csv").write_text("a\n1\n")
    before = content()
    (tmp_path / "in.csv").write_text("a\n12\n")
    assert content() != before


def test_a_delta_folder_is_told_by_its_version(lake, tmp_path):
    rows = pl.DataFrame({"a": [1]})
    rows.write_delta(tmp_path / "rows")
    before = opened(str(tmp_path / "rows"), lake, LIKE)
    assert before.is_same_as == opened(str(tmp_path / "rows"), lake, LIKE).is_same_as
    rows.write_delta(tmp_path / "rows", mode="append")
    assert opened(str(tmp_path / "rows"), lake, LIKE).is_same_as != before.is_same_as
