"""Logistic and ridge regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loopline.model import linear
from loopline.model.families import Sample
from loopline.model.linear import family
from tests.model.problems import problem


def test_it_stays_finite_on_columns_that_repeat_one_another() -> None:
    posed = problem("binary")
    twice = replace(posed, count_numbers=6, train=Sample(np.tile(posed.train.features[:, :3], 2), posed.train.target), memo={})
    fitted = family().fit(twice, {"strength": 100.0})
    assert np.isfinite(fitted.coefficients).all()


def test_a_class_that_training_never_saw_gets_no_probability() -> None:
    posed = problem("multiclass")
    seen = posed.train.target != 1
    fitted = family().fit(replace(posed, train=Sample(posed.train.features[seen], posed.train.target[seen]), memo={}), {"strength": 1.0})
    score = fitted.score(posed.train.features)
    assert score[:, 1].max() < 1e-12
    np.testing.assert_allclose(score.sum(axis=1), 1.0)
    assert np.mean(score[seen].argmax(axis=1) == posed.train.target[seen]) > 0.9


def test_more_rows_than_fit_are_sampled_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "CELLS_AT_MOST", 5 * 100)
    first, second, other = (family().fit(replace(problem("binary"), seed=seed), {"strength": 1.0}).coefficients for seed in (0, 0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
