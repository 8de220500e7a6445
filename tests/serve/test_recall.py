"""A prediction is found with what came of it, in the tables and in the log that they were made of; and why rows were refused is counted."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.log import Log
from loopline.serve.recall import after, recall
from loopline.serve.records import SCHEMAS
from loopline.serve.refusals import reasons

ID, DAY, NOW = "20240501-abcdef12-aaaaaaaaaaaaaaaa", date(2024, 5, 1), datetime(2024, 5, 1, 9, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path))


def enter(lake: Lake, kind: str, *rows: dict) -> None:
    """Rows of one of the log's tables; what they do not say is null."""
    schema = dict(SCHEMAS[kind])
    Tables(lake).append(kind, pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema))


def test_a_collected_prediction_is_told_with_what_came_of_it_in_order(lake):
    made = {
        "prediction_id": ID,
        "day": DAY,
        "time": NOW,
        "event_time": NOW,
        "package": "abcdef12",
        "key": "{}",
        "row": '{"x": 1}',
        "score": 0.5,
        "decision": "act",
    }
    enter(lake, "predictions", {**made, "instead_of": "rest", "holdout": True, "looked_up": '{"w": {"rain": true}}'}, {**made, "prediction_id": ID[:-1] + "b"})
    enter(lake, "outcomes", {"prediction_id": ID, "outcome": "yes", "time": NOW.replace(hour=12), "day": DAY})
    enter(lake, "feedback", {"prediction_id": ID, "rating": 1.0, "text": "why me", "who": "ann", "time": NOW, "day": DAY})
    # A correction that nobody has collected yet.
    with Log(lake.log) as log:
        log.append("outcomes", f'{{"id": "{ID}", "outcome": "no", "time": "2024-05-02T00:00:00Z"}}\n'.encode()).result()
    found, came = recall(lake, ID), after(lake, ID)
    assert (found.row, found.looked_up, found.apart, found.ms) == ({"x": 1}, {"w": {"rain": True}}, {"holdout": True, "instead_of": "rest"}, None)
    assert [one["outcome"] for one in came.outcomes] == ["yes", "no"]
    assert came.feedback[0]["who"] == "ann" and came.shadows == ()


def test_reasons_are_counted_by_the_rows_that_were_refused_for_them(lake):
    assert reasons(lake, DAY, DAY) == []
    told = [
        {"time": NOW, "day": DAY, "kind": "row", "package": "p", "reasons": said, "raw": "{}"} for said in ['["x is missing"]', '["x is missing", "y is old"]']
    ]
    enter(lake, "refused", *told, {**told[0], "kind": "outcome"}, {**told[0], "day": date(2024, 4, 1)})
    assert reasons(lake, DAY, DAY) == [("x is missing", 2), ("y is old", 1)]
    assert reasons(lake, DAY, DAY, most=1) == [("x is missing", 2)]
