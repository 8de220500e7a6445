"""A package as a gauge: the bins of its reference, its promise, and how the windows of its test part scatter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loopline.engine.step import Step
from loopline.model.package import Package, load, written
from loopline.model.signing import Trust
from loopline.watch.gauge import gauge, read_before, read_sample, weights
from loopline.watch.stage import steps
from loopline.watch.windows import SCORE
from tests.watch.shop import CHARTER, Crowd, Shop

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
    step = next(steps(shop.spec, CHARTER, shop.ask()))
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
    sample = read_sample(shop.blobs, facts["windows"])
    assert sample is not None and sample.codes.shape == (1000, 2)
    assert read_sample(shop.blobs, None) is None


def test_where_outcomes_are_seen_only_after_acting_the_promise_is_of_what_is_acted_on(shop: Shop) -> None:
    package = load(shop.blobs, shop.package, Trust.of(shop.ledger))
    step = next(steps(shop.spec, CHARTER.model_copy(update={"outcome_seen": "when_acted"}), shop.ask()))
    assert isinstance(step, Step)
    before, _ = read_before(shop.blobs, shop.run(step)["windows"])
    test = Crowd.of(3000, seed=2)
    acted = test.score >= 0.5
    told = gauge(package, CHARTER.worth, DAY, when_acted=True, before=before).promise
    assert (told.per_decision, told.rows) == (pytest.approx(test.money()[acted].mean(), abs=0.02), pytest.approx(acted.sum(), abs=2))
    assert told.loss == pytest.approx(((test.score - test.happened) ** 2)[acted].mean(), abs=1e-3)
    # Without those windows the share that was acted on tells the money, where resting is worth nothing.
    measured = package.parsed("metrics.json")
    measured["test"]["act_share"] = acted.mean()
    shared = replace(package, contents={**package.contents, "metrics.json": written(measured)})
    alone = gauge(shared, CHARTER.worth, DAY, when_acted=True).promise
    assert (alone.per_decision, alone.loss, alone.rows) == (pytest.approx(told.per_decision, abs=0.02), None, told.rows)
    missed = CHARTER.worth.model_copy(update={"miss": -3.0})
    assert gauge(shared, missed, DAY, when_acted=True).promise.per_decision is None
    assert gauge(shared, missed, DAY, when_acted=True, before=before).promise == told
    policy = {"threshold": 0.5, "ask": {"from": 0.4, "to": 0.6, "costs": 1.0}}
    asks = replace(package, contents={**shared.contents, "policy.json": written(policy)})
    assert gauge(asks, CHARTER.worth, DAY, when_acted=True, before=before).promise.per_decision is None


def test_without_the_rows_of_the_test_part_at_hand_there_are_no_windows_before_and_no_failure(shop: Shop) -> None:
    told = steps(shop.spec, CHARTER, shop.ask())
    step = next(told)
    assert isinstance(step, Step)
    facts = shop.run(replace(step, inputs={**step.inputs, "evidence": "0" * 64}))
    assert facts["windows"] is None and "not at hand" in facts["says"]


def test_without_evidence_of_its_own_a_package_is_watched_without_the_windows_before(shop: Shop) -> None:
    ask = shop.ask()
    told = steps(shop.spec, CHARTER, replace(ask, state=replace(ask.state, packages={})))
    step = next(told)
    assert isinstance(step, Step)
    assert (step.name, step.inputs["before"]) == ("windows", None)
    assert shop.run(step)["windows"] == 0


def column(name: str, loss: float, *, matters: bool) -> dict[str, object]:
    return {"column": name, "loss": {"mean": loss, "low": 0.0, "high": 0.0}, "matters": matters}


def test_what_hangs_on_a_column_is_what_shuffling_costs_or_what_the_reasons_say() -> None:
    told = {
        "importance": [
            column("x", 0.3, matters=True),
            column("c", 0.1, matters=True),
            column("twin", 0.01, matters=False),
            column("noise", 0.02, matters=False),
        ],
        "summary": [{"column": name, "mean": mean} for name, mean in (("x", 0.6), ("c", 0.2), ("twin", 0.195), ("noise", 0.005))],
    }
    made = weights(Package("p", {}, {"explanation.json": written(told)}))
    assert made == {"x": pytest.approx(0.75), "c": pytest.approx(0.25), "twin": pytest.approx(0.195), "noise": 0.0}
    assert weights(Package("p", {}, {})) == {}
