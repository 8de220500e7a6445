"""The rules: which recommendation, for which reason, and what comes next."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopline.model.estimates import Estimate
from loopline.value.case import Promise
from loopline.value.criteria import Kept
from loopline.value.hindsight import Better
from loopline.value.report.answers import deciders
from loopline.value.rules import RULES, advice, following, judge
from loopline.watch.departed import departed
from tests.value.cases import PACKAGE, PROMISE, alert, case, window

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


@pytest.mark.parametrize("outcomes", [0, 100])
def test_a_column_that_left_its_range_is_named_before_anything_is_trained(outcomes: int) -> None:
    left = departed([window(9, outside={"days": 0.81}, breaches=["unseen_ranges:days"])], {"days": {"range": [1.0, 14.0]}})
    found = case([window(day, outcomes=outcomes, worth=6.0) for day in range(10)], alerts=[alert("score_drift")], departed=left)
    review = judge(found)
    assert (review.recommendation, advice(found, review)) == ("mend_source", "Look at the source of days first")
    assert review.reasons[0].says.startswith("81% of days lie outside of 1 to 14, which the model was trained on: look at the source of days first")
    assert "retrain" in {reason.recommendation for reason in review.reasons}
    assert "data" in dict(deciders(found, review))


def test_a_column_of_which_a_half_or_less_lies_outside_has_not_left() -> None:
    assert departed([window(9, outside={"days": 0.5}, breaches=["unseen_ranges:days"])], {}) == ()
    assert departed([window(9, outside={"days": 0.9})], {}) == ()


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


def test_where_outcomes_hide_the_target_is_missed_by_what_was_acted_on() -> None:
    days = [window(day, rows=1000, outcomes=100, acted=0.1) for day in range(30)]
    review = judge(case(days, charter={"outcome_seen": "when_acted", "volume": "1000 per day", "target": "2000000 per year"}, promise=None))
    assert review.reasons[0].says == "It adds 328,700 USD a year at this rate, below the target of 2,000,000 USD."


def test_where_outcomes_hide_what_was_acted_on_is_held_against_what_that_earned_on_the_test_part() -> None:
    """11 a decision were promised, of which a fifth is acted on: 55 where one acts."""
    days, hidden = [window(day, rows=500, outcomes=100, worth=40.0, acted=0.2) for day in range(30)], {"outcome_seen": "when_acted"}
    review = judge(case(days, charter=hidden, promise=replace(PROMISE, shown=0.2)))
    assert review.reasons[0].rule == "below_the_promise" and "55 USD were promised" in review.reasons[0].says
    assert judge(case(days, charter=hidden, promise=replace(PROMISE, shown=None))).reasons[0].rule == "it_earns"


def test_money_is_told_before_drift() -> None:
    review = judge(case(GOOD, alerts=[alert("drift"), alert("performance"), alert("worth_promised", "each decision earns less")]))
    assert review.reasons[0].says == "An alert is open: each decision earns less. 2 more are open."


def test_every_open_alert_is_counted() -> None:
    for others, says in (
        (["volume"], "1 more of other matters is open"),
        (["drift", "volume", "nulls"], "1 more of the model is open, and 2 of other matters"),
        (["drift"], "1 more is open"),
    ):
        review = judge(case(GOOD, alerts=[alert("worth_promised", "it earns less"), *map(alert, others)]))
        assert review.reasons[0].says == f"An alert is open: it earns less. {says}."


def test_what_comes_next_is_a_command_wherever_there_is_one() -> None:
    losing = [window(day, worth=0.0) for day in range(10)]
    for made, expected in (
        (case([]), "loopline serve"),
        (case([], champion=None, promise=None), "loopline run"),
        (case(GOOD), "loopline tick"),
        (case(GOOD, alerts=[alert("drift")], knows_the_data=True), "loopline data ingest PATH && loopline run"),
        (case(GOOD, alerts=[alert("drift")]), "loopline run"),
        (case(GOOD, alerts=[alert("drift")], only_when_asked=True), "loopline run --fresh model"),
        (case(GOOD, alerts=[alert("drift")], only_when_asked=True, knows_the_data=True), "loopline data ingest PATH && loopline run --fresh model"),
        (case(losing, has_earlier=True), "loopline release rollback --why '...'"),
        (case(losing), "stop serving, and decide without a model (never act)"),
    ):
        assert following(made, judge(made)) == expected


def test_a_retraining_that_did_not_help_is_said_and_sends_nobody_to_the_same_again() -> None:
    refused = "bbbbbbbb, learned from the newest rows, does not improve and is not promoted: it earned 1 USD less"
    made = case(GOOD, alerts=[alert("worth_promised")], knows_the_data=True, retrained=refused)
    review = judge(made)
    assert (advice(made, review), following(made, review)) == ("Retrain it, with something new", "loopline release check")
    assert review.reasons[-1].says == f"A retraining did not help: {refused}."
    (ml, left), *_ = deciders(made, review)
    assert ml == "ml" and "newer rows (loopline data ingest PATH && loopline run), or other features or families" in left
    since = case(GOOD, alerts=[alert("worth_promised")], only_when_asked=True, retrained="bbbbbbbb does not improve; the next one is held back: 1 per month")
    assert (advice(since, judge(since)), following(since, judge(since))) == ("Retrain it", "loopline run --fresh model")
    sound = case(GOOD, knows_the_data=True, retrained=refused)
    assert (judge(sound).reasons[0].rule, following(sound, judge(sound))) == ("it_earns", "loopline tick")


def test_the_promise_is_read_from_the_package_s_own_figures() -> None:
    worth = {"per_decision": 3.0, "low": 2.0, "high": 4.0, "gain": {"mean": 1.0, "low": 0.5, "high": 1.5}, "baseline": 2.0, "rule": "always b", "perfect": 9.0}
    made = Promise.of({"worth": worth, "rows": {"test": 7}})
    assert (made.earned.high, made.added.low, made.rule, made.rows) == (4.0, 0.5, "always b", 7)


def test_the_page_lists_every_rule_in_the_order_in_which_they_are_asked() -> None:
    page = (Path(__file__).parents[2] / "docs" / "value" / "review.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (?:keep|mend source|retrain|retire|change policy) \|", page, re.MULTILINE)
    assert listed == [rule.__name__ for rule in RULES]


def test_every_rule_says_what_it_stands_for() -> None:
    assert all(rule.__doc__ and rule.__doc__.startswith(("Keep", "Mend", "Retrain", "Change", "Retire")) for rule in RULES)
    assert PACKAGE not in judge(case(GOOD)).reasons[0].says


def test_a_policy_that_would_have_earned_more_is_recommended_before_a_retraining_with_the_command_that_shows_it() -> None:
    sure = Estimate(3.0, 2.6, 3.4)
    found = Better(threshold=0.31, gain=sure, added=sure, rows=900, acted=0.5, acted_now=0.2, breaks_limit=False)
    made = case([window(day, worth=6.0) for day in range(10)], better=found)
    review = judge(made)
    assert (review.recommendation, review.reasons[0].rule) == ("change_policy", "another_policy_pays")
    assert "below_the_promise" in [reason.rule for reason in review.reasons]
    assert following(made, review) == "loopline value whatif --threshold 0.31"
    # 5 are missing to the promise, of which 1 is too little to be the policy's fault.
    little = case([window(day, worth=6.0) for day in range(10)], better=replace(found, gain=Estimate(1.0, 0.8, 1.2)))
    assert judge(little).reasons[0].rule == "below_the_promise"
    limited = case(GOOD, better=replace(found, breaks_limit=True), charter={"volume": "100 per day"})
    assert following(limited, judge(limited)) == "loopline value whatif --capacity '50 per day'"


def test_a_broken_criterion_is_said_though_it_is_kept() -> None:
    broken = Kept(id="A1", words="needed half the time", check="precision >= 0.5", passed=False, value=0.4, threshold=0.5, says="precision is 0.4")
    review = judge(case(GOOD, criteria=[broken]))
    assert (review.recommendation, review.reasons[0].rule) == ("keep", "a_criterion_is_broken")
    assert "needed half the time" in review.reasons[0].says
    told = judge(case(GOOD, criteria=[replace(broken, passed=None), replace(broken, passed=True)]))
    assert [reason.rule for reason in told.reasons] == ["it_earns"]


def caused(low: float | None, high: float | None) -> dict[str, Any]:
    told = {"per_decision": None if low is None or high is None else (low + high) / 2, "low": low, "high": high, "held": 400}
    return {"says": "", "lift": told, "cannot": []}


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
    if lift["lift"]["low"] is not None and lift["lift"]["low"] > 0:
        assert any("surely gains 2 USD" in reason.says for reason in review.reasons)
