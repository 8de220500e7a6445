"""Groups of a column side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.model.assessment.fairness import MEASURES, by_column
from loopline.model.blocks import alone
from loopline.model.evaluate import Judged
from tests.model.assessment.cases import case, seen


def judged(rows: int, *, seed: int = 0, acted: tuple[float, float] = (0.6, 0.3)) -> Judged:
    """Two groups; each is acted on at its own rate, whatever happens."""
    rng = np.random.default_rng(seed)
    second = rng.random(rows) < 0.5
    outcome, decision = rng.random(rows) < 0.4, rng.random(rows) < np.where(second, acted[1], acted[0])
    money = np.where(decision, np.where(outcome, 10.0, -6.0), 0.0)
    columns = {"sex": np.where(second, "f", "m").astype(object), "age": rng.uniform(18, 90, rows)}
    return Judged("binary", ("no", "yes"), outcome, decision, np.where(decision, 0.8, 0.2), money, columns)


def test_a_gap_in_who_is_acted_on_is_found_and_told() -> None:
    found = by_column(judged(2000), "sex", alone(2000))
    gap = found["gaps"]["act_share"]
    assert (gap["low"], gap["high"]) == ("sex = f", "sex = m")
    assert gap["difference"]["value"] == pytest.approx(0.3, abs=0.05)
    assert gap["ratio"] == pytest.approx(0.5, abs=0.07)
    assert gap["sure"]
    assert found["told"] == "act_share"
    assert found["says"].startswith("It acts ")
    assert "sex = f than where sex = m" in found["says"]


def test_the_measures_of_a_group_are_those_of_its_rows() -> None:
    made = judged(1500)
    rows = made.columns["sex"] == "f"
    part = made.where(rows)
    group = next(item for item in by_column(made, "sex", alone(1500))["groups"] if item["name"] == "sex = f")
    assert group["rows"] == rows.sum()
    assert group["recall"]["value"] == pytest.approx(part.decision[part.outcome].mean())
    assert group["false_positive_rate"]["value"] == pytest.approx(part.decision[~part.outcome].mean())
    assert group["precision"]["value"] == pytest.approx(part.outcome[part.decision].mean())
    assert group["worth"]["value"] == pytest.approx(part.money.mean())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 300), st.sampled_from(["sex", "age"]))
def test_groups_hold_every_row_and_their_money_adds_up(seed: int, rows: int, column: str) -> None:
    made = judged(rows, seed=seed)
    groups = by_column(made, column, alone(rows))["groups"]
    assert sum(group["rows"] for group in groups) == rows
    assert sum(group["money"] for group in groups) == pytest.approx(made.money.sum())
    assert all(group["too_small"] == (group["rows"] < 30) for group in groups)


def test_groups_that_are_served_alike_seldom_look_otherwise() -> None:
    alarms = sum(by_column(judged(600, seed=seed, acted=(0.5, 0.5)), "age", alone(600))["gaps"]["act_share"]["sure"] for seed in range(100))
    assert alarms <= 8


def test_a_small_group_is_said_to_be_too_small() -> None:
    made = judged(500)
    sex = made.columns["sex"].copy()
    sex[:10] = "x"
    found = by_column(replace(made, columns={"sex": sex}), "sex", alone(500))
    small = next(group for group in found["groups"] if group["name"] == "sex = x")
    assert small["too_small"]
    assert small["act_share"] is None
    assert "sex = x" not in str(found["gaps"])
    assert "nothing can be said" in by_column(made.where(np.arange(20)), "sex", alone(20))["says"]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_the_other_tasks_have_measures_of_their_own(task: Any) -> None:
    part, _ = seen(task, 3000)
    found = by_column(part.judged, "origin", part.blocks)
    assert set(found["groups"][0]) >= set(MEASURES[part.judged.task])
    told = found["gaps"][found["told"]]
    assert told["sure"]
    assert "JFK" in found["says"]


def test_groups_that_cannot_be_told_apart_are_said_to_be_so() -> None:
    made = case("binary", 1000)
    found = by_column(made.test.judged, "flag", made.test.blocks)
    assert found["says"] == "By flag the groups cannot be told apart beyond chance."
