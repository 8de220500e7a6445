"""The analysis as a whole, its view of plain values, and its pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from loopline.charter.cost import OWNED, RENTED, Use
from loopline.charter.spec import CharterSpec
from loopline.charts import NARROW, WIDE, svg
from loopline.value.cost.costing import LOADS, Costs, break_even_says, costs_of
from loopline.value.cost.picture import by_item, by_load
from loopline.value.cost.view import view_of
from tests.value.cost.books import MEASURED, USE, book

CHARTER = CharterSpec.model_validate({"predict": "late", "worth": {"currency": "USD", "act_right": 1}})
ITEM = {"name": "depreciation", "per_month": 50.0}
TODAY = date(2026, 11, 26)


def costs(use: Use = USE, *, load: float = 1.0, charter: CharterSpec = CHARTER, today: date = TODAY, **more: Any) -> Costs:
    return costs_of(replace(MEASURED, use=use), book(**more), charter, realised=None, built=None, today=today, load=load)


def test_the_view_is_plain_json_in_which_the_items_add_up() -> None:
    view = json.loads(json.dumps(view_of(costs(load=3.0)), allow_nan=False))
    assert view["now"]["load"] == 3 and view["now"]["decisions"] == 90_000
    for bill in view["now"]["bills"].values():
        assert sum(item["per_month"] for item in bill["items"]) == pytest.approx(bill["per_month"])
    assert [one["load"] for one in view["loads"]] == sorted({*LOADS, 3.0})
    assert view["cheaper"] == RENTED and view["place"] == OWNED
    assert view["break_even"][0]["cheaper"] == OWNED and "times the load now" in view["break_even_says"]
    assert view["use"]["cpu_s"] == {"serving": pytest.approx(60), "following": pytest.approx(30), "training": 2400}


def test_what_is_not_said_counts_as_nothing_and_is_said() -> None:
    found = costs(cloud={"instances": {"a": "0.05 per hour"}, "storage": "0.02 per GB-month"})
    assert found.unsaid == (
        "machine.rack, machine.upkeep, machine.storage, machine.requests, machine.egress are not said, and count as nothing",
        "cloud.requests, cloud.egress, cloud.people are not said, and count as nothing",
    )
    assert any("a in the cloud does the work of one process at a time" in line for line in found.assumptions)
    # The short form says the machine, its power and its place, and nothing that is paid for by the amount.
    short = costs(machine="0.1 per hour", cloud="0.2 per hour")
    assert [line.replace("cloud", "machine") for line in short.unsaid] == [short.unsaid[0]] * 2 and "machine.storage, machine.requests" in short.unsaid[0]
    assert any("machine.cores is not said" in line for line in short.assumptions)


def test_an_old_book_and_one_without_a_date_are_warned_of() -> None:
    assert costs().warnings == ()
    assert "more than a year ago" in costs(today=date(2027, 9, 30)).warnings[0]
    assert "has no date" in costs(dated=None).warnings[0]
    view = view_of(costs(today=date(2027, 9, 30)))
    assert view["book"] == {"dated": "2026-09-01", "age_days": 394, "is_old": True, "sources": []}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (costs(), "above it on own machines"),
        (costs(cloud=None), "in the cloud: the price book has no cloud; write cloud: 0.25 per hour"),
        (costs(replace(USE, decisions=None)), "cannot be told without a volume"),
        (costs(machine="0.01 per hour", cloud="9 per hour"), "on own machines is cheaper at any load that was looked at"),
        (costs(machine="0.1 per hour", cloud={"instances": {"a": {"price": "0.16 per hour", "cores": 2}}}), "with more machines it changes again"),
    ],
)
def test_where_it_is_cheaper_is_told_in_words(found: Costs, said: str) -> None:
    assert said in break_even_says(found)


def test_the_return_is_that_of_the_place_where_it_runs() -> None:
    owned, rented = costs(), costs(runs="cloud")
    assert (owned.place, rented.place) == (OWNED, RENTED)
    assert rented.profit.outlay.run == rented.now.bills[RENTED].per_month != owned.profit.outlay.run == owned.now.bills[OWNED].per_month
    assert any("says no other place" in line for line in owned.assumptions) and any(line == "it runs in the cloud" for line in rented.assumptions)


def test_nothing_to_price_is_told_too() -> None:
    view = view_of(costs(machine=None, cloud=None))
    assert "write machine: 0.10 per hour" in view["says"] and view["place"] is None and view["cheaper"] is None
    assert view["loads"][0]["bills"] == {} and set(view["now"]["absent"]) == {OWNED, RENTED}


def test_in_points_the_money_is_that_of_the_book() -> None:
    found = costs(charter=CharterSpec(predict="late"))
    assert found.currency == "USD" and "counts in points" in found.profit.says[0]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize(
    "found",
    [costs(), costs(load=0.0), costs(replace(USE, decisions=None)), costs(cloud=None), costs(machine=None, cloud=None), costs(Use(), machine="0 per hour")],
    ids=["both", "no load", "no volume", "one", "none", "for nothing"],
)
def test_the_pictures_can_be_drawn(found: Costs, width: int) -> None:
    assert all(svg(picture).startswith("<svg") for picture in (by_load(view_of(found), width=width), by_item(view_of(found), width=width)))


def test_the_picture_shows_both_lines_and_where_they_meet() -> None:
    view = view_of(costs(Use(decisions=1e6, answer=USE.answer, follow=USE.follow, sent_bytes=300)))
    drawn = svg(by_load(view))
    assert "on own machines from here" in drawn and "decisions a day" in drawn
    assert view["break_even"][0]["load"] in view["curve"]["load"] and len(view["curve"]["load"]) == len(view["curve"]["bills"][OWNED]) > 40


def test_a_break_even_far_away_is_in_the_picture_and_bills_that_are_alike_stand_above_nought() -> None:
    far = view_of(costs(Use(decisions=300, answer=USE.answer, follow=USE.follow, sent_bytes=300)))
    load = far["break_even"][0]["load"]
    assert load > 1000 and far["curve"]["load"][-1] > load
    assert "from here" in svg(by_load(far))
    alike = view_of(costs(replace(USE, decisions=10.0), machine="0.06 per hour"))
    for bills in alike["curve"]["bills"].values():
        bills[:] = [100.0 + number % 9 for number in range(len(bills))]
    money = by_load(alike)["layer"][0]["encoding"]["y"]
    assert money["scale"] == {"zero": True}
    assert "depreciation (own)" in svg(by_item({**alike, "now": {**alike["now"], "bills": {OWNED: {"items": [ITEM]}}}}))
