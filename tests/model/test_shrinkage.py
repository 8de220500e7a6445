"""Means by category, shrunk by what the rows tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.shrinkage import Sums, centred, shrunk


def test_categories_that_differ_by_chance_keep_nothing_of_their_distance() -> None:
    rng = np.random.default_rng(0)
    codes, values = rng.integers(0, 2000, 20_000), rng.normal(size=20_000)
    distance = shrunk(Sums.of(codes, values, 2001))
    raw = np.bincount(codes, values, 2001) / np.maximum(1, np.bincount(codes, minlength=2001))
    assert np.abs(distance).max() < 0.2 * np.abs(raw).max()


def test_a_true_distance_is_kept_as_far_as_the_rows_tell_it() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=300)
    codes = np.concatenate([np.arange(300), rng.integers(0, 300, 6_000)])
    values = 5 + truth[codes] + rng.normal(scale=2, size=len(codes))
    sums = Sums.of(codes, values, 301)
    plain = np.where(sums.rows > 0, sums.total / np.maximum(sums.rows, 1) - sums.mean, 0.0)
    found = shrunk(sums)
    assert np.mean((found[:300] - truth) ** 2) < np.mean((plain[:300] - truth) ** 2)
    # One random effect with variances 1 and 4: a category of n rows keeps n / (n + 4) of its distance.
    assert found[:300] == pytest.approx(plain[:300] * sums.rows[:300] / (sums.rows[:300] + 4), abs=0.2)
    assert found[300] == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6) | st.just(float("nan"))), max_size=40))
def test_any_rows_give_finite_distances_no_larger_than_the_plain_ones(rows: list[tuple[int, float]]) -> None:
    codes, values = np.array([code for code, _ in rows], dtype=np.int64), np.array([value for _, value in rows])
    sums = Sums.of(codes, values, 5)
    found = shrunk(sums)
    plain = np.where(sums.rows > 0, sums.total / np.maximum(sums.rows, 1) - sums.mean, 0.0)
    assert np.isfinite(found).all()
    assert np.all(np.abs(found) <= np.abs(plain) + 1e-9)


def test_sums_add_up() -> None:
    codes, values = np.array([0, 1, 1, 2]), np.array([1.0, 2, np.nan, 4])
    whole, first = Sums.of(codes, values, 3), Sums.of(codes[:2], values[:2], 3)
    last = Sums.of(codes[2:], values[2:], 3)
    assert last.rows.tolist() == [0, 0, 1]
    assert (last + first).total.tolist() == whole.total.tolist()
    assert last.squares == 16


def test_large_numbers_with_a_small_spread_lose_no_digits() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 50, 5_000)
    values = (codes % 2) * 0.1 + rng.normal(scale=0.1, size=5_000)
    found, far = (shrunk(Sums.of(codes, centred(some), 51)) for some in (values, values + 1e9))
    assert np.abs(found).max() > 0.03
    assert far == pytest.approx(found, abs=1e-5)
