"""How many decisions come in a year, told from whole weeks, with an interval. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, variance

from scipy.special import stdtrit

from loopline.value.realised import Body

WEEK = timedelta(days=7)
FEWEST, MOST = 4, 13
"""So many whole weeks are needed, and so many of the newest, a quarter, are looked at."""
_YEAR = timedelta(days=365.25)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Decisions in a year, with their interval, as the newest weeks came."""

    per_year: float
    low: float
    high: float
    weeks: int


def pace(windows: Sequence[Body], *, until: datetime | None = None, confidence: float) -> Pace | None:
    """The pace at which decisions of all packages come, with the interval of its mean; None where fewer than `FEWEST` whole weeks are known.

    Weeks are the sample, so that quiet Sundays are no scatter, and the mean has Student's interval. Their variance is at least that of counts that come
    independently of each other. The first window and the newest one count for nothing: serving may have begun in the midst of the one, and the
    other is still filling.

    Parameters
    ----------
    until
        Start of the newest window that has begun: one from ahead holds rows with a wrong date. Where it is not known, that of the newest one.
    """
    totals = weekly(windows, until=until)
    if len(totals) < FEWEST:
        return None
    mean, count = fmean(totals), len(totals)
    reach = float(stdtrit(count - 1, (1 + confidence) / 2)) * math.sqrt(max(variance(totals), mean) / count)
    a_year = _YEAR / _block(windows)
    return Pace(per_year=mean * a_year, low=max(0.0, mean - reach) * a_year, high=(mean + reach) * a_year, weeks=count)


def weekly(windows: Sequence[Body], *, until: datetime | None = None) -> list[int]:
    """Decisions in each of the newest whole weeks, the newest first; where windows are longer than a week, in each of these."""
    if not windows:
        return []
    starts = [datetime.fromisoformat(window["start"]) for window in windows]
    begin, end = datetime.fromisoformat(min(windows, key=lambda window: str(window["start"]))["end"]), until or max(starts)
    block = _block(windows)
    totals = [0] * min(MOST, max(0, (end - begin) // block))
    for start, window in zip(starts, windows, strict=True):
        place = -((start - end) // block) - 1
        if start < end and place < len(totals):
            totals[place] += window["rows"]
    return totals


def _block(windows: Sequence[Body]) -> timedelta:
    first = windows[0]
    return max(WEEK, datetime.fromisoformat(first["end"]) - datetime.fromisoformat(first["start"]))
