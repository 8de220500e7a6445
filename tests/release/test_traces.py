"""An acceptance criterion's way through the packages."""

from __future__ import annotations

from typing import Any

from loopline.charter.spec import Criterion
from loopline.release.traces import LAST, traced

A1, A2 = Criterion(id="A1", says="Mostly right", check="precision >= 0.5"), Criterion(id="A2", check="recall > 0.1")


def facts(package: str, value: float, name: str = "acceptance A1") -> dict[str, Any]:
    return {"package": package, "gates": [{"name": name, "value": value, "passed": value >= 0.5}]}


def test_the_value_now_and_those_before_it_oldest_first() -> None:
    (one,) = traced((A1,), [facts("a", 0.4), facts("b", 0.6), facts("c", 0.7)], "b")
    assert (one["id"], one["says"], one["check"], one["value"], one["passed"]) == ("A1", "Mostly right", "precision >= 0.5", 0.6, True)
    assert one["history"] == [{"package": "a", "value": 0.4, "passed": False}, {"package": "b", "value": 0.6, "passed": True}]


def test_a_criterion_that_is_new_was_not_judged() -> None:
    one, two = traced((A1, A2), [facts("a", 0.4)], "a")
    assert one["value"] == 0.4
    assert (two["value"], two["passed"], two["history"]) == (None, None, [])


def test_a_package_that_was_judged_before_there_was_a_check_was_not_judged_by_it() -> None:
    unchecked = {"package": "a", "gates": [{"name": "acceptance A1", "value": None, "passed": True, "asked": ""}]}
    (one,) = traced((A1,), [unchecked, facts("b", 0.6)], "b")
    assert [past["package"] for past in one["history"]] == ["b"]


def test_a_history_goes_back_over_the_last_packages_only() -> None:
    (one,) = traced((A1,), [facts(str(number), number) for number in range(30)], "29")
    assert [past["value"] for past in one["history"]] == list(range(30 - LAST, 30))
