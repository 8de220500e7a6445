"""The background: spread like the training rows, nobody's row, the same every time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loopline.errors import Mistake
from loopline.model.background import ROWS, Background, kind_of, make_background, plain, typical_of
from loopline.model.plan import SHARED_BY


def rows(count: int = 400, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Raw columns of each kind, with nulls; `name` tells each row apart."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=count)
    size[rng.random(count) < 0.25] = np.nan
    at = np.array([datetime(2026, 1, 1) + timedelta(minutes=37 * step) for step in range(count)], dtype="datetime64[us]")
    kind = rng.choice(np.array(["a", "b", None], dtype=object), count, p=[0.6, 0.2, 0.2])
    return {
        "size": size,
        "count": rng.integers(0, 9, count).astype(np.float64),
        "at": at,
        "kind": kind,
        "name": np.array([f"row {i}" for i in range(count)], dtype=object),
    }


def score(columns: Any) -> NDArray[np.float64]:
    """A score that hangs on two columns."""
    made: NDArray[np.float64] = np.nan_to_num(columns["size"]) + (columns["kind"] == "a")
    return made


def test_each_column_is_spread_as_in_training() -> None:
    made = make_background(rows(), score, seed=0)
    assert len(made) == ROWS
    assert np.isnan(made.columns["size"]).sum() == 2
    assert sorted(map(str, made.columns["kind"])) == sorted(["a"] * 5 + ["b"] * 2 + ["None"])
    assert np.ptp(made.columns["count"]) >= 6
    assert {kind_of(values) for values in made.columns.values()} == {"number", "date", "text"}


def test_a_text_that_few_rows_share_is_not_published() -> None:
    columns = rows()
    columns["name"][: SHARED_BY - 1] = "four times"
    made = make_background(columns, score, seed=0)
    assert set(made.columns["name"]) == {None}
    assert made.typical["name"] is None


def test_no_row_of_it_is_a_row_of_the_training_part() -> None:
    columns = rows()
    made = make_background(columns, score, seed=0)
    known = {(plain(size), plain(at)) for size, at in zip(columns["size"], columns["at"], strict=True)}
    assert not known & {(plain(size), plain(at)) for size, at in zip(made.columns["size"], made.columns["at"], strict=True)}
    # A single value is rounded, so that it names no row either.
    assert all(str(at).endswith(":00:00.000000") for at in made.columns["at"])


def test_its_mean_score_is_near_that_of_the_training_rows() -> None:
    columns = rows()
    made = make_background(columns, lambda one: score(one) ** 2, seed=0)
    assert abs(float((score(made.columns) ** 2).mean()) - float((score(columns) ** 2).mean())) < 0.1


def test_it_is_the_same_every_time_and_comes_back_from_json() -> None:
    one, other = (make_background(rows(), score, seed=3, units={"size": "cm"}) for _ in range(2))
    assert one.as_json() == other.as_json()
    back = Background.of_json(json.loads(json.dumps(one.as_json())))
    assert back.as_json() == one.as_json()
    assert back.units == {"size": "cm"}
    assert all(np.array_equal(back.columns[name], values, equal_nan=values.dtype != object) for name, values in one.columns.items())


def test_what_is_typical_is_the_median_or_the_most_frequent_value() -> None:
    assert typical_of(np.array([1.0, 2.0, 9.0, np.nan])) == 2
    assert typical_of(np.array([1.0, np.nan, np.nan])) is None
    assert typical_of(np.array(["a"] * 6 + ["b"] * 5 + [None], dtype=object)) == "a"
    assert typical_of(np.array(["a", "b"], dtype=object)) is None
    assert typical_of(np.array(["2026-01-05", "2026-01-06", "2026-01-09"], dtype="datetime64[us]")) == "2026-01-06"


def test_a_value_of_another_kind_is_a_mistake_that_names_the_column() -> None:
    made = make_background(rows(), score, seed=0)
    with pytest.raises(Mistake, match=r"count.*'many' is not a number|'many' is not a number.*count"):
        made.one({"count": ["many"]}, 0)
    assert all(values.shape == (1,) for values in made.one({}, 0).values())
