"""The bounds: they shrink with evidence, and hold at every request."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from loopline.release.rollout.sequences import BURN_IN, NOTHING, ODDS, between, boundary, evidence_of_errors, log_of_mixture, rate_bounds

COUNTS = st.integers(1, 10**7)
ALPHAS = st.floats(1e-4, 0.05)


@given(COUNTS, COUNTS, ALPHAS, st.floats(10, 1e5))
def test_bounds_on_a_mean_shrink_with_more_values(one: int, other: int, alpha: float, tightest: float) -> None:
    few, many = sorted((one, other))
    wide, narrow = (boundary(n, alpha, tightest=tightest) / np.sqrt(n) for n in (few, many))
    assert narrow <= wide


@given(COUNTS, ALPHAS, st.floats(10, 1e5))
def test_looking_always_costs_more_than_looking_once_and_a_bolder_alpha_less(n: int, alpha: float, tightest: float) -> None:
    assert boundary(n, alpha, tightest=tightest) > norm.ppf(1 - alpha)
    assert boundary(n, alpha, tightest=tightest) > boundary(n, alpha * 1.5, tightest=tightest)


def test_without_values_a_mean_may_be_anything() -> None:
    assert boundary(0, 0.05, tightest=100) == np.inf


def test_a_mean_is_judged_from_the_burn_in_of_both() -> None:
    assert between((BURN_IN - 1, 0.0, 1.0), (10**6, 0.0, 1.0)).pairs == 0
    assert between((BURN_IN, 0.0, 1.0), (10**6, 0.0, 1.0)).pairs == pytest.approx(BURN_IN, rel=1e-3)


def test_a_challenger_that_saw_no_rare_gain_yet_is_not_surer_of_its_mean_than_the_champion() -> None:
    assert between((500, 0.0, 0.0), (9500, 1.0, 1000.0)).variance == pytest.approx(1000 / 500 + 1000 / 9500)


def test_legs_are_joined_so_that_a_change_for_both_is_no_difference() -> None:
    """The crowd that comes in the second leg, when the challenger has more of it, is worth less to both."""
    joined = between((500, 10.0, 4.0), (9500, 10.0, 4.0)) + between((2500, 1.0, 4.0), (7500, 1.0, 4.0))
    assert joined.value == 0 and joined.pairs == 475 + 1875
    assert (joined + NOTHING).value == joined.value and (NOTHING + NOTHING).pairs == 0


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.sampled_from([0.05, 0.25, 0.5]))
def test_the_test_of_errors_is_a_fair_bet_against_an_equal_challenger(failed: list[bool], split: float) -> None:
    """Whatever came before, the next error is expected to leave the stake as it is."""
    before = evidence_of_errors(sum(failed), len(failed) - sum(failed), split)
    ours, theirs = (np.exp(log_of_mixture(before + evidence_of_errors(a, 1 - a, split))) for a in (1, 0))
    assert split * ours + (1 - split) * theirs == pytest.approx(np.exp(log_of_mixture(before)), rel=1e-9)
    assert ours >= theirs


def test_errors_on_the_same_request_make_the_test_no_bolder() -> None:
    assert (evidence_of_errors(5, 5, 0.5) <= 0).all() and evidence_of_errors(np.ones(3), np.ones(3), 0.5).shape == (3, len(ODDS))


@given(st.integers(0, 200), st.integers(0, 200), ALPHAS)
def test_a_rate_lies_between_its_bounds_which_shrink(hits: int, misses: int, alpha: float) -> None:
    n = hits + misses
    low, high = rate_bounds(hits, n, alpha)
    assert 0 <= low <= (hits / n if n else 0.5) <= high <= 1
    closer = rate_bounds(20 * hits, 20 * n, alpha)
    assert closer[0] >= low - 1e-9 and closer[1] <= high + 1e-9
    wider = rate_bounds(hits, n, alpha / 2)
    assert wider[0] <= low + 1e-9 and wider[1] >= high - 1e-9


def test_bounds_of_a_rate_hold_at_every_request() -> None:
    rng = np.random.default_rng(0)
    hits = np.cumsum(rng.random((200, 1000)) < 0.02, axis=1)
    n = np.arange(1, 1001)
    left = []
    for run in hits:
        ends = [rate_bounds(int(run[at]), int(n[at]), 0.05) for at in range(9, 1000, 45)]
        left.append(any(low > 0.02 for low, _ in ends))
    assert np.mean(left) <= 0.05


def test_bounds_of_a_mean_hold_at_every_request() -> None:
    rng = np.random.default_rng(1)
    values = rng.exponential(size=(500, 4000)) - 1
    n = np.arange(1, 4001)
    errors = np.cumsum(values, axis=1) / np.sqrt(np.maximum(np.cumsum(values**2, axis=1), 1e-9))
    assert np.mean((errors > boundary(n, 0.05, tightest=500))[:, BURN_IN:].any(axis=1)) <= 0.05
