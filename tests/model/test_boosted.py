"""Gradient-boosted trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loopline.model.boosted import PATIENCE, ROUNDS, family
from loopline.model.families import FitFailed, Sample
from tests.model.problems import PLAN, columns, problem, run_graph


def test_the_validation_rows_say_when_to_stop() -> None:
    posed = problem("binary")
    fitted = family().fit(posed, family().portfolio(posed)[0])
    assert 1 <= fitted.rounds < ROUNDS - PATIENCE
    assert fitted.booster.current_iteration() == fitted.rounds
    assert fitted.settled() == {"rounds": fitted.rounds, "rows": len(posed.train.target)}


def test_without_validation_rows_the_rounds_are_those_asked_for() -> None:
    posed = replace(problem("regression"), validation=None)
    assert family().fit(posed, {**family().portfolio(posed)[0], "rounds": 7}).booster.current_iteration() == 7


def test_the_bins_are_cut_once_for_all_trials() -> None:
    posed = problem("binary")
    boosted = family()
    alone = boosted.fit(problem("binary"), {**boosted.portfolio(posed)[0], "min_data_in_leaf": 5}).booster.model_to_string()
    boosted.fit(posed, {**boosted.portfolio(posed)[0], "min_data_in_leaf": 40})
    held = posed.memo["lightgbm"]
    again = boosted.fit(posed, {**boosted.portfolio(posed)[0], "min_data_in_leaf": 5}).booster.model_to_string()
    assert posed.memo["lightgbm"] is held
    assert again == alone, "a trial before it changes nothing"


def test_a_worth_that_is_lopsided_moves_the_value_to_its_quantile() -> None:
    posed = replace(problem("regression", rows=2000), quantile=0.9)
    assert posed.validation is not None
    fitted = family().fit(posed, {**family().portfolio(posed)[0], "loss": "quantile"})
    assert np.mean(fitted.score(posed.validation.features) >= posed.validation.target) == pytest.approx(0.9, abs=0.07)


def test_too_few_rows_to_split_give_one_score_that_is_exported() -> None:
    posed = problem("binary", rows=20)
    fitted = family().fit(posed, family().portfolio(posed)[0])
    raw = columns(50, seed=3)
    assert len(np.unique(fitted.score(np.zeros((3, len(PLAN.features)), dtype=np.float32)))) == 1
    np.testing.assert_allclose(run_graph(fitted, "binary", raw), fitted.score(posed.train.features[:1])[0])


def test_what_lightgbm_refuses_is_a_fit_that_failed() -> None:
    posed = problem("multiclass")
    wrong = replace(posed, train=Sample(posed.train.features, posed.train.target + 7), memo={})
    with pytest.raises(FitFailed, match="[Ll]abel"):
        family().fit(wrong, family().portfolio(wrong)[0])


def test_the_smallest_trees_fit_the_smallest_tables() -> None:
    few, many = problem("binary"), problem("binary", rows=8000)
    assert family().portfolio(few)[0]["num_leaves"] < family().portfolio(many)[0]["num_leaves"]
