"""Rows with one key in one batch."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.cleaning.duplicates import LOSERS, losers
from loopline.data.spec import LINE

ROWS = pl.DataFrame({"id": [1, 2, 1, None, 1, None], "at": [5, 0, 9, 1, None, 1], LINE: [2, 3, 5, 6, 7, 8]})


@pytest.mark.parametrize(
    ("rule", "order", "lost"),
    [
        ("first", [], [(2, 2, "merged into line 2 (first)"), (4, 2, "merged into line 2 (first)")]),
        ("refuse", [], [(2, 2, "id repeats an earlier row"), (4, 2, "id repeats an earlier row")]),
        ("latest", [], [(0, 7, "merged into line 7 (latest)"), (2, 7, "merged into line 7 (latest)")]),
        ("latest", ["at"], [(0, 5, "merged into line 5 (latest)"), (4, 5, "merged into line 5 (latest)")]),
        ("none", [], [(place, None, "the key id stands in 3 rows") for place in (0, 2, 4)]),
    ],
)
def test_one_row_of_a_key_stays(rule: Any, order: list[str], lost: list[tuple[Any, ...]]) -> None:
    found = losers(ROWS, ["id"], rule, order=order)
    assert found.rows() == lost
    assert found.schema == pl.Schema(LOSERS)


def test_a_key_of_several_columns_of_which_one_is_also_the_order() -> None:
    frame = pl.DataFrame({"a": ["x", "x", "x"], "b": [1, 1, 2], LINE: [1, 2, 3]})
    assert losers(frame, ["a", "b"], "latest", order=["b"]).rows() == [(0, 2, "merged into line 2 (latest)")]
    assert losers(frame, ["a", "b"], "none")["reason"].to_list() == ["the key a and b stands in 2 rows"] * 2


def test_equal_moments_are_settled_by_the_line() -> None:
    frame = pl.DataFrame({"id": [1, 1], "at": [5, 5], LINE: [10, 11]})
    assert losers(frame, ["id"], "latest", order=["at"])["place"].to_list() == [0]


def test_no_row_loses_where_no_key_comes_twice() -> None:
    assert losers(ROWS.unique("id", keep="first", maintain_order=True), ["id"], "first").height == 0
    assert losers(ROWS.clear(), ["id"], "none").schema == pl.Schema(LOSERS)


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.one_of(st.none(), st.integers(0, 3))), max_size=25))
def test_what_stays_is_one_row_for_each_key(rows: list[tuple[int | None, int | None]]) -> None:
    frame = pl.DataFrame(
        {"id": [row[0] for row in rows], "at": [row[1] for row in rows], LINE: range(2, len(rows) + 2)}, schema=dict.fromkeys(("id", "at", LINE), pl.Int64)
    )
    keys = {key for key, _ in rows if key is not None}
    for rule in ("first", "latest"):
        gone = set(losers(frame, ["id"], rule, order=["at"])["place"])
        left = [(key, -1 if at is None else at, place) for place, (key, at) in enumerate(rows) if place not in gone and key is not None]
        assert sorted(key for key, _, _ in left) == sorted(keys)
        for key, at, place in left:
            same = [(-1 if other is None else other, index) for index, (name, other) in enumerate(rows) if name == key]
            assert (at, place) == max(same) if rule == "latest" else place == min(index for _, index in same)
