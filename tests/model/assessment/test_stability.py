"""Worth by period and over seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopline.model.assessment.case import Seen
from loopline.model.assessment.stability import by_period, over_seeds
from loopline.model.blocks import alone, by_time
from loopline.model.evaluate import Judged
from tests.model.assessment.cases import blurred, case, seen


def earning(money: Any, *, days: float = 180, start: str = "2026-01-01") -> Seen:
    """Rows that earn so much, evenly over so many days."""
    rows = len(money)
    time = np.datetime64(start, "us") + (np.arange(rows) * (days * 86_400_000_000 / rows)).astype("timedelta64[us]")
    judged = Judged("regression", (), -np.asarray(money), np.zeros(rows), np.zeros(rows), np.asarray(money, dtype=np.float64))
    return Seen(judged, by_time(time), time)


def noise(rows: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(5, 2, rows)


@pytest.mark.parametrize(("days", "unit", "first"), [(180, "month", "2026-01"), (40, "week", "2025-12-29"), (6, "day", "2026-01-01")])
def test_the_periods_are_the_longest_of_which_there_are_enough(days: float, unit: str, first: str) -> None:
    found = by_period([("test", earning(noise(1000), days=days))], currency="USD")
    assert found["unit"] == unit
    assert found["periods"][0]["name"] == first
    assert sum(part["rows"] for part in found["periods"]) + found["left_out"] == 1000


def test_each_period_has_the_money_of_its_rows() -> None:
    money = noise(600)
    part = earning(money)
    found = by_period([("test", part)], currency="USD")
    assert part.time is not None
    months = part.time.astype("datetime64[M]").astype(str)
    for period in found["periods"]:
        assert period["worth"]["value"] == pytest.approx(money[months == period["name"]].mean())
        assert period["metric"]["value"] == pytest.approx(np.abs(money[months == period["name"]]).mean())


def test_a_fall_is_found_and_sized() -> None:
    rows = 3000
    found = by_period([("test", earning(noise(rows) - 3 * np.arange(rows) / rows))], currency="USD")
    # Three in six months.
    assert found["trend"]["value"] == pytest.approx(-0.5, abs=0.1)
    assert found["trend"]["high"] < 0
    assert found["says"].startswith("What it earns falls by ")


def test_without_a_trend_one_is_seldom_found() -> None:
    found = [by_period([("test", earning(noise(600, seed)))], currency="USD")["trend"] for seed in range(60)]
    assert sum(trend["low"] > 0 or trend["high"] < 0 for trend in found) <= 6


def test_the_validation_part_comes_before_the_test_part() -> None:
    parts = [("validation", earning(noise(400), days=90, start="2025-10-01")), ("test", earning(noise(400), days=90))]
    periods = by_period(parts, currency="USD")["periods"]
    assert [part["name"] for part in periods] == ["2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    assert [part["part"] for part in periods] == ["validation"] * 3 + ["test"] * 3


def test_rows_without_times_are_cut_into_stretches() -> None:
    part = replace(earning(noise(800)), time=None, blocks=alone(800))
    found = by_period([("test", part)], currency="USD")
    assert found["unit"] == "stretch"
    assert [(period["name"], period["rows"]) for period in found["periods"]] == [(str(number), 100) for number in range(1, 9)]


def test_too_few_periods_have_no_trend() -> None:
    found = by_period([("test", earning(noise(40)))], currency="USD")
    assert found["trend"] is None
    assert "too few periods" in found["says"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_other_seeds_flip_as_many_decisions_as_the_noise_does(task: Any) -> None:
    made = case(task, 1000)
    still = over_seeds(made, lambda seed: made.test.judged.score)
    assert still["flips"] == 0.0
    assert still["worth_spread"] == pytest.approx(0.0)
    loud, quiet = (over_seeds(made, lambda seed, scale=scale: blurred(task, made.test.judged, scale, seed)) for scale in (1.0, 0.1))  # type: ignore[misc]
    assert loud["flips"] > quiet["flips"] > 0
    assert [part["seed"] for part in loud["fits"]] == [1, 2, 3]


def test_the_metric_has_an_interval_in_every_task() -> None:
    for task in ("binary", "multiclass", "regression"):
        part, _ = seen(task, 600)  # type: ignore[arg-type]
        assert all(period["metric"]["low"] < period["metric"]["high"] for period in by_period([("test", part)], currency="USD")["periods"])
