"""The model card."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loopline.model.card import Facts, write
from tests.model.conftest import Made

FACTS = Facts(
    manifest={"project": "shop", "target": "late", "positive": "yes", "task": "binary", "family": "linear"},
    decision="Call this customer?",
    currency="EUR",
    priced=True,
    worth={"per_decision": 2.5, "low": 1.0, "high": 4.0, "gain": {"mean": 1.5, "low": 0.5, "high": 2.5}, "baseline": 1.0, "rule": "always act", "perfect": 9.0},
    metrics={"validation": {"worth": 2.6, "precision": 0.5}, "test": {"worth": 2.5, "precision": None}},
    policy={"kind": "threshold", "threshold": 0.25},
    rows={"train": 600, "validation": 200, "test": 200},
    split="split by at",
    trials=12,
    weights=[(f"column {index}", 1 / 12) for index in range(12)],
    left_out={"id": "too many values (600 in 600 rows)"},
    parity={"rows": 400, "max_error": 3e-16},
)


def test_it_begins_with_the_decision_and_the_money() -> None:
    card = write(FACTS)
    assert card.startswith("# shop: predicts late is yes\n\n**Decision:** Call this customer? It is taken so: act where the probability is at least 0.25.")
    assert "earns **2.5 EUR per decision** (95 % interval 1 to 4)" in card
    assert "Without a model (always act) it would be 1; with perfect foresight 9. The model adds 1.5 EUR" in card


def test_it_says_what_was_left_out_and_what_is_not_shown() -> None:
    card = write(FACTS)
    assert "id (too many values (600 in 600 rows))" in card
    assert "and 2 more." in card
    assert "| precision | 0.5 | - |" in card


def test_it_tells_how_sure_the_policy_is_and_what_the_leak_checks_ask() -> None:
    chosen = {"rows": 200, "worth": 2.6, "low": 1.5, "high": 3.5, "thresholds": [0.2, 0.3], "flat": [0.2, 0.4]}
    card = write(replace(FACTS, policy={"kind": "threshold", "threshold": 0.25, "chosen_on": chosen}, questions=["duration tells far more than any other"]))
    assert "- The policy: on the 200 rows that it was chosen on it earns 2.6 per decision (95 % interval 1.5 to 3.5)." in card
    assert "- The policy: any threshold from 0.2 to 0.4 earns as much" in card
    assert "- A question that is open: duration tells far more than any other." in card


def test_it_owns_up_to_a_gain_that_chance_could_give() -> None:
    said = "within what chance alone could give"
    assert said not in write(FACTS)
    assert said in write(replace(FACTS, worth={**FACTS.worth, "gain": {"mean": 0.1, "low": -0.5, "high": 0.7}}))


def test_it_says_when_there_are_no_prices() -> None:
    assert "has no prices yet" in write(replace(FACTS, priced=False))
    assert "has no prices yet" not in write(FACTS)


def test_a_model_that_looks_at_nothing_says_so() -> None:
    assert "At nothing" in write(replace(FACTS, weights=[]))


@pytest.mark.parametrize("line", ["## What it earns", "## How good it is", "## What it looks at", "## How it was made", "## What it cannot do"])
def test_every_package_has_every_chapter(made: Made, line: str) -> None:
    assert line in made.package.text("card.md").splitlines()
