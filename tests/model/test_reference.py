"""The reference profile, and the same count of new rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.reference import DAYS, FREQUENT, by_day, category_profile, counts, latest_days, number_profile, places


def test_a_number_is_cut_into_tenths_and_nulls_are_counted_last() -> None:
    profile = number_profile(np.append(np.arange(100.0), [np.nan] * 25))
    assert len(profile["edges"]) == 9
    assert profile["counts"][-1] == 25
    assert all(9 <= count <= 11 for count in profile["counts"][:-1])


def test_a_number_with_few_values_has_fewer_bins() -> None:
    profile = number_profile(np.array([0.0] * 95 + [1.0] * 5))
    assert profile["edges"] == [0.0]
    assert profile["counts"] == [0, 100, 0]


def test_the_range_leaves_out_the_few_extremes_and_counts_them() -> None:
    profile = number_profile(np.append(np.arange(100.0), [np.nan, np.inf]))
    assert (profile["range"], profile["outside"]) == ([4.0, 95.0], 8)
    assert (number_profile(np.zeros(50))["range"], number_profile(np.zeros(50))["outside"]) == ([0.0, 0.0], 0)
    assert number_profile(np.arange(9.0))["range"] is None


def test_a_number_that_is_always_null_has_a_profile() -> None:
    assert number_profile(np.full(7, np.nan))["counts"] == [0, 7]


def test_a_category_counts_its_frequent_values_the_others_and_nulls() -> None:
    profile = category_profile([f"v{index % 40}" for index in range(400)] + [None] * 3)
    assert len(profile["values"]) == FREQUENT
    assert profile["counts"] == [10] * FREQUENT + [100, 3]


@given(st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True), max_size=60), st.lists(st.floats(-10, 10), max_size=40))
def test_every_new_number_is_counted_once(new: list[float | None], old: list[float]) -> None:
    profile = number_profile(np.array(old, dtype=np.float64))
    assert counts(profile, np.array(new, dtype=np.float64)).sum() == len(new)


@given(st.lists(st.none() | st.text(max_size=2), max_size=60), st.lists(st.text(max_size=2), max_size=40))
def test_every_new_category_is_counted_once(new: list[Any], old: list[Any]) -> None:
    assert counts(category_profile(old), new).sum() == len(new)


def test_a_value_on_an_edge_belongs_to_the_bin_above() -> None:
    assert places({"kind": "number", "edges": [1.0, 2.0], "counts": []}, [0.5, 1.0, 1.5, 2.0, np.nan]).tolist() == [0, 1, 1, 2, 3]


def test_the_latest_days_are_counted_one_by_one() -> None:
    time = np.concatenate([np.arange(200).astype("datetime64[D]"), [np.datetime64("NaT")]]).astype("datetime64[us]")
    day = latest_days(time)
    assert day.max() == DAYS - 1
    assert (day == -1).sum() == 200 - DAYS + 1
    values = np.arange(201.0)
    profile = number_profile(values)
    daily = np.array(by_day(profile, values, day))
    assert daily.shape == (DAYS, len(profile["counts"]))
    assert (daily.sum(axis=1) == 1).all()


def test_without_times_there_are_no_days() -> None:
    profile = number_profile(np.arange(3.0))
    assert by_day(profile, np.arange(3.0), latest_days(np.full(3, "NaT", dtype="datetime64[us]"))) == []
