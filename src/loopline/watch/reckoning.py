"""A package's windows brought up to date: those about which something has come are computed, those that look back on them are judged."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from loopline.watch.arrivals import rows_of
from loopline.watch.chapters import Held
from loopline.watch.elapsed import Elapsed, elapsed
from loopline.watch.gauge import Gauge
from loopline.watch.honesty import checked
from loopline.watch.monitors.drifting import drift_limits, score_limit
from loopline.watch.monitors.listed import look
from loopline.watch.monitors.overdue import due
from loopline.watch.monitors.watched import Earlier, Watched
from loopline.watch.served import Days, Log, joined, refused_rows
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import LOOKBACK, SCORE, Window, starts

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Touched:
    """The windows about which something has come.

    Parameters
    ----------
    rows
        Starts of those that have a new prediction or outcome, with the days on which the new predictions arrived.
    refused
        Starts of those in which refused rows are to be counted anew.
    """

    rows: Mapping[datetime, Days]
    refused: frozenset[datetime] = frozenset()

    @classmethod
    def by(cls, came: Log, log: Log, package: str, span: timedelta) -> Touched:
        """Those of a package.

        Parameters
        ----------
        came
            What has come to the log.
        """
        sizes = came.sizes(package, span)
        rows = {start: Days(days) for start, _, days in sizes.iter_rows()}
        if came.outcomes is not None:
            told = came.outcomes.select("prediction_id", "day").collect(engine="streaming")
            about = joined(log.on(Days(told["day"])).predictions, None, package).join(told.lazy(), on="prediction_id", how="semi")
            rows = dict.fromkeys(_starts(about, "when", span), Days()) | rows
        if log.refused is None:
            return cls(rows)
        days = Days().union(*rows.values(), () if came.refused is None else came.refused.select("day").collect(engine="streaming")["day"])
        then = log.on(days)
        assert then.refused is not None
        turned_away = then.refused.filter((pl.col("kind") == "row") & (pl.col("package") == package))
        return cls(rows, frozenset([*_starts(joined(then.predictions, None, package), "when", span), *_starts(turned_away, "time", span)]))

    def first(self) -> datetime | None:
        """The earliest of them."""
        return min([*self.rows, *self.refused], default=None)


@dataclass(frozen=True, eq=False)
class Lately:
    """What is known of time.

    Parameters
    ----------
    arrived
        What `loopline.watch.arrivals.arrivals` says of the windows that are looked at, and of those that they look back on.
    moved
        Starts of windows of which it is known anew how much came.
    since
        From when on windows are looked at; None where it is all of them.
    """

    arrived: pl.DataFrame
    passed: Elapsed
    moved: frozenset[datetime]
    since: datetime | None

    @classmethod
    def of(cls, arrived: pl.DataFrame, before: pl.DataFrame | None, span: timedelta, clock: datetime | None, since: datetime | None = None) -> Lately:
        """What came says, and what had come before; None where that is not known."""
        was = {} if before is None else rows_of(before, span)
        moved = {start for start, _ in rows_of(arrived, span).items() ^ was.items()}
        return cls(arrived, elapsed(arrived, span, clock), frozenset(moved), since)


def _starts(frame: pl.LazyFrame, column: str, span: timedelta) -> list[datetime]:
    found: list[datetime] = frame.select(starts(pl.col(column), span).unique()).collect(engine="streaming")[column].to_list()
    return found


def turned_away(log: Log, package: str, span: timedelta, windows: Collection[datetime], held: Mapping[datetime, Held]) -> dict[datetime, int]:
    """Rows that the package refused, in some windows."""
    if log.refused is None or not windows:
        return {}
    # Of a window by its predictions' days; of one without, by its own.
    spanned = {(start + at * _DAY).date() for start in windows for at in range(-(-span // _DAY) + 1)}
    days = Days(spanned).union(*(held[start].days for start in windows if start in held))
    then = log.on(days)
    found = refused_rows(then.refused, joined(then.predictions, None, package), package, span)
    return {start: found.get(start, 0) for start in windows}


def put_together(
    held: Sequence[Held],
    made: Sequence[Window],
    *,
    lead: int,
    days: Mapping[datetime, Days],
    refused: Mapping[datetime, int],
    filled: Callable[[Sequence[Window], Mapping[datetime, int]], list[Window]],
) -> list[Held]:
    """The windows as they were, with those that were computed anew in their places, and with those between them in which nothing was asked.

    Parameters
    ----------
    lead
        So many windows at the beginning stay as they are.
    filled
        Adds the windows between them, given the rows refused by window (`loopline.watch.gaps.with_gaps`).
    refused
        Rows refused in the windows in which they were counted anew.
    """
    known = {one.window.start: one for one in held[lead:]}
    new = {window.start for window in made}
    rows = [*(one.window for start, one in known.items() if one.window.rows and start not in new), *made]
    away = {start: count for start, count in ({start: one.window.refused for start, one in known.items()} | dict(refused)).items() if count}
    whole = []
    for window in filled(sorted(rows, key=lambda one: one.start), away):
        was = known.get(window.start)
        if was is not None and window.start not in new and window.refused == was.window.refused:
            whole.append(was)
        else:
            whole.append(Held(window, days.get(window.start, Days() if was is None else was.days)))
    return [*held[:lead], *whole]


@dataclass(frozen=True)
class Judge:
    """Holds a package's windows against what was promised.

    Parameters
    ----------
    before
        The windows of the test part.
    passed, closed
        How far time has come; and windows that end later than that were not over when they were judged before.
    moved
        Starts of windows of which it is known anew how much came, whichever package answered it.
    """

    measured: Gauge
    before: Sequence[Earlier]
    apart_before: Sequence[tuple[int, float]]
    spec: WatchSpec
    currency: str
    passed: Elapsed
    closed: datetime | None
    moved: frozenset[datetime] = frozenset()

    def judged(self, held: Sequence[Held]) -> list[Held]:
        """The windows with what is found in them; those stay as they are that were judged before, and look back on nothing that has changed."""
        is_new = [one.found is None for one in held]
        moved = sorted(self.moved)
        windows = checked([one.window for one in held], [one.misses for one in self.before], is_new)
        made: list[Held] = []
        changed_at = -LOOKBACK - 1
        for at, one in enumerate(held):
            changed_at = at if is_new[at] or windows[at] is not one.window else changed_at
            stays = self._was_over(one.window) and at - changed_at > LOOKBACK and not self._is_due(one) and not self._has_moved(one.window, moved)
            made.append(one if stays else self._look(one, self.watched(windows, at, made)))
            # Later windows are not held against one in which nothing came.
            changed_at = at if _is_outage(made[at]) != _is_outage(one) else changed_at
        return made

    def _was_over(self, window: Window) -> bool:
        return self.closed is not None and window.end <= self.closed and self.passed.is_over(window.end)

    def _has_moved(self, window: Window, moved: Sequence[datetime]) -> bool:
        return bisect_right(moved, window.start) > bisect_left(moved, window.start - LOOKBACK * self.spec.window)

    def _is_due(self, held: Held) -> bool:
        return held.due is not None and self.passed.is_due(held.due)

    def _look(self, held: Held, watched: Watched) -> Held:
        found, score = look(watched), score_limit(watched)
        limits = {} if found["drift"] is None else {**drift_limits(watched), **({} if score is None else {SCORE: score})}
        moment = due(watched)
        # Once it was judged by it, it is due no more.
        pending = moment if moment is not None and (watched.today is None or moment > watched.today) else None
        return replace(held, window=watched.window, found=found, limits=limits, due=pending)

    def watched(self, windows: Sequence[Window], at: int, judged: Sequence[Held] = ()) -> Watched:
        """What the monitors look at where one of the windows is judged; those before it have been."""
        first = max(0, at - LOOKBACK)
        return Watched(
            windows=windows[first : at + 1],
            at=at - first,
            is_closed=self.passed.is_over(windows[at].end),
            has_begun=self.passed.has_begun(windows[at].start),
            came=self.passed.came,
            today=self.passed.begun,
            outages=frozenset(one.window.start for one in judged[first:] if _is_outage(one)),
            yardstick=self.measured.yardstick,
            promise=self.measured.promise,
            before=self.before,
            spec=self.spec,
            currency=self.currency,
            apart_before=self.apart_before,
        )


def _is_outage(held: Held) -> bool:
    return any(not breach.value for breach in (held.found or {}).get("volume") or ())
