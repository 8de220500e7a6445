"""What every family keeps: the same fit each time, and a graph that scores as the model does."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loopline.errors import Mistake
from loopline.model.encode import encode
from loopline.model.families import Sample, find
from loopline.model.graph import assemble
from loopline.model.matrix import matrix
from loopline.model.spec import FAMILIES
from tests.model.problems import CLASSES, PLAN, columns, problem, run_graph

every = pytest.mark.parametrize("task", list(CLASSES))
each = pytest.mark.parametrize("name", list(FAMILIES))


@each
@every
def test_the_graph_scores_as_the_model_does(name: str, task: str) -> None:
    posed, family = problem(task, scale=1e6), find(name)
    fitted = family.fit(posed, family.portfolio(posed)[0])
    raw = columns(3000, seed=9)
    model, graph = fitted.score(matrix(PLAN, encode(PLAN, raw))), run_graph(fitted, task, raw)
    assert graph.shape == model.shape == ((3000, 3) if task == "multiclass" else (3000,))
    # A value of a million with a score near zero is where single precision fails the tolerance of 1e-5.
    np.testing.assert_allclose(graph, model, rtol=1e-9, atol=1e-9)


@each
@every
def test_a_null_that_training_never_saw_is_scored_alike(name: str, task: str) -> None:
    posed, family = problem(task, nulls=0.0), find(name)
    fitted = family.fit(posed, family.portfolio(posed)[0])
    raw = columns(500, seed=9, nulls=0.5)
    np.testing.assert_allclose(run_graph(fitted, task, raw), fitted.score(matrix(PLAN, encode(PLAN, raw))), rtol=1e-9, atol=1e-9)


@each
@every
def test_the_same_problem_gives_the_same_bytes_on_any_number_of_threads(name: str, task: str) -> None:
    family = find(name)
    made = []
    for threads in (1, 2):
        posed = problem(task, threads=threads)
        made.append(assemble(PLAN, [family.fit(posed, family.portfolio(posed)[0]).graph("features", "scores")], width=3 if task == "multiclass" else 1))
    assert made[0] == made[1]


@each
@every
def test_scores_are_probabilities_or_values(name: str, task: str) -> None:
    posed, family = problem(task), find(name)
    assert posed.validation is not None
    score = family.fit(posed, family.portfolio(posed)[0]).score(posed.validation.features)
    assert np.isfinite(score).all()
    if task != "regression":
        assert score.min() >= 0 and score.max() <= 1
    if task == "multiclass":
        np.testing.assert_allclose(score.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", ["linear", "lightgbm"])
@every
def test_it_learns_and_says_from_what(name: str, task: str) -> None:
    posed, family = problem(task), find(name)
    assert posed.validation is not None
    fitted = family.fit(posed, family.portfolio(posed)[0])
    score, outcome = fitted.score(posed.validation.features), posed.validation.target
    if task == "binary":
        assert np.mean((score > 0.5) == outcome) > 0.85
    elif task == "multiclass":
        assert np.mean(score.argmax(axis=1) == outcome) > 0.75
    else:
        assert np.mean((score - outcome) ** 2) < 0.5 * np.var(outcome)
    weights = fitted.weights()
    assert weights.sum() == pytest.approx(1.0)
    assert weights.argmax() == 0, "size counts most"


@each
@every
def test_the_last_fit_takes_what_an_earlier_one_settled(name: str, task: str) -> None:
    posed, family = problem(task), find(name)
    params = family.portfolio(posed)[0]
    settled = family.fit(posed, params).settled()
    again = family.fit(replace(posed, validation=None, memo={}), {**params, **settled})
    assert again.settled() == settled


@each
def test_a_class_that_training_never_saw_does_no_harm(name: str) -> None:
    posed, family = problem("multiclass"), find(name)
    seen = posed.train.target != 1
    fitted = family.fit(replace(posed, train=Sample(posed.train.features[seen], posed.train.target[seen]), memo={}), family.portfolio(posed)[0])
    score = fitted.score(posed.train.features)
    assert np.isfinite(score).all() and score.shape == (300, 3)
    assert score[:, 1].max() < 0.01


def test_a_family_of_ones_own_is_found_beside_the_declaration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_own_family.py").write_text("from loopline.model.baseline import Baseline\n\n\ndef family():\n    return Baseline()\n")
    posed = problem("binary")
    assert find("my_own_family:family", tmp_path).fit(posed, {}).weights().sum() == 0


@pytest.mark.parametrize("name", ["no_such_module:family", "loopline.model.baseline:nothing"])
def test_a_family_that_is_not_there_is_a_mistake(name: str) -> None:
    with pytest.raises(Mistake, match="cannot be loaded.*module:function"):
        find(name)
