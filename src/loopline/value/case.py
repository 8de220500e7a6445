"""What a review is made from: the charter, the promise, the windows, and what single decisions and other steps tell. Plain, frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.value.criteria import Kept
from loopline.value.heard import Heard
from loopline.value.hindsight import Better
from loopline.value.lift import Reading
from loopline.value.month import Month, month
from loopline.value.realised import Amount, Body, Realised, WindowWorth, by_window, decided, realise
from loopline.value.segments import Segment
from loopline.value.spec import ValueSpec
from loopline.watch.departed import Departed
from loopline.watch.explanation import Explanation
from loopline.watch.upstream import Happening


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the package earned per decision on the test part, before it was released.

    Parameters
    ----------
    added
        What it earned above `baseline`, which is what `rule` would have earned without a model.
    shown
        The share of the decisions whose outcome is seen once it serves; None where nobody knows what these alone earned.
    """

    earned: Amount
    added: Amount
    baseline: float
    rule: str
    perfect: float
    rows: int
    shown: float | None = 1.0

    @property
    def seen(self) -> Amount | None:
        """What was earned per decision whose outcome is seen once it serves: what is realised is held against this."""
        return self.earned.times(1 / self.shown) if self.shown else None

    @classmethod
    def of(cls, measured: Mapping[str, Any], *, shown: float | None = 1.0) -> Promise:
        """The promise in a package's ``metrics.json``."""
        worth, gain = measured["worth"], measured["worth"]["gain"]
        return cls(
            earned=Amount(mean=worth["per_decision"], low=worth["low"], high=worth["high"]),
            added=Amount(mean=gain["mean"], low=gain["low"], high=gain["high"]),
            baseline=worth["baseline"],
            rule=worth["rule"],
            perfect=worth["perfect"],
            rows=measured["rows"]["test"],
            shown=shown,
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the rules judge and the report tells.

    Parameters
    ----------
    champion
        Digest of the package that decides now; None before the first release.
    windows
        Every window of every package, in the order of their starts.
    until
        Start of the newest window that has begun; None where nothing was served.
    made
        The day on which the review is made.
    alerts
        The bodies of the alerts that are not resolved.
    has_earlier
        Whether another package has decided before, to which a way leads back.
    knows_the_data
        Whether the champion, or one that did not beat it, has learned from the main table as it is: another run would give the same.
    retrained
        The package that was trained last and refused, with the reason, in words; empty where the next run makes another one.
    only_when_asked
        Whether new data alone trains nothing, because `watch.retrain` says what does.
    roles
        The roles in which the charter names somebody.
    base_rate
        Share of the known outcomes in which it happened (binary, outcomes seen whatever was decided); None elsewhere.
    segments, criteria, better
        What single decisions tell beyond their sums: worth by segment, acceptance criteria, a policy that would have earned more.
    explained
        What explains the open alerts of the champion, the most urgent first.
    departed
        The columns that the champion is asked with, and that left the range of its training.
    changes
        What happened upstream, oldest first.
    reigns
        The packages that decided, oldest first: ``package``, ``since``, ``until``, ``why``.
    experiments, lift, cost
        What other steps have found, as their views tell it; None and empty where they have not.
    lift_over_time
        The lift as it was known after each window; empty where no hold-out tells.
    tables
        The version of each table that the data stage has made.
    """

    project: str
    charter: CharterSpec
    spec: ValueSpec
    champion: str | None
    promise: Promise | None
    windows: Sequence[Body]
    made: date
    until: datetime | None = None
    alerts: Sequence[Mapping[str, Any]] = ()
    has_earlier: bool = False
    knows_the_data: bool = False
    retrained: str = ""
    only_when_asked: bool = False
    roles: frozenset[str] = frozenset()
    base_rate: float | None = None
    segments: Sequence[Segment] = ()
    criteria: Sequence[Kept] = ()
    better: Better | None = None
    explained: Sequence[Explanation] = ()
    departed: Sequence[Departed] = ()
    heard: Heard | None = None
    changes: Sequence[Happening] = ()
    reigns: Sequence[Mapping[str, Any]] = ()
    experiments: Sequence[Mapping[str, Any]] = ()
    lift: Mapping[str, Any] | None = None
    lift_over_time: Sequence[Reading] = ()
    cost: Mapping[str, Any] | None = None
    tables: Mapping[str, int] = field(default_factory=dict)

    @property
    def caused(self) -> Mapping[str, Any] | None:
        """What the policy causes against what chance held out from it, as `loopline.value.lift.Lift.as_json` writes it; None where nothing tells."""
        return None if self.lift is None else self.lift.get("lift")

    @property
    def causes(self) -> int:
        """1 where the hold-out shows that the model surely gains, -1 where it surely loses, else 0."""
        low, high = (None, None) if self.caused is None else (self.caused["low"], self.caused["high"])
        return 0 if low is None or high is None else int(low > 0) - int(high < 0)

    @property
    def promised(self) -> Amount | None:
        """What was promised per decision whose outcome is seen; None where nothing was, or it cannot be told."""
        return None if self.promise is None else self.promise.seen

    @property
    def currency(self) -> str:
        """The charter's currency."""
        return self.charter.worth.currency

    @cached_property
    def whole(self) -> Realised | None:
        """What all packages earned since the first prediction."""
        return realise(self.windows, self.charter, confidence=self.spec.confidence)

    @cached_property
    def own(self) -> Realised | None:
        """What the champion earned."""
        return realise([window for window in self.windows if window["package"] == self.champion], self.charter, confidence=self.spec.confidence)

    @cached_property
    def spans(self) -> list[WindowWorth]:
        """What each span of time earned, against its part of the target."""
        return by_window(self.windows, self.charter, per_year=None if self.whole is None else self.whole.earning_per_year, confidence=self.spec.confidence)

    @cached_property
    def month(self) -> Month | None:
        """What the newest month with a decision has added, up to where the windows tell; None before one."""
        begun = [window for window in self.windows if self.until is None or datetime.fromisoformat(window["start"]) <= self.until]
        if not begun:
            return None
        at, without = max(datetime.fromisoformat(window["end"]) for window in begun), None if self.promise is None else self.promise.baseline
        return month(begun, self.charter, at=at, confidence=self.spec.confidence, without_model=without)

    @property
    def served(self) -> int:
        """Decisions that the champion has served, without what was held out from it."""
        return sum(decided(window) for window in self.windows if window["package"] == self.champion)

    def money(self, value: float) -> str:
        """A sum of money as text."""
        return f"{figure(value)} {self.currency}"
