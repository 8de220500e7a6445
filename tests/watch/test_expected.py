"""Weighted metrics: those of the model stage where every weight is one, and influences that are what a little more weight does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.evaluate import Judged, metrics
from loopline.watch.expected import Weighed, losses, measures
from loopline.watch.windows import loss

CLASSES = ("a", "b", "c")
TASKS = ("binary", "multiclass", "regression")


def both(task: str, *, rows: int = 60, seed: int = 0) -> tuple[Judged, Weighed]:
    """The same decisions as the model stage judges them, and with weights of one."""
    rng = np.random.default_rng(seed)
    money, one = rng.normal(size=rows), np.ones(rows)
    if task == "binary":
        score, outcome = rng.random(rows).round(1), rng.random(rows) < 0.4
        return Judged("binary", ("n", "y"), outcome, score > 0.5, score, money), Weighed("binary", outcome, score > 0.5, score, money, one)
    if task == "multiclass":
        scores, code = rng.dirichlet(np.ones(3), rows), rng.integers(0, 3, rows)
        labels, decided = np.array(CLASSES, dtype=object), scores.argmax(axis=1)
        judged = Judged("multiclass", CLASSES, labels[code], labels[decided], scores, money)
        return judged, Weighed("multiclass", code, decided, scores[np.arange(rows), code], money, one)
    outcome = rng.normal(size=rows)
    said = outcome + rng.normal(size=rows)
    return Judged("regression", (), outcome, said, said, money), Weighed("regression", outcome, said, said, money, one)


@pytest.mark.parametrize("task", TASKS)
def test_with_weights_of_one_they_are_the_metrics_of_the_model_stage(task: str) -> None:
    judged, weighed = both(task)
    known = metrics(judged)
    found = measures(weighed)
    assert set(known) - set(found) <= {"average_precision", "act_share"}
    assert {name: measure.value for name, measure in found.items()} == pytest.approx({name: known[name] for name in found})
    assert losses(weighed) == pytest.approx(loss(judged))


@given(st.sampled_from(TASKS), st.integers(0, 50), st.data())
def test_a_weight_of_three_is_the_same_row_three_times(task: str, seed: int, data: st.DataObject) -> None:
    _, weighed = both(task, rows=12, seed=seed)
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=12, max_size=12)))
    if not times.any():
        return
    each = {name: np.repeat(getattr(weighed, name), times) for name in ("outcome", "decision", "score", "money", "weight")}
    repeated, heavy = measures(replace(weighed, **each)), measures(replace(weighed, weight=times.astype(float)))
    assert {name: one.value for name, one in heavy.items()} == pytest.approx({name: one.value for name, one in repeated.items()}, abs=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_an_influence_is_what_a_little_more_weight_does(task: str) -> None:
    _, weighed = both(task, seed=3)
    found, step = measures(weighed), 1e-6
    for at in range(0, 60, 7):
        more = weighed.weight.copy()
        more[at] += step
        moved = measures(replace(weighed, weight=more))
        for name, measure in found.items():
            assert (moved[name].value - measure.value) / step * 60 == pytest.approx(measure.influence[at], rel=1e-3, abs=1e-4), name
    assert all(abs(float(measure.influence.mean())) < 1e-9 for measure in found.values())


def test_a_metric_that_nothing_is_known_of_is_left_out() -> None:
    _, weighed = both("binary")
    never = replace(weighed, decision=np.zeros(60, dtype=bool), outcome=np.zeros(60, dtype=bool))
    assert not {"precision", "recall", "roc_auc"} & set(measures(never))
    assert measures(replace(weighed, weight=np.zeros(60))) == {}
    _, numbers = both("regression")
    assert not {"rmse", "r2"} & set(measures(replace(numbers, outcome=np.ones(60), decision=np.ones(60))))


def test_a_class_without_weight_does_not_count() -> None:
    _, weighed = both("multiclass", rows=12, seed=0)
    right = weighed.outcome == weighed.decision
    assert right.any() and not right.all()
    assert measures(replace(weighed, weight=right.astype(float)))["macro_f1"].value == 1


@pytest.mark.parametrize("score", [0.0, 1e-311, 1e-150, 1e-13])
def test_what_is_hardly_ever_expected_has_no_metric_that_divides_by_it(score: float) -> None:
    scores, outcome = np.full(2, score), np.array([False, True])
    found = measures(Weighed("binary", outcome, outcome & False, scores, np.zeros(2), np.array([1.0, score])))
    assert not {"roc_auc", "precision", "recall"} & set(found)
    assert found["accuracy"].value == pytest.approx(1) and all(np.isfinite(measure.influence).all() for measure in found.values())
