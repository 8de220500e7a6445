"""Distances, and limits that keep to the false alarms that were asked for."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.reference import category_profile, number_profile, places
from loopline.watch.drift import Bins, distance

SHARES = st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any)


def bins(name: str, counts: list[int], **more: object) -> Bins:
    return Bins(name=name, kind="number", counts=tuple(counts), cuts=tuple(float(at) for at in range(len(counts) - 2)), **more)  # type: ignore[arg-type]


@given(st.integers(2, 12).flatmap(lambda k: st.tuples(*[st.lists(st.integers(0, 1000), min_size=k, max_size=k).filter(any)] * 2)))
def test_a_distance_lies_between_0_and_1_and_has_no_side(pair: tuple[list[int], list[int]]) -> None:
    first, second = np.array(pair[0]), np.array(pair[1])
    there, back = float(distance(first, second)), float(distance(second, first))
    assert 0.0 <= there <= 1.0
    assert there == pytest.approx(back, abs=1e-12)


@given(SHARES, st.integers(1, 50))
def test_the_same_shares_have_no_distance_whatever_the_number_of_rows(counts: list[int], times: int) -> None:
    assert float(distance(np.array(counts), np.array(counts) * times)) == pytest.approx(0.0, abs=1e-7)


def test_shares_without_anything_in_common_are_1_apart_and_no_rows_have_no_distance() -> None:
    assert float(distance(np.array([5, 0]), np.array([0, 9]))) == 1.0
    assert np.isnan(distance(np.array([0, 0]), np.array([1, 1])))


def test_bins_agree_with_the_reference_that_they_come_from() -> None:
    rng = np.random.default_rng(0)
    numbers = np.where(rng.random(500) < 0.1, np.nan, np.round(rng.normal(size=500), 1))
    texts = np.array([None, "a", "b", "c", "new"], dtype=object)[rng.integers(0, 5, 500)]
    for profile, values in ((number_profile(numbers), numbers), (category_profile(texts[texts != "new"]), texts)):
        made = Bins.of_profile("x", profile)
        expected = places(profile, values)
        assert made.places(pl.Series(values if values.dtype != object else values.tolist())).tolist() == expected.tolist()


def test_days_are_put_together_to_spans_as_long_as_a_window() -> None:
    profile = {"kind": "number", "edges": [0.0], "counts": [30, 30, 0], "days": [[9, 1, 0], [5, 5, 0], [1, 9, 0], [0, 0, 0], [4, 6, 0]]}
    assert [rows for rows, _ in Bins.of_profile("x", profile).spread] == [10, 10, 10, 10]
    assert [rows for rows, _ in Bins.of_profile("x", profile, days=2).spread] == [20, 10]


def test_counts_that_do_not_fit_the_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="3 counts for 2 bins"):
        Bins(name="x", kind="number", counts=(1, 2, 3), cuts=())


def test_a_column_alone_is_binned_as_a_package_bins_it() -> None:
    rng = np.random.default_rng(1)
    numbers = np.where(rng.random(3000) < 0.1, np.nan, np.round(rng.normal(size=3000), 1))
    texts = [None if at % 50 == 0 else f"v{at % 37}" for at in range(3000)]
    made = Bins.of_values("x", pl.Series(numbers), span=300)
    assert made.counts == Bins.of_profile("x", number_profile(numbers)).counts
    assert [rows for rows, _ in made.spread] == [300] * 10
    assert Bins.of_values("x", pl.Series(numbers), span=2000).spread == ()
    named = Bins.of_values("c", pl.Series(texts))
    assert (named.values, named.counts) == (Bins.of_profile("c", category_profile(texts)).values, Bins.of_profile("c", category_profile(texts)).counts)
    assert named.counted(pl.Series([None, "v1", "new"]))[-2:].tolist() == [1, 1]
    assert Bins.of_values("none", pl.Series([None, None], dtype=pl.String)).counts == (0, 2)


@given(st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_every_number_is_inside_the_range_outside_it_or_none(numbers: list[float | None]) -> None:
    made = Bins(name="x", kind="number", counts=(1, 1, 0), cuts=(0.0,), seen=(-1.0, 1.0))
    outside = made.outside_of(pl.Series(numbers, dtype=pl.Float64))
    assert outside.tolist() == [value is not None and np.isfinite(value) and not -1 <= value <= 1 for value in numbers]
