"""Served rows as frames: one outcome each, JSON as typed columns, slices that lose nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import Fault
from loopline.watch.served import Log, decoded, joined, refused_rows, slices
from loopline.watch.spans import start_of

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)
UTC_TIME = pl.Datetime("us", "UTC")


def predictions(*rows: tuple[str, datetime, datetime | None]) -> pl.LazyFrame:
    made = [
        {
            "prediction_id": id,
            "day": time.date(),
            "time": time,
            "event_time": event,
            "package": "p",
            "row": "{}",
            "score": 0.5,
            "scores": None,
            "decision": "act",
        }
        for id, time, event in rows
    ]
    return pl.LazyFrame(made, schema_overrides={"time": UTC_TIME, "event_time": UTC_TIME, "scores": pl.String})


def test_of_several_outcomes_the_last_one_holds_and_a_prediction_without_one_stays() -> None:
    told = pl.LazyFrame(
        {"prediction_id": ["a", "a", "z"], "outcome": ["new", "old", "lost"], "time": [T0 + 2 * DAY, T0, T0]},
        schema_overrides={"time": UTC_TIME},
    )
    found = joined(predictions(("a", T0, None), ("b", T0, T0 - DAY)), told, "p").sort("prediction_id").collect()
    assert found["outcome"].to_list() == ["new", None]
    assert found["when"].to_list() == [T0, T0 - DAY]
    assert joined(predictions(("a", T0, None)), None, "other").collect().height == 0


def test_it_is_told_what_chance_took_from_the_policy() -> None:
    made = predictions(("a", T0, None), ("b", T0, None), ("c", T0, None))
    plain = joined(made, None, "p").collect()
    assert not plain["holdout"].any() and not plain["tried"].any()
    split = made.with_columns(holdout=pl.Series([True, False, None]), arm=pl.Series([None, "control", "eager"]))
    found = joined(split, None, "p").sort("prediction_id").collect()
    assert (found["holdout"].to_list(), found["tried"].to_list()) == ([True, False, False], [False, False, True])


@settings(max_examples=30)
@given(st.lists(st.integers(0, 200), max_size=40), st.integers(1, 30))
def test_slices_hold_every_row_once_and_whole_windows(hours: list[int], most: int) -> None:
    log = Log(predictions(*((str(at), T0 + timedelta(hours=hour), None) for at, hour in enumerate(hours)))) if hours else Log.of({})
    parts = list(slices(log, "p", DAY, log.sizes("p", DAY), most=most))
    ids = [id for part in parts for id in part["prediction_id"].to_list()]
    assert sorted(ids) == sorted(str(at) for at in range(len(hours)))
    assert [when for part in parts for when in part["when"].to_list()] == sorted(T0 + timedelta(hours=hour) for hour in hours)
    for part in parts:
        spans = {start_of(when, DAY) for when in part["when"].to_list()}
        # More rows than asked for only where all are about the same moment; whole windows but where a single one is too large.
        assert part.height <= most or part["when"].n_unique() == 1
        assert len(spans) == 1 or all(start_of(when, DAY) not in spans for other in parts if other is not part for when in other["when"].to_list())


def test_requests_become_columns_of_their_types_and_what_is_absent_is_null() -> None:
    rows = [{"n": 1, "b": True, "t": "1.5", "extra": [1]}, {"n": None, "b": False}, {"n": 2.5, "b": None, "t": 'späť\n"x"'}]
    frame = pl.DataFrame({"row": [*(json.dumps(row) for row in rows), None]}, schema={"row": pl.String})
    found = decoded(frame, {"n": "integer", "b": "boolean", "t": "category", "d": "date"})["row"].struct.unnest()
    assert found["n"].to_list() == [1.0, None, 2.5, None]
    assert found["b"].to_list() == [True, False, None, None]
    assert found["t"].to_list() == ["1.5", None, 'späť\n"x"', None]
    assert found["d"].is_null().all()


def test_no_rows_and_no_columns_are_no_trouble() -> None:
    empty = pl.DataFrame({"row": []}, schema={"row": pl.String})
    assert decoded(empty, {"n": "number"})["row"].struct.unnest().columns == ["n"]
    assert decoded(pl.DataFrame({"row": ["{}", "{}"]}), {}).height == 2


def test_probabilities_are_read_for_each_class() -> None:
    frame = pl.DataFrame({"row": ["{}"], "scores": ['{"a": 0.25, "b b": 0.75}']})
    assert decoded(frame, {}, ["a", "b b"])["scores"].to_list() == [{"a": 0.25, "b b": 0.75}]


def test_a_line_that_is_no_json_is_said_not_skipped() -> None:
    with pytest.raises(Fault, match="cannot be read"):
        decoded(pl.DataFrame({"row": ['{"n": 1}', ""]}), {"n": "number"})


def test_refused_rows_count_no_later_than_they_came() -> None:
    made = joined(predictions(("a", T0, T0 + 9000 * DAY)), None, "p")
    refused = pl.LazyFrame(
        {"time": [T0, T0 + 2 * DAY], "day": [T0.date(), (T0 + 2 * DAY).date()], "kind": "row", "package": "p"}, schema_overrides={"time": UTC_TIME}
    )
    assert refused_rows(refused, made, "p", DAY) == {T0: 1, T0 + 2 * DAY: 1}


def test_refused_rows_count_where_the_nearest_prediction_of_their_day_counts_and_without_one_where_they_came() -> None:
    made = joined(predictions(("a", T0 + 300 * DAY, T0), ("b", T0 + 301 * DAY, T0 + DAY)), None, "p")
    refused = pl.LazyFrame(
        {
            "time": (times := [T0 + 300 * DAY, T0 + 301 * DAY, T0 + 400 * DAY, T0]),
            "day": [at.date() for at in times],
            "kind": ["row", "row", "row", "outcome"],
            "package": "p",
        },
        schema_overrides={"time": UTC_TIME},
    )
    assert refused_rows(refused, made, "p", DAY) == {T0: 1, T0 + DAY: 1, T0 + 400 * DAY: 1}
    assert refused_rows(refused, made.filter(pl.lit(False)), "p", DAY) == {T0 + 300 * DAY: 1, T0 + 301 * DAY: 1, T0 + 400 * DAY: 1}
    assert refused_rows(None, made, "p", DAY) == refused_rows(refused, made, "other", DAY) == {}
