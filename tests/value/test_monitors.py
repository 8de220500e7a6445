"""The monitors of the business: the target, the criteria and the volume, on what happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.ledger.entry import canonical
from loopline.value.criteria import Kept
from loopline.value.monitors import MONITORS, criterion, judged, volume_chartered, worth_target
from loopline.value.pace import pace, weekly
from loopline.value.spec import ValueSpec
from loopline.watch.spec import BUSINESS
from tests.value.cases import T0, case, window

GOOD = [window(day) for day in range(10)]


def kept(id: str, passed: bool | None) -> Kept:
    return Kept(id=id, words="needed half the time", check="precision >= 0.5", passed=passed, value=0.4, threshold=0.5, says="precision is 0.4")


def test_they_are_those_that_are_declared_and_told_in_an_order() -> None:
    assert tuple(monitor.__name__ for monitor in MONITORS) == BUSINESS


def test_a_sum_a_year_surely_below_the_target_is_told_to_the_business() -> None:
    charter = {"volume": "1000 per year", "target": "50000 per year"}
    (breach,) = worth_target(case(GOOD, charter=charter)) or []
    assert (breach.role, breach.value, breach.limit) == ("business", 9000.0, 50000.0)
    assert breach.says.startswith("it adds 9,000 USD a year at this rate (8,") and breach.says.endswith("and the target is 50,000 per year")
    assert worth_target(case(GOOD, charter={**charter, "target": "5000 per year"})) == []
    assert worth_target(case(GOOD, charter={**charter, "target": "9100 per year"})) == [], "that may be chance"
    assert worth_target(case(GOOD, charter={"volume": "1000 per year"})) is None, "there is no target"
    assert worth_target(case(GOOD, charter=charter, spec=ValueSpec(outcomes_needed=5000))) is None, "too early"
    assert worth_target(case(GOOD, charter={"target": "50000 per year"})) is None, "how many decisions a year has is not known"
    losing = [window(day, worth=-5.0) for day in range(10)]
    assert worth_target(case(losing, charter={**charter, "target": "0 per year"})), "a target of nothing is missed by a loss"


def test_each_broken_criterion_is_told_in_the_customer_s_words() -> None:
    found = criterion(case(GOOD, criteria=[kept("A1", False), kept("A2", True), kept("A3", None), kept("A4", False)]))
    assert [breach.feature for breach in found or []] == ["A1", "A4"]
    assert found is not None and found[0].says == "criterion A1 (needed half the time) does not hold: precision is 0.4"
    assert criterion(case(GOOD, criteria=[kept("A2", True)])) == []
    assert criterion(case(GOOD, criteria=[kept("A3", None)])) is None
    assert criterion(case(GOOD)) is None


def served(per_day: list[int]) -> list[dict[str, Any]]:
    return [window(day, rows=rows) for day, rows in enumerate(per_day)]


WEEKDAYS = [1000, 1100, 1050, 1000, 1200, 300, 100]


@pytest.mark.parametrize(
    ("chartered", "differs"),
    [("820 per day", False), ("900 per day", False), ("600 per day", True), ("300000 per year", False), ("1500 per day", True)],
)
def test_a_volume_that_surely_and_materially_differs_from_the_charter_is_told(chartered: str, differs: bool) -> None:
    found = volume_chartered(case(served(WEEKDAYS * 6), charter={"volume": chartered}))
    assert found is not None and bool(found) == differs
    if differs:
        assert found[0].role == "business" and found[0].says.startswith("821.4 decisions come per day (") and "by 5 weeks" in found[0].says


def test_a_row_with_a_wrong_date_from_ahead_empties_no_week() -> None:
    windows = [*served(WEEKDAYS * 6), window(9000, rows=1)]
    found = volume_chartered(case(windows, until=T0 + timedelta(days=41), charter={"volume": "820 per day"}))
    assert found == []


def test_too_few_weeks_no_volume_and_one_that_varies_tell_nothing() -> None:
    assert volume_chartered(case(served(WEEKDAYS * 4), charter={"volume": "10 per day"})) is None
    assert volume_chartered(case(served(WEEKDAYS * 6))) is None
    rising = [day * 40 for day in range(42)]
    assert volume_chartered(case(served(rising), charter={"volume": "1000 per day"})) == []


@given(st.lists(st.integers(0, 500), min_size=2, max_size=120), st.integers(1, 119))
def test_weeks_are_whole_and_count_each_decision_once_whoever_decided(per_day: list[int], moved: int) -> None:
    windows = served(per_day)
    totals = weekly(windows)
    days = 7 * len(totals)
    assert len(totals) == min(13, (len(per_day) - 2) // 7)
    assert sum(totals) == sum(per_day[len(per_day) - 1 - days : len(per_day) - 1])
    # A challenger that takes half of the traffic for a while serves the same customers.
    halves = [[{**one, "rows": one["rows"] // 2}, {**one, "rows": one["rows"] - one["rows"] // 2, "package": "b" * 64}] for one in windows[:moved]]
    assert weekly([*(half for both in halves for half in both), *windows[moved:]]) == totals


def test_the_interval_of_the_pace_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        found = pace(served(rng.poisson(np.resize(WEEKDAYS, 58)).tolist()), confidence=0.99)
        assert found is not None
        missed += not found.low <= sum(WEEKDAYS) / 7 * 365.25 <= found.high
    assert missed <= 6


def test_what_is_judged_is_plain() -> None:
    charter = {"volume": "1000 per year", "target": "50000 per year"}
    said = judged(case(served([100] * 40), charter=charter, criteria=[kept("A1", False)]))
    assert canonical(said) and {name: None if found is None else len(found) for name, found in said.items()} == dict.fromkeys(BUSINESS, 1)
