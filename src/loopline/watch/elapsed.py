"""How far time has come: which windows have begun, and which are over, by what came and by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from loopline.watch.arrivals import WINDOWS_KEPT, rows_of
from loopline.watch.spans import start_of
from loopline.watch.windows import starts


@dataclass(frozen=True)
class Elapsed:
    """How far time has come.

    Parameters
    ----------
    begun
        The start of the newest window that has begun; None where nobody knows.
    over
        A window that ends by then is closed; None before anything came.
    came
        Rows by the start of the window, whichever package answered them, the gaps between them among these.
    """

    begun: datetime | None
    over: datetime | None
    came: Mapping[datetime, int] = field(default_factory=dict, compare=False)

    @property
    def newest(self) -> datetime | None:
        """The start of the newest window that has begun and in which anything came."""
        return max((start for start, rows in self.came.items() if rows and self.has_begun(start)), default=None)

    def has_begun(self, start: datetime) -> bool:
        """Whether the window that starts then has begun: rows may be about a moment far ahead, by mistake or by their nature."""
        return self.begun is None or start <= self.begun

    def is_due(self, moment: datetime) -> bool:
        """Whether it has come so far."""
        return self.begun is not None and moment <= self.begun

    def is_over(self, end: datetime) -> bool:
        """Whether the window that ends then is closed."""
        return self.over is not None and end <= self.over


def told_after(frame: pl.DataFrame, span: timedelta) -> dict[datetime, float]:
    """Seconds after its end by which half of a window's outcomes had come that have, by the start of the window; none of one without any.

    Parameters
    ----------
    frame
        What `loopline.watch.served.joined` gives.
    """
    start = starts(pl.col("when"), span)
    known = frame.filter(pl.col("outcome").is_not_null())
    waited = known.group_by(start=start).agg((pl.col("told") - start - span).dt.total_seconds(fractional=True).median().clip(lower_bound=0.0))
    return dict(waited.iter_rows())


def elapsed(known: pl.DataFrame, span: timedelta, clock: datetime | None) -> Elapsed:
    """How far time has come, by the predictions and by the clock.

    A window is over when rows about a later one have come, or when the clock says so: then its rows are overdue, even where none comes any more.
    Where rows are scored a little after the moment that they are about, the clock waits as long as the newest windows had to; where that is more than a
    window, rows come in batches or are history, and only rows tell.

    Parameters
    ----------
    known
        What `loopline.watch.arrivals.arrivals` says.
    clock
        The start of the window in which the turn began; None where the newest arrival stands for it.
    """
    if known.is_empty():
        return Elapsed(clock, None)
    begun = clock or start_of(known["newest"].max(), span)  # type: ignore[arg-type]
    past = known.filter(pl.col("start") <= begun).tail(WINDOWS_KEPT)
    if past.is_empty():
        return Elapsed(begun, None)
    came = rows_of(known, span)
    over: datetime = past["last"][-1]
    if clock is None:
        return Elapsed(begun, over, came)
    waited: timedelta = past.select(pl.max_horizontal(pl.col("first") - pl.col("start") - span, pl.duration()).max()).item()
    return Elapsed(begun, max(over, clock - waited) if waited <= span else over, came)
