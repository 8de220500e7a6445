"""Boosted trees of CatBoost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("catboost", reason="the extra catboost is not installed")

from loopline.model.catboosted import PATIENCE, ROUNDS, family
from loopline.model.families import FitFailed, Sample
from tests.model.problems import columns, problem, run_graph


def test_the_validation_rows_say_when_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    posed = problem("binary")
    fitted = family().fit(posed, {**family().portfolio(posed)[0], "learning_rate": 0.3})
    assert 1 <= fitted.rounds < ROUNDS - PATIENCE
    assert fitted.model.tree_count_ == fitted.rounds
    assert not list(tmp_path.iterdir()), "it leaves no files"


def test_a_value_at_a_border_is_scored_alike() -> None:
    posed = problem("regression")
    few = posed.train.features.copy()
    few[:, 0] = np.round(few[:, 0])
    fitted = family().fit(replace(posed, train=Sample(few, posed.train.target), validation=None), {**family().portfolio(posed)[0], "rounds": 50})
    raw = columns(200)
    raw["size"] = np.round(raw["size"] * 2) / 2
    raw["year"] = np.full(200, 2012.0)
    features = np.zeros((200, 5), dtype=np.float32)
    features[:, 0], features[:, 1], features[:, 2] = raw["size"], raw["year"], np.nan
    features[:, 3], features[:, 4] = raw["kind"] == "a", raw["kind"] == "b"
    np.testing.assert_allclose(run_graph(fitted, "regression", raw), fitted.score(features), rtol=1e-12, atol=1e-12)


def test_it_holds_to_a_direction() -> None:
    posed = replace(problem("regression"), monotone=(-1, 0, 0, 0, 0))
    fitted = family().fit(posed, {**family().portfolio(posed)[0], "loss": "squared"})
    moved = np.repeat(posed.train.features[:1], 50, axis=0)
    moved[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(fitted.score(moved)) <= 1e-9).all()


def test_a_lopsided_worth_moves_the_value_to_its_quantile() -> None:
    posed = replace(problem("regression", rows=2000), quantile=0.9, effort=0.3)
    assert posed.validation is not None
    score = family().fit(posed, family().portfolio(posed)[0]).score(posed.validation.features)
    assert np.mean(score >= posed.validation.target) == pytest.approx(0.9, abs=0.08)


def test_what_it_refuses_is_a_fit_that_failed() -> None:
    posed = problem("multiclass")
    with pytest.raises(FitFailed, match="several classes"):
        family().fit(replace(posed, monotone=(1, 0, 0, 0, 0)), family().portfolio(posed)[0])
    alike = replace(problem("binary"), train=Sample(np.ones((300, 5), dtype=np.float32), problem("binary").train.target))
    with pytest.raises(FitFailed, match="catboost: .*constant"):
        family().fit(alike, family().portfolio(alike)[0])
