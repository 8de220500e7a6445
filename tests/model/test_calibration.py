"""Recalibration: found where it betters by more than chance, and applied as plain JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from loopline.errors import Mistake
from loopline.model.blocks import alone
from loopline.model.calibration import NONE, apply, fit, say

CLASSES = ("a", "b", "c")


def logit(score: Any) -> Any:
    return np.log(score / (1 - score))


def sigmoid(margin: Any) -> Any:
    return 1 / (1 + np.exp(-margin))


def loss(outcome: Any, score: Any) -> float:
    return float(-np.mean(np.log(np.where(outcome, score, 1 - score))))


def binary(rows: int, *, slope: float = 1.0, offset: float = 0.0, seed: int = 0) -> tuple[Any, Any]:
    """Outcomes, and scores whose logit must be multiplied and shifted so to be honest."""
    rng = np.random.default_rng(seed)
    score = sigmoid(rng.normal(scale=1.5, size=rows))
    return rng.random(rows) < sigmoid(slope * logit(score) + offset), score


def test_scores_that_are_too_sure_are_mended_as_a_logistic_regression_would() -> None:
    outcome, score = binary(4000, slope=0.5, offset=-0.7)
    found = fit("binary", outcome, score, alone(4000), 0)
    assert found["kind"] == "platt"
    reference = LogisticRegression(C=np.inf).fit(logit(score)[:, None], outcome)
    assert found["slope"] == pytest.approx(float(reference.coef_[0, 0]), abs=5e-3)
    assert found["offset"] == pytest.approx(float(reference.intercept_[0]), abs=5e-3)
    fresh, seen = binary(20_000, slope=0.5, offset=-0.7, seed=1)
    assert loss(fresh, apply(found, seen)) < loss(fresh, seen) - 0.05
    assert apply(found, seen).mean() == pytest.approx(fresh.mean(), abs=0.01)


def test_honest_scores_are_left_alone() -> None:
    left = sum(fit("binary", *binary(1000, seed=seed), alone(1000), seed) == NONE for seed in range(40))
    assert left >= 37


def test_few_or_one_sided_rows_are_left_alone() -> None:
    outcome, score = binary(40, slope=0.1)
    assert fit("binary", outcome, score, alone(40), 0) == NONE
    outcome, score = binary(400, offset=-9.0)
    assert outcome.sum() < 10
    assert fit("binary", outcome, score, alone(400), 0) == NONE
    outcome, score = binary(400, slope=0.1)
    assert fit("binary", outcome, score, np.zeros(400, dtype=np.int64), 0) == NONE


def test_a_bend_that_two_numbers_cannot_mend_is_mended_by_three() -> None:
    rng = np.random.default_rng(0)
    score = rng.beta(0.6, 0.6, 20_000).clip(1e-4, 1 - 1e-4)
    outcome = rng.random(20_000) < sigmoid(2.0 * np.log(score) - 0.2 * np.log(1 - score) + 0.5)
    found = fit("binary", outcome, score, alone(20_000), 0)
    assert found["kind"] == "beta"
    assert (found["a"], found["b"], found["offset"]) == pytest.approx((2.0, 0.2, 0.5), abs=0.15)


@given(
    st.one_of(
        st.builds(lambda slope, offset: {"kind": "platt", "slope": slope, "offset": offset}, st.floats(0.01, 5), st.floats(-5, 5)),
        st.builds(lambda a, b, offset: {"kind": "beta", "a": a, "b": b, "offset": offset}, st.floats(0, 5), st.floats(0, 5), st.floats(-5, 5)),
    ),
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
)
def test_the_order_of_scores_is_kept(calibration: dict[str, Any], scores: list[float]) -> None:
    after = apply(calibration, np.sort(np.array(scores)))
    assert (np.diff(after) >= -1e-12).all()
    assert ((after >= 0) & (after <= 1)).all()


@given(st.integers(0, 2**16), st.floats(-0.5, 2.0), st.floats(-2, 2))
def test_a_map_that_was_fitted_keeps_the_order(seed: int, slope: float, offset: float) -> None:
    """Even where a high score means that it happens less often."""
    outcome, score = binary(120, slope=slope, offset=offset, seed=seed)
    after = apply(fit("binary", outcome, score, alone(120), seed), np.sort(score))
    assert (np.diff(after) >= 0).all()


def multiclass(rows: int, *, slope: float = 1.0, offsets: Any = (0.0, 0.0, 0.0), seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    margin = rng.normal(scale=1.5, size=(rows, 3))
    score = np.exp(margin) / np.exp(margin).sum(axis=1, keepdims=True)
    true = np.exp(slope * np.log(score) + np.array(offsets))
    true /= true.sum(axis=1, keepdims=True)
    drawn = (rng.random(rows)[:, None] > np.cumsum(true, axis=1)[:, :2]).sum(axis=1)
    return np.array(CLASSES, dtype=object)[drawn], score


def test_many_classes_are_cooled_by_one_number() -> None:
    outcome, score = multiclass(4000, slope=0.5)
    found = fit("multiclass", outcome, score, alone(4000), 0, classes=CLASSES)
    assert found["kind"] == "temperature"
    assert found["slope"] == pytest.approx(0.5, abs=0.05)
    after = apply(found, score)
    assert after.sum(axis=1) == pytest.approx(np.ones(4000))
    assert (after.argmax(axis=1) == score.argmax(axis=1)).all()


def test_many_classes_are_shifted_where_some_are_said_too_often() -> None:
    outcome, score = multiclass(6000, offsets=(1.5, 0.0, -1.5))
    found = fit("multiclass", outcome, score, alone(6000), 0, classes=CLASSES)
    assert found["kind"] == "vector"
    offsets = np.array(found["offsets"])
    assert np.diff(offsets) == pytest.approx([-1.5, -1.5], abs=0.2)
    after = apply(found, score)
    shares = [float(np.mean(outcome == label)) for label in CLASSES]
    assert after.mean(axis=0) == pytest.approx(shares, abs=0.01)


def test_honest_classes_are_left_alone() -> None:
    outcome, score = multiclass(1000)
    assert fit("multiclass", outcome, score, alone(1000), 0, classes=CLASSES) == NONE


def test_a_prediction_moves_to_the_quantile_that_the_worth_says() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(10, 3, 3000)
    outcome = score + rng.normal(size=3000)
    found = fit("regression", outcome, score, alone(3000), 0, quantile=0.9)
    assert found["kind"] == "shift"
    assert found["offset"] == pytest.approx(1.2816, abs=0.1)
    assert np.mean(outcome <= apply(found, score)) == pytest.approx(0.9, abs=0.01)
    assert fit("regression", outcome, score, alone(3000), 0, quantile=0.5) == NONE


def test_a_prediction_that_is_too_timid_is_stretched() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=3000)
    outcome = 2 * score + 1 + rng.normal(scale=0.5, size=3000)
    found = fit("regression", outcome, score, alone(3000), 0)
    assert found["kind"] == "scale"
    assert (found["slope"], found["offset"]) == pytest.approx((2.0, 1.0), abs=0.1)


def test_a_constant_prediction_is_no_trouble() -> None:
    outcome = np.random.default_rng(0).normal(5, 1, 200)
    found = fit("regression", outcome, np.zeros(200), alone(200), 0)
    assert found["kind"] == "shift"
    assert found["offset"] == pytest.approx(float(np.median(outcome)), abs=1e-6)


MAPS: list[dict[str, Any]] = [
    {"kind": "none"},
    {"kind": "platt", "slope": 0.5, "offset": 0.1},
    {"kind": "beta", "a": 1.0, "b": 0.5, "offset": 0.1},
    {"kind": "shift", "offset": 2.0},
    {"kind": "scale", "slope": 1.5, "offset": -1.0},
]


@pytest.mark.parametrize("calibration", MAPS, ids=lambda calibration: calibration["kind"])
def test_a_map_is_plain_json_and_can_be_told(calibration: dict[str, Any]) -> None:
    again = json.loads(json.dumps(calibration))
    scores = np.array([0.0, 0.2, 0.7, 1.0])
    assert (apply(again, scores) == apply(calibration, scores)).all()
    assert np.isfinite(apply(calibration, scores)).all()
    assert say(calibration).endswith(".")


def test_an_unknown_map_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="no calibration of the kind 'spline'"):
        apply({"kind": "spline"}, np.array([0.5]))


def test_the_same_rows_give_the_same_map() -> None:
    outcome, score = binary(1000, slope=0.4)
    assert fit("binary", outcome, score, alone(1000), 3) == fit("binary", outcome, score, alone(1000), 3)
