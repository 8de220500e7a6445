"""The time that a table covers: how many rows fall into each hour or day, and where rows are lacking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Unit = Literal["hour", "day"]
GAPS = 20
BARS = 120
_NAME = re.compile(r"(?i)(^|_)(time|date|day|dt|timestamp|ts|when|created|at|period)(_|$)|time$|date$|day$")
_HOURLY_SHARE, _THIN_SHARE, _REST_SHARE = 0.5, 0.2, 0.2
_WEEKS, _DAYS, _MANY_GAPS = 4, 5, 30


@dataclass(frozen=True)
class Gap:
    """A time without a row: from the first empty hour or day up to the last one."""

    since: datetime
    until: datetime
    steps: int


@dataclass(frozen=True)
class Bar:
    """How many rows fall into a time that starts here."""

    at: datetime
    rows: int


@dataclass(frozen=True)
class Coverage:
    """The time that a table covers, by one of its columns.

    Parameters
    ----------
    unit
        What was looked at one by one: hours where most of them have rows, else days.
    known
        How many rows have a time.
    bars
        Rows over time, in at most `BARS` equal parts of `per`.
    gaps
        Times without rows, the longest first; hours of the day and weekdays that are always empty are none.
    thin
        Days with less than a fifth of what is usual on their weekday.
    """

    column: str
    unit: Unit
    since: datetime
    until: datetime
    known: int
    steps: int
    empty: int
    per: timedelta
    bars: tuple[Bar, ...]
    gaps: tuple[Gap, ...]
    resting: tuple[str, ...]
    thin: tuple[Bar, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "column": self.column,
            "unit": self.unit,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "rows": self.known,
            "steps": self.steps,
            "empty": self.empty,
            "resting": list(self.resting),
            "gaps": [{"since": gap.since.isoformat(), "until": gap.until.isoformat(), "steps": gap.steps} for gap in self.gaps],
            "thin": [{"at": bar.at.isoformat(), "rows": bar.rows} for bar in self.thin],
            "bar_s": self.per.total_seconds(),
            "bars": [{"at": bar.at.isoformat(), "rows": bar.rows} for bar in self.bars],
        }


def time_column(moments: Mapping[str, pl.DataFrame], rows: int) -> str | None:
    """The column that most likely says when a row happened: known in nearly all rows, and named so."""
    told = {name: int(counts["rows"].sum()) for name, counts in moments.items() if counts.height > 1}
    usual = [name for name, known in told.items() if known >= 0.9 * rows]
    return min(usual, key=lambda name: (not _NAME.search(name), -told[name]), default=None)


def coverage(column: str, counts: pl.DataFrame) -> Coverage | None:
    """What time a column covers, from its counts per hour or day (``at``, ``rows``); None where it has no value."""
    if not counts.height:
        return None
    at = counts["at"].cast(pl.Datetime("us")).to_numpy().astype("datetime64[h]").astype(np.int64)
    rows = counts["rows"].to_numpy().astype(np.int64)
    hours = int(at[-1] - at[0]) + 1
    hourly = counts["at"].dtype != pl.Date and hours > 2 and len(at) >= _HOURLY_SHARE * hours
    step_h = 1 if hourly else 24
    places = at // step_h
    first = int(places[0])
    series = np.bincount(places - first, rows).astype(np.int64)
    start = datetime(1970, 1, 1) + timedelta(hours=first * step_h)
    step = timedelta(hours=step_h)
    resting = _resting(series, start, hourly)
    turn = (start.hour + np.arange(len(series))) % 24 if hourly else (start.weekday() + np.arange(len(series))) % 7
    expected = ~np.asarray(resting)[turn]
    per, bars = _bars(series, start, step)
    return Coverage(
        column=column,
        unit="hour" if hourly else "day",
        since=start,
        until=start + step * (len(series) - 1),
        known=int(rows.sum()),
        steps=len(series),
        empty=int((series == 0).sum()),
        per=per,
        bars=bars,
        gaps=_gaps(series, expected, start, step),
        resting=()
        if hourly
        else tuple(day for day, rest in zip(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), resting, strict=True) if rest),
        thin=() if hourly else _thin(series, start),
    )


def _resting(series: NDArray[np.int64], start: datetime, hourly: bool) -> list[bool]:
    """Whether each hour of the day, or each weekday from Monday on, hardly ever has rows."""
    turns, begin, enough = (24, start.hour, _DAYS) if hourly else (7, start.weekday(), _WEEKS)
    turn = (begin + np.arange(len(series))) % turns
    filled = [float((series[turn == one] > 0).mean()) if (turn == one).sum() >= enough else 1.0 for one in range(turns)]
    # A table with a row now and then has no weekday of rest.
    return [share < _REST_SHARE for share in filled] if max(filled) > 0.5 else [False] * turns


def _gaps(series: NDArray[np.int64], expected: NDArray[np.bool_], start: datetime, step: timedelta) -> tuple[Gap, ...]:
    """Runs of empty steps in which rows were expected; rare tables, most of whose steps are empty, have none."""
    lacking = series == 0
    if (lacking & expected).sum() > 0.5 * expected.sum():
        return ()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lacking.astype(np.int8), [0]])))
    found = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        missed = int(expected[first:end].sum())
        if missed:
            found.append(Gap(start + step * first, start + step * (end - 1), missed))
    if len(found) >= _MANY_GAPS:
        # Nights and the like come again and again: only what is far longer is a gap.
        usual = float(np.quantile([gap.steps for gap in found], 0.9))
        found = [gap for gap in found if gap.steps > 2 * usual]
    return tuple(sorted(found, key=lambda gap: (-gap.steps, gap.since))[:GAPS])


def _thin(series: NDArray[np.int64], start: datetime) -> tuple[Bar, ...]:
    """Days, but for the first and the last one, with far fewer rows than is usual on their weekday."""
    weekday = (start.weekday() + np.arange(len(series))) % 7
    usual = np.array(
        [float(np.median(series[(weekday == day) & (series > 0)])) if ((weekday == day) & (series > 0)).sum() >= _WEEKS else 0.0 for day in range(7)]
    )
    places = np.flatnonzero((series > 0) & (series < _THIN_SHARE * usual[weekday]) & (usual[weekday] >= 20))
    return tuple(Bar(start + timedelta(days=place), int(series[place])) for place in places.tolist() if 0 < place < len(series) - 1)[:GAPS]


def _bars(series: NDArray[np.int64], start: datetime, step: timedelta) -> tuple[timedelta, tuple[Bar, ...]]:
    """The rows in at most `BARS` parts of equal length, in whole hours, days or weeks."""
    widths = (1, 2, 3, 4, 6, 12, 24, 48, 24 * 7, 24 * 14, 24 * 28) if step < timedelta(days=1) else (1, 2, 7, 14, 28)
    wanted = -(-len(series) // BARS)
    width = next((width for width in widths if width >= wanted), wanted)
    sums = np.add.reduceat(series, np.arange(0, len(series), width))
    return step * width, tuple(Bar(start + step * width * place, int(rows)) for place, rows in enumerate(sums.tolist()))
