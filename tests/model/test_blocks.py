"""Which rows an interval resamples together."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.model import blocks
from loopline.model.evaluate import interval


def test_days_are_blocks_and_weeks_where_there_are_twenty() -> None:
    for days, unit in ((60, "D"), (300, "W")):
        time = np.datetime64("2026-01-01", "us") + np.arange(days * 24) * np.timedelta64(1, "h")
        named = time.astype(f"datetime64[{unit}]")
        labels = blocks.by_time(time)
        assert len(np.unique(labels)) == len(np.unique(named))
        assert np.array_equal(np.diff(labels) > 0, np.diff(named.astype(np.int64)) > 0)


@pytest.mark.parametrize("time", [np.arange(4000.0), np.datetime64("2026-01-01", "us") + np.arange(4000) * np.timedelta64(1, "s")])
def test_times_without_enough_days_are_rows_in_order(time: np.ndarray) -> None:
    assert np.array_equal(blocks.by_time(time), blocks.by_order(4000))


@pytest.mark.parametrize(("rows", "count"), [(0, 0), (7, 7), (1000, 20), (30_000, 31)])
def test_rows_in_order_are_cut_into_the_cube_root_of_blocks_and_at_least_twenty(rows: int, count: int) -> None:
    labels = blocks.by_order(rows)
    assert len(np.unique(labels)) == count
    assert np.all(np.diff(labels) >= 0)
    assert rows == 0 or np.ptp(np.bincount(labels)) <= 1


def covered(days: int, *, labelled: bool) -> int:
    """In how many of 100 trials the interval holds the truth, where every row of a day shares the day's luck."""
    rng = np.random.default_rng(3)
    time = np.datetime64("2026-01-01", "us") + np.arange(days * 48) * np.timedelta64(30, "m")
    found = 0
    for seed in range(100):
        money = 2 + np.repeat(rng.normal(size=days), 48) + rng.normal(size=days * 48)
        labels = blocks.by_time(time) if labelled else blocks.by_order(len(money))
        low, high = interval(money, labels, seed=seed, draws=200)
        found += low <= 2 <= high
    return found


@pytest.mark.parametrize("days", [6, 30, 150])
def test_where_days_have_their_luck_the_interval_covers_the_truth(days: int) -> None:
    assert covered(days, labelled=True) >= 85


def test_rows_in_order_without_a_time_cover_the_truth_too() -> None:
    assert covered(60, labelled=False) >= 85


def test_blocks_are_numbered_in_order() -> None:
    codes, count = blocks.numbered(np.array([7, 3, 7, 9]))
    assert (codes.tolist(), count) == ([1, 0, 1, 2], 3)


@pytest.mark.parametrize(("count", "truth"), [(11, 2.228), (20, 2.093), (61, 2.000), (1001, 1.962)])
def test_an_interval_reaches_as_far_as_students_distribution(count: int, truth: float) -> None:
    assert blocks.student(count, 0.95) == pytest.approx(truth, rel=0.02)
    assert blocks.stretch(count, 0.95) > truth / 1.96
