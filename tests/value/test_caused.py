"""What the model causes, from the log's tables through the windows to the words: with a hold-out, without one, and where outcomes hide."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.engine.step import Step
from loopline.errors import Mistake
from loopline.model.package import Package
from loopline.value.caused import lines, readings
from loopline.value.spec import ValueSpec
from loopline.value.stage import steps
from tests.watch.shop import CHARTER, DAY, T0, Crowd, Shop, make_package, vouch


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def serve(
    shop: Shop, rows: int, *, seed: int, share: float = 0.2, without: str = "rest", helps: float = 0.0, seen: str = "always", package: str = "", keys: int = 0
) -> Crowd:
    """A day's customers, of whom a share is held out from the model; acting may help that it happens. Of so many keys each comes several times."""
    crowd, rng, day = Crowd.of(rows, seed=seed, contrary=bool(package)), np.random.default_rng(seed), shop.days
    held = rng.random(rows) < share
    key = [json.dumps({"id": row % keys}) for row in range(rows)] if keys else ["{}"] * rows
    if keys:
        held = np.arange(rows) % keys < share * keys
    own = np.where(crowd.score >= 0.5, "act", "rest")
    decision = np.where(held, without, own)
    happened = crowd.happened | ((decision == "act") & (rng.random(rows) < helps))
    shop.serve(crowd, outcomes=False, package=package or None)
    made = shop.tables.read("predictions").filter(pl.col("time") >= T0 + day * DAY).sort("time").collect()
    apart = made.with_columns(
        decision=pl.Series(decision),
        holdout=pl.Series(held),
        key=pl.Series(key),
        instead_of=pl.Series(np.where(held, own, None).tolist(), dtype=pl.String),
    )
    before = shop.tables.read("predictions").filter(pl.col("time") < T0 + day * DAY).collect()
    shop.tables.replace("predictions", pl.concat([before, apart], how="diagonal"))
    known = np.ones(rows, dtype=bool) if seen == "always" else decision == "act"
    told = {
        "prediction_id": made["prediction_id"].filter(pl.Series(known)),
        "outcome": np.where(happened, "yes", "no")[known],
        "time": [T0 + day * DAY + timedelta(hours=1)] * int(known.sum()),
        "day": [(T0 + day * DAY).date()] * int(known.sum()),
    }
    shop.tables.append("outcomes", pl.DataFrame(told))
    return crowd


def caused(shop: Shop, charter: CharterSpec = CHARTER) -> Mapping[str, Any]:
    watched = shop.watch()
    step = next(steps(ValueSpec(), charter, replace(shop.ask(), facts={**shop.ask().facts, "watch": watched})))
    assert isinstance(step, Step) and step.name == "lift"
    return shop.perform(step)


def test_what_is_held_out_is_no_decision_of_the_model_and_both_sides_are_told(shop: Shop) -> None:
    crowds = [serve(shop, 600, seed=day) for day in range(5)]
    facts = caused(shop)
    windows = shop.windows()
    held = sum(window["split"]["held"] for window in windows)
    assert 450 < held < 750
    assert sum(window["sums"]["money"][0] for window in windows) == 3000 - held
    assert sum(window["outcomes"] for window in windows) == 3000
    assert windows[0]["acted"] == pytest.approx(0.5, abs=0.08)
    found = facts["lift"]
    truth = np.concatenate([crowd.money() for crowd in crowds]).mean()
    assert found["low"] < truth < found["high"] and found["holdout"] == 0.0 and found["low"] > 0
    assert "surely gains" in facts["says"] and "a year" not in facts["says"]
    assert [one["method"] for one in facts["estimates"]] == ["direct"]
    assert facts["cannot"] == []
    over_time = readings(shop.lake, facts)
    assert [one.start for one in over_time] == [window["start"] for window in windows]
    assert (over_time[-1].value, over_time[-1].low, over_time[-1].high) == (found["per_decision"], found["low"], found["high"])
    assert any("held out" in line for line in lines(facts))


def test_keys_that_come_again_are_what_is_counted(shop: Shop) -> None:
    for day in range(2):
        serve(shop, 1200, seed=day, keys=600, share=0.5)
    found = caused(shop)["lift"]
    assert (found["decisions"], found["outcomes"], found["units"]) == (2400, {"policy": 1200, "holdout": 1200}, {"policy": 300, "holdout": 300})
    assert any("of 300 and 300 keys" in line for line in lines({**caused(shop)}))


