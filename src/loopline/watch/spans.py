"""Where windows begin: spans of time counted from a fixed moment. Light and pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_WEEK = timedelta(weeks=1)


def origin(span: timedelta) -> datetime:
    """The moment from which spans are counted: the epoch in UTC, and for whole weeks the first Monday after it."""
    return _MONDAY if span % _WEEK == timedelta() else _EPOCH


def start_of(moment: datetime, span: timedelta) -> datetime:
    """The start of the window that a moment lies in.

    >>> start_of(datetime(2013, 7, 4, 15, tzinfo=UTC), timedelta(weeks=1)).isoformat()
    '2013-07-01T00:00:00+00:00'
    """
    return origin(span) + (moment - origin(span)) // span * span
