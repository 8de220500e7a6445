"""Monitors of outcomes that ought to have come."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from scipy.special import bdtr

from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.monitors.earning import WINDOWS_NEEDED, come
from loopline.watch.monitors.watched import USUAL_MEMORY, Breach, Watched

MEMORY = 7
"""Windows that are judged together: of some days of the week no outcome may ever come."""
FEWER = 0.5
"""A share of the rows that is above so much of the usual one is enough to judge by."""


def outcomes_late(watched: Watched) -> list[Breach] | None:
    """Outcomes of far fewer rows than usual have come, of windows that are older than outcomes usually take.

    Without it nobody would know that money is not looked at: windows whose outcomes have not come are not judged.
    """
    earlier = come(watched.windows[max(0, watched.at - 2 * USUAL_MEMORY) : watched.at])[-USUAL_MEMORY:]
    waits = [window.told_after_s for window in earlier if window.told_after_s is not None]
    if watched.today is None or len(waits) < WINDOWS_NEEDED:
        return None
    window = watched.window
    if window.end + 2 * timedelta(seconds=max(waits)) + (window.end - window.start) > watched.today:
        return None
    judged = [one for one in watched.windows[max(0, watched.at + 1 - MEMORY) : watched.at + 1] if one.rows]
    rows, outcomes = sum(one.rows for one in judged), sum(one.outcomes for one in judged)
    usual = median(one.outcomes / one.rows for one in earlier)
    if rows < ROWS_NEEDED:
        return None
    if outcomes >= FEWER * usual * rows or bdtr(outcomes, rows, usual) >= watched.chance("outcomes_late"):
        return []
    says = f"outcomes of {outcomes / rows:.0%} of the rows have come, of {usual:.0%} they usually have by then"
    return [Breach(monitor="outcomes_late", role="data", says=says, value=outcomes / rows, limit=FEWER * usual)]