def test_what_earlier_packages_caused_says_nothing_of_the_one_that_decides_now(shop: Shop) -> None:
    """A package that decides contrary to what happens, and then one that decides well."""
    earlier, _ = make_package(shop.lake, project="earlier")
    vouch(shop.ledger, shop.blobs, earlier)
    for day in range(3):
        serve(shop, 1500, seed=day, package=earlier)
    assert caused(shop)["lift"] is None
    for day in range(2):
        serve(shop, 600, seed=10 + day)
    found = caused(shop)["lift"]
    assert found["low"] > 0 and found["decisions"] == 1200
    assert len(readings(shop.lake, caused(shop))) == 2


def test_what_acting_brings_about_is_seen_only_by_the_hold_out(shop: Shop) -> None:
    """Acting makes it happen: the estimate that takes the outcome as given cannot know it, and the hold-out does."""
    for day in range(6):
        serve(shop, 1000, seed=day, helps=0.6)
    charter = CharterSpec(predict="y", volume="1000 per year", worth={"currency": "EUR", "act_right": 10, "act_wrong": -10, "miss": 8})  # type: ignore[arg-type]
    plain = caused(shop)
    assert plain["lift"]["per_decision"] > 3.5
    facts = caused(shop, charter)
    # What is held out gains nothing.
    assert facts["lift"]["per_year"]["value"] == pytest.approx(facts["lift"]["per_decision"] * 1000 * (1 - facts["lift"]["held"] / facts["lift"]["decisions"]))
    assert "a year" in facts["says"]


def test_without_a_hold_out_the_estimate_says_what_must_be_true(shop: Shop) -> None:
    for day in range(2):
        shop.serve(Crowd.of(500, seed=day))
    facts = caused(shop)
    assert facts["lift"] is None
    (estimate,) = facts["estimates"]
    assert estimate["low"] < estimate["value"] < estimate["high"] and estimate["low"] > 0
    assert "Declare value.holdout" in facts["cannot"][0]
    assert any(line.startswith("  if: ") for line in lines(facts))
    assert readings(shop.lake, facts) == []


def test_where_outcomes_hide_and_nobody_acts_on_what_is_held_out_it_is_said_to_be_useless(shop: Shop) -> None:
    when_acted = CHARTER.model_copy(update={"outcome_seen": "when_acted"})
    crowds = [serve(shop, 800, seed=day, seen="when_acted") for day in range(3)]
    facts = caused(shop, when_acted)
    assert facts["lift"] is None
    assert any("this hold-out tells nothing" in said for said in facts["cannot"])
    (estimate,) = facts["estimates"]
    truth = np.concatenate([crowd.money() for crowd in crowds]).mean()
    assert estimate["low"] < truth < estimate["high"]


def test_where_outcomes_hide_a_hold_out_that_acts_tells_and_without_one_there_are_bounds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the model one acts on all: what the model saves is seen on the held-out rows alone."""
    _acts_without_the_model(monkeypatch)
    when_acted = CHARTER.model_copy(update={"outcome_seen": "when_acted"})
    crowds = [serve(shop, 2000, seed=day, without="act", seen="when_acted") for day in range(4)]
    truth = np.mean([crowd.money().mean() - np.where(crowd.happened, 10.0, -10.0).mean() for crowd in crowds])
    facts = caused(shop, when_acted)
    assert facts["lift"]["method"] == "paired" and facts["lift"]["policy"] is None
    assert facts["lift"]["low"] < truth < facts["lift"]["high"]
    bound, expected = facts["estimates"]
    assert bound["method"] == "bound" and bound["value"] is None and bound["low"] < truth < bound["high"]
    assert expected["value"] == pytest.approx(truth, abs=0.5)
    assert any("left alone is not known" in said for said in facts["cannot"])


def _acts_without_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = Package.parsed

    def said(package: Package, name: str) -> Any:
        found = parsed(package, name)
        return {**found, "worth": {**found["worth"], "constant": "act"}} if name == "metrics.json" else found

    monkeypatch.setattr(Package, "parsed", said)


def test_before_anything_is_served_nothing_is_known(shop: Shop) -> None:
    facts = caused(shop)
    assert (facts["lift"], facts["estimates"]) == (None, [])
    assert "not known" in facts["says"]


@pytest.mark.parametrize("served", [False, True])
def test_a_hold_out_decided_by_no_decision_of_the_package_is_told_at_the_turn_with_the_remedy(shop: Shop, served: bool) -> None:
    if served:
        serve(shop, 50, seed=1)
    watched = shop.watch()
    said = ValueSpec.model_validate({"holdout": {"share": "5%", "decision": "maybe"}})
    step = next(steps(said, CHARTER, replace(shop.ask(), facts={**shop.ask().facts, "watch": watched})))
    assert isinstance(step, Step)
    with pytest.raises(Mistake, match="'maybe' is no decision of package") as caught:
        shop.perform(step)
    assert (caught.value.where, caught.value.remedy) == ("value.holdout.decision", "say baseline, or one of: act, rest")
