"""What is missing, with what, and since when."""

from datetime import date, timedelta

import polars as pl

from loopline.data.explore.missing import Pattern, missing


def test_patterns_are_counted_the_most_frequent_first():
    frame = pl.DataFrame({"a": [1, None, None, None], "b": ["x", None, None, "y"], "c": [1.0, 2.0, float("nan"), 4.0]})
    found = missing(frame)
    assert found.patterns[0] in (Pattern(("a", "b"), 1), Pattern(("a", "b", "c"), 1), Pattern(("a",), 1), Pattern((), 1))
    assert sum(pattern.rows for pattern in found.patterns) + found.others == 4
    assert {pattern.columns for pattern in found.patterns} == {(), ("a", "b"), ("a", "b", "c"), ("a",)}


def test_nothing_missing_is_one_pattern_and_no_row_is_none():
    assert missing(pl.DataFrame({"a": [1, 2]})).patterns == (Pattern((), 2),)
    assert missing(pl.DataFrame({"a": [1, 2]})).to_json()["onsets"] == []


def test_columns_that_are_missing_in_the_same_rows_are_named_together():
    rows = [{"a": None, "b": None, "c": 1, "d": None} if number % 5 == 0 else {"a": 1, "b": 2, "c": None, "d": None} for number in range(100)]
    assert missing(pl.DataFrame(rows, schema=dict.fromkeys("abcd", pl.Int64))).together == (("a", "b"),), "d is missing throughout, and says nothing"


def test_the_day_is_found_from_which_on_a_column_is_missing():
    first = date(2024, 1, 1)
    rows = [
        {"day": first + timedelta(days=day), "gone": None if day >= 60 else 1, "new": None if day < 30 else 1, "rare": None if number % 9 == 0 else 1}
        for day in range(90)
        for number in range(20)
    ]
    found = {onset.column: onset for onset in missing(pl.DataFrame(rows, infer_schema_length=None), time="day").onsets}
    assert {name: onset.day for name, onset in found.items()} == {"gone": first + timedelta(days=60), "new": first + timedelta(days=30)}
    assert (found["gone"].before, found["gone"].after) == (0, 1)


def test_a_few_days_are_no_onset():
    rows = [{"day": date(2024, 1, 1) + timedelta(days=day), "gone": None if day == 4 else 1} for day in range(5) for _ in range(300)]
    assert missing(pl.DataFrame(rows, infer_schema_length=None), time="day").onsets == ()
