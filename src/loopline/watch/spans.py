"""Where windows begin: spans of time counted from a fixed moment. Light and pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_WEEK = timedelta(weeks=1)


def origin(span: timedelta) -> datetime:
    """The moment from which spans are counted: the epoch in UTC, and for whole weeks the first Monday after it."""
    return _MONDAY if span % _WEEK == timedelta() else _EPOCH


def written(moment: datetime | str) -> str:
    """A moment of windows as it is written for people, in UTC: of midnight the day alone, for windows are mostly days.

    >>> written("2026-11-26T00:00:00+00:00"), written("2026-11-26T13:00:00+00:00")
    ('2026-11-26', '2026-11-26 13:00')
    """
    at = (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(UTC)
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%Y-%m-%d %H:%M}"


def start_of(moment: datetime, span: timedelta) -> datetime:
    """The start of the window that a moment lies in.

    >>> start_of(datetime(2013, 7, 4, 15, tzinfo=UTC), timedelta(weeks=1)).isoformat()
    '2013-07-01T00:00:00+00:00'
    """
    return origin(span) + (moment - origin(span)) // span * span
