"""The rule that turns a score into a decision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.deciding import best_threshold, break_even
from loopline.model.policy import ACT, NEVER, REST, decide, for_worth, say

_rows = st.lists(st.tuples(st.floats(0, 1), st.floats(-100, 100)), min_size=1, max_size=60)


def earned(score: np.ndarray, gain: np.ndarray, threshold: float) -> float:
    return float(gain[score >= threshold].sum())


@given(_rows, st.floats(0, 1))
def test_no_other_threshold_earns_more(rows: list[tuple[float, float]], other: float) -> None:
    score, gain = (np.array(values) for values in zip(*rows, strict=True))
    best = best_threshold(score, gain)
    assert earned(score, gain, best.threshold) == pytest.approx(best.earned)
    for threshold in (*score, other, 0.0, NEVER):
        assert earned(score, gain, threshold) <= best.earned + 1e-9


@given(_rows)
def test_it_earns_at_least_as_much_as_acting_on_all_or_none(rows: list[tuple[float, float]]) -> None:
    score, gain = (np.array(values) for values in zip(*rows, strict=True))
    assert best_threshold(score, gain).earned >= max(0.0, gain.sum() - 1e-9)


def test_it_lies_between_two_scores() -> None:
    best = best_threshold(np.array([0.9, 0.8, 0.2, 0.1]), np.array([5.0, 5.0, -1.0, -1.0]))
    assert best.threshold == pytest.approx(0.5)
    assert best.earned == 10.0


def test_where_acting_never_pays_nobody_acts() -> None:
    assert best_threshold(np.array([0.9, 1.0]), np.array([-1.0, -2.0])).threshold == NEVER


def test_where_acting_always_pays_all_act() -> None:
    assert best_threshold(np.array([0.9, 0.0]), np.array([1.0, 2.0])).threshold == 0.0


def test_between_neighbouring_floats_it_still_tells_them_apart() -> None:
    low = 0.3
    high = float(np.nextafter(low, 1))
    best = best_threshold(np.array([high, low]), np.array([1.0, -1.0]))
    assert low < best.threshold <= high


def test_decisions_are_words_classes_or_numbers() -> None:
    assert decide({"kind": "threshold", "threshold": 0.5}, np.array([0.5, 0.4]), ()).tolist() == [ACT, REST]
    assert decide({"kind": "most_likely"}, np.array([[0.1, 0.9], [0.7, 0.3]]), ("a", "b")).tolist() == ["b", "a"]
    assert decide({"kind": "value"}, np.array([1.5]), ()).tolist() == [1.5]
    assert for_worth("binary", np.array([ACT, REST])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"kind": "threshold", "threshold": NEVER}, "never act"),
        ({"kind": "threshold", "threshold": 0.0}, "always act"),
        ({"kind": "threshold", "threshold": 0.25}, "act where the probability is at least 0.25"),
        ({"kind": "most_likely"}, "the most likely class"),
        ({"kind": "value"}, "the predicted value"),
    ],
)
def test_it_can_be_said_in_words(policy: dict[str, object], words: str) -> None:
    assert say(policy) == words


def test_the_break_even_weighs_what_is_won_against_what_is_lost() -> None:
    happened = np.array([True, True, False, False])
    assert break_even(happened, np.array([4.0, 6.0, -1.0, -1.0])) == pytest.approx(1 / 6)
    assert break_even(happened, np.array([4.0, 6.0, 1.0, 1.0])) is None, "acting always pays"
    assert break_even(happened, np.array([-4.0, -6.0, -1.0, -1.0])) is None, "acting never pays"
    assert break_even(np.array([True, True]), np.array([4.0, 6.0])) is None


def test_a_threshold_just_below_1_is_not_said_to_be_1() -> None:
    assert say({"kind": "threshold", "threshold": 0.9999998}) == "act where the probability is at least 0.9999998"
    asked = say({"kind": "threshold", "threshold": 0.5, "ask": {"from": 0.4, "to": 0.99997, "costs": 1}})
    assert asked.endswith("ask a person where the probability is from 0.4 to 0.99997")
