"""Effects: the curve of the score over a column, where the rows are, and which columns work together."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loopline.model.effects import Effect, effect, strongest_pair


def columns(rows: int = 300) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    size = rng.normal(size=rows)
    size[:30] = np.nan
    kind = rng.choice(np.array(["a", "b"], dtype=object), rows)
    kind[0] = "seen once"
    return {
        "size": size,
        "count": rng.integers(0, 5, rows).astype(np.float64),
        "kind": kind,
        "at": np.array([datetime(2026, 1, 1) + timedelta(hours=5 * step) for step in range(rows)], dtype="datetime64[us]"),
    }


def hours(values: NDArray[Any]) -> NDArray[np.float64]:
    return ((values - values.astype("datetime64[D]")) // np.timedelta64(1, "h")).astype(np.float64)


def test_of_an_additive_score_it_is_the_column_s_own_part() -> None:
    raw = columns()
    found = effect(lambda one: 2 * np.nan_to_num(one["size"]) + one["count"], raw, "count")
    assert found.values == (0, 1, 2, 3, 4)
    assert np.diff(found.mean) == pytest.approx(np.ones(4))
    assert (found.shape, found.kind) == ("rises", "number")
    assert sum(found.shares) == pytest.approx(1)
    assert all(low <= middle <= high for low, middle, high in zip(found.low, found.middle, found.high, strict=True))


def test_nulls_are_a_value_of_their_own_at_the_end() -> None:
    raw = columns()
    found = effect(lambda one: np.where(np.isnan(one["size"]), 9.0, -one["size"]), raw, "size")
    assert found.values[-1] is None
    assert found.shares[-1] == pytest.approx(0.1)
    assert found.mean[-1] == 9
    assert found.shape == "falls"
    assert "falls from" in found.says


def test_a_text_is_told_by_value_and_a_rare_one_is_not_told() -> None:
    found = effect(lambda one: (one["kind"] == "a") * 1.0, columns(), "kind")
    assert set(found.values) == {"a", "b"}
    assert (found.shape, found.reach) == ("differs", 1.0)


def test_a_date_is_told_by_the_part_that_moves_the_score() -> None:
    raw = columns()
    found = effect(lambda one: (hours(one["at"]) > 12) * 1.0, raw, "at")
    assert (found.part, found.kind, found.name) == ("hour", "number", "at (hour)")
    assert found.values == tuple(range(24))
    assert found.mean == tuple([0.0] * 13 + [1.0] * 11)
    later = effect(lambda one: (one["at"] > raw["at"][150]) * 1.0, raw, "at")
    assert (later.part, later.kind) == ("", "date")


def test_of_several_classes_the_one_that_moves_most_is_told() -> None:
    def score(one: Any) -> NDArray[np.float64]:
        share = one["count"] / 10
        return np.column_stack([np.full(len(share), 0.5), 0.5 - share, share])

    assert effect(score, columns(), "count", classes=("x", "y", "z")).of == "y"


def test_it_comes_back_from_json() -> None:
    found = effect(lambda one: np.nan_to_num(one["size"]) ** 2, columns(), "size")
    assert Effect.of_json(json.loads(json.dumps(found.as_json()))) == found
    assert found.shape == "turns"


def test_a_column_that_is_not_read_moves_nothing() -> None:
    found = effect(lambda one: one["count"], columns(), "size")
    assert found.shape == "flat"
    assert "does not move" in found.says


def test_the_pair_that_works_together_is_found() -> None:
    raw = columns()
    score = lambda one: np.nan_to_num(one["size"]) * (one["kind"] == "a") + one["count"]  # noqa: E731
    found = strongest_pair(score, raw, ["count", "kind", "size", "at"])
    assert found is not None
    assert set(found.columns) == {"kind", "size"}
    assert np.shape(found.mean) == (len(found.values[0]), len(found.values[1]))
    assert strongest_pair(lambda one: one["count"] + np.nan_to_num(one["size"]), raw, ["count", "size"]) is None
    assert strongest_pair(score, raw, ["size"]) is None
