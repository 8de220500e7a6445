"""Whose rows, records and texts are sought: keys and their digests tell the same, as texts or typed."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.forget.sought import Digests, Keys, bucket_of, digest_of, text_of

SALT = "ab" * 16


def digests(keys):
    joined = pl.DataFrame({"key": ["\x1f".join(value) for value in keys.values]}, schema={"key": pl.String})
    return Digests(
        keys.columns,
        SALT,
        frozenset(digest_of(value, SALT) for value in keys.values),
        frozenset(joined.select(bucket_of("key"))["key"].to_list()),
        keys.kinds,
        keys.formats,
        keys.nulls,
    )


def both(keys):
    return keys, digests(keys)


@pytest.mark.parametrize(
    ("kind", "value", "cells", "theirs"),
    [
        ("integer", "5", ["5", " 5", "05", "5.0", "55", "x", None, "NA"], [True, True, True, True, False, False, False, False]),
        ("integer", "5", [5, 50, None], [True, False, False]),
        ("number", "5", [5.0, 5.5, None], [True, False, False]),
        ("text", "05", ["05", "5", " 05"], [True, False, False]),
        ("boolean", "true", [True, False], [True, False]),
        ("date", "2024-05-01", [date(2024, 5, 1), date(2024, 5, 2)], [True, False]),
        ("date", "2024-05-01", ["2024-05-01", "2024-05-02"], [True, False]),
        ("datetime", "2024-05-01T10:00:00.000000Z", [datetime(2024, 5, 1, 10, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)], [True, False]),
        ("datetime", "2024-05-01T10:00:00.000000Z", ["2024-05-01 12:00:00+02:00", "2024-05-01 12:00"], [True, False]),
    ],
)
def test_cells_are_theirs_however_they_are_written(kind, value, cells, theirs):
    for sought in both(Keys(("k",), frozenset({(value,)}), (kind,), nulls=("NA",))):
        assert sought.rows(pl.DataFrame({"k": cells})).to_list() == theirs


def test_a_key_of_several_columns_is_whole_or_none():
    frame = pl.DataFrame({"a": ["x", "x", "y", None], "b": [1, 2, 1, 1]})
    for sought in both(Keys(("a", "b"), frozenset({("x", "1")}), ("text", "integer"))):
        assert sought.rows(frame).to_list() == [True, False, False, False]
        assert sought.rows(frame.drop("b")).to_list() == [False] * 4
        assert sought.has({"a": "x", "b": 1.0}) and not sought.has({"a": "x", "b": 2}) and not sought.has({"a": "x"})
        assert sought.in_text("9,x,1,7") and sought.in_text('{"q": "x", "z": 1}') and not sought.in_text("x,2")


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.lists(st.text(max_size=12), max_size=30))
def test_digests_tell_the_same_rows_as_keys(values, cells):
    frame = pl.DataFrame({"k": [*cells, *values[:2]]}, schema={"k": pl.String})
    keys = Keys(("k",), frozenset((value,) for value in values))
    assert digests(keys).rows(frame).to_list() == keys.rows(frame).to_list()


def test_buckets_are_the_same_for_ever():
    """They are kept in the lake: another number would let somebody come back."""
    made = pl.DataFrame({"k": ["", "5", "ann@example.com", "éa"]}).select(bucket_of("k"))["k"].to_list()
    assert made == [BUCKETS[text] for text in ("", "5", "ann@example.com", "éa")]


BUCKETS = {"": 2705, "5": 62744, "ann@example.com": 21624, "éa": 15172}


def test_records_are_theirs_also_where_the_key_was_flattened():
    for sought in both(Keys(("properties.id",), frozenset({("5",)}))):
        assert sought.has({"properties": {"id": 5}}) and sought.has({"properties.id": "5"})
        assert not sought.has({"properties": {"id": [5]}}) and not sought.has({"id": 5})


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (5.0, "5"), (5.5, "5.5"), (True, "true"), (None, None), (float("nan"), None), (date(2024, 5, 1), "2024-05-01")]
)
def test_a_value_as_text(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "text", "scrubbed"),
    [
        ("ann@example.com", "mail ann@example.com, not joann@example.com", "mail (forgotten), not joann@example.com"),
        ("5", "id = 5 and pages = 5", "id = '(forgotten)' and pages = 5"),
        ("5", "id='5' or id <> 55", "id='(forgotten)' or id <> 55"),
        ("5", "id IN (4, 5, 6)", "id IN (4, '(forgotten)', 6)"),
        ("5", "paid = 5", "paid = 5"),
    ],
)
def test_texts_are_rid_of_what_tells_a_person(value, text, scrubbed):
    assert Keys(("id",), frozenset({(value,)})).scrubbed(text) == scrubbed
