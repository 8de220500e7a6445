"""What a calendar month has added so far: what is known, what is estimated, its part of the target, and where it is heading. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from loopline.charter.spec import CharterSpec
from loopline.value.pace import pace
from loopline.value.realised import Amount, Body, Realised, decided, own_share, realise
from loopline.value.unlike import unlike
from loopline.watch.earned import Earned
from loopline.watch.monitors.watched import listed

Verdict = Literal["ahead", "level", "behind", "unknown"]
_NAMED = 3
_YEAR = timedelta(days=365.25)
_LEAST_SEEN = timedelta(days=3)
"""So much of a month must have been seen before its own pace says how it ends."""


@dataclass(frozen=True, kw_only=True)
class Month:
    """The money of one month's decisions.

    Parameters
    ----------
    start, end
        Of the month, in UTC.
    until
        How far its windows tell, and no further than now.
    is_now
        Whether it is the month that lasts.
    decisions, outcomes, awaited
        Decisions of the model, those whose outcome is known, and those whose outcome can still come.
    earned, added
        What the known ones earned, and what that is above no model; sums. None where no outcome has come.
    untold
        Those of the awaited ones of which nothing tells what they add, because a column left the range of training: they are no part of any sum.
    expected
        What the other awaited ones are expected to add; a sum, with its interval where what it rests on has one. None where nothing tells.
    why
        Why the sum is not known, or not all of it; empty where it is.
    target, due
        The month's part of the yearly target, and the part of that which falls on the time until `until`; None where the charter has no target.
    heading
        What the month will have added at its end, at the pace at which decisions come; None where it is too early to tell.
    """

    start: datetime
    end: datetime
    until: datetime
    is_now: bool
    decisions: int
    outcomes: int
    awaited: int
    untold: int
    earned: Amount | None
    added: Amount | None
    expected: Amount | None
    why: str
    target: float | None
    due: float | None
    heading: float | None

    @property
    def is_estimated(self) -> bool:
        """Whether a part of the sum is an estimate."""
        return self.awaited > self.untold and self.expected is not None

    @property
    def estimate(self) -> str:
        """How much of the sum is an estimate, in words; empty where nothing is."""
        if not self.is_estimated:
            return ""
        return "estimated" if self.added is None else "in part estimated"

    @property
    def total(self) -> float | None:
        """What all its decisions so far have added, known and expected; None where neither tells."""
        known = [part.mean for part in (self.added, self.expected) if part is not None]
        return sum(known) if known else None

    @property
    def verdict(self) -> Verdict:
        """How it stands against what is due: surely more, surely less, or about as much; unknown while what is known or awaited has no interval."""
        if self.due is None or self.added is None or self.expected is None or self.untold:
            return "unknown"
        whole = _together((self.added, self.expected))
        if whole.low is None or whole.high is None:
            return "unknown"
        return "ahead" if whole.low >= self.due else "behind" if whole.high < self.due else "level"

    def as_json(self) -> dict[str, Any]:
        """The month as plain values."""
        times = {name: getattr(self, name).isoformat() for name in ("start", "end", "until")}
        return {**asdict(self), **times, "total": self.total, "is_estimated": self.is_estimated, "verdict": self.verdict}


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The beginning of a moment's month and of the next one, in UTC."""
    start = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1)


def month(windows: Sequence[Body], charter: CharterSpec, *, at: datetime, confidence: float, without_model: float | None = None) -> Month | None:
    """What the month that lasts has added, or the newest one in which anything was decided; None where nothing ever was.

    A window belongs to the month in which it starts. What has no outcome yet counts as its window's estimate says, and where there is none as those
    whose outcome is known.

    Parameters
    ----------
    windows
        Of every package; weeks before the month tell at which pace decisions come.
    without_model
        Money per decision without a model, for estimates of a month of which no outcome has come.
    """
    begun = [window for window in windows if window["rows"] and datetime.fromisoformat(window["start"]) <= at]
    if not begun:
        return None
    newest = max(datetime.fromisoformat(window["start"]) for window in begun)
    start, end = month_of(newest)
    mine = [window for window in begun if start <= datetime.fromisoformat(window["start"])]
    until = min(at, end, max(datetime.fromisoformat(window["end"]) for window in mine))
    known = realise(mine, charter, confidence=confidence)
    awaited = [max(0, _awaited(window)) for window in mine]
    left = unlike(mine)
    held = [0 if columns else count for columns, count in zip(left, awaited, strict=True)]
    untold = sum(awaited) - sum(held)
    expected, why = _expected(mine, held, known, without_model)
    if untold:
        expected = None if known is None and not sum(held) else expected
        columns = sorted({name for names, count in zip(left, awaited, strict=True) if count for name in names})
        why = "; ".join(filter(None, (why, _lacking(untold, columns))))
    target = None if charter.target is None else charter.target.per_year * ((end - start) / _YEAR)
    made = Month(
        start=start,
        end=end,
        until=until,
        is_now=start <= at < end,
        decisions=sum(map(decided, mine)),
        outcomes=0 if known is None else known.outcomes,
        awaited=sum(awaited),
        untold=untold,
        earned=None if known is None else known.earned.times(known.outcomes),
        added=None if known is None else known.added.times(known.outcomes),
        expected=expected,
        why=why,
        target=target,
        due=None if target is None else target * ((until - start) / (end - start)),
        heading=None,
    )
    return _headed(made, begun, confidence)


