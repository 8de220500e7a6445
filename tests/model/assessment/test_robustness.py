"""Disturbed input: what matters is told first, and what the scorer refuses is told as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopline.errors import Mistake
from loopline.model.assessment.case import Case
from loopline.model.assessment.robustness import UNSEEN, disturb
from tests.model.assessment.cases import case, drive, scores


def scored(task: str) -> Any:
    return lambda raw: scores(task, drive(raw))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_column_that_counts_costs_most_and_the_others_nothing(task: Any) -> None:
    found = disturb(case(task, 1500), scored(task))
    first = found["disturbed"][0]
    assert first["column"] in ("size", None)
    assert first["change"]["high"] < 0
    assert first["flips"] > 0
    for part in found["disturbed"]:
        if part["column"] not in ("size", None):
            assert part["change"]["value"] == part["flips"] == part["metric"] == 0
    assert "Worst is size" in found["says"]


def test_each_kind_of_column_is_disturbed_in_its_own_ways() -> None:
    made = case("binary", 300)
    time = np.datetime64("2026-01-01", "us") + np.arange(300) * np.timedelta64(1, "h")
    judged = replace(made.test.judged, columns={**made.test.judged.columns, "at": time})
    found = disturb(replace(made, test=replace(made.test, judged=judged)), scored("binary"))["disturbed"]
    ways: dict[str | None, set[str]] = {}
    for part in found:
        ways.setdefault(part["column"], set()).add(part["how"])
    assert ways["size"] == {"missing", "missing in 20%", "one standard deviation higher", "ten times as high"}
    assert ways["flag"] == {"missing", "missing in 20%"}
    assert ways["origin"] == {"missing", "missing in 20%", "a value never seen"}
    assert ways["at"] == {"missing", "missing in 20%", "a year later"}
    assert ways[None] == {"missing"}


def test_the_scorer_sees_what_is_said_and_the_rows_stay_as_they_are() -> None:
    made, calls = case("binary", 300), list[Any]()
    before = {name: values.copy() for name, values in made.test.judged.columns.items()}

    def watch(raw: Any) -> Any:
        calls.append({name: np.array(values) for name, values in raw.items()})
        return scores("binary", drive(raw))

    disturb(made, watch)
    assert all(np.isnan(calls[1]["size"]))
    assert 0.1 < np.isnan(calls[2]["size"]).mean() - np.isnan(before["size"]).mean() < 0.3
    known = ~np.isnan(before["size"])
    assert calls[3]["size"][known] - before["size"][known] == pytest.approx(np.full(known.sum(), before["size"][known].std()))
    assert calls[4]["size"][known] == pytest.approx(10 * before["size"][known])
    assert any((call["origin"] == UNSEEN).all() for call in calls)
    for name, values in before.items():
        assert np.array_equal(made.test.judged.columns[name], values, equal_nan=values.dtype.kind == "f")


def test_money_is_that_of_the_rows_as_they_are() -> None:
    """Prices by a column: a disturbed price changes what is decided, not what it was worth."""
    base = case("binary", 400)
    price = np.full(400, 2.0)
    judged = replace(base.test.judged, columns={"size": base.test.judged.columns["size"], "price": price})

    def earn(decision: Any, outcome: Any, raw: Any) -> Any:
        return np.where(decision, np.where(outcome, 10.0, -6.0), 0.0) * raw["price"]

    made = replace(base, test=replace(base.test, judged=judged), earn=earn, fairness=())
    found = {(part["column"], part["how"]): part for part in disturb(made, scored("binary"))["disturbed"]}
    assert found["price", "ten times as high"]["change"]["value"] == 0


def test_what_the_scorer_refuses_is_told() -> None:
    def refuse(raw: Any) -> Any:
        if any(item is not None and item == UNSEEN for item in raw["origin"]):
            raise Mistake("a value that the contract does not know", where="origin", remedy="deliver one of JFK, LGA")
        return scores("binary", drive(raw))

    found = disturb(case("binary", 300), refuse)
    refused = [part for part in found["disturbed"] if "refused" in part]
    assert [(part["column"], part["how"]) for part in refused] == [("origin", "a value never seen")]
    assert "The scorer refuses 1 of " in found["says"]


def test_many_rows_are_drawn_from_and_the_draw_is_the_seeds() -> None:
    made: Case = case("binary", 3000)
    one, two = disturb(made, scored("binary"), rows=500), disturb(made, scored("binary"), rows=500)
    assert one == two
    assert one["rows"] == 500
    assert disturb(replace(made, seed=1), scored("binary"), rows=500) != one
