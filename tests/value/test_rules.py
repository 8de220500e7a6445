"""The rules: which recommendation, for which reason, and what comes next."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.value.rules import RULES, Promise, following, judge
from tests.value.cases import PACKAGE, alert, case, window

GOOD = [window(day) for day in range(10)]


@pytest.mark.parametrize(
    ("windows", "alerts", "recommendation", "rule"),
    [
        ([], [], "keep", "nothing_served"),
        ([window(0, package="b" * 64)], [], "keep", "nothing_served"),
        ([window(0, outcomes=0)], [], "keep", "too_early"),
        ([window(0, outcomes=99)], [alert("drift")], "keep", "too_early"),
        ([window(day, worth=0.0) for day in range(10)], [alert("drift")], "retire", "below_the_baseline"),
        ([window(day, worth=6.0) for day in range(10)], [], "retrain", "below_the_promise"),
        (GOOD, [alert("drift")], "retrain", "an_alert_is_open"),
        (GOOD, [alert("worth_promised")], "retrain", "an_alert_is_open"),
        (GOOD, [alert("volume"), alert("refused_share")], "keep", "it_earns"),
        (GOOD, [alert("drift", package="b" * 64)], "keep", "it_earns"),
        (GOOD, [], "keep", "it_earns"),
    ],
)
def test_the_first_rule_that_speaks_decides(windows: list[Any], alerts: list[Any], recommendation: str, rule: str) -> None:
    review = judge(case(windows, alerts=alerts))
    assert (review.recommendation, review.reasons[0].rule) == (recommendation, rule)


def test_a_little_below_the_baseline_by_chance_is_no_reason_to_retire() -> None:
    review = judge(case([window(0, worth=1.9, spread=50.0)], promise=None))
    assert (review.recommendation, review.reasons[0].rule) == ("keep", "it_earns")
    assert "may still be chance" in review.reasons[0].says


def test_below_the_target_is_said_though_it_is_kept() -> None:
    review = judge(case(GOOD, charter={"volume": "1000 per year", "target": "50000 per year"}))
    assert review.recommendation == "keep"
    assert review.reasons[0].says == "It adds 9,000 USD a year at this rate, below the target of 50,000 USD."
    reached = judge(case(GOOD, charter={"volume": "1000 per year", "target": "5000 per year"}))
    assert [reason.rule for reason in reached.reasons] == ["it_earns"]


def test_money_is_told_before_drift() -> None:
    review = judge(case(GOOD, alerts=[alert("drift"), alert("performance"), alert("worth_promised", "each decision earns less")]))
    assert review.reasons[0].says == "An alert is open: each decision earns less. 2 more are open."


def test_what_comes_next_is_a_command_wherever_there_is_one() -> None:
    losing = [window(day, worth=0.0) for day in range(10)]
    for made, expected in (
        (case([]), "loopline serve"),
        (case([], champion=None, promise=None), "loopline run"),
        (case(GOOD), "loopline tick"),
        (case(GOOD, alerts=[alert("drift")], knows_the_data=True), "loopline data ingest PATH && loopline run"),
        (case(GOOD, alerts=[alert("drift")]), "loopline run"),
        (case(losing, has_earlier=True), "loopline release rollback --why '...'"),
        (case(losing), "stop serving, and decide without a model (never act)"),
    ):
        assert following(made, judge(made)) == expected


def test_the_promise_is_read_from_the_package_s_own_figures() -> None:
    worth = {"per_decision": 3.0, "low": 2.0, "high": 4.0, "gain": {"mean": 1.0, "low": 0.5, "high": 1.5}, "baseline": 2.0, "rule": "always b", "perfect": 9.0}
    made = Promise.of({"worth": worth, "rows": {"test": 7}})
    assert (made.earned.high, made.added.low, made.rule, made.rows) == (4.0, 0.5, "always b", 7)


def test_every_rule_says_what_it_stands_for() -> None:
    assert all(rule.__doc__ and rule.__doc__.startswith(("Keep", "Retrain", "Retire")) for rule in RULES)
    assert PACKAGE not in judge(case(GOOD)).reasons[0].says


def caused(low: float | None, high: float | None) -> dict[str, Any]:
    return {"per_decision": None if low is None or high is None else (low + high) / 2, "low": low, "high": high, "held": 400}


@pytest.mark.parametrize(
    ("worth", "lift", "recommendation", "rule"),
    [
        (11.0, caused(-3.0, -1.0), "retire", "the_hold_out_earns_more"),
        (11.0, caused(1.0, 3.0), "keep", "it_earns"),
        (0.0, caused(-1.0, 3.0), "retire", "below_the_baseline"),
        (0.0, caused(None, None), "retire", "below_the_baseline"),
        (0.0, caused(1.0, 3.0), "retrain", "below_the_promise"),
    ],
)
def test_what_chance_held_out_knows_better_than_the_model_s_own_decisions(worth: float, lift: dict[str, Any], recommendation: str, rule: str) -> None:
    review = judge(case([window(day, worth=worth) for day in range(10)], lift=lift))
    assert (review.recommendation, review.reasons[0].rule) == (recommendation, rule)
    if lift["low"] is not None and lift["low"] > 0:
        assert any("surely gains 2 USD" in reason.says for reason in review.reasons)
