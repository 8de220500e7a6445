"""Moments and days as a reader writes them into a form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from loopline.errors import Mistake


def moment(said: str, *, where: str, ends: bool = False) -> datetime | None:
    """The moment in UTC that a text names; None where nothing is said.

    Parameters
    ----------
    ends
        Whether a day alone, or a minute, stands for its end and not for its beginning.

    Raises
    ------
    Mistake
        When it is no moment.

    >>> moment("2026-03-02", where="until", ends=True)
    datetime.datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=datetime.timezone.utc)
    """
    said = said.strip()
    if not said:
        return None
    try:
        found = datetime.fromisoformat(said)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        span = timedelta(days=1) if len(said) <= len("2026-03-02") else timedelta(minutes=1) if len(said) == len("2026-03-02T10:00") else timedelta(0)
        return found + span - timedelta(microseconds=1) if ends and span else found
    except (ValueError, OverflowError):
        raise Mistake(f"{said[:40]!r} is no moment", where=where, remedy="write it as 2026-03-02, or as 2026-03-02T14:30") from None
