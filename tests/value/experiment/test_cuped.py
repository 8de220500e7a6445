"""What was known before takes chance out of a difference, and never adds any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.value.experiment.cuped import Units, compared

SEEDS = st.integers(0, 2**32 - 1)


def units(rng: np.random.Generator, rows: int, *, effect: float = 0.0, follows: float = 0.8) -> Units:
    before = rng.normal(0, 1, rows)
    return Units(effect + follows * before + rng.normal(0, (1 - follows**2) ** 0.5, rows), np.ones(rows), before)


@given(seed=SEEDS, sizes=st.tuples(st.integers(2, 60), st.integers(2, 60)), follows=st.floats(-0.99, 0.99), spread=st.floats(0.01, 100))
def test_the_variance_of_the_difference_is_never_larger(seed: int, sizes: tuple[int, int], follows: float, spread: float) -> None:
    rng = np.random.default_rng(seed)
    arms = [units(rng, rows, follows=follows) for rows in sizes]
    arms[0] = Units(arms[0].total * spread, arms[0].count, arms[0].before)
    found = compared(*arms)
    plain = sum(float(arm.total.var(ddof=1)) / len(arm) for arm in arms)
    assert found.arm.variance / found.arm.n + found.control.variance / found.control.n <= plain * (1 + 1e-9)
    assert 0 <= found.saved <= 1


def test_it_saves_what_is_explained_and_leaves_the_difference_right() -> None:
    found = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        both = compared(units(rng, 400, effect=0.2), units(rng, 400))
        found.append((both.arm.mean - both.control.mean, both.saved))
    difference, saved = np.array(found).T
    assert difference.mean() == pytest.approx(0.2, abs=4 * difference.std() / np.sqrt(300))
    assert saved.mean() == pytest.approx(0.64, abs=0.02)
    assert difference.std() == pytest.approx(np.sqrt(0.36 * 2 / 400), rel=0.15)


def test_what_tells_nothing_takes_nothing_away() -> None:
    rng = np.random.default_rng(1)
    for before in (None, np.zeros(50)):
        arms = [Units(rng.normal(0, 1, 50), np.ones(50), before) for _ in range(2)]
        found = compared(*arms)
        assert found.theta == 0.0 and found.saved == 0.0
        assert found.arm.mean == pytest.approx(arms[0].total.mean())


@given(seed=SEEDS, rows=st.integers(2, 50))
def test_the_mean_of_the_values_is_the_metric_however_often_a_unit_comes(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    one = Units(rng.normal(5, 2, rows), rng.integers(1, 9, rows).astype(float))
    assert one.values().mean() == pytest.approx(one.total.sum() / one.count.sum())


def test_units_that_come_several_times_are_not_taken_for_as_many() -> None:
    """Ten decisions of a unit are alike: the spread of the mean is that of the units."""
    rng = np.random.default_rng(2)
    means, errors = [], []
    for _ in range(300):
        own, count = rng.normal(0, 1, 200), rng.integers(1, 20, 200).astype(float)
        one = Units(own * count, count)
        means.append(one.mean)
        errors.append(one.values().std(ddof=1) / np.sqrt(200))
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.15)
