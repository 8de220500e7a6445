"""Permutation importance: in metric and in money, of a raw column as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.model.candidates import Judge, Part
from loopline.model.evaluate import Judged
from loopline.model.importance import REPEATS, Span, importance, rows_for

JUDGE = Judge("binary", ("no", "yes"), Worth.of(WorthSpec(act_right=10, act_wrong=-10), "binary"))
RULE = {"kind": "threshold", "threshold": 0.5}


def case(rows: int = 600) -> tuple[dict[str, NDArray[Any]], Part]:
    rng = np.random.default_rng(0)
    columns: dict[str, NDArray[Any]] = {"strong": rng.normal(size=rows), "weak": rng.normal(size=rows), "unread": rng.normal(size=rows)}
    drive = 3 * columns["strong"] + columns["weak"]
    return columns, Part(drive + rng.normal(size=rows) > 0, {})


def score(columns: Any) -> NDArray[np.float64]:
    made: NDArray[np.float64] = 1 / (1 + np.exp(-2 * (3 * columns["strong"] + columns["weak"])))
    return made


def test_the_column_that_counts_most_comes_first_and_an_unread_one_costs_nothing() -> None:
    columns, part = case()
    found = importance(score, columns, lambda scores: JUDGE.judged(part, scores, RULE), seed=0)
    assert [one.column for one in found] == ["strong", "weak", "unread"]
    assert [one.matters for one in found] == [True, True, False]
    assert found[-1].loss == found[-1].money == Span(0.0, 0.0, 0.0)
    assert found[0].money.low > found[1].money.high > 0


def test_its_figures_are_those_of_shuffled_scores() -> None:
    columns, part = case()
    judged: list[Judged] = []

    def judge(scores: NDArray[np.float64]) -> Judged:
        judged.append(JUDGE.judged(part, scores, RULE))
        return judged[-1]

    found = {one.column: one for one in importance(score, columns, judge, seed=0)}
    first = judged[1 : 1 + REPEATS]
    assert found["strong"].money.mean == pytest.approx(judged[0].money.mean() - np.mean([one.money.mean() for one in first]))
    assert found["strong"].money.low < found["strong"].money.mean < found["strong"].money.high


def test_it_is_the_same_every_time_and_looks_at_fewer_rows_of_wide_tables() -> None:
    columns, part = case(200)
    one, other = (importance(score, columns, lambda scores: JUDGE.judged(part, scores, RULE), seed=2) for _ in range(2))
    assert one == other
    assert rows_for(5) == 2000
    assert rows_for(100) == 120
    assert rows_for(5000) == 100
