"""Sums that merge, and intervals that know of alike rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.earned import Earned, Sums, by_group, interval, standard_error, summed

MONEY = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=60)


def sums(values: list[float]) -> Sums:
    return by_group(np.array(values, dtype=float), np.zeros(len(values), dtype=np.intp), 1)[0]


@given(MONEY, MONEY)
def test_sums_of_two_parts_are_those_of_the_whole(first: list[float], second: list[float]) -> None:
    whole, both = sums(first + second), sums(first) + sums(second)
    assert (both.count, both.total) == (whole.count, pytest.approx(whole.total, abs=1e-6))
    assert both.variance == pytest.approx(float(np.var(first + second, ddof=1)), rel=1e-6, abs=1e-3)


def test_nothing_has_no_mean_and_one_row_no_interval() -> None:
    assert Sums().mean is None
    assert math.isinf(sums([3.0]).error)
    assert interval([sums([3.0])], 0.9) is None
    assert interval([], 0.9) is None


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        low, high = interval([sums(rng.exponential(5.0, 200).tolist())], 0.9) or (0.0, 0.0)
        covered += low <= 5.0 <= high
    assert 0.85 <= covered / 400 <= 0.95


def test_rows_that_are_alike_within_a_window_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    alike = [sums((rng.normal(0, 5) + rng.normal(0, 1, 100)).tolist()) for _ in range(30)]
    rows_only = Sums()
    for part in alike:
        rows_only += part
    assert standard_error(alike) > 3 * rows_only.error
    covered = 0
    for _ in range(300):
        days = [sums((rng.normal(0, 5) + rng.normal(0, 1, 50)).tolist()) for _ in range(30)]
        low, high = interval(days, 0.9) or (1.0, 1.0)
        covered += low <= 0 <= high
    assert 0.84 <= covered / 300 <= 0.95


def test_earned_adds_up_and_survives_json() -> None:
    first, second = Earned(sums([1.0, 2.0]), sums([0.5, 1.0]), 4.0), Earned(sums([3.0]), sums([-1.0]), 5.0)
    both = summed([first, second])
    assert (both.outcomes, both.money.total, both.baseline, both.perfect) == (3, 6.0, 5.5, 9.0)
    assert Earned.of_json(both.as_json()) == both
