"""Windows in which nothing came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from loopline.watch.gaps import with_gaps
from loopline.watch.windows import Window

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)


def served(*starts: datetime) -> list[Window]:
    """Windows with one row each."""
    return [Window(package="p", start=start, end=start + DAY, rows=1) for start in starts]


def test_gaps_are_windows_without_rows_and_refused_rows_are_counted() -> None:
    made = served(T0, T0 + 3 * DAY)
    whole = with_gaps(made, {T0: 2, T0 + 4 * DAY: 5}, package="p", span=DAY)
    assert [(window.start - T0).days for window in whole] == [0, 1, 2, 3, 4]
    assert [window.rows for window in whole] == [1, 0, 0, 1, 0]
    assert [window.refused for window in whole] == [2, 0, 0, 0, 5]
    assert whole[1].completeness is None


def test_a_pause_of_centuries_is_not_shown_day_by_day() -> None:
    made = served(T0, datetime(9999, 1, 1, tzinfo=UTC))
    assert len(with_gaps(made, {}, package="p", span=DAY)) < 40


def test_windows_that_are_over_by_the_clock_are_gaps_where_rows_ought_to_come_and_those_ahead_are_none() -> None:
    made = served(T0, datetime(2078, 1, 1, tzinfo=UTC))
    until = T0 + 3 * DAY + timedelta(hours=7)
    days = [(window.start - T0).days for window in with_gaps(made, {}, package="p", span=DAY, until=until, newest=T0)]
    assert days[:-1] == [0, 1, 2] and days[-1] > 19_000
    assert [window.rows for window in with_gaps(made[:1], {}, package="p", span=DAY, until=until, newest=T0)] == [1, 0, 0]
    assert [window.start for window in with_gaps([], {}, package="p", span=DAY, until=until, newest=T0 + DAY)] == [T0 + 2 * DAY]
    assert [window.rows for window in with_gaps(made[:1], {}, package="p", span=DAY, until=until)] == [1]
    assert [window.refused for window in with_gaps([], {T0: 5}, package="p", span=DAY)] == [5]
