"""Raw columns as the graph's inputs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.model.columns import raw
from loopline.model.encode import encode, texts
from loopline.model.plan import MISSING, PARTS, DatePart, Plan

PLAN = Plan(
    numbers=("size", "flag"),
    dates=tuple(DatePart("at", part) for part in PARTS if part != "days_before") + (DatePart("since", "days_before", of="at"),),
    categories=(("kind", ("a", "b", MISSING)),),
)

_moments = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1))
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "size": st.none() | st.floats(allow_nan=False, width=64) | st.integers(-(2**62), 2**62).map(float),
            "flag": st.none() | st.booleans(),
            "at": st.none() | _moments,
            "since": st.none() | st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1)),
            "kind": st.none() | st.sampled_from(["a", "b", "unseen", ""]),
        }
    ),
    min_size=1,
    max_size=20,
)
_SCHEMA = {"size": pl.Float64, "flag": pl.Boolean, "at": pl.Datetime("us"), "since": pl.Date, "kind": pl.String}


def same(first: Any, second: Any) -> bool:
    return np.array_equal(first.numbers, second.numbers, equal_nan=True) and np.array_equal(first.categories, second.categories)


@given(_rows)
def test_lists_of_a_request_and_arrays_of_a_frame_are_encoded_alike(rows: list[dict[str, Any]]) -> None:
    lists = {name: [row[name] for row in rows] for name in _SCHEMA}
    arrays = raw(pl.DataFrame(rows, schema=_SCHEMA), list(_SCHEMA))
    assert same(encode(PLAN, lists), encode(PLAN, arrays))


@given(_rows)
def test_each_row_alone_is_encoded_as_among_others(rows: list[dict[str, Any]]) -> None:
    together = encode(PLAN, {name: [row[name] for row in rows] for name in _SCHEMA})
    for index, row in enumerate(rows):
        alone = encode(PLAN, {name: [value] for name, value in row.items()})
        assert np.array_equal(alone.numbers[0], together.numbers[index], equal_nan=True)
        assert list(alone.categories[0]) == list(together.categories[index])


@given(_moments)
def test_the_parts_of_a_moment_are_those_of_the_calendar(moment: datetime) -> None:
    parts = dict(zip(PARTS, encode(Plan((), PLAN.dates, ()), {"at": [moment], "since": [moment]}).numbers[0].tolist(), strict=True))
    hour = moment.hour + moment.minute / 60 + (moment.second + moment.microsecond / 1e6) / 3600
    assert parts["hour"] == pytest.approx(hour, abs=1e-4)
    assert parts["weekday"] == moment.weekday()
    assert parts["month"] == moment.month
    assert parts["year_sin"] == pytest.approx(np.sin(2 * np.pi * (moment - datetime(moment.year, 1, 1)) / timedelta(days=365.25)), abs=1e-5)
    assert parts["days_before"] == 0


def test_a_moment_is_the_same_as_text_as_value_and_in_any_zone() -> None:
    zoned = datetime(2026, 7, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    ways = [datetime(2026, 7, 1, 8), "2026-07-01T08:00:00", "2026-07-01T10:00:00+02:00", "2026-07-01T08:00:00Z", zoned, zoned.astimezone(UTC)]
    plan = Plan((), (DatePart("at", "hour"),), ())
    assert encode(plan, {"at": [*ways, np.datetime64("2026-07-01T08:00:00", "ms")]}).numbers[:, 0].tolist() == [8.0] * 7


def test_days_before_counts_until_the_other_date() -> None:
    plan = Plan((), (DatePart("since", "days_before", of="at"),), ())
    found = encode(plan, {"at": [datetime(2026, 1, 11, 12), None], "since": [date(2026, 1, 1), date(2026, 1, 1)]}).numbers[:, 0]
    assert found[0] == 10.5
    assert np.isnan(found[1])


def test_what_float32_cannot_hold_is_null() -> None:
    numbers = encode(Plan(("size",), (), ()), {"size": [1e39, float("inf"), -float("inf"), float("nan"), None, 10**400, 2.5]}).numbers[:, 0]
    assert np.isnan(numbers[:6]).all()
    assert numbers[6] == 2.5


def test_an_absent_column_is_null_in_every_row() -> None:
    encoded = encode(PLAN, {"size": [1.0, 2.0]})
    assert np.isnan(encoded.numbers[:, 1:]).all()
    assert encoded.categories[:, 0].tolist() == [MISSING, MISSING]


def test_no_column_of_the_model_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="none of the model's columns"):
        encode(PLAN, {"other": [1]})


@pytest.mark.parametrize(
    ("column", "value", "said"), [("size", "tall", "'tall' is not a number"), ("at", "yesterday", "'yesterday' is not a date"), ("at", 17, "17 is not")]
)
def test_an_ill_typed_value_is_named_with_its_column(column: str, value: object, said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        encode(PLAN, {"size": [1.0], column: [value]})
    assert caught.value.where == column


def test_no_rows_give_empty_inputs() -> None:
    encoded = encode(PLAN, {"size": [], "kind": []})
    assert encoded.numbers.shape == (0, PLAN.count_numbers)
    assert encoded.categories.shape == (0, 1)


def test_categories_are_the_same_text_from_json_and_from_a_table() -> None:
    assert texts([1, 1.0, True, "x", None, float("nan")]) == ["1", "1", "true", "x", MISSING, MISSING]


def test_a_plan_comes_back_from_its_json() -> None:
    assert Plan.of_json(PLAN.as_json()) == PLAN
    assert [name for _, name in PLAN.features][-3:] == ["kind = a", "kind = b", f"kind = {MISSING}"]


def test_the_graph_has_no_input_without_columns() -> None:
    assert set(encode(Plan((), (), (("kind", ("a",)),)), {"kind": ["a"]}).inputs()) == {"categories"}
    assert set(encode(Plan(("size",), (), ()), {"size": [1]}).inputs()) == {"numbers"}
