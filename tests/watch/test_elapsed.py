"""How far time has come: by what came, and by the clock where nothing comes any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.watch.arrivals import arrivals
from loopline.watch.elapsed import Elapsed, elapsed, told_after

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)


def of(rows: list[tuple[datetime, datetime | None]], clock: datetime | None = None) -> Elapsed:
    """How far time has come after rows that came then, and are about that moment."""
    schema = {"time": pl.Datetime("us", "UTC"), "event_time": pl.Datetime("us", "UTC")}
    return elapsed(arrivals(pl.LazyFrame(rows, schema=schema, orient="row"), DAY), DAY, clock)


def test_before_anything_came_nothing_is_over() -> None:
    assert of([]) == Elapsed(None, None)
    assert not of([], T0).is_over(T0)


def test_without_a_clock_a_window_is_over_when_a_later_one_has_rows() -> None:
    said = of([(T0 + HOUR, None), (T0 + DAY + HOUR, None)])
    assert said.is_over(T0 + DAY) and not said.is_over(T0 + 2 * DAY)


def test_by_the_clock_windows_are_over_though_nothing_comes() -> None:
    assert of([(T0 + at * DAY, None) for at in range(5)], T0 + 30 * DAY).over == T0 + 30 * DAY


def test_rows_that_are_scored_a_while_later_are_not_overdue_before() -> None:
    nightly = [(T0 + (day + 1) * DAY + 5 * HOUR, T0 + day * DAY) for day in range(9)]
    assert not of(nightly, T0 + 10 * DAY).is_over(T0 + 10 * DAY)
    assert of(nightly, T0 + 11 * DAY).is_over(T0 + 10 * DAY)


def test_of_rows_that_come_in_batches_of_many_windows_or_are_history_the_clock_says_nothing() -> None:
    weekly = [(T0 + 28 * DAY, T0 + day * DAY) for day in range(21, 28)]
    replay = [(T0 + 4000 * DAY, T0 + day * DAY) for day in range(28)]
    for rows in (weekly, replay):
        assert of(rows, T0 + 4100 * DAY).over == T0 + 27 * DAY


def test_how_long_outcomes_take_is_told_from_the_end_of_their_window() -> None:
    rows = [(T0, "yes", T0 + 3 * DAY), (T0, "no", T0 + 5 * DAY), (T0, None, None), (T0 + DAY, "yes", T0), (T0 + 2 * DAY, None, None)]
    utc = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(rows, schema={"when": utc, "outcome": pl.String, "told": utc}, orient="row")
    assert told_after(frame, DAY) == {T0: 3 * DAY.total_seconds(), T0 + DAY: 0.0}


@settings(max_examples=15)
@given(st.lists(st.integers(0, 40 * 24), min_size=1, max_size=30), st.integers(41, 9000), st.booleans(), st.booleans())
def test_one_row_from_far_ahead_moves_nothing(hours: list[int], ahead: int, came_then: bool, with_clock: bool) -> None:
    rows: list[tuple[datetime, datetime | None]] = [(T0 + hour * HOUR, None) for hour in hours]
    clock = T0 + 41 * DAY if with_clock or came_then else None
    far = T0 + (ahead + 1) * DAY
    assert of([*rows, (far if came_then else T0 + max(hours) * HOUR, far)], clock) == of(rows, clock)
    assert not of(rows, clock).has_begun(far)
