"""The raw values of cleaned cells are found again by batch and line."""

from __future__ import annotations

import polars as pl
import pytest

from loopline.data.cleaning.cleaned import CLEANED, SCHEMA, Cell, raw_of, rows
from loopline.data.cleaning.cleaning import CELLS
from loopline.errors import Mistake
from tests.data.conftest import Room


def test_a_cleaned_row_is_found_with_what_it_was_and_what_it_is(room: Room) -> None:
    cells = pl.DataFrame({"line": [3, 3, 9], "column": ["b", "a", "a"], "raw": [None, " x", "y "]}, schema=CELLS)
    room.tables.append(CLEANED, rows("visits", "abcd1234", cells))
    room.tables.append(CLEANED, rows("others", "abcd1234", cells.head(1)))
    room.tables.append("visits", pl.DataFrame({"a": ["x"], "b": [5], "__batch": ["abcd1234"], "__line": [3], "__row": [0]}))
    found = raw_of(room.tables, "visits", "abcd", 3)
    assert (found.batch, found.line, found.held) == ("abcd1234", 3, True)
    assert found.cells == (Cell("a", " x", "x"), Cell("b", None, "5"))
    refused = raw_of(room.tables, "visits", "abcd1234", 9)
    assert (refused.held, refused.cells) == (False, (Cell("a", "y ", None),))
    assert room.tables.read(CLEANED).collect_schema() == pl.Schema(SCHEMA)


def test_a_row_whose_cells_came_clean_is_found_too(room: Room) -> None:
    room.tables.append("visits", pl.DataFrame({"a": ["x"], "__batch": ["abcd1234"], "__line": [3], "__row": [0]}))
    assert raw_of(room.tables, "visits", "abcd", 3).cells == ()


def test_a_place_that_is_not_known_or_not_clear_is_a_mistake(room: Room) -> None:
    with pytest.raises(Mistake, match="no row of batch 'abcd', line 3"):
        raw_of(room.tables, "visits", "abcd", 3)
    with pytest.raises(Mistake, match="too short"):
        raw_of(room.tables, "visits", "a", 3)
    room.tables.append("visits", pl.DataFrame({"a": ["x", "y"], "__batch": ["abcd1", "abcd2"], "__line": [3, 3], "__row": [0, 1]}))
    with pytest.raises(Mistake, match="2 batches begin with 'abcd'"):
        raw_of(room.tables, "visits", "abcd", 3)
