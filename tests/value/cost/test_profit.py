"""What is left of the worth: added minus cost, against budget and target; and each gap in what is known, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.cost import OWNED, RENTED, cost_of
from loopline.charter.spec import CharterSpec
from loopline.value.cost.profit import Outlay, Profit, outlay, profit_of
from loopline.value.realised import Amount, Realised
from tests.value.cases import T0
from tests.value.cost.books import USE, book

SPENT = Outlay(run=300.0, ran=280.0, build=1200.0, build_says="charter.budget.build", place=OWNED)


def charter(**more: Any) -> CharterSpec:
    return CharterSpec.model_validate({"predict": "late", "worth": {"currency": "USD", "act_right": 140, "act_wrong": -60}, **more})


def realised(added: float = 0.5, *, days: int = 61, outcomes: int = 4000) -> Realised:
    return Realised(
        since=T0,
        until=T0 + timedelta(days=days),
        decisions=outcomes * 2,
        served=outcomes * 2,
        outcomes=outcomes,
        shown=1.0,
        earned=Amount(mean=added + 2, low=None, high=None),
        added=Amount(mean=added, low=added - 0.1, high=added + 0.1),
        baseline=2.0,
        perfect=9.0,
        per_year=12_000.0,
        declared=True,
    )


def returned(earned: Realised | None = None, spent: Outlay = SPENT, decisions: float | None = 1000.0, **more: Any) -> Profit:
    return profit_of(earned, spent, charter(**more), decisions=decisions)


def words(profit: Profit) -> str:
    return "\n".join(profit.says)


def test_what_is_left_in_a_month_and_since_the_start() -> None:
    found = returned(realised(0.5), target="6000 per year", budget={"build": 1200, "run": "350 per month"})
    assert found.added is not None and found.net is not None and found.since_start is not None and found.net.low is not None
    assert (found.added.mean, found.net.mean, found.payback_months) == (500, 200, 6)
    assert found.net.low == pytest.approx(100)
    assert found.since_start.mean == pytest.approx(2000 - 1200 - 280 * 61 / 30.4375)
    said = words(found)
    assert "200 USD a month are left (100 to 300): it adds 500 and costs 300 on own machines" in said
    assert "is earned back in 6 months" in said and "and 100% of it is added" in said and "within the budget of 350" in said


def test_what_is_held_out_or_left_alone_unseen_earns_nothing() -> None:
    half = replace(realised(0.5), served=16_000, shown=0.2)
    found = returned(half)
    assert found.added is not None and found.added.mean == pytest.approx(0.5 * 1000 * 0.5 * 0.2)


def test_a_model_that_costs_more_than_it_adds_is_never_earned_back() -> None:
    found = returned(realised(0.2), budget={"run": "250 per month"})
    assert found.payback_months is None and "is never earned back at this rate" in words(found)
    assert "above the budget of 250" in words(found) and "the charter has no target" in words(found)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (returned(), "no outcome has come yet"),
        (returned(realised(), decisions=None), "say charter.volume or --volume"),
        (returned(realised(), Outlay(run=None, ran=None, build=None, build_says="", place=None)), "what it costs is not known"),
        (returned(realised(), worth={}), "counts in points"),
        (returned(realised(), target="0 per year"), "the target is 0 USD a month, which is reached; no share of it can be told"),
        (returned(realised(-0.5), target="0 per year"), "which is not reached"),
        (returned(realised(50.0), target="12 per year"), "50,000 times as much is added"),
        (returned(realised(50.0)), "is earned back in 0.7349 days"),
        (returned(realised(), Outlay(run=300.0, ran=300.0, build=None, build_says="", place=OWNED)), "minus nothing for building"),
    ],
)
def test_each_gap_is_answered_in_words(found: Profit, said: str) -> None:
    assert said in words(found)


def test_points_are_never_added_to_money() -> None:
    found = returned(realised(), worth={})
    assert found.net is None and found.since_start is None and found.payback_months is None


@given(st.floats(-100, 100), st.floats(0, 1e5), st.floats(0, 1e6))
def test_what_is_left_is_what_is_added_minus_what_it_costs(added: float, run: float, decisions: float) -> None:
    found = returned(realised(added), Outlay(run=run, ran=run, build=10.0, build_says="", place=RENTED), decisions)
    assert found.added is not None and found.net is not None
    assert found.net.mean == pytest.approx(found.added.mean - run)
    assert (found.payback_months is not None) == (found.net.mean > 0)
    if found.payback_months is not None:
        assert found.payback_months * found.net.mean == pytest.approx(10)


def test_building_is_what_the_charter_says_or_else_what_the_ledger_measured() -> None:
    cost = cost_of(USE, book())
    declared = outlay(cost, None, charter(budget={"build": 900}), place=RENTED, built=3.0)
    assert (declared.build, declared.build_says, declared.run, declared.ran) == (900, "charter.budget.build", cost.bills[RENTED].per_month, None)
    measured = outlay(cost, cost, charter(), place=OWNED, built=3.0)
    assert (measured.build, measured.place) == (3.0, OWNED) and "as the ledger measured it" in measured.build_says
    none = outlay(cost_of(USE, book(machine=None)), None, charter(), place=OWNED, built=None)
    assert (none.build, none.run, none.place) == (None, None, None)
