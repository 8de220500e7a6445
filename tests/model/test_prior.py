"""What is known before any feature is looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model import prior
from loopline.model.families import Sample
from tests.model.problems import problem

values = st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=12)


@given(values, st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_a_row_of_weight_two_is_the_row_twice(rows: list[tuple[int, int]], share: float) -> None:
    number, weight = (np.array(part, dtype=np.float64) for part in zip(*rows, strict=True))
    repeated = np.repeat(number, weight.astype(int))
    assert prior.quantile(number, weight, share) == prior.quantile(repeated, None, share)
    assert prior.quantile(repeated, None, 0.5) == np.median(repeated)
    features = np.zeros((len(number), 1), dtype=np.float32)
    assert prior.mean(Sample(features, number, weight)) == pytest.approx(repeated.mean())
    assert prior.shares(Sample(features, np.abs(number), weight), 10) == pytest.approx(np.bincount(np.abs(repeated).astype(int), minlength=10) / len(repeated))


def test_the_start_is_what_the_link_makes_the_share() -> None:
    binary, several = problem("binary"), problem("multiclass")
    assert 1 / (1 + np.exp(-prior.start(binary))) == pytest.approx(binary.train.target.mean())
    assert np.exp(prior.start(several)) == pytest.approx([np.mean(several.train.target == place) for place in range(3)])


def test_a_class_that_training_never_saw_starts_low_and_finite() -> None:
    posed = problem("multiclass")
    seen = posed.train.target != 1
    start = prior.start(replace(posed, train=Sample(posed.train.features[seen], posed.train.target[seen])))
    assert np.isfinite(start).all()
    assert start[1] < -20


def test_a_regression_starts_at_the_mean_or_at_its_quantile() -> None:
    posed = replace(problem("regression"), quantile=0.9)
    assert prior.start(posed)[0] == pytest.approx(posed.train.target.mean())
    assert np.mean(posed.train.target <= prior.start(posed, loss="quantile")[0]) == pytest.approx(0.9, abs=0.01)
