"""What a monitor looks at, what it finds, and how large a chance of a false alarm it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from loopline.charter.spec import Role
from loopline.watch.drift import ROWS_NEEDED, Bins
from loopline.watch.earned import Earned, Sums
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import SCORE, Window, Yardstick

USUAL_MEMORY = 28
"""Windows before the judged one that tell how many rows are usual."""
NAMED = 3
"""So many features are named in a breach, those that matter most; the others are counted."""
NEARLY = 0.9
"""A window with so great a share of the usual rows is judged as one that is over: where rows come in batches it may long be the newest."""
EARLY = 0.02
"""Of the chance of a false alarm each look has at a window that still fills, or whose outcomes still come: there are many such looks."""
_YEAR_S = 365.25 * 86_400
SHARES = {
    "worth_promised": 0.42,
    "worth_baseline": 0.08,
    "worth_estimated": 0.04,
    "performance": 0.05,
    "performance_estimated": 0.03,
    "volume": 0.05,
    "refused_share": 0.04,
    "outcomes_late": 0.01,
    "nulls": 0.04,
    "new_categories": 0.04,
    "unseen_ranges": 0.04,
    "score_drift": 0.04,
    "drift": 0.08,
    "multivariate": 0.04,
}
"""How the declared rate of false alarms is shared out; each is that of a monitor over all features together. Money has most, so that small losses are seen."""


@dataclass(frozen=True)
class Earlier:
    """A window of the test part: what windows looked like before the release.

    Parameters
    ----------
    misses
        How far beyond their intervals its estimates came true, as `loopline.watch.honesty.misses` tells it.
    """

    rows: int
    earned: Earned
    loss: Sums
    misses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Promise:
    """What the package showed on the test part: money per decision, and the mean of `loopline.watch.windows.loss`.

    Both are of the decisions whose outcome is seen once it serves; None where what these alone showed is not known.
    """

    per_decision: float | None
    loss: float | None
    rows: int


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a monitor may look at.

    Parameters
    ----------
    windows
        The package's windows in the order of time, as far back as `loopline.watch.windows.LOOKBACK`.
    at
        Index of the window that is judged.
    is_closed
        Whether time has gone beyond the window.
    has_begun
        Whether time has come as far as the window: one ahead of it holds rows with a wrong date, or is only beginning to fill.
    came
        Rows by the start of the window, whichever package answered them; None where these windows are all that is known.
    today
        The start of the window that it is now; None where nobody knows.
    outages
        The starts of earlier windows in which no row came though rows were usual.
    before
        The windows of the test part; empty where the package has no time.
    apart_before
        Rows of each of these, and how well a classifier told it from the others (`Window.apart`).
    """

    windows: Sequence[Window]
    at: int
    is_closed: bool
    yardstick: Yardstick
    promise: Promise
    before: Sequence[Earlier]
    spec: WatchSpec
    currency: str
    apart_before: Sequence[tuple[int, float]] = ()
    has_begun: bool = True
    came: Mapping[datetime, int] | None = None
    today: datetime | None = None
    outages: frozenset[datetime] = frozenset()

    @property
    def window(self) -> Window:
        """The window that is judged."""
        return self.windows[self.at]

    @property
    def each(self) -> str:
        """What money and promise are told of."""
        return "each decision to act" if self.yardstick.hides else "each decision"

    @property
    def used(self) -> tuple[Bins, ...]:
        """The features that the model uses; the others explain, and alarm nobody."""
        return tuple(bins for bins in self.yardstick.features if bins.weight > 0 and bins.name != SCORE)

    @property
    def is_judged(self) -> bool:
        """Whether the window has rows enough to be held against training."""
        return self.window.rows >= ROWS_NEEDED and self.is_full

    def chance(self, monitor: str) -> float:
        """Of a false alarm of one monitor at this look at the window: a window that still fills is looked at in each turn, for what cannot wait."""
        return self.settled_chance(monitor) * (1.0 if self.is_settled else EARLY)

    def settled_chance(self, monitor: str) -> float:
        """Of a false alarm of one monitor in one window, once it is judged for good."""
        per_window = self.spec.false_alarms.per_year * self.spec.window.total_seconds() / _YEAR_S
        return min(0.5, max(1e-6, per_window * SHARES[monitor]))

    @property
    def is_full(self) -> bool:
        """Whether the window is closed, or holds half as many rows as closed ones do: one that has just begun shows only its first hours."""
        return self.is_closed or self._usual is None or self.window.rows >= self._usual / 2

    @property
    def is_settled(self) -> bool:
        """Whether the window is closed, or holds nearly as many rows as closed ones do: the looks at it that follow are few, and see nearly the same."""
        return self.is_closed or (self._usual is not None and self.window.rows >= NEARLY * self._usual)

    @property
    def _usual(self) -> float | None:
        """How many rows windows have; None before any had some."""
        rows = [window.rows for window in self.windows[max(0, self.at - USUAL_MEMORY) : self.at] if window.rows]
        return median(rows) if rows else None


@dataclass(frozen=True, kw_only=True)
class Breach:
    """What a monitor found to be wrong in a window.

    Parameters
    ----------
    feature
        The feature that it is about; empty where it is about none, or several.
    features
        The features that it is about, the one that matters most first: what several show in one window is one cause.
    role
        Who is to be told.
    """

    monitor: str
    feature: str = ""
    features: tuple[str, ...] = ()
    role: Role
    says: str
    value: float
    limit: float

    @property
    def names(self) -> tuple[str, ...]:
        """The monitor, with each feature that the breach is about, as texts."""
        about = self.features or ((self.feature,) if self.feature else ())
        return tuple(f"{self.monitor}:{feature}" for feature in about) or (self.monitor,)


def breach_of(said: Mapping[str, Any]) -> Breach:
    """The breach that `dataclasses.asdict` made plain."""
    return Breach(**{**said, "features": tuple(said["features"])})


Monitor = Callable[[Watched], list[Breach] | None]


def listed(told: Sequence[str], count: int) -> str:
    """Some of so many things as a list in words."""
    return ", ".join(told) + (f" and {count - len(told)} more" if count > len(told) else "")
