"""What-ifs as somebody asks them: what a change is held against."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.charter.spec import CharterSpec
from loopline.value.replayed import Change
from loopline.value.spec import ValueSpec
from loopline.value.trying import TEST, tried
from loopline.value.whatif import Effect
from loopline.watch.inquiry import Evidence
from tests.value.decided import PRICES, decided

CHARTER = CharterSpec.model_validate({"predict": "y", "positive": "yes", "volume": "100 per day", "worth": PRICES})
ROWS = decided(400)


def known() -> Evidence:
    policy = {"kind": "threshold", "threshold": 0.5}
    return cast(Evidence, SimpleNamespace(decisions=None, reference=ROWS, windows=(), policy=policy, package=SimpleNamespace(digest="p"), currency="EUR"))


def effect(**prices: float) -> Effect:
    return tried(known(), Change(prices=prices), CHARTER, ValueSpec(), on=TEST)[1]


@settings(max_examples=10, deadline=None)
@given(st.floats(-20, 40), st.floats(-40, 20))
def test_at_other_prices_it_is_held_against_the_better_of_never_and_always_acting_at_these(act_right: float, act_wrong: float) -> None:
    made, happens = effect(act_right=act_right, act_wrong=act_wrong), float(ROWS.judged.outcome.mean())
    always = act_right * happens + act_wrong * (1 - happens)
    assert made.after.added.value == pytest.approx(made.after.each.value - max(0.0, always), abs=1e-9)
    assert made.after.without_each == pytest.approx(max(0.0, always), abs=1e-9)


def test_where_acting_can_never_pay_the_decisions_add_less_than_nothing_and_it_is_said() -> None:
    made = effect(act_right=0.0)
    assert (made.after.without_model, made.after.added.value) == ("never act", made.after.each.value)
    assert made.after.each.value < 0
    assert any("earn less than “never act”" in line for line in made.assumptions)


def test_what_no_model_does_turns_with_the_prices_and_is_said() -> None:
    made = effect(act_right=40.0)
    assert (made.before.without_model, made.after.without_model) == ("never act", "always act")
    assert any("always act in place of never act" in line for line in made.assumptions)


def test_without_other_prices_the_package_s_own_way_stands() -> None:
    made = tried(known(), Change(threshold=0.4), CHARTER, ValueSpec(), on=TEST)[1]
    assert made.after.without_model == made.before.without_model == "never act"
