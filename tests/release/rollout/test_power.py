"""What the rule sees, told beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.release.rollout.power import detects, failures_needed, needed, needed_for_errors, power
from loopline.release.rollout.sequences import evidence_of_errors, log_of_mixture

ALPHA = 0.05 / 3
SPLITS = st.sampled_from([None, 0.05, 0.25, 0.5])


@given(st.floats(0.01, 1.0), st.floats(0.1, 10.0), SPLITS)
def test_what_is_needed_is_what_detects_and_what_has_the_power(difference: float, sd: float, split: float | None) -> None:
    asked = {"alpha": ALPHA, "tightest": 1000.0, "split": split}
    requests = needed(difference, sd, **asked)
    assert detects(requests, sd, **asked) <= difference < detects(requests - 1, sd, **asked)
    assert power(difference, sd, requests, **asked) >= 0.9 - 1e-9


def test_pairs_that_differ_little_need_far_fewer_than_two_arms() -> None:
    assert needed(0.1, 1.0, alpha=ALPHA, tightest=1000.0, split=0.05) > 20 * needed(0.1, 1.0, alpha=ALPHA, tightest=1000.0)


@pytest.mark.parametrize("split", [0.01, 0.05, 0.25, 0.5])
def test_a_challenger_that_always_fails_is_seen_after_a_handful_of_answers(split: float) -> None:
    assert failures_needed(split, ALPHA) <= 8


def test_a_higher_rate_of_errors_is_seen_within_what_was_told() -> None:
    asked = {"split": 0.05, "alpha": ALPHA}
    told = needed_for_errors(0.2, 0.01, **asked)
    assert told > needed_for_errors(1.0, 0.01, **asked)
    rng = np.random.default_rng(0)
    challengers = rng.random((400, told)) < 0.05
    failed = rng.random((400, told)) < np.where(challengers, 0.2, 0.01)
    ours, theirs = (np.cumsum(failed & mine, axis=1) for mine in (challengers, ~challengers))
    seen = log_of_mixture(evidence_of_errors(ours, theirs, 0.05)) >= -np.log(ALPHA)
    assert seen.any(axis=1).mean() >= 0.88
    with pytest.raises(ValueError, match="not the higher one"):
        needed_for_errors(0.01, 0.01, **asked)
