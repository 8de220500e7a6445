"""The past under another charter: the same where nothing changes, and decided anew where prices do."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.model.spec import PolicySpec
from loopline.value.monitors import judged
from loopline.value.realised import realise
from loopline.value.revised import Past, Redecided, Setting, case_under, redecide
from loopline.value.rules import judge
from tests.value.cases import PACKAGE, T0, case, window
from tests.value.decided import PRICES, decided

POLICY = {"kind": "threshold", "threshold": 0.5}
SETTING = Setting(confidence=0.9, needed=100, before_per_year=1000.0, after_per_year=1000.0)
PAST = Past(served=decided(seed=1), tested=decided(seed=2), policy=POLICY)
CHARTER = CharterSpec(predict="late", worth=PRICES)


def priced(**prices: float | str) -> CharterSpec:
    return CharterSpec.model_validate({"predict": "late", "worth": {**PRICES.model_dump(exclude_none=True), **prices}})


def revised(after: CharterSpec, past: Past = PAST) -> Redecided:
    return redecide(past, CHARTER, after, PolicySpec(), SETTING)


def test_dearer_mistakes_are_decided_more_carefully_and_so_lose_less() -> None:
    found = revised(priced(act_wrong=-30))
    assert found.anew is not None
    # Scores are true probabilities: acting pays from three quarters on.
    assert found.anew.after.policy == "act where the probability is at least 0.75"
    assert found.anew.after.each.value > found.stays.after.each.value
    assert found.anew.before.each.value == found.stays.before.each.value
    assert found.stays.changed == 0 < found.anew.changed


@given(st.floats(1, 100), st.floats(-100, -1))
def test_where_decisions_stay_the_new_prices_alone_make_the_difference(right: float, wrong: float) -> None:
    stays = revised(priced(act_right=right, act_wrong=wrong)).stays
    served = PAST.served
    assert served is not None
    acted, happened = served.judged.decision, served.judged.outcome
    assert stays.after.each.value == pytest.approx(np.where(acted, np.where(happened, right, wrong), 0.0).mean())
    assert stays.before.each.value == pytest.approx(served.judged.money.mean())


def test_at_other_prices_it_is_held_against_what_would_be_best_without_a_model_then() -> None:
    # Where acting on all is nearly free of risk, nobody would have rested without a model.
    found = revised(priced(act_wrong=-1))
    served = PAST.served
    assert served is not None
    always = np.where(served.judged.outcome, 10.0, -1.0).mean()
    assert found.stays.after.added.value == pytest.approx(found.stays.after.each.value - always)
    assert found.stays.before.added.value == pytest.approx(found.stays.before.each.value)


def test_more_decisions_a_year_earn_as_much_more() -> None:
    setting = Setting(confidence=0.9, needed=100, before_per_year=1000.0, after_per_year=3000.0)
    stays = redecide(PAST, CHARTER, CHARTER, PolicySpec(), setting).stays
    assert stays.before.per_year is not None and stays.after.per_year is not None
    assert stays.after.per_year.value == pytest.approx(3 * stays.before.per_year.value)
    assert stays.difference.value == 0


def test_before_outcomes_have_come_the_later_half_of_the_test_part_is_decided_by_what_the_earlier_one_chooses() -> None:
    tested = PAST.tested
    found = revised(priced(act_wrong=-30), Past(served=None, tested=tested, policy=POLICY))
    assert tested is not None
    assert (found.on, found.stays.rows) == ("test", len(tested) // 2)


def test_without_decisions_it_says_what_is_missing() -> None:
    with pytest.raises(Mistake, match="0 outcomes of served decisions are known, and the package came without a test part; wait for outcomes: 100"):
        revised(priced(act_wrong=-30), Past(served=None, tested=None, policy=POLICY))


def test_a_price_of_a_column_that_no_decision_has_is_named() -> None:
    with pytest.raises(Mistake, match="no row holds a value of fares"):
        case_under(case([], charter={"worth": PRICES}), priced(act_right="0.1 * fares"), PAST, repriced=True)


def days(outcomes: int) -> list[dict[str, object]]:
    return [window(day, rows=outcomes, metrics={"worth": 0.0}) for day in range(20)]


@given(st.sampled_from([-10, -30]))
def test_windows_hold_the_money_of_the_decisions_in_them(wrong: int) -> None:
    under = case_under(case(days(100), charter={"worth": PRICES}), priced(act_wrong=wrong), PAST, repriced=True)
    whole, served = realise(under.windows, under.charter, confidence=0.9), PAST.at(Worth.of(under.charter.worth, "binary")).served
    assert whole is not None and served is not None
    assert whole.outcomes == len(served)
    assert whole.earned.mean == pytest.approx(served.judged.money.mean())
    assert whole.added.mean == pytest.approx(served.gain.mean())
    first = served.within(T0, T0 + timedelta(days=1))
    assert under.windows[0]["metrics"]["worth"] == pytest.approx(first.judged.money.mean())


def test_what_another_package_decided_is_no_part_of_what_is_repriced() -> None:
    under = case_under(case([*days(100), window(3, package="b" * 64)], charter={"worth": PRICES}), priced(act_wrong=-30), PAST, repriced=True)
    assert {one["package"] for one in under.windows} == {PACKAGE}


def test_the_same_charter_makes_the_same_case() -> None:
    before = case(days(100), charter={"worth": PRICES})
    same = case_under(before, before.charter, PAST, repriced=False)
    assert (same.windows, same.promise, same.lift) == (before.windows, before.promise, before.lift)


def test_a_target_out_of_reach_and_a_stricter_criterion_are_alerts_and_reasons_under_the_charter_that_has_them() -> None:
    now = datetime(2024, 1, 21, tzinfo=T0.tzinfo)
    before = case(days(100), charter={"worth": PRICES, "volume": "100 per day"}, until=now)
    strict = {"acceptance": [{"id": "A1", "check": "precision >= 0.99"}], "target": "10000000 per year", "volume": "100 per day"}
    after = CharterSpec.model_validate({"predict": "late", "worth": PRICES, **strict})
    one, other = (case_under(before, charter, PAST, repriced=False) for charter in (before.charter, after))
    assert (judged(one)["worth_target"], judged(one)["criterion"]) == (None, None)
    found = judged(other)
    assert found["worth_target"] and found["criterion"]
    said = {reason.rule for reason in judge(other).reasons} - {reason.rule for reason in judge(one).reasons}
    assert said == {"below_the_target", "a_criterion_is_broken"}
