"""A rule of one or two conditions, found in the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.expression.language import parse
from loopline.expression.on_polars import as_polars
from loopline.model.columns import raw
from loopline.model.found_rule import Ground, Rule, find, holds, say
from loopline.model.rule import PresentRule

_NAMES = ("size", "emp.var", "class", "kind", "flag")


def rows(count: int, *, seed: int, null: float = 0.1) -> pl.DataFrame:
    """Numbers, a category with awkward values, a flag; with nulls, and with names that are no identifiers."""
    rng = np.random.default_rng(seed)
    texts = np.array(["a", "it's", 'say "so"', "back\\slash"])
    values = {
        "size": rng.normal(size=count).round(2).tolist(),
        "emp.var": rng.integers(-3, 4, count).tolist(),
        "class": (rng.random(count) * 1e9).tolist(),
        "kind": rng.choice(texts, count).tolist(),
        "flag": (rng.random(count) < 0.4).tolist(),
    }
    return pl.DataFrame({name: [None if gone else one for one, gone in zip(values[name], rng.random(count) < null, strict=True)] for name in _NAMES})


def sought(frame: pl.DataFrame, gain: np.ndarray[Any, np.dtype[np.float64]], **more: Any) -> Rule | None:
    ground = Ground(raw(frame, frame.columns), gain, frozenset({"flag"} & set(frame.columns)), **more)
    places = np.arange(frame.height)
    return find(ground, places[places % 4 > 0], places[places % 4 == 0])


@given(st.integers(0, 10_000), st.sampled_from(_NAMES), st.sampled_from(_NAMES))
def test_what_is_read_aloud_is_what_was_found(seed: int, one: str, other: str) -> None:
    frame = rows(200, seed=seed)
    drive = sum((np.nan_to_num((frame[name].cast(pl.String).hash(seed=seed) % 7).to_numpy().astype(float)) for name in (one, other)), np.zeros(200))
    rule = sought(frame, drive - np.quantile(drive, 0.6))
    if rule is None:
        return
    assert len(rule) <= 2
    columns = raw(frame, frame.columns)
    said = PresentRule.of(say(rule), "binary", otherwise="rest").decide(columns)
    assert np.array_equal(said, holds(rule, columns))
    assert frame.select(as_polars(parse(say(rule))).fill_null(False).alias("x"))["x"].to_list() == said.tolist()


@given(st.integers(0, 10_000))
def test_it_earns_more_than_one_decision_for_all_on_the_rows_that_it_was_found_in(seed: int) -> None:
    frame = rows(120, seed=seed)
    gain = np.random.default_rng(seed + 1).normal(size=120)
    rule = sought(frame, gain)
    assert rule is None or gain[holds(rule, raw(frame, frame.columns))].sum() > max(0.0, gain.sum())


def test_two_conditions_that_pay_are_found_and_limits_are_round() -> None:
    frame = rows(3000, seed=3, null=0.02)
    pays = ((frame["size"] > 0.5) & (frame["kind"] == "it's")).fill_null(False).to_numpy()
    rule = sought(frame, np.where(pays, 5.0, -1.0))
    assert rule is not None and {condition.column for condition in rule} == {"size", "kind"}
    limits = {condition.column: (condition.sign, condition.value) for condition in rule}
    assert limits["kind"] == ("==", "it's")
    assert limits["size"][0] == ">" and limits["size"][1] == pytest.approx(0.5, abs=0.03) and len(str(limits["size"][1])) <= 4


def test_a_second_condition_that_chance_alone_explains_is_not_taken() -> None:
    frame = rows(400, seed=5, null=0)
    gain = np.where(frame["size"].to_numpy() > 0, 3.0, -3.0) + np.random.default_rng(0).normal(size=400)
    rule = sought(frame, gain)
    assert rule is not None and [condition.column for condition in rule] == ["size"]


@pytest.mark.parametrize("gain", [-1.0, 1.0, 0.0])
def test_there_is_none_where_one_decision_for_all_is_best(gain: float) -> None:
    assert sought(rows(200, seed=1), np.full(200, gain)) is None


def test_it_keeps_what_is_limited() -> None:
    frame = rows(800, seed=2, null=0)
    gain = frame["size"].to_numpy() + 2
    rule = sought(frame, gain, takes=np.ones(800), most=80.0)
    assert rule is not None and 20 <= holds(rule, raw(frame, frame.columns)).sum() <= 100
    assert sought(frame.select("kind"), gain, takes=np.ones(800), most=10.0) is None


def test_columns_of_which_no_condition_can_be_made_are_passed_over() -> None:
    frame = pl.DataFrame({"same": [1.0] * 60, "empty": [None] * 60, "a`b": [1.0, 2.0] * 30, "only": [None, "`"] * 30}, schema_overrides={"empty": pl.Float64})
    assert sought(frame, np.array([1.0, -1.0] * 30)) is None
