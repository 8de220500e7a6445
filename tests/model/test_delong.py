"""The area under the ROC curve, its interval and the difference of two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from loopline.model.blocks import alone
from loopline.model.delong import auc, difference, placements

_rows = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.booleans()), min_size=4, max_size=60)
_scored = _rows.filter(lambda rows: 2 <= sum(row[2] for row in rows) <= len(rows) - 2)


def delong_by_hand(outcome: NDArray[np.bool_], *scores: NDArray[Any]) -> NDArray[np.float64]:
    """The covariance of areas by comparing each pair, as the paper writes it."""
    upper, lower = [], []
    for score in scores:
        pairs = (score[outcome][:, None] > score[~outcome]) + 0.5 * (score[outcome][:, None] == score[~outcome])
        upper.append(pairs.mean(axis=1))
        lower.append(pairs.mean(axis=0))
    return np.cov(upper) / outcome.sum() + np.cov(lower) / (~outcome).sum()


@given(_scored)
def test_the_area_and_its_variance_are_those_of_all_pairs(rows: list[tuple[int, int, bool]]) -> None:
    one, two, outcome = (np.array(part) for part in zip(*rows, strict=True))
    blocks = alone(len(rows))
    found = auc(outcome, one.astype(float), blocks)
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(outcome, one))
    assert 0 <= found.low <= found.value <= found.high <= 1
    covariance = delong_by_hand(outcome, one, two)
    gap = difference(outcome, one.astype(float), two.astype(float), blocks)
    assert gap is not None
    assert gap.value == pytest.approx(roc_auc_score(outcome, one) - roc_auc_score(outcome, two))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    reach = (gap.high - gap.low) / 2
    normal = 1.959964
    student = normal * (1 + (normal**2 + 1) / (4 * (len(rows) - 1)))
    assert reach == pytest.approx(student * max(variance, 0) ** 0.5, abs=1e-7)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(0), 0
    # Two normal distributions one apart: the area is the normal distribution at 1 / sqrt(2).
    truth = 0.7602499
    for _ in range(500):
        outcome = rng.random(150) < 0.3
        found = auc(outcome, rng.normal(size=150) + outcome, alone(150))
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / 500 <= 0.975


def test_the_interval_covers_the_truth_where_rows_come_in_blocks() -> None:
    rng, naive, held = np.random.default_rng(1), 0, 0
    blocks = np.repeat(np.arange(40), 10)
    for _ in range(300):
        outcome = np.repeat(rng.random(40) < 0.5, 10)
        score = np.repeat(rng.normal(size=40), 10) + outcome + rng.normal(scale=0.1, size=400)
        truth = 0.7592  # the area of two normal distributions one apart with the variance 1.01
        found, blind = auc(outcome, score, blocks), auc(outcome, score, alone(400))
        assert found is not None
        assert blind is not None
        held += found.low <= truth <= found.high
        naive += blind.low <= truth <= blind.high
    assert 0.91 <= held / 300 <= 0.985
    assert naive / 300 < 0.75


def test_where_all_pairs_are_in_order_the_interval_is_that_of_few_pairs() -> None:
    found = auc(np.array([False] * 50 + [True] * 10), np.arange(60.0), alone(60))
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025**0.1)
    turned = auc(np.array([True] * 10 + [False] * 50), np.arange(60.0), alone(60))
    assert turned is not None
    assert (turned.value, turned.low, turned.high) == pytest.approx((0.0, 0.0, 1 - 0.025**0.1))


def test_one_outcome_alone_has_no_area() -> None:
    assert auc(np.ones(5, dtype=bool), np.arange(5.0), alone(5)) is None
    assert difference(np.zeros(5, dtype=bool), np.arange(5.0), np.arange(5.0), alone(5)) is None


def test_the_better_of_two_scores_is_told() -> None:
    rng = np.random.default_rng(2)
    outcome = rng.random(2000) < 0.3
    good, bad = rng.normal(size=2000) + 2 * outcome, rng.normal(size=2000) + outcome
    found = difference(outcome, good, bad, alone(2000))
    assert found is not None
    assert found.is_above_zero


def test_placements_of_ties_count_half() -> None:
    upper, lower = placements(np.array([True, False]), np.array([1.0, 1.0]))
    assert (upper.tolist(), lower.tolist()) == ([0.5], [0.5])
