from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import CharterSpec
from loopline.value.month import month, month_of
from tests.value.cases import PRICED, T0, window

TARGET = CharterSpec.model_validate({"predict": "late", "worth": PRICED, "target": "120000 per year"})


def of(windows, *, at, charter=TARGET, **more):
    found = month(windows, charter, at=at, confidence=0.9, **more)
    assert found is not None
    return found


def estimated(per_decision, *, silent=False, method="weighted", reach=1.0):
    return {"method": method, "worth": {"per_decision": per_decision, "low": per_decision - reach, "high": per_decision + reach, "silent": silent}}


def test_a_month_is_that_of_the_moment_in_utc():
    assert month_of(datetime(2024, 12, 31, 23, 30, tzinfo=UTC)) == (datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))


def test_what_is_known_is_the_sum_above_no_model_of_the_windows_that_start_in_the_month():
    found = of([window(day) for day in range(-5, 10)], at=T0 + timedelta(days=10))
    assert (found.start, found.is_now, found.decisions, found.outcomes) == (T0, True, 1000, 1000)
    assert found.total == pytest.approx(9 * 1000)
    assert found.earned.mean == pytest.approx(11 * 1000)
    assert (found.is_estimated, found.why) == (False, "")


def test_the_target_falls_on_the_time_that_has_been_seen():
    found = of([window(day) for day in range(10)], at=T0 + timedelta(days=20))
    assert found.until == T0 + timedelta(days=10)
    assert found.target == pytest.approx(120000 * 31 / 365.25)
    assert found.due == pytest.approx(found.target * 10 / 31)


@pytest.mark.parametrize(("worth", "verdict"), [(20.0, "ahead"), (2.5, "behind"), (2 + 120000 / 365.25 / 100, "level")])
def test_it_is_ahead_or_behind_only_where_that_is_sure(worth, verdict):
    assert of([window(day, worth=worth) for day in range(10)], at=T0 + timedelta(days=10)).verdict == verdict


def test_what_is_awaited_counts_as_its_window_estimates_it_and_is_said_to_be_an_estimate():
    windows = [window(0), window(1, outcomes=0, estimated=estimated(7.0))]
    found = of(windows, at=T0 + timedelta(days=2))
    assert (found.awaited, found.expected.mean, found.estimate) == (100, pytest.approx(100 * (7 - 2)), "in part estimated")
    assert found.why == "100 outcomes have come; 100 are awaited, and estimated"


@pytest.mark.parametrize("said", [None, estimated(7.0, silent=True), estimated(7.0, method="none")])
def test_without_an_estimate_that_may_be_trusted_what_is_awaited_counts_as_what_is_known(said):
    assert of([window(0), window(1, outcomes=0, estimated=said)], at=T0 + timedelta(days=2)).expected.mean == pytest.approx(900)


def test_nothing_is_made_up_before_an_outcome_has_come():
    found = of([window(0, outcomes=0)], at=T0 + timedelta(days=1))
    assert (found.total, found.verdict, found.heading) == (None, "unknown", None)
    assert "no outcome has come yet" in found.why
    guessed = of([window(0, outcomes=0, estimated=estimated(7.0))], at=T0 + timedelta(days=1), without_model=2.0)
    assert (guessed.total, guessed.verdict, guessed.estimate) == (pytest.approx(500), "unknown", "estimated")


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (estimated(4.0, reach=1.9), "level"),
        (estimated(4.0, reach=0.1), "ahead"),
        ({"method": "weighted", "worth": {"per_decision": 4.0, "silent": False}}, "unknown"),
    ],
)
def test_it_is_surely_ahead_only_where_the_estimate_of_what_is_awaited_is_sure_too(estimate, verdict):
    charter = CharterSpec.model_validate({"predict": "late", "worth": PRICED, "target": f"{12_000 * 365.25} per year"})
    windows = [window(0, rows=10_000, outcomes=40, worth=4.0, estimated=estimate)]
    found = of(windows, at=T0 + timedelta(days=1), charter=charter)
    assert (found.due, found.awaited, found.expected.mean) == (pytest.approx(12_000), 9_960, pytest.approx(19_920))
    assert found.verdict == verdict


def test_a_few_outcomes_say_little_of_the_many_that_are_awaited():
    verdicts = {
        outcomes: of([window(0, rows=10_000, outcomes=outcomes, worth=3.0, spread=5.0)], at=T0 + timedelta(days=1), charter=charter).verdict
        for charter in [CharterSpec.model_validate({"predict": "late", "worth": PRICED, "target": f"{8_000 * 365.25} per year"})]
        for outcomes in (1, 40, 9_000)
    }
    assert verdicts == {1: "unknown", 40: "level", 9_000: "ahead"}


def test_a_month_that_is_over_is_told_as_such_and_heads_nowhere():
    found = of([window(day) for day in range(31)], at=T0 + timedelta(days=90))
    assert (found.is_now, found.heading) == (False, None)


def test_it_heads_where_the_pace_of_whole_weeks_leads_and_of_its_own_days_where_there_are_too_few():
    assert of([window(day) for day in range(-60, 10)], at=T0 + timedelta(days=10)).heading == pytest.approx(9 * 3100)
    assert of([window(day) for day in range(10)], at=T0 + timedelta(days=10)).heading == pytest.approx(9 * 3100)
    assert of([window(0)], at=T0 + timedelta(days=1)).heading is None


def test_where_nothing_was_decided_there_is_no_month():
    assert month([], TARGET, at=T0, confidence=0.9) is None
    assert month([window(0, rows=0, outcomes=0)], TARGET, at=T0 + timedelta(days=1), confidence=0.9) is None


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1), st.floats(-9, 9)), min_size=1, max_size=12))
def test_known_and_awaited_are_all_decisions_and_plain_values_tell_the_same(days):
    windows = [window(day, rows=rows, outcomes=round(rows * share), worth=worth) for day, (rows, share, worth) in enumerate(days)]
    found = of(windows, at=T0 + timedelta(days=len(days)))
    assert found.outcomes + found.awaited == found.decisions
    said = found.as_json()
    assert found.outcomes < 2 or found.expected.low <= found.expected.mean <= found.expected.high
    assert said["total"] == found.total and said["start"] == found.start.isoformat()


def test_what_left_the_range_of_training_is_in_no_sum_and_leaves_the_verdict_open():
    fine = [window(0, worth=200.0), window(1, outcomes=0, estimated=estimated(7.0, reach=0.1))]
    gone = window(2, outcomes=0, estimated=estimated(900.0, reach=0.1), breaches=["drift:price", "unseen_ranges:price"], outside={"price": 0.65})
    small = window(3, rows=5, outcomes=0, estimated=estimated(900.0), outside={"price": 0.8})
    at = T0 + timedelta(days=4)
    assert of(fine, at=at).verdict == "ahead"
    found = of([*fine, gone, small], at=at)
    assert (found.awaited, found.untold, found.expected.mean, found.verdict, found.heading) == (205, 105, pytest.approx(500), "unknown", None)
    assert found.why.endswith("the estimate does not hold for 105, which are in no sum: price is outside the range of training")
    assert of([fine[0], gone], at=at).estimate == ""
    assert of([gone], at=at, without_model=2.0).total is None
