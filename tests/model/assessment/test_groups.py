"""Rows of a column as named groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from loopline.model.assessment.groups import grouped


def sizes(name: str, values: Any, **options: Any) -> dict[str, int]:
    found = grouped(name, np.asarray(values), **options)
    return {label: int(np.sum(found.codes == place)) for place, label in enumerate(found.labels)}


def test_categories_are_named_by_their_values_the_most_frequent_first() -> None:
    values = np.array(["b", "a", "a", None, "c"], dtype=object)
    assert sizes("kind", values) == {"kind = a": 2, "kind = b": 1, "kind = c": 1, "kind is missing": 1}
    assert sizes("kind", values, most=1) == {"kind = a": 2, "kind is another value": 2, "kind is missing": 1}


def test_a_few_numbers_are_values_and_many_are_spans() -> None:
    assert sizes("legs", [4.0, 2.0, np.nan, 2.0]) == {"legs = 2": 2, "legs = 4": 1, "legs is missing": 1}
    assert sizes("hour", np.arange(24.0), bins=4) == {"hour 0 to 5": 6, "hour 6 to 11": 6, "hour 12 to 17": 6, "hour 18 to 23": 6}


def test_a_span_of_one_value_is_named_by_it() -> None:
    values = np.concatenate([np.zeros(60), np.arange(1.0, 41.0)])
    assert sizes("delay", values, bins=5) == {"delay = 0": 60, "delay 1 to 20": 20, "delay 21 to 40": 20}


def test_booleans_and_dates_are_named_as_people_do() -> None:
    assert sizes("flag", [True, False, True]) == {"flag = true": 2, "flag = false": 1}
    days = np.array(["2026-01-01", "NaT", "2026-01-02"], dtype="datetime64[us]")
    assert sizes("day", days) == {"day = 2026-01-01": 1, "day = 2026-01-02": 1, "day is missing": 1}
    many = np.datetime64("2026-01-01", "us") + np.arange(20) * np.timedelta64(1, "D")
    assert sizes("day", many, bins=2) == {"day 2026-01-01 to 2026-01-10": 10, "day 2026-01-11 to 2026-01-20": 10}


def test_a_column_of_nulls_is_one_group() -> None:
    assert sizes("x", [np.nan, np.nan]) == {"x is missing": 2}
    assert sizes("x", np.array([None], dtype=object)) == {"x is missing": 1}


@given(numbers.arrays(np.float64, st.integers(1, 80), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))), st.integers(1, 8))
def test_every_row_is_in_one_group_and_no_group_is_empty(values: Any, bins: int) -> None:
    found = grouped("x", values, bins=bins)
    assert len(found.codes) == len(values)
    assert set(found.codes.tolist()) == set(range(len(found.labels)))
    assert np.isnan(values).sum() == sizes("x", values, bins=bins).get("x is missing", 0)
