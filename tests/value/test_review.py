"""The value stage: one entry for each review, made anew when something has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec, Criterion
from loopline.engine.step import Step, brief_digest
from loopline.ledger.entry import Draft, canonical, now
from loopline.ledger.store import Ledger
from loopline.sheet.html import html
from loopline.sheet.plain import markdown
from loopline.value.newest import document_of
from loopline.value.review import read
from loopline.value.spec import ValueSpec
from loopline.value.stage import steps
from tests.value.cases import PACKAGE, alert
from tests.watch.shop import T0, Crowd, Shop

CHARTER = CharterSpec.model_validate({"predict": "y", "worth": {"currency": "EUR", "act_right": 10, "act_wrong": -10}, "target": "9000 per year"})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.ledger.close()


def reviewing(shop: Shop, charter: CharterSpec, facts: Mapping[str, Any]) -> Step:
    """The step of the review, which comes after that of what the model causes."""
    told = steps(ValueSpec(), charter, replace(shop.ask(), facts={**shop.ask().facts, **facts}))
    assert isinstance(next(told), Step)
    step = told.send({"lift": None})
    assert isinstance(step, Step) and step.name == "review"
    return step


def ask(shop: Shop, charter: CharterSpec = CHARTER, *, feedback: Mapping[str, Any] | None = None) -> Step:
    watched = shop.watch()
    versions = {name: shop.tables.version(name).version for name in ("predictions", "outcomes", "feedback") if shop.tables.exists(name)}
    return reviewing(shop, charter, {"serve": {"versions": versions, "feedback": feedback or {}}, "watch": watched})


def review(shop: Shop) -> Mapping[str, Any]:
    return shop.perform(ask(shop))


def page(shop: Shop, facts: Mapping[str, Any]) -> str:
    document = document_of(shop.lake, facts)
    assert document is not None
    return html(document)


def test_the_review_is_kept_as_a_document_too(shop: Shop) -> None:
    facts = review(shop)
    document = document_of(shop.lake, facts)
    assert document is not None
    assert markdown(document) == shop.blobs.get(facts["markdown"]).decode()


def test_before_anything_is_served_the_review_says_that_nothing_is_realised(shop: Shop) -> None:
    facts = review(shop)
    assert (facts["recommendation"], facts["realised"], facts["next"]) == ("keep", None, "loopline serve")
    assert "Nothing is realised yet" in page(shop, facts)


def test_what_was_earned_is_held_against_the_promise_the_target_and_no_model(shop: Shop) -> None:
    crowds = [Crowd.of(200, seed=day) for day in range(5)]
    for crowd in crowds:
        shop.serve(crowd)
    facts = review(shop)
    total = sum(crowd.money().sum() for crowd in crowds)
    assert facts["realised"]["total"] == pytest.approx(total)
    assert facts["realised"]["added"]["per_decision"] == pytest.approx(total / 1000)
    assert (facts["recommendation"], facts["baseline"], facts["target_per_year"]) == ("keep", pytest.approx(0.0), 9000)
    assert canonical(facts)
    per_window = json.loads(shop.blobs.get(facts["per_window"]))
    assert sum(one["per_decision"] * one["outcomes"] for one in per_window) == pytest.approx(total)
    assert all(one["low"] < one["per_decision"] < one["high"] for one in per_window)


def test_what_single_decisions_tell_is_in_the_review_and_in_what_the_next_charter_starts_from(shop: Shop) -> None:
    crowds = [Crowd.of(300, seed=day) for day in range(5)]
    for crowd in crowds:
        shop.serve(crowd)
    said = {"prediction_id": [f"{shop.package[:8]}-0-{row}" for row in range(3)], "rating": [5.0, None, 2.0], "text": ["quick", "a secret word", None]}
    shop.tables.append("feedback", pl.DataFrame(said).with_columns(who=pl.lit("ann"), time=pl.lit(T0), day=pl.lit(T0.date())))
    accepted = CHARTER.model_copy(update={"acceptance": (Criterion(id="A1", says="mostly right", check="precision >= 0.6"),)})
    rated = {"received": 3, "repeated": 0, "rated": 2, "mean": 3.5, "low": 2.0, "high": 5.0}
    facts = shop.perform(ask(shop, accepted, feedback=rated))
    acted = np.concatenate([crowd.happened[crowd.score >= 0.5] for crowd in crowds])
    (kept,) = facts["criteria"]
    assert (kept["passed"], kept["value"]) == (True, pytest.approx(acted.mean()))
    assert facts["breaches"] == {"worth_target": None, "criterion": [], "volume_chartered": None}
    assert {one["column"] for one in facts["segments"]} == {"x", "c"}
    assert facts["learned"]["base_rate"] == pytest.approx(np.concatenate([crowd.happened for crowd in crowds]).mean())
    assert facts["learned"]["criteria_held"] == {"A1": True}
    assert (facts["feedback"]["count"], facts["feedback"]["mean"]) == (3, 3.5)
    # Words of customers are on the page, and in no entry.
    assert "a secret word" in page(shop, facts)
    assert "a secret word" not in canonical(facts)


def test_a_breach_is_explained_in_the_review(shop: Shop) -> None:
    for day in range(8):
        shop.serve(Crowd.of(150, seed=day))
    for day in range(8, 16):
        shop.serve(Crowd.of(150, seed=day, shift=1.5, contrary=True))
    facts = review(shop)
    first = facts["explained"][0]
    assert first["since"].startswith("2024-01-09") and first["money"]["lost"] > 0
    assert any(one["sure"] for one in first["slices"])


def test_a_threshold_that_would_have_earned_more_is_recommended_with_the_command(shop: Shop) -> None:
    for day in range(6):
        crowd = Crowd.of(400, seed=day)
        # The same customers, of whom only those above 0.97 were acted on.
        shop.serve(replace(crowd, score=np.where(crowd.score >= 0.97, crowd.score, crowd.score / 2)))
    facts = review(shop)
    assert facts["recommendation"] == "change_policy"
    assert facts["next"].startswith("loopline value whatif --threshold 0.2")
    assert facts["better_policy"]["gain"]["low"] > 0


def test_decisions_that_lose_money_are_a_reason_to_retire(shop: Shop) -> None:
    for day in range(5):
        shop.serve(Crowd.of(300, seed=day, contrary=True))
    facts = review(shop)
    assert facts["recommendation"] == "retire"
    assert facts["next"] == "stop serving, and decide without a model (never act)"


def test_a_review_is_entered_once_for_what_it_was_made_from(shop: Shop) -> None:
    shop.serve(Crowd.of(200, seed=0))
    step = ask(shop)
    facts = shop.run(step)
    assert shop.run(step) == facts
    assert [entry.body for entry in shop.ledger.read(kinds=("review",), subject=shop.package)] == [facts]
    shop.serve(Crowd.of(200, seed=1))
    assert ask(shop).key != step.key
    review(shop)
    assert len(shop.ledger.read(kinds=("review",))) == 2


def test_a_new_batch_a_training_or_an_experiment_makes_a_new_review_though_no_window_changed(shop: Shop) -> None:
    shop.serve(Crowd.of(200, seed=0))
    watched, versions = shop.watch(), {name: shop.tables.version(name).version for name in ("predictions", "outcomes")}

    def asked(version: int) -> Step:
        table = {"id": "t", "version": version}
        return reviewing(shop, CHARTER, {"serve": {"versions": versions}, "watch": watched, "data": {"main": "t", "tables": {"t": table}}})

    step = asked(1)
    assert asked(1).key == step.key != asked(2).key
    assert shop.perform(step)["made_from"] == {
        "decisions": 200,
        "held_out": 0,
        "outcomes": 200,
        "held_out_outcomes": 0,
        "until": "2024-01-02T00:00:00+00:00",
        "tables": {"t": 1},
    }
    began = {"action": "started", "why": "is it better?"}
    shop.ledger.append(Draft(kind="experiment", subject="eager", body=began))
    running = asked(1)
    assert running.inputs["experiments"] == [{"name": "eager", "state": "running", "says": "is it better?"}]
    shop.ledger.append(Draft(kind="experiment", subject="eager", body={"winner": "", "why": "a test"}))
    assert len({step.key, running.key, asked(1).key}) == 3


def test_an_address_does_not_make_a_new_review_but_a_price_or_an_alert_does(shop: Shop) -> None:
    shop.serve(Crowd.of(200, seed=0))
    named, moved = (CHARTER.model_copy(update={"stakeholders": {"business": (address,)}}) for address in ("old@example.com", "new@example.com"))
    key = ask(shop, named).key
    assert ask(shop, moved).key == key
    assert ask(shop, CHARTER).key != key  # nobody is named, which the review says
    assert ask(shop, named.model_copy(update={"target": None})).key != key
    alert = {
        "monitor": "drift",
        "feature": "x",
        "package": shop.package,
        "state": "open",
        "since": "2024",
        "last": "2024",
        "value": 0.3,
        "limit": 0.1,
        "cost": None,
        "says": "x",
        "role": "ml",
    }
    shop.ledger.append(Draft(kind="alert", subject="a", body=alert))
    watched = shop.state().facts("watch", "windows")
    assert reviewing(shop, named, {"watch": watched or {}}).key != key


def test_a_champion_that_knows_the_table_asks_for_newer_data_and_one_that_does_not_for_a_run(shop: Shop) -> None:
    def next_with(version: int | None, release: Mapping[str, Any] | None = None) -> str:
        data = {} if version is None else {"main": "t", "tables": {"t": {"id": "i", "version": version, "rows": 9}}}
        step = reviewing(shop, CHARTER, {"watch": watched, "data": data, "release": release or {}})
        return str(shop.run(step)["next"])

    for day in range(3):
        shop.serve(Crowd.of(200, seed=day))
    for day in range(3, 6):
        shop.serve(Crowd.of(200, seed=day, shift=3.0))
    watched = shop.watch()
    learned = {"reads": {}, "inputs": {"table": brief_digest({"name": "t", "id": "i", "version": 4})}, "code": {}}
    body = {"state": "succeeded", "name": "search", "facts": {"package": shop.package}, "made_from": learned}
    shop.ledger.append(Draft(kind="step", subject="model", key="search-2", body=body))
    newer = "loopline data ingest PATH && loopline run"
    assert next_with(4) == newer
    assert next_with(5) == "loopline run"
    assert next_with(5, {"champion": shop.package}) == newer
    assert next_with(None) == "loopline run"


def test_of_the_steps_those_of_the_last_month_and_of_the_month_before_an_open_alert_are_read(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        failed = Draft(kind="step", subject="data", body={"state": "failed", "name": "ingest"})
        ledger.append(failed, Draft(kind="champion", subject=PACKAGE, body={"why": "it passed its gates", "previous": None}))
        later = now() + timedelta(days=40)
        assert [entry.kind for entry in read(ledger, "p", [], moment=now())] == ["step", "champion"]
        assert [entry.kind for entry in read(ledger, "p", [], moment=later)] == ["champion"]
        assert [entry.kind for entry in read(ledger, "p", [alert("drift", since=now().isoformat())], moment=later)] == ["step", "champion"]
