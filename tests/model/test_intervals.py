"""Every metric with its interval, and paired differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopline.model.blocks import alone
from loopline.model.evaluate import METRICS, Judged, metrics
from loopline.model.intervals import differences, measured
from tests.model.assessment.cases import blurred, case, decide, seen

TASKS = ("binary", "multiclass", "regression")


def binary(rows: int, seed: int, *, noise: float = 0.0) -> Judged:
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 3, rows)
    outcome = rng.random(rows) < chance
    score = np.clip(chance + rng.normal(scale=noise, size=rows), 0.001, 0.999) if noise else chance
    decision = score >= 0.375
    return Judged("binary", ("no", "yes"), outcome, decision, score, np.where(decision, np.where(outcome, 10.0, -6.0), 0.0))


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_has_its_value_and_an_interval_about_it(task: Any) -> None:
    judged = seen(task, 800)[0].judged
    found, values = measured(judged, alone(800), seed=0, draws=200), metrics(judged)
    assert list(found) == list(METRICS[judged.task])
    for name, value in values.items():
        estimate = found[name]
        assert estimate is not None
        assert estimate.value == pytest.approx(value)
        assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize("task", TASKS)
def test_an_interval_is_that_of_a_bootstrap_by_brute_force(task: Any) -> None:
    """Each draw measured anew on its rows; the two draw other rows, so that they agree as far as draws do."""
    judged = seen(task, 400)[0].judged
    blocks = alone(400) // 10
    found, rng = measured(judged, blocks, seed=1), np.random.default_rng(2)
    drawn: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(300):
        rows = (rng.integers(0, 40, 40)[:, None] * 10 + np.arange(10)).reshape(-1)
        for name, value in metrics(judged.where(rows)).items():
            assert value is not None
            drawn[name].append(value)
    for name, estimate in found.items():
        assert estimate is not None
        low, high = np.quantile(drawn[name], [0.025, 0.975])
        assert (estimate.high - estimate.low) == pytest.approx(high - low, rel=0.35), name


def test_the_same_seed_gives_the_same_interval() -> None:
    judged = binary(300, 0)
    assert measured(judged, alone(300), seed=5, draws=100) == measured(judged, alone(300), seed=5, draws=100)


def test_what_cannot_be_measured_has_no_interval() -> None:
    judged = binary(50, 0)
    idle = replace(judged, outcome=np.zeros(50, dtype=bool), decision=np.zeros(50, dtype=bool))
    found = measured(idle, alone(50), seed=0, draws=50)
    assert found["roc_auc"] is found["precision"] is found["recall"] is found["average_precision"] is None
    assert found["act_share"] is not None
    nothing = measured(judged.where(np.zeros(0, dtype=int)), alone(0), seed=0)
    assert set(nothing.values()) == {None}
    assert differences(judged.where(np.zeros(0, dtype=int)), judged.where(np.zeros(0, dtype=int)), alone(0), seed=0) == nothing


def test_a_model_does_not_differ_from_itself() -> None:
    judged = binary(300, 1)
    for found in differences(judged, judged, alone(300), seed=0, draws=50).values():
        assert found is not None
        assert (found.value, found.low, found.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_pairing_tells_models_apart_that_their_own_intervals_do_not() -> None:
    one = binary(1500, 3)
    rng = np.random.default_rng(4)
    score = np.clip(one.score + rng.normal(scale=0.05, size=1500), 0.001, 0.999)
    other = replace(one, score=score)
    apart = differences(one, other, alone(1500), seed=0)["log_loss"]
    own, its = measured(one, alone(1500), seed=0)["log_loss"], measured(other, alone(1500), seed=0)["log_loss"]
    assert apart is not None
    assert own is not None
    assert its is not None
    assert apart.is_below_zero
    assert own.high > its.low


@pytest.mark.parametrize("task", TASKS)
def test_a_difference_is_that_of_the_metrics(task: Any) -> None:
    made = case(task, 500)
    one = made.test.judged
    score = blurred(task, one, 1.0, 3)
    decision = decide(task, score)
    other = replace(one, score=score, decision=decision, money=made.earn(decision, one.outcome, one.columns))
    first, second = metrics(one), metrics(other)
    for name, found in differences(one, other, made.test.blocks, seed=0, draws=100).items():
        assert found is not None
        assert found.value == pytest.approx((first[name] or 0.0) - (second[name] or 0.0))


def test_rows_that_are_not_the_same_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        differences(binary(10, 0), binary(11, 0), alone(10), seed=0)


def test_the_interval_of_the_log_loss_covers_the_truth_about_as_often_as_it_says() -> None:
    big = metrics(binary(200_000, 99))["log_loss"]
    assert big is not None
    covered = 0
    for seed in range(200):
        found = measured(binary(200, seed), alone(200), seed=seed, draws=200)["log_loss"]
        assert found is not None
        covered += found.low <= big <= found.high
    assert 0.9 <= covered / 200 <= 0.985
