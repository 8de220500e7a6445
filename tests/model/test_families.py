"""What every family keeps: the same fit each time, and a graph that scores as the model does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loopline.errors import Mistake
from loopline.model.baseline import Baseline
from loopline.model.encode import encode
from loopline.model.families import Problem, Sample, find
from loopline.model.graph import assemble
from loopline.model.matrix import matrix
from loopline.model.spec import EXTRAS, FAMILIES, ModelSpec, installed, offered
from tests.model import problems
from tests.model.problems import CLASSES, PLAN, columns, run_graph

every = pytest.mark.parametrize("task", list(CLASSES))


def problem(task: str, **words: Any) -> Problem:
    """A small problem, to be fitted with a tenth of the effort."""
    return replace(problems.problem(task, **words), effort=0.1)


here = [name for name in FAMILIES if installed(name)]
each = pytest.mark.parametrize("name", here)


@each
@every
def test_the_graph_scores_as_the_model_does(name: str, task: str) -> None:
    posed, family = problem(task, scale=1e6), find(name)
    fitted = family.fit(posed, family.portfolio(posed)[0])
    raw = columns(3000, seed=9)
    model, graph = fitted.score(matrix(PLAN, encode(PLAN, raw))), run_graph(fitted, task, raw)
    assert graph.shape == model.shape == ((3000, 3) if task == "multiclass" else (3000,))
    # A value of a million with a score near zero is where single precision fails the tolerance of 1e-5.
    np.testing.assert_allclose(graph, model, rtol=1e-12, atol=1e-12)


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


@pytest.mark.parametrize("name", [name for name in here if name not in ("baseline", "rules")])
@every
def test_a_row_that_weighs_nothing_changes_no_score_much(name: str, task: str) -> None:
    posed, family = problem(task, nulls=0.0), find(name)
    turned = posed.train.target.copy()
    turned[::2] = turned[::2][::-1]
    weights = np.where(np.arange(len(turned)) % 2, 2 - 1e-6, 1e-6)
    plain, weighed = (
        family.fit(replace(posed, train=Sample(posed.train.features, turned, one), validation=None, memo={}), family.portfolio(posed)[0])
        for one in (None, weights)
    )
    held = posed.validation
    assert held is not None

    def loss(score: NDArray[np.float64]) -> float:
        if task == "multiclass":
            return float(np.mean(-np.log(score[np.arange(len(score)), held.target.astype(int)] + 1e-3)))
        return float(np.mean((score - held.target) ** 2))

    # Half of the rows are wrong, and weigh next to nothing.
    assert loss(weighed.score(held.features)) < loss(plain.score(held.features))


@each
@every
def test_three_hundred_columns_most_of_them_empty_or_constant(name: str, task: str) -> None:
    posed, family = problem(task, rows=120), find(name)
    assert posed.validation is not None
    wide = np.full((120, 300), np.nan, dtype=np.float32)
    wide[:, 100:] = 5
    wide[:, 0] = np.concatenate([posed.train.features[:, 0], posed.validation.features[:, 0]])
    cut = len(posed.train.target)
    asked = replace(
        posed, count_numbers=300, train=Sample(wide[:cut], posed.train.target), validation=Sample(wide[cut:], posed.validation.target), memo={}, effort=0.1
    )
    fitted = family.fit(asked, family.portfolio(asked)[0])
    assert np.isfinite(fitted.score(wide)).all()
    assert fitted.weights().shape == (300,)
    assert fitted.weights()[1:].max() < 1e-6


@each
def test_no_rows_have_no_scores(name: str) -> None:
    for task in CLASSES:
        posed, family = replace(problem(task), effort=0.1), find(name)
        fitted = family.fit(posed, family.portfolio(posed)[0])
        assert len(fitted.score(posed.train.features[:0])) == 0


def test_another_process_makes_the_same_bytes() -> None:
    told = (
        "import hashlib, sys; from dataclasses import replace; from loopline.model.families import find; from loopline.model.graph import assemble;"
        "from tests.model.problems import PLAN, problem; posed = replace(problem('binary', rows=200), effort=0.1);"
        "print([hashlib.sha256(assemble(PLAN, [f.fit(posed, f.portfolio(posed)[0]).graph('features', 'scores')], width=1)).hexdigest()"
        " for f in map(find, sys.argv[1:])])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = [
        subprocess.run([sys.executable, "-c", told, *here], env={**environment, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert said[0].count(",") == len(here) - 1


def test_a_family_of_ones_own_is_found_beside_the_declaration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_own_family.py").write_text("from loopline.model.baseline import Baseline\n\n\ndef family():\n    return Baseline()\n")
    posed = problem("binary")
    assert find("my_own_family:family", tmp_path).fit(posed, {}).weights().sum() == 0


@pytest.mark.parametrize("name", ["no_such_module:family", "loopline.model.baseline:nothing"])
def test_a_family_that_is_not_there_is_a_mistake(name: str) -> None:
    with pytest.raises(Mistake, match="cannot be loaded.*module:function"):
        find(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def family():\n    raise RuntimeError('no luck')\n", "cannot be made: RuntimeError: no luck.*takes no arguments"),
        ("def family(x):\n    return x\n", "cannot be made: TypeError"),
        ("def family():\n    return 5\n", "has no portfolio and no params and no fit.*docs/model/families.md"),
        ("from loopline.model.baseline import Baseline\n\ndef family():\n    return Baseline\n", "is a class"),
    ],
)
def test_what_comes_back_must_be_a_family(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"own_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(Mistake, match=said):
        find(f"{name}:family", tmp_path)


def test_an_installed_package_offers_a_family_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "offers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[loopline.families]\nmajority = loopline.model.baseline:family\nlinear = os:getcwd\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert offered() == {"majority": "loopline.model.baseline:family"}, "a built-in one's name is not given away"
    assert ModelSpec.model_validate({"families": ["majority"]}).families == ("majority",)
    assert isinstance(find("majority"), Baseline)


@pytest.mark.parametrize("name", EXTRAS)
def test_an_extra_that_is_absent_is_named_with_its_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Mistake, match=rf"needs the extra '{name}'.*pip install 'loopline\[{name}\]'"):
        find(name)
