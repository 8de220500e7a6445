"""How a team decides without a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.model.candidates import Judge, Part
from loopline.model.rule import PresentRule, seasonal_naive


def test_a_condition_says_act_and_a_null_is_compared_with_nothing() -> None:
    rule = PresentRule.of("delay > 15 or origin == 'JFK'", "binary", otherwise="act")
    columns = {"delay": np.array([20.0, 1.0, np.nan, np.nan]), "origin": np.array(["LGA", "JFK", None, "JFK"], dtype=object)}
    assert rule.decide(columns).tolist() == [True, True, False, True]


def test_a_column_of_objects_is_read_as_what_it_holds() -> None:
    columns = {"n": np.array([3, None, 9], dtype=object), "flag": np.array([True, None, False], dtype=object)}
    assert PresentRule.of("n > 2 and not flag", "binary", otherwise="rest").decide(columns).tolist() == [False, False, True]


def test_a_text_is_a_class_and_a_null_is_what_is_decided_otherwise() -> None:
    rule = PresentRule.of("kind if spent > 10 else 'basic'", "multiclass", otherwise="gold")
    columns = {"kind": np.array(["silver", None, "gold"], dtype=object), "spent": np.array([20.0, 20.0, 1.0])}
    assert rule.decide(columns).tolist() == ["silver", "gold", "basic"]


def test_a_number_is_a_class_as_the_charter_writes_it() -> None:
    assert PresentRule.of("1 if x > 0 else 2", "multiclass", otherwise="1").decide({"x": np.array([1.0, -1.0])}).tolist() == ["1", "2"]


def test_a_value_is_a_number_and_a_constant_is_said_for_all() -> None:
    assert PresentRule.of("x * 2", "regression", otherwise=7.0).decide({"x": np.array([1.0, np.nan])}).tolist() == [2.0, 7.0]
    assert PresentRule.of("3", "regression", otherwise=7.0).decide({"x": np.zeros(2)}).tolist() == [3.0, 3.0]


def test_its_money_is_that_of_its_decisions() -> None:
    judge = Judge("binary", ("no", "yes"), Worth.of(WorthSpec(act_right=5, act_wrong=-1), "binary"))
    part = Part(np.array([True, False, True]), {"x": np.array([1.0, 1.0, 0.0])})
    assert PresentRule.of("x > 0", "binary", otherwise="rest").money(judge, part).tolist() == [5.0, -1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "task", "said"),
    [
        ("x >", "binary", "no expression"),
        ("name > 5", "binary", "cannot be evaluated|says"),
        ("name", "regression", "says 'a'.*write a number"),
        ("name", "binary", "says 'a'.*write a condition"),
        ("absent > 1", "binary", "'absent', which is not there"),
    ],
)
def test_what_is_no_rule_is_a_mistake(text: str, task: Any, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        PresentRule.of(text, task, otherwise="rest").decide({"x": np.zeros(1), "name": np.array(["a"], dtype=object)})


def test_a_mistyped_column_is_told_the_nearest() -> None:
    rule = PresentRule.of("dep_dely > 15", "binary", otherwise="rest")
    assert rule.columns == {"dep_dely"}
    with pytest.raises(Mistake, match="did you mean 'dep_delay'"):
        rule.require(["dep_delay", "origin"])


def by_hand(time: list[int], outcome: list[float], period: int, gap: int) -> list[float]:
    """The same one row at a time."""
    said = []
    for now in time:
        back = [then for then in time if (now - then) % period == 0 and now - then >= max(period, gap)]
        said.append(float(np.mean([value for then, value in zip(time, outcome, strict=True) if then == max(back)])) if back else np.nan)
    return said


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=30), st.integers(1, 7), st.integers(0, 12))
def test_a_season_before_is_the_latest_whose_outcome_was_known(rows: list[tuple[int, int]], period: int, gap: int) -> None:
    time, outcome = [row[0] for row in rows], [float(row[1]) for row in rows]
    made = seasonal_naive(np.array(time, dtype=np.float64), np.array(outcome), period=period, gap=gap)
    np.testing.assert_allclose(made, by_hand(time, outcome, period, gap))


@given(st.integers(2, 30), st.integers(0, 50))
def test_what_comes_later_changes_nothing(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    time: NDArray[Any] = np.datetime64("2026-01-01") + np.sort(rng.integers(0, 20, rows)).astype("timedelta64[D]")
    outcome = rng.normal(size=rows)
    other = np.where(time > time[rows // 2], outcome + 9, outcome)
    until = time <= time[rows // 2]
    made, again = (seasonal_naive(time, one, period=np.timedelta64(7, "D"), gap=np.timedelta64(1, "D")) for one in (outcome, other))
    np.testing.assert_array_equal(made[until], again[until])


def test_a_row_without_a_time_is_told_nothing_and_tells_nothing() -> None:
    time = np.array(["NaT", "2026-01-01", "2026-01-08"], dtype="datetime64[us]")
    assert np.isnan(seasonal_naive(time, np.array([1.0, 2.0, 3.0]), period=np.timedelta64(7, "D"))).tolist() == [True, True, False]


def test_a_season_takes_time() -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        seasonal_naive(np.zeros(1), np.zeros(1), period=0)
