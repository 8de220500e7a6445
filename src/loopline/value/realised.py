"""What was really earned, and what the charter expected of the same decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.watch.earned import Earned, Split, Sums, interval, summed
from loopline.watch.spec import OF_WORTH

PACE_NEEDED = timedelta(days=28)
"""So long must decisions have come before their pace says how many a year has."""

_YEAR = timedelta(days=365.25)

Body = Mapping[str, Any]
"""A window as the watch stage writes it."""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Money per decision, with its interval; None where fewer than two outcomes have come."""

    mean: float
    low: float | None
    high: float | None

    def times(self, decisions: float) -> Amount:
        """The money of so many decisions."""
        return Amount(
            mean=self.mean * decisions,
            low=None if self.low is None else self.low * decisions,
            high=None if self.high is None else self.high * decisions,
        )


@dataclass(frozen=True, kw_only=True)
class Realised:
    """What served decisions earned, as far as their outcomes have come.

    Parameters
    ----------
    since, until
        Start of the first window and end of the last one.
    decisions
        Decisions of the model that were served, without those that were held out from it, or that an experiment gave to another arm than the control;
        `outcomes` of them are known by now.
    served
        The same with those that were held out.
    shown
        The share of `decisions` that the outcomes stand for: all, or those that were acted on where outcomes are seen only there. Of the others nobody
        sees what they earn, and it counts as nothing.
    earned
        Money per decision.
    added
        Money per decision above the baseline.
    baseline, perfect
        Money per decision of the same rows without a model, and with one that knows the outcomes.
    per_year
        Decisions of the model in a year: its part of those that the charter says, else as they came from `since` to `until`; None where that is too short
        a time to tell.
    declared
        Whether `per_year` is the charter's.
    """

    since: datetime
    until: datetime
    decisions: int
    served: int
    outcomes: int
    shown: float
    earned: Amount
    added: Amount
    baseline: float
    perfect: float
    per_year: float | None
    declared: bool

    @property
    def earning(self) -> float:
        """The share of all decisions that come which earn as `earned` and `added` say."""
        return self.shown * self.decisions / self.served

    @property
    def earning_per_year(self) -> float | None:
        """The decisions in a year that earn as `earned` and `added` say; None where it is not known how many come."""
        return None if self.per_year is None else self.shown * self.per_year

    @property
    def yearly(self) -> Amount | None:
        """What is added in a year at this rate; None where it is not known how many decisions come."""
        return None if self.earning_per_year is None else self.added.times(self.earning_per_year)

    @property
    def share_of_perfect(self) -> float | None:
        """How much of what a perfect model would add was added; None where there is nothing to add."""
        possible = self.perfect - self.baseline
        return self.added.mean / possible if possible > 0 else None

    def target(self, charter: CharterSpec) -> float | None:
        """The part of the charter's yearly target that falls on the decisions whose outcome has come; None where it cannot be told."""
        if charter.target is None or not self.earning_per_year:
            return None
        return charter.target.per_year * self.outcomes / self.earning_per_year


def realise(windows: Sequence[Body], charter: CharterSpec, *, confidence: float) -> Realised | None:
    """What the windows earned together; None where no outcome has come.

    The intervals take the wider of two standard errors, that of the rows and that of the windows as clusters
    (`loopline.watch.earned.standard_error`).
    """
    parts = [Earned.of_json(window["sums"]) for window in windows]
    whole = summed(parts)
    if not whole.outcomes:
        return None
    since = min(datetime.fromisoformat(window["start"]) for window in windows)
    until = max(datetime.fromisoformat(window["end"]) for window in windows)
    return Realised(
        since=since,
        until=until,
        decisions=sum(map(decided, windows)),
        served=sum(map(_policed, windows)),
        outcomes=whole.outcomes,
        shown=shown(windows, charter),
        earned=_amount([part.money for part in parts], confidence),
        added=_amount([part.gain for part in parts], confidence),
        baseline=whole.baseline / whole.outcomes,
        perfect=whole.perfect / whole.outcomes,
        per_year=per_year(windows, charter),
        declared=charter.volume is not None,
    )


def per_year(windows: Sequence[Body], charter: CharterSpec) -> float | None:
    """Decisions of the model in a year, as `Realised.per_year` has them."""
    if charter.volume is not None:
        return charter.volume.per_year * own_share(windows)
    if not windows:
        return None
    span = max(datetime.fromisoformat(window["end"]) for window in windows) - min(datetime.fromisoformat(window["start"]) for window in windows)
    return own_share(windows) * sum(window["rows"] for window in windows) * _YEAR / span if span >= PACE_NEEDED else None