def _awaited(window: Body) -> int:
    """Decisions of the model whose outcome can still come."""
    outcomes = Earned.of_json(window["sums"]).outcomes
    seen = 1.0 - float(window.get("hidden", 0) / window["rows"])
    return round(decided(window) * seen) - outcomes


def _expected(windows: Sequence[Body], awaited: Sequence[int], known: Realised | None, without_model: float | None) -> tuple[Amount | None, str]:
    """What awaited decisions are expected to add, and in words what is not known."""
    if not sum(awaited):
        return Amount(mean=0.0, low=0.0, high=0.0), ""
    baseline = without_model if known is None else known.baseline
    parts, like_known = list[Amount](), 0
    for window, count in zip(windows, awaited, strict=True):
        told = _estimated(window)
        if told is not None and baseline is not None:
            parts.append(_as_estimated(told, baseline, count, decided(window)))
        elif known is not None:
            like_known += count
        elif count:
            return None, "no outcome has come yet, and nothing estimates what these decisions will show"
    if known is not None:
        parts.append(_as_known(known, like_known))
    come = "no outcome has come yet" if known is None else f"{known.outcomes:,} outcomes have come"
    return _together(parts), f"{come}; {sum(awaited):,} are awaited, and estimated"


def _lacking(untold: int, columns: Sequence[str]) -> str:
    """In words, that nothing tells what so many decisions add, as columns left the range of training."""
    names, is_one = listed(columns[:_NAMED], len(columns)), len(columns) == 1
    return f"the estimate does not hold for {untold:,}, which are in no sum: {names} {'is' if is_one else 'are'} outside the range of training"


def _estimated(window: Body) -> Body | None:
    """Money per decision as the watch estimates it; None where it does not, or has been wrong too often."""
    said = window.get("estimated")
    worth: Body | None = None if said is None or said["method"] == "none" else said["worth"]
    return None if worth is None or worth["silent"] else worth


def _as_estimated(worth: Body, baseline: float, count: int, decisions: int) -> Amount:
    """What so many of a window's decisions add by its estimate, which is of all of them."""
    mean = count * (float(worth["per_decision"]) - baseline)
    if worth.get("low") is None or worth.get("high") is None:
        return Amount(mean=mean, low=None, high=None)
    # A part varies more than the whole, as the root of its size.
    wider = math.sqrt(count * decisions)
    low, high = (float(worth[side]) - float(worth["per_decision"]) for side in ("low", "high"))
    return Amount(mean=mean, low=mean + wider * low, high=mean + wider * high)


def _as_known(known: Realised, count: int) -> Amount:
    """What so many decisions add that earn as those do whose outcome is known: the doubt is that of the known mean, and how far single ones vary."""
    added, mean = known.added, count * known.added.mean
    if added.low is None or added.high is None:
        return Amount(mean=mean, low=None, high=None) if count else Amount(mean=0.0, low=0.0, high=0.0)
    wider = math.sqrt(count * (count + known.outcomes))
    return Amount(mean=mean, low=mean + wider * (added.low - added.mean), high=mean + wider * (added.high - added.mean))


def _together(parts: Sequence[Amount]) -> Amount:
    """The sum, with its interval where each has one: as wide as if all were wrong the same way, for they share what they rest on."""
    lows, highs = [part.low for part in parts if part.low is not None], [part.high for part in parts if part.high is not None]
    is_bound = len(lows) == len(highs) == len(parts)
    return Amount(mean=sum(part.mean for part in parts), low=sum(lows) if is_bound else None, high=sum(highs) if is_bound else None)


def _headed(made: Month, windows: Sequence[Body], confidence: float) -> Month:
    """The month with where it is heading, at the pace of whole weeks, or at its own where there are too few of these."""
    total, seen, left = made.total, made.until - made.start, made.end - made.until
    told = made.outcomes + made.awaited
    if total is None or not told or not made.is_now or made.untold:
        return made
    if (by_weeks := pace(windows, until=made.until, confidence=confidence)) is not None:
        # The share whose outcome shows, of the decisions that are the model's.
        coming = by_weeks.per_year * own_share(windows) * (left / _YEAR) * (told / made.decisions)
    elif seen >= _LEAST_SEEN:
        coming = told * (left / seen)
    else:
        return made
    return replace(made, heading=total + total / told * coming)
