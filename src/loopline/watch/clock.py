"""How long ago something was, by clocks that may have been set back since: rather too early than never. Light and pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def ago(then: datetime, now: datetime) -> timedelta:
    """How long ago a moment was; one that is ahead, as the clock was set back since, counts as far behind."""
    return abs(now - then)


def long_since(then: datetime, now: datetime, span: timedelta) -> bool:
    """Whether so much time has gone by."""
    return ago(then, now) >= span


def not_ahead(then: datetime, now: datetime) -> datetime:
    """A moment that is `ago` before now: what schedules are asked by, which know no moment ahead."""
    return now - ago(then, now)
