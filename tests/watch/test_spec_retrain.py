"""Retraining as people declare it, and the words for what is wrong with it."""

from __future__ import annotations

import pytest

from loopline.errors import Mistake
from loopline.project import Declaration, parse

BASE = "project: p\ncharter: {predict: y, prices: prices.yaml}\ndata: {sources: {a: {path: a.csv}}}\nwatch:\n  retrain: "


def declared(text: str) -> Declaration:
    return parse(f"{BASE}{text}\n")


def test_without_it_nothing_is_asked_and_with_it_loss_is_enough() -> None:
    assert parse(BASE.partition("watch")[0]).watch.retrain is None
    retrain = declared("{}").watch.retrain
    assert retrain is not None
    assert [name for name, value in retrain.when if value] == ["loss"]
    assert (str(retrain.at_most), retrain.money) == ("4 per month", None)


def test_words_and_what_belongs_to_them_are_a_list() -> None:
    retrain = declared('{when: [loss, drift, outcomes: 5000, schedule: "0 3 * * 1 Europe/Zurich"], money: 200 per month}').watch.retrain
    assert retrain is not None and retrain.when.schedule is not None
    assert (retrain.when.drift, retrain.when.data, retrain.when.outcomes, retrain.when.schedule.zone) == (True, False, 5000, "Europe/Zurich")
    assert declared("{when: data}").watch.retrain is not None
    again = type(retrain).model_validate(retrain.model_dump(mode="json"))
    assert again == retrain


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{when: [los]}", "did you mean 'loss'?"),
        ("{when: [weather]}", "there are: loss, estimated_loss, drift, data, outcomes, schedule"),
        ("{when: [outcomes]}", "as in outcomes: 5000"),
        ("{when: [outcomes: 0]}", "write at least 1"),
        ("{when: [outcomes: 5, outcomes: 6]}", "said twice"),
        ("{when: []}", "nothing asks for a retraining"),
        ("{when: [schedule: 0 99 * * *]}", "is no schedule"),
        ("{at_most: 0 per month}", "lets nothing be retrained"),
        ("{at_most: 0.5 per month}", "as in 6 per year"),
        ("{at_most: 1.5 per month}", "is no whole number of retrainings"),
        ("{at_most: often}", "is not a rate"),
        ("{money: -5 per month}", "lets nothing be retrained"),
        ("{every: 1d}", "there is no such field"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, says: str) -> None:
    with pytest.raises(Mistake) as caught:
        declared(text)
    assert says in str(caught.value) and "line 5" in str(caught.value)


def test_money_wants_prices() -> None:
    with pytest.raises(Mistake, match="the charter has no prices") as caught:
        parse(f"{BASE}{{money: 5 per month}}\n".replace(", prices: prices.yaml", ""))
    assert "watch.retrain.money" in str(caught.value) and "line 5" in str(caught.value)
