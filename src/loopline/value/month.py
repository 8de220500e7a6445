"""What a calendar month has added so far: what is known, what is estimated, its part of the target, and where it is heading. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from loopline.charter.spec import CharterSpec
from loopline.value.pace import pace
from loopline.value.realised import Amount, Body, Realised, decided, own_share, realise
from loopline.watch.earned import Earned

Verdict = Literal["ahead", "level", "behind", "unknown"]
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
    expected
        What the awaited ones are expected to add; a sum. None where nothing tells.
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
    earned: Amount | None
    added: Amount | None
    expected: float | None
    why: str
    target: float | None
    due: float | None
    heading: float | None

    @property
    def is_estimated(self) -> bool:
        """Whether a part of the sum is an estimate."""
        return bool(self.awaited) and self.expected is not None

    @property
    def total(self) -> float | None:
        """What all its decisions so far have added, known and expected; None where neither tells."""
        if self.added is None:
            return self.expected
        return self.added.mean + (self.expected or 0.0)

    @property
    def verdict(self) -> Verdict:
        """How it stands against what is due: surely more, surely less, or about as much; unknown while outcomes are too few to tell."""
        if self.due is None or self.added is None or self.added.low is None or self.added.high is None:
            return "unknown"
        expected = self.expected or 0.0
        return "ahead" if self.added.low + expected >= self.due else "behind" if self.added.high + expected < self.due else "level"

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
    expected, why = _expected(mine, awaited, known, without_model)
    target = None if charter.target is None else charter.target.per_year * ((end - start) / _YEAR)
    made = Month(
        start=start,
        end=end,
        until=until,
        is_now=start <= at < end,
        decisions=sum(map(decided, mine)),
        outcomes=0 if known is None else known.outcomes,
        awaited=sum(awaited),
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


def _expected(windows: Sequence[Body], awaited: Sequence[int], known: Realised | None, without_model: float | None) -> tuple[float | None, str]:
    """What awaited decisions are expected to add, and in words what is not known."""
    if not sum(awaited):
        return 0.0, ""
    baseline = without_model if known is None else known.baseline
    total = 0.0
    for window, count in zip(windows, awaited, strict=True):
        per_decision = _estimated(window)
        if per_decision is not None and baseline is not None:
            total += count * (per_decision - baseline)
        elif known is not None:
            total += count * known.added.mean
        elif count:
            return None, "no outcome has come yet, and nothing estimates what these decisions will show"
    come = "no outcome has come yet" if known is None else f"{known.outcomes:,} outcomes have come"
    return total, f"{come}; {sum(awaited):,} are awaited, and estimated"


def _estimated(window: Body) -> float | None:
    """Money per decision as the watch estimates it; None where it does not, or has been wrong too often."""
    said = window.get("estimated")
    worth = None if said is None or said["method"] == "none" else said["worth"]
    return None if worth is None or worth["silent"] else float(worth["per_decision"])


def _headed(made: Month, windows: Sequence[Body], confidence: float) -> Month:
    """The month with where it is heading, at the pace of whole weeks, or at its own where there are too few of these."""
    total, seen, left = made.total, made.until - made.start, made.end - made.until
    told = made.outcomes + made.awaited
    if total is None or not told or not made.is_now:
        return made
    if (by_weeks := pace(windows, until=made.until, confidence=confidence)) is not None:
        # The share whose outcome shows, of the decisions that are the model's.
        coming = by_weeks.per_year * own_share(windows) * (left / _YEAR) * (told / made.decisions)
    elif seen >= _LEAST_SEEN:
        coming = told * (left / seen)
    else:
        return made
    return replace(made, heading=total + total / told * coming)
