"""Means, ratios and shares with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.blocks import alone
from loopline.model.estimates import of_mean, of_ratio, of_share, plain


def test_the_interval_of_a_mean_is_that_of_the_textbook_for_independent_rows() -> None:
    values = np.random.default_rng(0).normal(3, 2, 500)
    found = of_mean(values, alone(500))
    assert found is not None
    error = values.std(ddof=1) / 500**0.5
    assert found.value == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.965 * error, rel=1e-3)


def test_rows_that_repeat_each_other_count_once() -> None:
    values = np.random.default_rng(1).normal(size=100)
    once, often = of_mean(values, alone(100)), of_mean(np.repeat(values, 20), np.repeat(alone(100), 20))
    assert once is not None
    assert often is not None
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    share = of_share(np.repeat(values > 0, 20), np.repeat(alone(100), 20))
    single = of_share(values > 0, alone(100))
    assert share is not None
    assert single is not None
    assert share.high - share.low == pytest.approx(single.high - single.low, rel=0.02)


def test_a_share_of_none_or_all_still_has_an_interval() -> None:
    none, all_ = of_share(np.zeros(30, dtype=bool), alone(30)), of_share(np.ones(30, dtype=bool), alone(30))
    assert none is not None
    assert all_ is not None
    # Wilson's for 0 of 30, a little wider for Student's distribution.
    assert none.low == 0.0
    assert none.high == pytest.approx(0.1135, abs=0.02)
    assert (all_.low, all_.high) == pytest.approx((1 - none.high, 1.0))


def test_the_interval_of_a_share_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(500):
        found = of_share(rng.random(60) < 0.1, alone(60))
        assert found is not None
        covered += found.low <= 0.1 <= found.high
    assert 0.92 <= covered / 500 <= 0.99


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=50))
def test_a_share_is_that_of_the_rows_among_which_it_is_sought(rows: list[tuple[bool, bool, int]]) -> None:
    hits, among, blocks = (np.array(part) for part in zip(*rows, strict=True))
    found = of_share(hits, blocks, among=among)
    if not among.any():
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(hits[among].mean())
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_nothing_to_divide_by_is_none() -> None:
    assert of_ratio(np.ones(3), np.zeros(3), alone(3)) is None
    assert of_mean(np.zeros(0), alone(0)) is None
    assert plain(None) is None


def test_which_side_of_zero_an_estimate_lies() -> None:
    found = of_mean(np.random.default_rng(3).normal(5, 1, 100), alone(100))
    assert found is not None
    assert found.is_above_zero
    assert not found.is_below_zero
