"""Realised worth: totals, intervals, and the charter's target for the same decisions."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.charter.spec import CharterSpec
from loopline.value.realised import Amount, by_window, realise
from loopline.watch.earned import Earned, Split, Sums, by_group
from tests.value.cases import PRICED, T0, window


def charter(**more: object) -> CharterSpec:
    return CharterSpec.model_validate({"predict": "late", "worth": PRICED, **more})


def test_without_outcomes_nothing_is_realised() -> None:
    assert realise([], charter(), confidence=0.9) is None
    assert realise([window(0, outcomes=0)], charter(), confidence=0.9) is None


def test_totals_and_means_are_those_of_the_decisions_whose_outcome_is_known() -> None:
    made = realise([window(0), window(1, worth=5.0), window(2, outcomes=0)], charter(), confidence=0.9)
    assert made is not None
    assert (made.decisions, made.outcomes) == (300, 200)
    assert (made.earned.mean, made.added.mean, made.baseline, made.perfect) == (8.0, 6.0, pytest.approx(2.0), 25.0)
    assert made.share_of_perfect == pytest.approx(6 / 23)
    assert (made.since, (made.until - made.since).days) == (T0, 3)


def test_the_target_is_the_part_of_the_year_s_that_falls_on_as_many_decisions() -> None:
    by_volume = charter(volume="1000 per year", target="5000 per year")
    made = realise([window(0), window(1)], by_volume, confidence=0.9)
    assert made is not None and made.declared
    assert made.target(by_volume) == pytest.approx(1000.0)
    by_pace = charter(target="36525 per year")
    paced = realise([window(day) for day in range(29)] + [window(29, outcomes=50)], by_pace, confidence=0.9)
    assert paced is not None and not paced.declared
    assert paced.per_year == pytest.approx(100 * 365.25)
    assert paced.target(by_pace) == pytest.approx(2950.0)
    assert paced.target(charter()) is None


def test_a_few_days_do_not_say_what_a_year_is_worth() -> None:
    by_pace = charter(target="36525 per year")
    made = realise([window(0), window(1)], by_pace, confidence=0.9)
    assert made is not None
    assert (made.per_year, made.target(by_pace)) == (None, None)


def test_where_outcomes_show_only_what_was_acted_on_a_year_counts_nothing_for_the_rest() -> None:
    """1,000 decisions a day, a tenth of them acted on, each of which adds 10: a year adds 100 x 10 x 365.25."""
    hidden = charter(outcome_seen="when_acted", volume="1000 per day", target="730500 per year")
    days = [window(day, rows=1000, outcomes=100, worth=12.0, acted=0.1) for day in range(30)]
    made = realise(days, hidden, confidence=0.9)
    assert made is not None and made.yearly is not None and made.earning_per_year is not None
    assert (made.shown, made.yearly.mean) == (pytest.approx(0.1), pytest.approx(365_250.0))
    # Thirty days' part of the target, though only a tenth of their decisions has an outcome.
    assert made.target(hidden) == pytest.approx(60_000.0)
    (first, *_) = by_window(days, hidden, per_year=made.earning_per_year, confidence=0.9)
    assert first.target == pytest.approx(2.0 + 20.0)
    seen = realise(days, charter(volume="1000 per day"), confidence=0.9)
    assert seen is not None and seen.yearly is not None and seen.yearly.mean == pytest.approx(3_652_500.0)
    # Half of what was acted on has no outcome yet: what has one stands for all.
    waiting = realise([{**day, **window(0, rows=1000, outcomes=50, worth=12.0, acted=0.1)} for day in days], hidden, confidence=0.9)
    assert waiting is not None and waiting.yearly is not None and waiting.yearly.mean == pytest.approx(365_250.0)
    # Another task has no share acted on, and outcomes that come all the same of what was left alone are seen.
    for acted, known in ((None, 100), (0.1, 1000)):
        other = realise([window(0, rows=1000, outcomes=known, worth=12.0, acted=acted)], hidden, confidence=0.9)
        assert other is not None and other.shown == 1.0


@pytest.mark.parametrize("more", [{"volume": "1000 per day"}, {}])
def test_what_is_held_out_earns_nothing_and_is_no_decision_of_the_model(more: dict[str, str]) -> None:
    split = Split(held=500).as_json()
    days = [window(day, rows=1000, outcomes=500, split=split) for day in range(60)]
    asked = charter(target="365250 per year", **more)
    made = realise(days, asked, confidence=0.9)
    assert made is not None and made.yearly is not None
    assert (made.decisions, made.served, made.per_year) == (30_000, 60_000, pytest.approx(500 * 365.25))
    assert (made.yearly.mean, made.earning) == (pytest.approx(9 * 500 * 365.25), 0.5)
    assert made.target(asked) == pytest.approx(60_000.0)
    (first, *_) = by_window(days, asked, per_year=made.earning_per_year, confidence=0.9)
    assert (first.rows, first.outcomes, first.as_json()["completeness"]) == (500, 500, 1.0)


def test_what_an_experiment_tries_on_other_rows_is_no_part_of_the_policy_and_takes_nothing_from_its_year() -> None:
    days = [window(day, rows=1000, outcomes=500, split=Split(tried=500).as_json()) for day in range(60)]
    made = realise(days, charter(), confidence=0.9)
    assert made is not None and (made.decisions, made.served, made.earning) == (30_000, 30_000, 1.0)
    assert made.per_year == pytest.approx(365_250)


def test_nothing_to_add_has_no_share() -> None:
    three = by_group(np.ones(3), np.zeros(3, dtype=np.intp), 1)[0]
    made = realise([window(0, sums=Earned(three, Sums(3), 3.0).as_json())], charter(), confidence=0.9)
    assert made is not None and made.share_of_perfect is None


def test_one_outcome_has_a_mean_and_no_interval() -> None:
    made = realise([window(0, rows=1)], charter(), confidence=0.9)
    assert made is not None
    assert (made.earned.low, made.earned.high) == (None, None)
    assert made.earned.times(10) == Amount(mean=110.0, low=None, high=None)


def test_the_interval_covers_the_truth_where_days_are_alike() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        days = [rng.normal(rng.normal(3.0, 4.0), 6.0, 40) for _ in range(25)]
        bodies = []
        for at, day in enumerate(days):
            whole = by_group(day, np.zeros(len(day), dtype=np.intp), 1)[0]
            bodies.append(window(at, rows=40, sums=Earned(whole, whole, 0.0).as_json()))
        made = realise(bodies, charter(), confidence=0.9)
        assert made is not None and made.earned.low is not None and made.earned.high is not None
        covered += made.earned.low <= 3.0 <= made.earned.high
    assert 0.83 <= covered / 200 <= 0.96


def test_each_window_is_held_against_the_target_the_baseline_and_the_perfect_model() -> None:
    asked = charter(target="1000 per year")
    both = [window(0, worth=11.0), window(0, worth=5.0, package="b" * 64), window(1, worth=2.5), window(2, outcomes=0)]
    first, second = by_window(both, asked, per_year=100.0, confidence=0.9)
    assert (first.rows, first.outcomes, first.earned.mean, first.baseline, first.perfect) == (
        200,
        200,
        pytest.approx(8.0),
        pytest.approx(2.0),
        pytest.approx(25.0),
    )
    # 1,000 a year over 100 decisions are 10 each above no model.
    assert (first.target, second.target) == (pytest.approx(12.0), pytest.approx(12.0))
    assert first.misses and second.misses
    assert not by_window(both[:1], asked, per_year=1000.0, confidence=0.9)[0].misses
    assert by_window(both, asked, per_year=None, confidence=0.9)[0].target is None
