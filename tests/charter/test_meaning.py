"""A check in plain words: every metric has some, with the charter's own decision and outcome in them."""

from __future__ import annotations

import pytest

from loopline.charter.meaning import amount, asked, meaning
from loopline.charter.metrics import METRICS
from loopline.charter.spec import CharterSpec

CHARTER = CharterSpec.model_validate({"predict": "status", "positive": "churned", "decision": "Call this customer?", "worth": {"currency": "EUR"}})


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_said_in_words_with_its_limit(metric: str) -> None:
    for name in (metric, f"worst_slice(place).{metric}"):
        said = meaning(f"{name} > 0.25", CHARTER, "binary")
        assert f"more than {amount(metric, 0.25, 'EUR')}" in said
        assert said.endswith(".") and "{" not in said
        assert said.startswith("For each “place” by itself: ") is (name != metric)


def test_the_words_are_those_of_the_decision_and_of_what_happens() -> None:
    assert meaning("recall <= 0.5", CHARTER) == "Where “status” is “churned”, the answer to “Call this customer?” is yes in at most 50% of cases."
    assert meaning("precision >= 0.5", CharterSpec(predict="late", positive=1)) == "Where we act, “late” comes true in at least 50% of cases."


def test_several_bounds_are_all_said_and_a_formula_is_told_as_one() -> None:
    assert meaning("0.2 <= act_share < 0.4 and worth > 2", CHARTER).count(".") == 2
    assert "at least 20% and less than 40%" in meaning("0.2 <= act_share < 0.4", CHARTER)
    assert meaning("precision > recall", CHARTER).startswith("A formula holds of these numbers: where ")
    assert asked("precision > recall", CHARTER) == "precision > recall"
