"""What a month costs by a price book: the invariants, and each item by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.cost import FILLED, OWNED, RENTED, Labour, Use, cost_of, machines_for
from loopline.charter.machines import HOURS_PER_MONTH
from loopline.charter.prices import Prices

MONTH_S = HOURS_PER_MONTH * 3600
BOOK: dict[str, Any] = {
    "machine": {
        "purchase": 2400,
        "years": 4,
        "residual": 480,
        "cores": 8,
        "memory": "32 GB",
        "power": {"idle": "30 W", "busy": "110 W"},
        "electricity": "0.3 per kWh",
        "rack": "25 per month",
        "people": {"hours": "4 per month", "rate": "60 per hour"},
    },
    "cloud": {
        "instances": {"small": {"price": "0.03 per hour", "cores": 2, "memory": "4 GB"}, "large": {"price": "0.2 per hour", "cores": 8, "memory": "32 GB"}},
        "storage": "0.02 per GB-month",
        "requests": "0.4 per million",
        "egress": "0.09 per GB",
    },
    "other": {"licences": "40 per month", "look-ups": "0.001 per decision"},
}


def book(**more: Any) -> Prices:
    return Prices.model_validate({**BOOK, **more})


labours = st.builds(Labour, seconds=st.floats(0, 1e3), cpu_s=st.floats(0, 1e3), calls=st.floats(0, 1e5))
uses = st.builds(
    Use,
    decisions=st.floats(1, 1e8),
    answer=st.builds(Labour, seconds=st.floats(0, 0.1), cpu_s=st.floats(0, 0.1), calls=st.floats(0, 50)),
    follow=st.builds(Labour, seconds=st.floats(0, 0.1), cpu_s=st.floats(0, 0.1), calls=st.floats(0, 50)),
    idle=labours,
    turning=labours,
    training=labours,
    trainings=st.floats(0, 100),
    serving_bytes=st.floats(0, 2e9),
    working_bytes=st.floats(0, 2e9),
    kept_bytes=st.floats(0, 1e12),
    logged_bytes=st.floats(0, 1e5),
    sent_bytes=st.floats(0, 1e4),
)


@given(uses, st.floats(0, 100), st.floats(0, 100))
def test_a_month_never_gets_cheaper_with_more_load(use: Use, one: float, other: float) -> None:
    less, more = cost_of(use, book(), min(one, other)), cost_of(use, book(), max(one, other))
    for place in (OWNED, RENTED):
        assert less.bills[place].per_month <= more.bills[place].per_month * (1 + 1e-9)
        assert less.bills[place].machines <= more.bills[place].machines or place == RENTED


@given(uses, st.floats(0.001, 100))
def test_per_thousand_times_the_volume_is_the_month(use: Use, load: float) -> None:
    cost = cost_of(use, book(), load)
    for place, bill in cost.bills.items():
        each = cost.per_thousand(place)
        assert each is not None and cost.decisions is not None
        assert each * cost.decisions / 1000 == pytest.approx(bill.per_month)
        assert bill.per_month == pytest.approx(sum(item.per_month for item in bill.items))


@given(uses, st.floats(0.01, 10), st.floats(0, 100))
def test_the_short_form_costs_what_the_long_form_costs(use: Use, per_hour: float, load: float) -> None:
    short = Prices.model_validate({"machine": f"{per_hour!r} per hour", "cloud": f"{per_hour!r} per hour"})
    owned = {"purchase": per_hour * HOURS_PER_MONTH * 60, "years": 5, "cores": 1}
    long = Prices.model_validate({"machine": owned, "cloud": {"instances": {"any": {"price": f"{per_hour!r} per hour", "cores": 1}}}})
    one, other = cost_of(use, short, load), cost_of(use, long, load)
    for place in (OWNED, RENTED):
        assert one.bills[place].per_month == pytest.approx(other.bills[place].per_month)


@given(st.floats(0, 1e4), st.floats(0.1, 256))
def test_no_machine_is_filled_above_its_share_and_none_stands_by(busy: float, cores: float) -> None:
    number = machines_for(busy, cores)
    assert busy <= number * cores * FILLED * (1 + 1e-6)
    assert number == 1 or busy > (number - 1) * cores * FILLED


def items(use: Use, place: str, load: float = 1.0, **more: Any) -> dict[str, float]:
    return {item.name: item.per_month for item in cost_of(use, book(**more), load).bills[place].items}


def test_each_item_is_what_it_says() -> None:
    use = Use(
        decisions=1e6,
        answer=Labour(0.001, 0.001, 2.0),
        follow=Labour(0.0036, 0.0036, 3.0),
        training=Labour(3600, 14_400, 1000),
        trainings=2,
        kept_bytes=76e9,
        logged_bytes=1000,
        sent_bytes=500,
    )
    owned = items(use, OWNED)
    busy_cores = (1000 + 3600 + 2 * 14_400) / MONTH_S
    assert owned["depreciation"] == 40 and owned["rack"] == 25 and owned["people"] == 240
    assert owned["electricity"] == pytest.approx((30 + 80 * busy_cores / 8) / 1000 * HOURS_PER_MONTH * 0.3)
    rented = items(use, RENTED, load=2.0)
    assert rented["serving"] == pytest.approx(0.03 * HOURS_PER_MONTH)
    # Four processors are kept busy: the small instance with two of them takes twice as long, and is cheaper all the same.
    assert rented["training"] == pytest.approx(2 * 2 * 0.03)
    assert rented["watching"] == pytest.approx(2 * 0.03)
    assert rented["storage"] == pytest.approx((76 + 2) * 0.02)
    assert rented["requests"] == pytest.approx((2e6 * 5 + 2000) / 1e6 * 0.4)
    assert rented["egress"] == pytest.approx(1.0 * 0.09)
    assert rented["licences"] == 40 and rented["look-ups"] == pytest.approx(2000)


def test_a_place_that_is_too_small_or_has_no_price_says_so() -> None:
    large = cost_of(Use(serving_bytes=1e9, working_bytes=40e9), book())
    assert not large.bills and "price a larger one" in large.absent[OWNED] and "no instance has so much memory" in large.absent[RENTED]
    # What serves fits the small instance, what trains only the large one.
    bills = cost_of(Use(serving_bytes=1e9, working_bytes=20e9, training=Labour(3600, 3600), trainings=1), book()).bills
    assert bills[RENTED].kind == "small" and any("large at 0.2" in item.says for item in bills[RENTED].items)
    nothing = cost_of(Use(), Prices())
    assert not nothing.bills and "write machine: 0.10 per hour" in nothing.absent[OWNED] and "write cloud: 0.25 per hour" in nothing.absent[RENTED]
    assert nothing.cheaper is None


def test_without_a_volume_nothing_is_told_per_thousand() -> None:
    cost = cost_of(Use(), book())
    assert cost.per_thousand(OWNED) is None and cost.decisions is None and cost.bills[OWNED].per_month > 0
    assert cost_of(Use(decisions=0.0), book()).per_thousand(OWNED) is None
