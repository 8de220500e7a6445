"""Decisions as arrays: the same of what was served and of the test part, for every task, with and without a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.value.replayed import Change
from loopline.value.segments import segments
from loopline.value.whatif import what_if
from loopline.value.whatif_picture import picture
from loopline.watch.decisions import Decisions, of_frame, on_test_part, served, types_of
from loopline.watch.gauge import gauge
from loopline.watch.windows import Yardstick
from tests.watch.shop import CHARTER, T0, Crowd, Shop

PRICES: dict[Task, WorthSpec] = {
    "multiclass": WorthSpec.model_validate({"currency": "EUR", "right": 2, "wrong": -1}),
    "regression": WorthSpec.model_validate({"currency": "EUR", "over": -1, "under": -2}),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Shop(tmp_path_factory.mktemp("shop"))
    for day in range(4):
        made.serve(Crowd.of(100, seed=day), outcomes=day < 3)
    yield made
    made.ledger.close()


def measured(shop: Shop) -> Any:
    package = load(shop.blobs, shop.package, Trust.of(shop.ledger))
    return package, gauge(package, CHARTER.worth, timedelta(days=1))


def test_served_decisions_hold_the_money_that_was_earned_in_the_order_of_time(shop: Shop) -> None:
    package, gauged = measured(shop)
    found = served(shop.tables, shop.ask().facts["serve"]["versions"], gauged, types_of(package, ["x", "c"]))
    assert found is not None and len(found) == 300
    assert found.judged.money.sum() == pytest.approx(sum(Crowd.of(100, seed=day).money().sum() for day in range(3)))
    assert np.all(np.diff(found.time) >= np.timedelta64(0))
    assert set(found.columns) == {"x", "c"} and not len(found.open_score)
    later = found.within(T0 + timedelta(days=1), T0 + timedelta(days=2))
    assert later.judged.money.tolist() == found.judged.money[100:200].tolist()


def test_the_newest_are_kept_and_those_without_an_outcome_are_told_apart(shop: Shop) -> None:
    package, gauged = measured(shop)
    found = served(shop.tables, shop.ask().facts["serve"]["versions"], gauged, types_of(package, ["x"]), with_open=True, most=250)
    assert found is not None
    assert (len(found), len(found.open_score), len(found.open_columns["x"])) == (150, 100, 100)
    assert found.time.min() >= np.datetime64("2024-01-02")


@pytest.mark.parametrize("with_open", [True, False])
def test_however_few_are_kept_they_are_the_newest_of_all(shop: Shop, with_open: bool) -> None:
    package, gauged = measured(shop)
    versions, read = shop.ask().facts["serve"]["versions"], types_of(package, ["x"])
    every = served(shop.tables, versions, gauged, read, with_open=with_open)
    # Of a hundred no outcome has come: two hundred predictions do not always hold a hundred that have one.
    for most in (50, 100, 149):
        some = served(shop.tables, versions, gauged, read, with_open=with_open, most=most)
        assert every is not None and some is not None
        older = len(every) - len(some)
        assert len(some) + len(some.open_score) == most
        assert some.time.tolist() == every.time[older:].tolist()
        assert some.columns["x"].tolist() == every.columns["x"][older:].tolist()


def test_the_test_part_is_decided_as_if_it_had_been_served(shop: Shop) -> None:
    package, gauged = measured(shop)
    found = on_test_part(package, shop.blobs.get(shop.evidence), gauged, types_of(package, ["x", "c"]))
    assert found is not None and len(found) == 3000
    assert found.judged.money.mean() == pytest.approx(gauged.promise.per_decision, abs=0.02)
    assert set(found.columns) >= {"x", "c"}


def test_nothing_served_gives_nothing(shop: Shop) -> None:
    package, gauged = measured(shop)
    assert served(shop.tables, {}, gauged, types_of(package, ["x"])) is None


def of_task(task: Task, rows: int = 400) -> Decisions:
    rng = np.random.default_rng(3)
    labels = ("a", "b", "c")
    truth = rng.choice(labels, rows) if task == "multiclass" else rng.normal(10, 3, rows)
    said = np.where(rng.random(rows) < 0.7, truth, rng.choice(labels, rows)) if task == "multiclass" else truth + rng.normal(0, 1, rows)
    frame = pl.DataFrame(
        {
            "when": [T0 + timedelta(hours=row) for row in range(rows)],
            "decision": [str(one) for one in said],
            "score": [0.7] * rows if task == "multiclass" else said,
            "scores": [{label: 0.7 if label == one else 0.15 for label in labels} for one in said],
            "outcome": [str(one) for one in truth],
            "row": pl.DataFrame({"place": rng.choice(["east", "west"], rows)}).to_struct(),
        }
    )
    constant: Any = "a" if task == "multiclass" else 10.0
    classes = labels if task == "multiclass" else ()
    worth = Worth.of(PRICES[task], task)
    return of_frame(frame, Yardstick(package="p", task=task, classes=classes, positive=None, features=(), worth=worth, without_model=constant))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_are_priced_segmented_and_drawn(task: Task) -> None:
    decisions = of_task(task)
    name = "right" if task == "multiclass" else "over"
    policy = {"kind": "most_likely" if task == "multiclass" else "value"}
    dearer = float(Worth.of(PRICES[task], task).terms[name]) * 2  # type: ignore[arg-type]
    made = what_if(decisions, policy, PRICES[task], Change(prices={name: dearer}), per_year=1000.0, sees_all=True, confidence=0.9)
    assert made.difference.value == pytest.approx(made.after.each.value - made.before.each.value)
    assert (made.curve, made.before.acted, made.changed) == (None, None, 0)
    assert made.difference.value > 0 if task == "multiclass" else made.difference.value < 0
    assert {row["name"] for row in picture(made, "a change", "EUR")["data"]["values"]} == {"now", "after"}
    assert [one.acted for one in segments(decisions, ["place"], confidence=0.9)] == [None, None]
