"""Which columns become features, and how."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from loopline.errors import Mistake
from loopline.model.categories import KEPT_AT_MOST
from loopline.model.columns import raw
from loopline.model.features import Column, Planned, make_plan
from loopline.model.learning import learning_matrix
from loopline.model.plan import MISSING
from tests.model.studies import column_type, table


def planned(frame: pl.DataFrame, *, off: tuple[str, ...] = (), time: str | None = None, leave_out: tuple[str, ...] = ()) -> Planned:
    columns = [Column(name, column_type(kind), name not in off) for name, kind in frame.schema.items()]  # type: ignore[arg-type]
    return make_plan(frame, columns, time=time, leave_out=leave_out)


def test_each_kind_of_column_is_encoded_its_way() -> None:
    made = planned(table("binary"), time="at", leave_out=("y",))
    assert made.plan.numbers == ("size", "count", "flag")
    ((name, kept),) = made.plan.categories
    assert (name, set(kept), kept[-1]) == ("kind", {"a", "b", "c", MISSING}, MISSING)
    assert {part.part for part in made.plan.dates} == {"hour", "hour_sin", "hour_cos", "weekday", "week_sin", "week_cos"}


def test_what_teaches_nothing_is_left_out_with_its_reason() -> None:
    frame = table("binary").with_columns(pl.lit(None, dtype=pl.Float64).alias("empty"), pl.lit(float("inf")).alias("endless"), pl.lit(3).alias("three"))
    made = planned(frame, time="at", leave_out=("y",))
    assert made.left_out == {
        "id": "too many values (600 in 600 rows)",
        "same": "every value is the same",
        "empty": "every value is missing",
        "endless": "every value is missing",
        "three": "every value is the same",
    }


def test_a_constant_with_nulls_tells_by_its_nulls() -> None:
    frame = pl.DataFrame({"x": [1.0, None] * 20, "kind": ["a", None] * 20})
    assert planned(frame).left_out == {}


def test_declared_keys_targets_and_hidden_columns_are_no_features() -> None:
    frame = table("binary").with_columns(pl.int_range(pl.len()).alias("__row"))
    made = planned(frame, off=("size",), time="at", leave_out=("y", "count"))
    assert set(made.plan.columns) == {"flag", "kind", "at"}


def test_rare_values_share_no_feature_and_frequent_ones_are_capped() -> None:
    values = [f"city {index % 150}" for index in range(3000)] + ["rare"]
    frame = pl.DataFrame({"city": values}).with_columns(pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("home")).otherwise("city").alias("city"))
    kept = dict(planned(frame).plan.categories)["city"]
    assert len(kept) == KEPT_AT_MOST
    assert kept[0] == "home" and "rare" not in kept


def test_the_plan_does_not_depend_on_the_order_of_the_rows() -> None:
    frame = table("binary")
    assert planned(frame, leave_out=("y",)).plan == planned(frame.sample(fraction=1, shuffle=True, seed=3), leave_out=("y",)).plan


def test_a_part_of_the_year_needs_a_whole_year() -> None:
    def parts(days: int) -> set[str]:
        frame = pl.DataFrame({"at": [date(2025, 1, 1) + timedelta(days=index) for index in range(days)], "x": np.arange(days) % 7})
        return {part.part for part in planned(frame, time="at").plan.dates}

    assert parts(10) == set()
    assert parts(300) == {"weekday", "week_sin", "week_cos"}
    assert parts(400) == {"weekday", "week_sin", "week_cos", "month", "year_sin", "year_cos"}


def test_another_date_counts_the_days_until_the_rows_time() -> None:
    frame = table("binary").with_columns((pl.col("at") - pl.duration(days=pl.int_range(pl.len()) % 30)).alias("since"))
    made = planned(frame.select("at", "since", "size"), time="at")
    assert any(part.column == "since" and part.part == "days_before" and part.of == "at" for part in made.plan.dates)


def test_nothing_to_learn_from_is_a_mistake_that_says_why() -> None:
    with pytest.raises(Mistake, match="no column is left to learn from") as caught:
        planned(pl.DataFrame({"id": ["a", "b", "c"], "same": [1, 1, 1]}))
    assert "same: every value is the same" in caught.value.where


def test_a_frame_becomes_plain_arrays() -> None:
    frame = pl.DataFrame(
        {
            "whole": [1, None],
            "flag": [True, None],
            "text": ["a", None],
            "day": [date(2026, 1, 1), None],
            "moment": pl.Series([datetime(2026, 1, 1, 12), None], dtype=pl.Datetime("ms")).dt.replace_time_zone("Europe/Zurich"),
        }
    )
    arrays = raw(frame, frame.columns)
    assert arrays["whole"][0] == 1.0 and np.isnan(arrays["whole"][1])
    assert arrays["flag"][0] == 1.0 and np.isnan(arrays["flag"][1])
    assert arrays["text"].tolist() == ["a", None]
    assert arrays["day"][0] == np.datetime64("2026-01-01T00:00", "us") and np.isnat(arrays["day"][1])
    assert arrays["moment"][0] == np.datetime64("2026-01-01T11:00", "us")


def test_hostile_columns_are_left_out_or_encoded_without_a_traceback() -> None:
    rows = 12_000
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "many": [f"value {index}" for index in rng.permutation(rows) % 10_000],
            "emoji": [f"\U0001f600 {index}, ünï" for index in rng.integers(0, 50, rows)],
            "endless": [float("inf")] * rows,
            "some_endless": [float("inf") if index % 3 else 1.0 for index in range(rows)],
            "empty": pl.Series([None] * rows, dtype=pl.String),
            "nothing": [None] * rows,
            "same": ["x"] * rows,
            "huge": [1e300] * (rows - 1) + [1.0],
        }
    )
    target = (np.arange(rows) % 2).astype(np.float64)
    columns = [Column(name, "category" if name in ("many", "emoji", "empty", "nothing", "same") else "number") for name in frame.columns]
    made = make_plan(frame, columns, target=target)
    assert made.left_out == {
        "many": "too many values (10,000 in 12,000 rows)",
        "endless": "every value is missing",
        "empty": "every value is missing",
        "nothing": "every value is missing",
        "same": "every value is the same",
    }
    assert [table.key for table in made.plan.tables] == [("emoji",)]
    assert len(made.plan.tables[0].values) == 50
    found = learning_matrix(made.plan, raw(frame, made.plan.columns), target, seed=0)
    assert found.shape == (rows, len(made.plan.features)) and not np.isinf(found).any()


def test_three_hundred_columns_of_many_values_stay_within_bounds() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{at}": [f"v{value}" for value in rng.integers(0, 40, 400)] for at in range(300)})
    made = make_plan(frame, [Column(name, "category") for name in frame.columns], target=rng.random(400))
    assert len(made.plan.features) <= 300 * 4


def test_equal_texts_of_a_frame_are_one_object() -> None:
    found = raw(pl.DataFrame({"kind": ["a", "b", None, "a", "b", "a"] * 10}), ["kind"])["kind"]
    assert found[:4].tolist() == ["a", "b", None, "a"]
    assert len({id(value) for value in found.tolist()}) == 3


def test_names_and_short_texts_are_read_by_their_words() -> None:
    rng = np.random.default_rng(0)
    late = rng.random(500) < 0.4
    frame = pl.DataFrame({"note": [f"the {'bag' if flag else 'seat'} was lost ref{row}" for row, flag in enumerate(late)], "x": rng.normal(size=500)})
    made = make_plan(frame, [Column("note", "text"), Column("x", "number")], target=late.astype(np.float64))
    assert made.plan.words[0].tokens == ("bag", "seat")
    own = ["".join(chr(97 + letter) for letter in rng.integers(0, 26, 8)) for _ in range(1000)]
    frame = pl.DataFrame({"note": [f"{own[row]} {own[500 + row]}" for row in range(500)], "x": np.arange(500)})
    alone = make_plan(frame, [Column("note", "text"), Column("x", "number")])
    assert alone.left_out == {"note": "hardly a word of it is in more than one row"}
