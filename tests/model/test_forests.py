"""Extra trees and random forests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loopline.model import forests
from loopline.model.encode import encode
from loopline.model.families import FitFailed
from loopline.model.forests import FEWEST, PROVED, TREES, extra_trees, random_forest
from loopline.model.graph import assemble
from loopline.model.matrix import matrix
from tests.model.problems import PLAN, columns, problem

each = pytest.mark.parametrize("door", [extra_trees, random_forest])


@each
def test_effort_and_the_last_fit_grow_trees_and_the_first_ones_are_the_same(door: type) -> None:
    posed = problem("binary")
    params = door().portfolio(posed)[0]
    few, many, last = (door().fit(one, params) for one in (replace(posed, effort=0.2), posed, replace(posed, validation=None)))
    assert (len(few.trees), len(many.trees), len(last.trees)) == (FEWEST, PROVED, TREES)
    for one, other, third in zip(few.values, many.values, last.values, strict=False):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)


@each
def test_a_lopsided_worth_moves_the_leaves_to_its_quantile(door: type) -> None:
    posed = replace(problem("regression", rows=2000), quantile=0.9, effort=0.2)
    assert posed.validation is not None
    assert door().portfolio(posed)[0]["loss"] == "quantile"
    score = door().fit(posed, door().portfolio(posed)[0]).score(posed.validation.features)
    assert np.mean(score >= posed.validation.target) == pytest.approx(0.9, abs=0.08)


@each
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_it_holds_to_a_direction(door: type, task: str) -> None:
    posed = replace(problem(task), monotone=(-1, 0, 0, 0, 0), effort=0.1)
    fitted = door().fit(posed, door().portfolio(posed)[1])
    moved = np.repeat(posed.train.features[:1], 50, axis=0)
    moved[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(fitted.score(moved)) <= 1e-12).all()


@each
def test_a_direction_that_it_cannot_hold_is_a_fit_that_failed(door: type) -> None:
    several, value = (replace(problem(task), monotone=(1, 0, 0, 0, 0)) for task in ("multiclass", "regression"))
    with pytest.raises(FitFailed, match="several classes"):
        door().fit(several, door().portfolio(several)[0])
    assert {one["loss"] for one in door().portfolio(value)} == {"squared"}
    with pytest.raises(FitFailed, match="squared loss alone"):
        door().fit(value, {**door().portfolio(value)[0], "loss": "quantile"})


@each
def test_the_graph_stays_small(door: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forests, "LEAVES_AT_MOST", 3_000)
    posed = problem("multiclass", rows=1000)
    fitted = door().fit(posed, {"min_samples_leaf": 1, "max_features": 1.0})
    data = assemble(PLAN, [fitted.graph("features", "scores")], width=3)
    assert len(data) < 3_000 * 70
    assert fitted.score(matrix(PLAN, encode(PLAN, columns(5)))).shape == (5, 3)
