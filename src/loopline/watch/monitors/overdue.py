"""Monitors of outcomes that ought to have come."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median

from scipy.special import bdtr

from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.monitors.earning import WINDOWS_NEEDED, come
from loopline.watch.monitors.watched import USUAL_MEMORY, Breach, Watched
from loopline.watch.windows import Window

MEMORY = 7
"""Windows that are judged together: of some days of the week no outcome may ever come."""
FEWER = 0.5
"""A share of the rows that is above so much of the usual one is enough to judge by."""


def due(watched: Watched) -> datetime | None:
    """From when on the outcomes of the window are overdue where they have not come; None where it is not known how long they take."""
    waits = [window.told_after_s for window in _earlier(watched) if window.told_after_s is not None]
    window = watched.window
    return window.end + 2 * timedelta(seconds=max(waits)) + (window.end - window.start) if len(waits) >= WINDOWS_NEEDED else None


def _earlier(watched: Watched) -> list[Window]:
    """The windows before it whose outcomes have come."""
    return come(watched.windows[max(0, watched.at - 2 * USUAL_MEMORY) : watched.at])[-USUAL_MEMORY:]


def outcomes_late(watched: Watched) -> list[Breach] | None:
    """Outcomes of far fewer rows than usual have come, of windows that are older than outcomes usually take.

    Without it nobody would know that money is not looked at: windows whose outcomes have not come are not judged.
    """
    moment = due(watched)
    if watched.today is None or moment is None or moment > watched.today:
        return None
    earlier = _earlier(watched)
    judged = [one for one in watched.windows[max(0, watched.at + 1 - MEMORY) : watched.at + 1] if one.awaited]
    rows, outcomes = sum(one.awaited for one in judged), sum(one.outcomes for one in judged)
    usual = median(one.outcomes / one.awaited for one in earlier)
    if rows < ROWS_NEEDED:
        return None
    if outcomes >= FEWER * usual * rows or bdtr(outcomes, rows, usual) >= watched.chance("outcomes_late"):
        return []
    says = f"outcomes of {outcomes / rows:.0%} of the rows have come, of {usual:.0%} they usually have by then"
    return [Breach(monitor="outcomes_late", role="data", says=says, value=outcomes / rows, limit=FEWER * usual)]
