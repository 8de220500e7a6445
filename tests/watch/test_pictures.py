"""The picture of what was expected: a band, what came true beside it, and a mark where it lies beyond."""

from __future__ import annotations

from typing import Any

from loopline.charts import svg
from loopline.watch.pictures import expected


def window(day: int, value: float | None, came: float | None) -> dict[str, Any]:
    worth = None if value is None else {"per_decision": value, "low": value - 1, "high": value + 1}
    return {
        "start": f"2024-01-{day:02}T00:00:00+00:00",
        "worth": None if came is None else {"per_decision": came},
        "estimated": None if value is None else {"worth": worth},
    }


def test_a_window_that_came_otherwise_is_marked() -> None:
    drawn = expected([window(1, 2.0, 2.5), window(2, 2.0, 5.0), window(3, 2.0, None), window(4, None, 1.0)], "EUR")
    assert drawn is not None
    rows = [row for row in drawn["data"]["values"] if row.get("series") == "expected"]
    assert [row["marked"] for row in rows] == [False, True, False]
    assert [row["value"] for row in drawn["data"]["values"] if row.get("series") == "came true"] == [2.5, 5.0, 1.0]
    assert "EUR per decision" in svg(drawn)


def test_where_nothing_was_expected_there_is_no_picture() -> None:
    assert expected([window(1, None, 1.0)], "EUR") is None
    assert expected([], "EUR") is None
    assert expected([{**window(1, None, 1.0), "estimated": {"worth": None}}], "EUR") is None
