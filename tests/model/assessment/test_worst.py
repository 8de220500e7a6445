"""The worst slices: the one that was made bad is found, and among noise none is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopline.model.assessment.worst import find, say
from loopline.model.blocks import alone
from loopline.model.evaluate import Judged
from tests.model.assessment.cases import case


def found_in(task: Any, rows: int = 4000, *, bad: float = 2.0) -> dict[str, Any]:
    made = case(task, rows, bad=bad)
    foretold = made.foretold()
    lost = made.perfect - made.test.judged.money
    return find(made.test.judged, lost if foretold is None else lost - foretold, made.test.blocks)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_slice_that_was_made_bad_is_found_and_named(task: Any) -> None:
    found = found_in(task, bad=3.0)
    sure = [part["name"] for part in found["slices"] if part["sure"]]
    assert any(name.startswith("origin = JFK, hour 0 to") for name in sure)
    assert all("JFK" in name or "hour 0" in name or "hour 5" in name for name in sure)
    foretold = task != "regression"
    words = "than its scores foretell" if foretold else "than elsewhere"
    assert f"USD per decision more {words}" in say(found, currency="USD", foretold=foretold)
    assert sure[0] in say(found, currency="USD", foretold=foretold)


def test_rows_that_are_only_hard_are_not_called_worse_than_foretold() -> None:
    made = case("binary", 4000, bad=0.0)
    lost, foretold = made.perfect - made.test.judged.money, made.foretold()
    assert foretold is not None
    most = find(made.test.judged, lost, made.test.blocks)["slices"]
    assert most[0]["sure"]
    assert not most[0]["misjudged"]
    found = find(made.test.judged, lost - foretold, made.test.blocks)
    assert not any(part["sure"] for part in found["slices"])
    assert say(found, currency="USD", foretold=True).startswith(f"In none of {found['looked_at']} slices")


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_honest_scores_foretell_what_is_lost(task: Any) -> None:
    made = case(task, 20_000, bad=0.0)
    foretold, lost = made.foretold(), made.perfect - made.test.judged.money
    assert foretold is not None
    assert (foretold >= 0).all()
    assert foretold.mean() == pytest.approx(lost.mean(), abs=4 * lost.std() / 20_000**0.5)


def test_support_and_totals_are_those_of_the_rows() -> None:
    made = case("binary", 3000)
    judged, lost = made.test.judged, made.perfect - made.test.judged.money
    found = find(judged, lost, made.test.blocks, support=100)
    totals = [part["total"] for part in found["slices"]]
    assert totals == sorted(totals, reverse=True)
    origin = np.array([item or "" for item in judged.columns["origin"]])
    for part in found["slices"]:
        assert part["rows"] >= 100
        assert part["share"] == pytest.approx(part["rows"] / 3000)
        assert abs(part["expected"]) <= abs(part["gap"]["value"]) + 1e-12
        if part["name"] == "origin = JFK":
            rows = origin == "JFK"
            assert part["rows"] == rows.sum()
            assert part["gap"]["value"] == pytest.approx(lost[rows].mean() - lost[~rows].mean())
            assert part["worth"]["value"] == pytest.approx(judged.money[rows].mean())


def test_among_noise_a_slice_is_called_sure_as_rarely_as_it_says() -> None:
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        columns = {f"c{number}": rng.integers(0, 5, 1000).astype(float) for number in range(8)}
        money = rng.normal(size=1000)
        judged = Judged("regression", (), -money, np.zeros(1000), np.zeros(1000), money, columns)
        found = find(judged, -money, alone(1000))
        assert found["looked_at"] > 200
        alarms += any(part["sure"] for part in found["slices"])
    assert alarms <= 6


def test_blocks_that_are_alike_make_it_more_careful() -> None:
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(30), 40)
    money = rng.normal(size=30)[day] + rng.normal(scale=0.1, size=1200)
    columns = {"half": (day % 2).astype(float)}
    judged = Judged("regression", (), -money, np.zeros(1200), np.zeros(1200), money, columns)
    blind, seeing = (find(judged, -money, blocks)["slices"][0] for blocks in (alone(1200), day.astype(np.int64)))
    assert blind["sure"]
    assert not seeing["sure"]
    assert seeing["gap"]["low"] < blind["gap"]["low"]


def test_without_a_group_of_enough_rows_it_says_so() -> None:
    made = case("binary", 200)
    judged = replace(made.test.judged, columns={"same": np.ones(200)})
    found = find(judged, made.perfect, made.test.blocks)
    assert found["slices"] == []
    assert "no slice was looked at" in say(found, currency="USD", foretold=True)
