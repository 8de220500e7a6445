"""What windows are estimated from: the test part once, each window once, and a new estimate only where its rows have changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loopline.ledger.entry import Draft
from loopline.watch import basis
from loopline.watch.estimate import estimates
from tests.watch.shop import Crowd, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.ledger.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The starts of the windows that were estimated anew."""
    seen: list[str] = []

    def counted(frame, made, reference, *, span):  # type: ignore[no-untyped-def]
        seen.extend(f"{window.start:%m-%d}" for window in made)
        return estimates(frame, made, reference, span=span)

    monkeypatch.setattr(basis, "estimates", counted)
    return seen


def test_a_window_is_estimated_before_its_outcomes_come_and_checked_when_they_have(shop: Shop) -> None:
    crowd = Crowd.of(400, seed=1)
    shop.serve(crowd, outcomes=False)
    shop.watch()
    (window,) = shop.windows()
    estimated = window["estimated"]
    assert window["worth"] is None and estimated["method"] == "confidence"
    assert estimated["worth"]["low"] < crowd.money().mean() < estimated["worth"]["high"]
    shop.tell([f"{shop.package[:8]}-0-{row}" for row in range(400)], crowd)
    shop.serve(Crowd.of(400, seed=2))
    shop.watch()
    first, second = shop.windows()
    assert first["estimated"] == estimated and first["worth"]["per_decision"] == pytest.approx(crowd.money().mean())
    assert (second["estimated"]["worth"]["checked"], second["estimated"]["worth"]["beyond"]) == (1, 0)


def test_what_is_held_out_or_tried_lowers_no_estimate_of_what_the_policy_earns(shop: Shop) -> None:
    """Half of the rows are decided against the policy: a quarter by a hold-out, a quarter in an arm of an experiment."""
    crowd, place = Crowd.of(800, seed=1), np.arange(800) % 4
    shop.serve(crowd, outcomes=False)
    contrary = np.where(crowd.score >= 0.5, "rest", "act")
    split = shop.tables.read("predictions").sort("time").collect()
    columns = {
        "decision": pl.Series(np.where(place < 2, contrary, split["decision"].to_numpy()).tolist()),
        "holdout": pl.Series(place == 0),
        "arm": pl.Series(np.where(place == 1, "eager", None).tolist(), dtype=pl.String),
    }
    shop.tables.replace("predictions", split.with_columns(**columns))
    shop.watch()
    (window,) = shop.windows()
    assert window["split"] == {"held": 200, "tried": 200} and window["estimated"]["rows"] == 800
    assert window["estimated"]["worth"]["low"] < crowd.money()[place >= 2].mean() < window["estimated"]["worth"]["high"]
    assert window["estimated"]["worth"]["low"] > 0


def test_a_window_is_estimated_once_until_its_rows_change(shop: Shop, asked: list[str]) -> None:
    for day in range(3):
        shop.serve(Crowd.of(100, seed=day), outcomes=False)
    shop.watch()
    assert asked == ["01-01", "01-02", "01-03"]
    shop.serve(Crowd.of(100, seed=9), outcomes=False)
    shop.serve(Crowd.of(50, seed=10), day=1, outcomes=False)
    shop.watch()
    assert asked[3:] == ["01-02", "01-04"]


def test_a_package_that_decides_no_more_keeps_its_estimates_and_gets_no_others(shop: Shop, asked: list[str]) -> None:
    shop.serve(Crowd.of(100, seed=0))
    shop.watch()
    (before,) = shop.windows()
    shop.ledger.append(Draft(kind="champion", subject="", body={"why": "taken back", "previous": shop.package}))
    shop.serve(Crowd.of(100, seed=1))
    shop.watch()
    first, second = shop.windows()
    assert first["estimated"]["worth"]["per_decision"] == before["estimated"]["worth"]["per_decision"]
    assert second["estimated"] is None
    assert asked == ["01-01"]


def test_rows_of_a_test_part_that_were_erased_leave_windows_without_an_estimate_and_it_says_so(shop: Shop) -> None:
    shop.watch()
    shop.blobs.erase(shop.evidence, None)
    shop.serve(Crowd.of(100, seed=0))
    shop.watch()
    (window,) = shop.windows()
    assert (window["estimated"]["method"], window["estimated"]["why"]) == ("none", "the rows of the test part are not at hand")
    assert window["worth"] is not None


def test_a_mix_of_rows_that_earns_less_is_told_before_outcomes_come(shop: Shop) -> None:
    for day in range(2):
        shop.serve(Crowd.of(400, seed=day))
    for day in range(2, 4):
        shop.serve(Crowd.of(400, seed=day, shift=-1.5), outcomes=False)
    shop.watch()
    assert "worth_estimated" in shop.open()
    expected = [window["estimated"]["worth"]["per_decision"] for window in shop.windows()]
    came = [Crowd.of(400, seed=day, shift=-1.5 if day > 1 else 0.0).money().mean() for day in range(4)]
    assert expected == pytest.approx(came, abs=0.6)


def test_a_world_that_no_estimate_can_see_silences_them_and_is_said(shop: Shop) -> None:
    for day in range(4):
        shop.serve(Crowd.of(300, seed=day, contrary=True))
    shop.serve(Crowd.of(300, seed=4, contrary=True), outcomes=False)
    facts = shop.watch()
    newest = shop.windows()[-1]["estimated"]["worth"]
    assert newest["silent"] and newest["beyond"] == newest["checked"] == 4
    assert "the estimates of worth, " in facts["says"] and " are silent: in 4 of the last 4 windows" in facts["says"]
    assert "worth_estimated" not in shop.open()
