"""The loads at which the cheaper place changes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given

from loopline.charter.cost import OWNED, RENTED, Labour, Use, cost_of
from loopline.charter.prices import Prices
from loopline.value.cost.breakeven import crossings
from tests.value.cost.books import USE, book, books, uses


def owned_above(use: Use, prices: Prices, load: float) -> float:
    bills = cost_of(use, prices, load).bills
    return bills[OWNED].per_month - bills[RENTED].per_month


@given(uses, books)
def test_where_both_lines_meet_both_bills_are_the_same(use: Use, prices: Prices) -> None:
    for one in crossings(use, prices)[:20]:
        if one.meets:
            bills = cost_of(use, prices, one.load).bills
            assert bills[OWNED].per_month == pytest.approx(bills[RENTED].per_month, rel=1e-6) == pytest.approx(one.per_month, rel=1e-6)


@given(uses, books)
def test_between_two_break_evens_the_same_place_is_cheaper_and_past_each_the_other(use: Use, prices: Prices) -> None:
    found = crossings(use, prices)[:9]
    edges = [0.0, *(one.load for one in found)]
    for low, high, ended_by in zip(edges, edges[1:], found, strict=False):
        if high > low * (1 + 1e-4):
            cheaper = {OWNED if owned_above(use, prices, low + (high - low) * share) < 0 else RENTED for share in (0.1, 0.3, 0.5, 0.7, 0.9)}
            assert cheaper == {OWNED if ended_by.cheaper == RENTED else RENTED}
    assert all(one.cheaper != other.cheaper and one.load < other.load for one, other in itertools.pairwise(found))


def test_two_straight_lines_meet_where_arithmetic_says() -> None:
    # 100 a month whatever comes, against 50 and 1 for each 1,000 decisions: they meet at 50,000.
    prices = Prices.model_validate(
        {
            "machine": {"price": "100 per month", "cores": 1000},
            "cloud": {"instances": {"a": {"price": "50 per month", "cores": 1000}}, "egress": "1 per GB"},
        }
    )
    use = Use(decisions=1000, answer=Labour(1e-6, 1e-6), sent_bytes=1e6)
    (one,) = crossings(use, prices)
    assert (one.cheaper, one.meets) == (OWNED, True)
    assert one.load == pytest.approx(50) and one.per_month == pytest.approx(100)


def test_a_machine_more_makes_the_difference() -> None:
    # Own machines of one core each at 100, rented ones of two at 160: 100 | 160, 200 | 160, 300 | 320, 400 | 320, 500 | 480 and so on.
    prices = Prices.model_validate({"machine": "100 per month", "cloud": {"instances": {"a": {"price": "160 per month", "cores": 2}}}})
    use = Use(decisions=730.5 * 3600 / 10, answer=Labour(1.0, 1.0))
    found = crossings(use, prices)
    assert [(one.cheaper, one.meets, one.per_month) for one in found] == [(RENTED, False, 160), (OWNED, False, 300), (RENTED, False, 320)]
    assert [one.load for one in found] == pytest.approx([5, 10, 15])


@pytest.mark.parametrize(
    ("use", "more"), [(Use(), {}), (Use(decisions=0.0), {}), (USE, {"cloud": None}), (USE, {"machine": None}), (Use(decisions=1e4, working_bytes=1e12), {})]
)
def test_without_a_volume_or_a_second_bill_there_is_none(use: Use, more: dict[str, Any]) -> None:
    assert crossings(use, book(**more)) == ()


def test_where_nothing_grows_the_same_place_is_cheaper_for_ever() -> None:
    assert crossings(Use(decisions=1e4), Prices.model_validate({"machine": "0.1 per hour", "cloud": "0.2 per hour"})) == ()
