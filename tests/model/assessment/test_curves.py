"""Curves of a yes-or-no decision against scikit-learn and by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from loopline.model.assessment import curves
from loopline.model.blocks import alone
from loopline.model.evaluate import Judged

_rows = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=4, max_size=60).filter(lambda rows: len({row[1] for row in rows}) == 2)


def judged(rows: Any, threshold: float = 0.5) -> Judged:
    score, outcome = np.array([row[0] / 10 for row in rows]), np.array([row[1] for row in rows])
    decision = score >= threshold
    return Judged("binary", ("no", "yes"), outcome, decision, score, np.where(decision, np.where(outcome, 10.0, -6.0), 0.0))


@given(_rows)
def test_roc_and_precision_are_those_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    made = judged(rows)
    false, true, _ = sk.roc_curve(made.outcome, made.score, drop_intermediate=False)
    found = curves.roc(made)
    assert found is not None
    assert found["false_positive_rate"] == pytest.approx(false.tolist())
    assert found["true_positive_rate"] == pytest.approx(true.tolist())
    precision, recall, _ = sk.precision_recall_curve(made.outcome, made.score)
    seen = curves.precision_recall(made)
    assert seen is not None
    # Theirs goes from the lowest threshold to the highest, and ends with a point that no threshold has.
    assert seen["precision"] == pytest.approx(precision[:-1][::-1].tolist())
    assert seen["recall"] == pytest.approx(recall[:-1][::-1].tolist())


@given(_rows)
def test_the_worth_at_a_threshold_is_that_of_deciding_by_it(rows: list[tuple[int, bool]]) -> None:
    made = judged(rows)
    acted, rested = np.where(made.outcome, 10.0, -6.0), np.where(made.outcome, -1.0, 0.0)
    found = curves.worth(made, acted, rested, alone(len(rows)), references={"act on all": acted})
    for threshold, share, worth in zip(found["threshold"], found["share"], found["worth"], strict=True):
        assert share == pytest.approx(np.mean(made.score >= threshold))
        assert worth == pytest.approx(np.where(made.score >= threshold, acted, rested).mean())
    assert found["best"]["worth"] == pytest.approx(max(found["worth"]))
    assert found["worth"][0] == pytest.approx(rested.mean())
    assert found["worth"][-1] == pytest.approx(acted.mean()) == pytest.approx(found["references"]["act on all"])
    assert all(low <= worth <= high for low, worth, high in zip(found["low"], found["worth"], found["high"], strict=True))
    assert found["chosen"]["worth"] == pytest.approx(made.money.mean())


def test_a_curve_of_many_rows_is_thin_and_keeps_its_best_point() -> None:
    rng = np.random.default_rng(0)
    rows = [(float(score), bool(rng.random() < score / 10)) for score in rng.uniform(1, 9, 5000)]
    made = judged(rows)
    acted = np.where(made.outcome, 10.0, -6.0)
    found = curves.worth(made, acted, np.zeros(5000), alone(5000), references={})
    assert len(found["share"]) <= curves.POINTS + 1
    assert (found["share"][0], found["share"][-1]) == (0.0, 1.0)
    order = np.argsort(-made.score)
    assert found["best"]["worth"] == pytest.approx(np.cumsum(acted[order]).max() / 5000)
    assert found["best"]["worth"] in found["worth"]
    gained = curves.gains(made)
    assert gained is not None
    assert gained["caught"][-1] == 1.0
    assert (np.diff(gained["caught"]) >= 0).all()


def test_one_outcome_alone_has_no_curve() -> None:
    made = judged([(1, True), (2, True)])
    assert curves.roc(made) is None
    never = replace(made, outcome=np.zeros(2, dtype=bool))
    assert curves.precision_recall(never) is None
    assert curves.gains(never) is None
