"""What would turn a decision: every change that is told does turn it, and it is a small one."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from loopline.model.background import Background
from loopline.model.predictor import Scores
from loopline.model.turning import turns

BACKGROUND = Background(
    {
        "age": np.array([20.0, 40.0, 60.0]),
        "income": np.array([500.0, np.nan, 1500.0]),
        "city": np.array(["Bern", "Oslo", None], dtype=object),
        "at": np.array(["2024-01-01", "2024-06-01", "NaT"], dtype="datetime64[us]"),
    },
    {"age": 40, "income": 1000, "city": "Bern", "at": "2024-01-01"},
)


def predict(columns: dict[str, NDArray[Any]]) -> Scores:
    """Older, richer, from Oslo, later in the year: each raises the chance, and from a half on it acts."""
    income = np.nan_to_num(np.asarray(columns["income"], dtype=float))
    late = np.asarray(columns["at"]) >= np.datetime64("2024-03-01")
    line = 0.05 * np.asarray(columns["age"], dtype=float) + 0.001 * income + 0.8 * (columns["city"] == "Oslo") + 0.4 * late - 4
    score = 1 / (1 + np.exp(-line))
    return Scores(score, None, np.where(score >= 0.5, "act", "rest"))


def row(age: int, income: float | None, city: str | None) -> dict[str, list[Any]]:
    return {"age": [age], "income": [income], "city": [city], "at": [None], "id": ["x"]}


WHOLE = frozenset({"age"})


@given(age=st.integers(0, 120), income=st.none() | st.floats(-2000, 9000), city=st.sampled_from(["Bern", "Oslo", "Rome", None]))
def test_each_change_turns_the_decision_and_the_smallest_comes_first(age: int, income: float | None, city: str | None) -> None:
    given_row = row(age, income, city)
    before = predict({**{name: np.array(values, dtype=object) for name, values in given_row.items()}, **BACKGROUND.one(given_row, 0)}).decision[0]
    found = turns(predict, given_row, BACKGROUND, whole=WHOLE)
    for turn in found:
        changed = {**given_row, **{name: [to] for name, (_, to) in turn.change.items()}}
        assert predict(BACKGROUND.one(changed, 0)).decision[0] == turn.decision != before
        assert all(given_row[name][0] == now for name, (now, _) in turn.change.items())
    assert [turn.far for turn in found] == sorted(turn.far for turn in found)


def test_numbers_are_brought_near_and_told_in_few_digits() -> None:
    found = turns(predict, row(30, 1900.0, "Bern"), BACKGROUND, whole=WHOLE)
    assert found[0].says == "if age were 42 (it is 30): act, with a score of 0.5"
    assert found[1].says == "if city were Oslo (it is Bern): act, with a score of 0.5498"
    assert found[0].as_json()["change"] == {"age": {"now": 30, "to": 42}}
    richer = turns(predict, row(45, 1900.0, "Bern"), BACKGROUND, whole=WHOLE)
    assert [turn.change for turn in richer[:2]] == [{"age": (45, 41)}, {"income": (1900, 1700)}]


def test_where_no_single_change_turns_it_two_together_may() -> None:
    found = turns(predict, row(20, 600.0, "Bern"), BACKGROUND, whole=WHOLE)
    assert [sorted(turn.change) for turn in found] == [["age", "income"]]


def test_what_never_turns_is_told_as_nothing() -> None:
    def never(columns: dict[str, NDArray[Any]]) -> Scores:
        count = len(columns["age"])
        return Scores(np.zeros(count), None, np.full(count, "rest"))

    assert turns(never, row(20, 600.0, "Bern"), BACKGROUND) == []
