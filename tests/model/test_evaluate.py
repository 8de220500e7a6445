"""Metrics, slices and the interval of the worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from loopline.model.blocks import alone
from loopline.model.evaluate import METRICS, Judged, interval, metrics, outcomes, slices, worst_slice


def binary(score: Any, outcome: Any, *, threshold: float = 0.5, columns: dict[str, Any] | None = None) -> Judged:
    score, outcome = np.asarray(score, dtype=np.float64), np.asarray(outcome, dtype=bool)
    decision = score >= threshold
    money = np.where(decision, np.where(outcome, 10.0, -6.0), 0.0)
    return Judged("binary", ("no", "yes"), outcome, decision, score, money, columns or {})


_scored = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=5, max_size=80).filter(lambda rows: len({row[1] for row in rows}) == 2)


@given(_scored)
def test_binary_metrics_agree_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    score, outcome = np.array([row[0] / 10 for row in rows]), np.array([row[1] for row in rows])
    found = metrics(binary(score, outcome))
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(outcome, score))
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(outcome, score))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(outcome, score))
    assert found["log_loss"] == pytest.approx(sk.log_loss(outcome, score))
    assert found["recall"] == pytest.approx(sk.recall_score(outcome, score >= 0.5))
    if (score >= 0.5).any():
        assert found["precision"] == pytest.approx(sk.precision_score(outcome, score >= 0.5))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)), min_size=3, max_size=60))
def test_multiclass_metrics_agree_with_scikit_learn(rows: list[tuple[str, int, int, int]]) -> None:
    outcome = np.array([row[0] for row in rows], dtype=object)
    scores = np.array([row[1:] for row in rows], dtype=np.float64)
    scores /= scores.sum(axis=1, keepdims=True)
    decision = np.array(["a", "b", "c"], dtype=object)[scores.argmax(axis=1)]
    found = metrics(Judged("multiclass", ("a", "b", "c"), outcome, decision, scores, np.zeros(len(rows))))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(outcome, decision))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(outcome, decision, average="macro"))
    assert found["log_loss"] == pytest.approx(sk.log_loss(outcome, scores, labels=["a", "b", "c"]))


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=60))
def test_regression_metrics_agree_with_scikit_learn(rows: list[tuple[float, float]]) -> None:
    outcome, said = (np.array(values) for values in zip(*rows, strict=True))
    found = metrics(Judged("regression", (), outcome, said, said, -np.abs(said - outcome)))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(outcome, said))
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(outcome, said))
    assert found["worth"] == pytest.approx(-sk.mean_absolute_error(outcome, said))
    if np.ptp(outcome) > 1e-3:
        assert found["r2"] == pytest.approx(sk.r2_score(outcome, said), rel=1e-6, abs=1e-6)


def test_what_cannot_be_measured_is_none_and_never_nan() -> None:
    one_class = metrics(binary([0.1, 0.2], [False, False]))
    assert one_class["roc_auc"] is None
    assert one_class["recall"] is None
    assert one_class["precision"] is None
    assert one_class["act_share"] == 0.0
    assert set(metrics(binary([], [])).values()) == {None}
    flat = Judged("regression", (), np.ones(3), np.ones(3), np.ones(3), np.zeros(3))
    assert metrics(flat)["r2"] is None


def test_an_outcome_of_an_unknown_class_was_given_no_probability() -> None:
    judged = Judged("multiclass", ("a", "b"), np.array(["z"], dtype=object), np.array(["a"], dtype=object), np.array([[1.0, 0.0]]), np.zeros(1))
    assert metrics(judged)["log_loss"] == pytest.approx(-np.log(1e-15))


def test_the_worst_slice_needs_support() -> None:
    origin = np.array(["EWR"] * 100 + ["JFK"] * 100 + ["LGA"] * 5, dtype=object)
    outcome = np.array([True] * 80 + [False] * 20 + [True] * 40 + [False] * 60 + [False] * 5)
    judged = binary(np.ones(205), outcome, columns={"origin": origin})
    assert slices(judged, "origin", "precision") == {"EWR": 0.8, "JFK": 0.4}
    assert worst_slice(judged, "origin", "precision") == ("JFK", 0.4)
    assert worst_slice(judged, "origin", "log_loss")[0] == "JFK"
    assert worst_slice(judged, "origin", "precision", support=1000) == (None, None)


def test_support_counts_the_rows_that_the_metric_rests_on() -> None:
    score = np.concatenate([np.ones(10), np.zeros(90), np.ones(100)])
    judged = binary(score, [True] * 200, columns={"origin": np.array(["few acted on"] * 100 + ["many"] * 100, dtype=object)})
    assert set(slices(judged, "origin", "precision")) == {"many"}
    assert set(slices(judged, "origin", "recall")) == {"few acted on", "many"}


def test_nulls_are_a_slice_and_numbers_are_named_by_their_text() -> None:
    values = np.array([1.0] * 40 + [np.nan] * 40)
    judged = binary(np.ones(80), [True] * 80, columns={"x": values})
    assert set(slices(judged, "x", "accuracy")) == {"1", "(missing)"}


def test_outcomes_are_texts_the_same_from_any_source() -> None:
    assert outcomes("binary", [1, 2, 2.0, "2"], "2").tolist() == [False, True, True, True]
    assert outcomes("binary", [True, False], "true").tolist() == [True, False]
    assert outcomes("multiclass", [1, "1", 1.0]).tolist() == ["1", "1", "1"]
    assert outcomes("regression", [1, 2.5]).tolist() == [1.0, 2.5]


def test_the_interval_holds_the_mean_and_narrows_with_rows() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(3, 10, 100), rng.normal(3, 10, 10_000)
    for money in (few, many):
        low, high = interval(money, alone(len(money)), seed=1)
        assert low < money.mean() < high
    assert np.subtract(*interval(many, alone(len(many)), seed=1)) > np.subtract(*interval(few, alone(len(few)), seed=1))
    assert interval(few, alone(len(few)), seed=1) == interval(few, alone(len(few)), seed=1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = sum(
        low <= 0.3 <= high for low, high in (interval((rng.random(400) < 0.3).astype(float), alone(400), seed=seed, draws=300) for seed in range(200))
    )
    assert 180 <= covered <= 199


def test_every_task_has_worth_first() -> None:
    assert all(next(iter(known)) == "worth" for known in METRICS.values())
