"""Pages of rows: together they are the table, in the order that is asked for."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.data.edits.pages import page, row
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    made = Tables(Lake(str(tmp_path_factory.mktemp("lake"))))
    for start in (40, 0, 20):
        numbers = list(range(start, start + 20))
        frame = {"number": [None if n % 7 == 0 else n * 37 % 11 for n in numbers], "word": [f"w{n}" for n in numbers], "__row": numbers}
        made.append("sorted", pl.DataFrame({**frame, "__batch": ["b"] * 20, "__line": numbers}))
    made.replace("plain", pl.DataFrame({"word": [f"w{n}" for n in range(30)]}))
    return made


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(20, 70), sort=st.sampled_from(["", "number", "word"]), descending=st.booleans())
def test_the_pages_together_are_the_table_in_order(tables, limit, sort, descending):
    parts = [page(tables, "sorted", sort=sort, descending=descending, skip=skip, limit=limit) for skip in range(0, 60, limit)]
    found = pl.concat([part.rows for part in parts])
    assert {part.total for part in parts} == {60} and sorted(found["word"]) == sorted(f"w{n}" for n in range(60))
    if not sort:
        assert found["word"].to_list() == [f"w{n}" for n in range(60)][:: -1 if descending else 1]
    else:
        known = found[sort].drop_nulls().to_list()
        assert known == sorted(known, reverse=descending) and found[sort].is_null().to_list() == sorted(found[sort].is_null())
    assert [row(tables, "sorted", version=parts[0].version, place=place)["word"] for place in parts[0].places[:2]] == parts[0].rows["word"].to_list()[:2]


def test_a_table_without_an_order_has_pages_too(tables):
    parts = [page(tables, "plain", skip=skip, limit=20, columns=slice(0, 1)) for skip in (0, 20, 40)]
    assert [part.rows.height for part in parts] == [20, 10, 0] and pl.concat([part.rows for part in parts])["word"].n_unique() == 30
    assert row(tables, "plain", version=parts[0].version, place=parts[1].places[0])["word"] == parts[1].rows["word"][0]


def test_an_earlier_version_is_shown_as_it_was(tables):
    at = tables.version("sorted").version
    assert (page(tables, "sorted", version=at - 1).total, page(tables, "sorted", version=at - 1).rows["word"][0]) == (40, "w0")


def test_what_is_not_there_is_told(tables, monkeypatch):
    with pytest.raises(Mistake, match="no column"):
        page(tables, "sorted", sort="numbr")
    with pytest.raises(Mistake, match="has no row at place 99"):
        row(tables, "sorted", version=tables.version("sorted").version, place=99)
    monkeypatch.setattr("loopline.data.edits.pages._ORDERED_ROWS", 10)
    with pytest.raises(Mistake, match="too many to be sorted"):
        page(tables, "sorted", sort="number")
    assert page(tables, "sorted", limit=5).rows.height == 5