def own_share(windows: Sequence[Body]) -> float:
    """The share of the decisions that are the model's, and not held out from it; those of an experiment's arms are no part of either, for it ends."""
    served = sum(map(_policed, windows))
    return sum(map(decided, windows)) / served if served else 1.0


def shown(windows: Sequence[Body], charter: CharterSpec) -> float:
    """The share of the model's decisions that their outcomes stand for: those acted on, where an outcome is seen only there."""
    told = [(decided(window), window["acted"]) for window in windows if window.get("acted") is not None]
    decisions = sum(rows for rows, _ in told)
    if charter.outcome_seen == "always" or not decisions:
        return 1.0
    # Where outcomes come all the same of what was left alone, as many are seen as came.
    outcomes = sum(Earned.of_json(window["sums"]).outcomes for window in windows)
    return float(min(1.0, max(sum(rows * acted for rows, acted in told), outcomes) / decisions))


def decided(window: Body) -> int:
    """How many decisions of a window were by the package's policy."""
    return int(window["rows"]) - split_of(window).apart


def _policed(window: Body) -> int:
    """How many decisions of a window its policy had to take, or would have had but for the hold-out."""
    return int(window["rows"]) - split_of(window).tried


def split_of(window: Body) -> Split:
    """How many of a window's decisions chance took from the policy."""
    return Split.of_json(window.get("split"))


def _amount(parts: Sequence[Sums], confidence: float) -> Amount:
    seen = interval(parts, confidence)
    mean = sum(part.total for part in parts) / sum(part.count for part in parts)
    return Amount(mean=mean, low=None if seen is None else seen[0], high=None if seen is None else seen[1])


@dataclass(frozen=True, kw_only=True)
class WindowWorth:
    """What the decisions of one span earned, of all packages together.

    Parameters
    ----------
    target
        What each decision whose outcome is seen must earn, on these rows, for the charter's target to be reached; None where it cannot be told.
    breached
        Whether a monitor of worth found too little.
    rows
        Decisions of the model.
    """

    start: datetime
    end: datetime
    rows: int
    outcomes: int
    earned: Amount
    added: Amount
    baseline: float
    perfect: float
    target: float | None
    breached: bool

    @property
    def misses(self) -> bool:
        """Whether it surely earned less than the target asks for."""
        return self.target is not None and self.earned.high is not None and self.earned.high < self.target

    def as_json(self) -> dict[str, Any]:
        """The span as plain values; money is per decision."""
        return {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "rows": self.rows,
            "outcomes": self.outcomes,
            "completeness": self.outcomes / self.rows if self.rows else None,
            "per_decision": self.earned.mean,
            "low": self.earned.low,
            "high": self.earned.high,
            "added": {"per_decision": self.added.mean, "low": self.added.low, "high": self.added.high},
            "baseline": self.baseline,
            "perfect": self.perfect,
            "target": self.target,
            "misses_target": self.misses,
            "breached": self.breached,
        }


def by_window(windows: Sequence[Body], charter: CharterSpec, *, per_year: float | None, confidence: float) -> list[WindowWorth]:
    """What each span of event time earned, oldest first; spans of which no outcome has come are left out.

    Parameters
    ----------
    per_year
        Decisions in a year whose outcome is seen (`Realised.earning_per_year`), of which the target is a share for each.
    """
    spans: dict[str, list[Body]] = {}
    for window in windows:
        spans.setdefault(window["start"], []).append(window)
    above = None if charter.target is None or not per_year else charter.target.per_year / per_year
    told = []
    for start, bodies in sorted(spans.items()):
        parts = [Earned.of_json(body["sums"]) for body in bodies]
        whole = summed(parts)
        if not whole.outcomes:
            continue
        baseline = whole.baseline / whole.outcomes
        told.append(
            WindowWorth(
                start=datetime.fromisoformat(start),
                end=datetime.fromisoformat(max(body["end"] for body in bodies)),
                rows=sum(map(decided, bodies)),
                outcomes=whole.outcomes,
                earned=_amount([whole.money], confidence),
                added=_amount([whole.gain], confidence),
                baseline=baseline,
                perfect=whole.perfect / whole.outcomes,
                target=None if above is None else baseline + above,
                breached=any(name in OF_WORTH for body in bodies for name in body["breaches"]),
            )
        )
    return told
