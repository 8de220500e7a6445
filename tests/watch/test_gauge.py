"""A package as a gauge: the bins of its reference, its promise, and how the windows of its test part scatter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loopline.engine.step import Step
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.watch.gauge import gauge, read_before
from loopline.watch.stage import steps
from loopline.watch.windows import SCORE
from tests.watch.shop import CHARTER, Shop

DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.ledger.close()


def test_a_gauge_reads_what_the_package_says(shop: Shop) -> None:
    made = gauge(load(shop.blobs, shop.package, Trust.of(shop.ledger)), CHARTER.worth, DAY)
    assert {bins.name: (bins.kind, bins.rows) for bins in made.yardstick.features} == {
        "x": ("number", 6000),
        "c": ("category", 6000),
        SCORE: ("number", 3000),
    }
    assert [len(bins.spread) for bins in made.yardstick.features] == [60, 60, 0]
    assert made.columns == {"x": "number", "c": "category"}
    assert (made.time, made.yardstick.without_model, made.promise.rows) == ("at", False, 3000)
    weekly = gauge(load(shop.blobs, shop.package, Trust.of(shop.ledger)), CHARTER.worth, timedelta(weeks=1))
    assert [rows for rows, _ in weekly.yardstick.features[0].spread] == [700] * 8


def test_the_windows_of_the_test_part_are_measured_like_those_that_are_served(shop: Shop) -> None:
    step = next(steps(shop.spec, None, CHARTER, shop.ask()))  # type: ignore[arg-type]
    assert isinstance(step, Step) and step.name == "before"
    facts = shop.run(step)
    earlier, scores = read_before(shop.blobs, facts["windows"])
    assert len(earlier) == len(scores) == 30
    promise = gauge(load(shop.blobs, shop.package, Trust.of(shop.ledger)), CHARTER.worth, DAY).promise
    assert sum(one.earned.money.total for one in earlier) / 3000 == pytest.approx(promise.per_decision, abs=0.02)
    assert sum(one.loss.total for one in earlier) / 3000 == pytest.approx(promise.loss, abs=1e-3)
    assert all(0 < value < 0.4 for _, value in scores)
    assert shop.run(step) == facts
    assert read_before(shop.blobs, None) == ([], [])


def test_without_evidence_of_its_own_a_package_is_watched_without_the_windows_before(shop: Shop) -> None:
    ask = shop.ask()
    told = steps(shop.spec, None, CHARTER, replace(ask, state=replace(ask.state, packages={})))  # type: ignore[arg-type]
    step = next(told)
    assert isinstance(step, Step)
    assert (step.name, step.inputs["before"]) == ("windows", None)
    assert shop.run(step)["windows"] == 0
