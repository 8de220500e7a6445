"""Boosted trees of XGBoost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("xgboost", reason="the extra xgboost is not installed")

from loopline.model.families import FitFailed, Sample
from loopline.model.xgboosted import PATIENCE, ROUNDS, family
from tests.model.problems import problem


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_its_scores_are_those_of_xgboost(task: str) -> None:
    posed, boosted = problem(task), family()
    fitted = boosted.fit(posed, boosted.portfolio(posed)[0])
    known = fitted.booster.predict(boosted._matrix(posed.train, fitted.start))
    np.testing.assert_allclose(fitted.score(posed.train.features), known, rtol=1e-5, atol=1e-6)


def test_the_validation_rows_say_when_to_stop() -> None:
    posed = problem("binary")
    fitted = family().fit(posed, family().portfolio(posed)[0])
    assert 1 <= fitted.rounds < ROUNDS - PATIENCE
    assert fitted.booster.num_boosted_rounds() == fitted.rounds


def test_it_holds_to_a_direction() -> None:
    posed = replace(problem("regression"), monotone=(-1, 0, 0, 0, 0))
    fitted = family().fit(posed, {**family().portfolio(posed)[0], "loss": "squared"})
    moved = np.repeat(posed.train.features[:1], 50, axis=0)
    moved[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(fitted.score(moved)) <= 1e-9).all()


def test_a_lopsided_worth_moves_the_value_to_its_quantile() -> None:
    posed = replace(problem("regression", rows=2000), quantile=0.9)
    assert posed.validation is not None
    score = family().fit(posed, family().portfolio(posed)[0]).score(posed.validation.features)
    assert np.mean(score >= posed.validation.target) == pytest.approx(0.9, abs=0.08)


def test_what_it_refuses_is_a_fit_that_failed() -> None:
    posed = problem("multiclass")
    with pytest.raises(FitFailed, match="several classes"):
        family().fit(replace(posed, monotone=(1, 0, 0, 0, 0)), family().portfolio(posed)[0])
    wrong = replace(posed, train=Sample(posed.train.features, posed.train.target, np.full(300, -1.0)))
    with pytest.raises(FitFailed, match="xgboost: .*[Ww]eight"):
        family().fit(wrong, family().portfolio(posed)[0])
