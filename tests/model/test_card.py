"""The model card."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.card import Facts, page, write
from loopline.model.card_text import Block, Chapter, Points, Strong, Table, Words, as_markdown, of_markdown
from loopline.model.card_text import Card as CardOf
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
    assert "earns **2.5 EUR per decision**. With 95 % confidence it is between 1 and 4." in card
    assert "Without a model (always act) it would be 1; with perfect foresight 9. The model adds 1.5 EUR" in card


def test_it_says_what_was_left_out_and_what_is_not_shown() -> None:
    card = write(FACTS)
    assert "id (too many values (600 in 600 rows))" in card
    assert "and 2 more." in card
    assert "| precision | 0.5 | - |" in card


def test_it_tells_how_sure_the_policy_is_and_what_the_leak_checks_ask() -> None:
    chosen = {"rows": 200, "worth": 2.6, "low": 1.5, "high": 3.5, "thresholds": [0.2, 0.3], "flat": [0.2, 0.4]}
    card = write(
        replace(FACTS, policy={"kind": "threshold", "threshold": 0.25, "chosen_on": chosen}, leaks=[{"says": "duration tells far more than any other"}])
    )
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


@pytest.mark.parametrize("line", ["## What it earns", "## How good it is", "## What it looks at", "## How it was made", "## What it must not be used for"])
def test_every_package_has_every_chapter(made: Made, line: str) -> None:
    assert line in made.package.text("card.md").splitlines()


EVALUATION = {
    "worth": {"says": "It earns 2.5.", "gain_per_year": {"value": 120000.0, "low": 40000.0, "high": 200000.0}},
    "worst_slices": {
        "says": "Where kind is a (90 rows) it loses 3 EUR per decision more than elsewhere (1 to 5).",
        "most_lost": {"slices": [{"name": "kind is a", "rows": 90, "gap": {"value": 3.0, "low": 1.0, "high": 5.0}, "sure": True}]},
    },
    "fairness": {
        "says": "By age the groups cannot be told apart beyond chance.",
        "columns": {"age": {"groups": [{"name": "young", "rows": 80, "too_small": False, "act_share": {"value": 0.25}}]}},
    },
    "over_seeds": {"skipped": "the model was not fitted with other seeds", "says": "Not measured: the model was not fitted with other seeds."},
}
EXPLANATION = {
    "importance": [{"column": "size", "money": {"mean": 1.25, "low": 1.0, "high": 1.5}, "matters": True}],
    "effects": [{"column": "size", "says": "The score rises with size."}],
}


def test_what_was_measured_is_told_in_the_order_of_a_business_reader() -> None:
    card = write(replace(FACTS, evaluation=EVALUATION, explanation=EXPLANATION, leaks=[{"says": "id follows the order."}], maker="ann"))
    places = [
        card.index(f"## {title}")
        for title in ("What it earns", "Where it fails", "Is it fair?", "What it looks at", "What it must not", "How good", "How it was")
    ]
    assert places == sorted(places)
    assert "| kind is a | 90 | 3 (1 to 5) | yes |" in card
    assert "| young | 80 | 0.25 |" in card
    assert "| size | 1.25 (1 to 1.5) |" in card and "The score rises with size." in card
    assert "id follows the order." in card and "Made by ann." in card
    assert "other seeds" not in card


def test_an_ensemble_is_said_as_its_members() -> None:
    assert "the weighted mean of linear (30%) and lightgbm (70%)" in write(replace(FACTS, members=[("linear", 0.3), ("lightgbm", 0.7)]))


@pytest.mark.parametrize(("low", "high", "says"), [(0.5, 2.5, "It earns 1.5 EUR more"), (-1.0, 2.5, "cannot be told"), (-3.0, -1.0, "do not use it")])
def test_the_verdict_follows_the_interval(low: float, high: float, says: str) -> None:
    mean = 1.5 if high > 0 else -2.0
    assert says in page(replace(FACTS, worth={**FACTS.worth, "gain": {"mean": mean, "low": low, "high": high}}))


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_it_is_given() -> None:
    nasty = replace(FACTS, decision="<script>alert(1)</script> | *you*?", evaluation=EVALUATION, pictures={"What it earns": "<svg id='drawn'></svg>"})
    html = page(nasty)
    assert "<script" not in html and "http" not in html and "&lt;script&gt;" in html
    assert "<svg id='drawn'></svg>" in html
    assert "120,000 EUR" in html
    assert "\\<script\\>" in write(nasty) and "\\| \\*you\\*?" in write(nasty)


def test_a_package_has_both(made: Made) -> None:
    assert made.package.text("card.html").startswith("<!doctype html>")
    assert made.package.text("card.md").startswith("# p: predicts y")


def test_it_tells_the_rules_that_it_follows() -> None:
    rules = [{"rule": "delay > 60", "rows": 1234, "says": [0.75]}, {"rule": "none of them holds", "rows": 12, "says": [0.25]}]
    told = {"rules": [{"weight": 0.6, "form": "first", "rules": rules}, {"weight": 0.4, "form": "points", "rules": rules[:1]}]}
    card = write(replace(FACTS, explanation=told, members=[("rules", 0.6), ("rules", 0.4)]))
    assert "## The rules that it follows\n\nThe first rule that holds says the score (60% of the score):" in card
    assert "1,234 | 0.75 |" in card and "none of them holds | 12 | 0.25 |" in card
    assert "Every rule that holds adds its points (40% of the score):" in card
    assert "The rules that it follows" not in write(FACTS)


_TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8).map(lambda text: f"a{text}")
_ROW = st.tuples(_TEXT, _TEXT)
_BLOCKS = st.one_of(
    st.builds(Words, _TEXT),
    st.builds(lambda plain, strong: Words(plain, Strong(strong)), _TEXT, _TEXT),
    st.builds(Points, st.lists(_TEXT, min_size=1, max_size=3).map(tuple)),
    st.builds(Table, _ROW, st.lists(_ROW, max_size=2).map(tuple), st.sampled_from([(0,), (0, 1), ()])),
)


@given(title=_TEXT, blocks=st.lists(_BLOCKS, max_size=4))
def test_what_was_written_as_markdown_is_read_back(title: str, blocks: list[Block]) -> None:
    read = of_markdown(as_markdown(CardOf(title, "x", "y", (), (Chapter("Money", tuple(blocks)),))))
    assert (read.title, [chapter.title for chapter in read.chapters]) == (title, ["Money"])
    assert [vars(block) for block in read.chapters[0].blocks] == [vars(block) for block in blocks]
    assert [block.parts for block in read.lead if isinstance(block, Words)] == [(("Decision:", True), (" x", False)), (("y", True),)]


@given(text=st.text(max_size=200))
def test_any_text_is_read_as_some_card(text: str) -> None:
    assert of_markdown(text).title is not None
