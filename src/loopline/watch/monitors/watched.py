"""What a monitor looks at, what it finds, and how large a chance of a false alarm it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from loopline.charter.spec import Role
from loopline.watch.earned import Earned, Sums
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import Window, Yardstick

USUAL_MEMORY = 28
"""Windows before the judged one that tell how many rows are usual."""
_YEAR_S = 365.25 * 86_400
SHARES = {
    "drift": 0.5,
    "volume": 0.1,
    "refused_share": 0.1,
    "performance": 0.06,
    "worth_promised": 0.06,
    "worth_baseline": 0.06,
    "performance_estimated": 0.06,
    "worth_estimated": 0.06,
}
"""How the declared rate of false alarms is shared out; drift is that of all features and of the score."""


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
    """What the package showed on the test part: money per decision, and the mean of `loopline.watch.windows.loss`."""

    per_decision: float | None
    loss: float | None
    rows: int


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a monitor may look at.

    Parameters
    ----------
    windows
        The package's windows in the order of time.
    at
        Index of the window that is judged.
    is_closed
        Whether time has gone beyond the window.
    before
        The windows of the test part; empty where the package has no time.
    """

    windows: Sequence[Window]
    at: int
    is_closed: bool
    yardstick: Yardstick
    promise: Promise
    before: Sequence[Earlier]
    spec: WatchSpec
    currency: str

    @property
    def window(self) -> Window:
        """The window that is judged."""
        return self.windows[self.at]

    def chance(self, monitor: str) -> float:
        """Of a false alarm of one monitor in one window."""
        per_window = self.spec.false_alarms.per_year * self.spec.window.total_seconds() / _YEAR_S
        return min(0.5, max(1e-6, per_window * SHARES[monitor]))

    @property
    def is_full(self) -> bool:
        """Whether the window is closed, or holds half as many rows as closed ones do: one that has just begun shows only its first hours."""
        usual = [window.rows for window in self.windows[max(0, self.at - USUAL_MEMORY) : self.at] if window.rows]
        return self.is_closed or not usual or self.window.rows >= median(usual) / 2


@dataclass(frozen=True, kw_only=True)
class Breach:
    """What a monitor found to be wrong in a window.

    Parameters
    ----------
    feature
        The feature that it is about; empty where it is about none.
    role
        Who is to be told.
    """

    monitor: str
    feature: str = ""
    role: Role
    says: str
    value: float
    limit: float

    @property
    def name(self) -> str:
        """Monitor and feature as one text."""
        return f"{self.monitor}:{self.feature}" if self.feature else self.monitor


Monitor = Callable[[Watched], list[Breach] | None]
