"""Monitors: small named functions in a list, each of which looks at a window and says what it found there.

Each is pure. It returns None where the window cannot be judged (too few rows, still filling), else the breaches, none when all is well.
Together they keep to the declared rate of false alarms: half of it is for drift, over all features and the score together, and the
rest is shared by the others (`SHARES`). So each has its own small chance to call a window a breach in which nothing has changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

from loopline.charter.spec import Role, Task
from loopline.declaration import figure
from loopline.watch.drift import ROWS_NEEDED, limits
from loopline.watch.earned import Earned, Sums, standard_error
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import SCORE, Window, Yardstick

MEMORY = 7
"""Windows that are judged together by what they earned: single ones scatter too much."""

VOLUME_MEMORY, VOLUME_NEEDED = 28, 14
WINDOWS_NEEDED = 5
_YEAR_S = 365.25 * 86_400
SHARES = {"drift": 0.5, "volume": 0.1, "refused_share": 0.1, "performance": 0.1, "worth_promised": 0.1, "worth_baseline": 0.1}
"""How the declared rate of false alarms is shared out; drift is that of all features and of the score."""

_UNITS: dict[Task, str] = {"binary": "Brier score", "multiclass": "share of wrong classes", "regression": "mean absolute error"}


@dataclass(frozen=True)
class Earlier:
    """A window of the test part: what windows looked like before the release."""

    rows: int
    earned: Earned
    loss: Sums


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
        usual = [window.rows for window in self.windows[max(0, self.at - VOLUME_MEMORY) : self.at] if window.rows]
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


def volume(watched: Watched) -> list[Breach] | None:
    """Rows far fewer than in the last 28 windows: below their median, and below the fifth with the fewest, by more than chance explains.

    The square roots of counts have nearly the same variance everywhere: a half, where they come independently. The scatter about the
    median is taken from the median deviation and is at least that; the quietest fifth stands for weekends and nights.

    References
    ----------
    Anscombe, F. J. (1948). The transformation of Poisson, binomial and negative-binomial data. Biometrika 35.
    """
    roots = sorted(math.sqrt(window.rows) for window in watched.windows[max(0, watched.at - VOLUME_MEMORY) : watched.at])
    if not watched.is_closed or len(roots) < VOLUME_NEEDED:
        return None
    centre, quiet = median(roots), roots[len(roots) // 5]
    scatter = max(0.5, 1.4826 * median(abs(root - centre) for root in roots))
    z = NormalDist().inv_cdf(1 - watched.chance("volume"))
    limit = max(0.0, min(centre - z * scatter, quiet - z * math.sqrt(0.5))) ** 2
    rows = watched.window.rows
    if rows >= limit:
        return []
    said = "no rows came" if rows == 0 else f"only {rows:,} rows came"
    return [Breach(monitor="volume", role="devops", says=f"{said}, {centre**2:,.0f} are usual", value=rows, limit=limit)]


def refused_share(watched: Watched) -> list[Breach] | None:
    """A share of refused rows that is surely above the declared one (the lower end of Wilson's interval).

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22.
    """
    window, allowed = watched.window, watched.spec.refused_share
    came = window.rows + window.refused
    if came < ROWS_NEEDED:
        return None
    share, z = window.refused / came, NormalDist().inv_cdf(1 - watched.chance("refused_share"))
    middle, reach = share + z * z / (2 * came), z * math.sqrt(share * (1 - share) / came + z * z / (4 * came * came))
    if (middle - reach) / (1 + z * z / came) <= allowed:
        return []
    says = f"{share:.0%} of the rows were refused, {allowed:.0%} are allowed"
    return [Breach(monitor="refused_share", role="data", says=says, value=share, limit=allowed)]


def drift(watched: Watched) -> list[Breach] | None:
    """Features whose distance from training is no accident; `loopline.watch.drift.limits` says how that is told."""
    found = _drifted(watched)
    return None if found is None else [breach for breach in found if breach.monitor == "drift"]


def score_drift(watched: Watched) -> list[Breach] | None:
    """The score's distance from the validation part is no accident."""
    found = _drifted(watched)
    return None if found is None else [breach for breach in found if breach.monitor == "score_drift"]


def _drifted(watched: Watched) -> list[Breach] | None:
    window = watched.window
    if window.rows < ROWS_NEEDED or not watched.is_full:
        return None
    found = []
    for name, limit in drift_limits(watched).items():
        value = window.drift.get(name)
        if value is None or value <= limit:
            continue
        what = "the score" if name == SCORE else name
        says = f"{what} has drifted: distance {value:.2f} from training, {limit:.2f} is its limit"
        monitor, feature, role = ("score_drift", "", "ml") if name == SCORE else ("drift", name, "science")
        found.append(Breach(monitor=monitor, feature=feature, role=role, says=says, value=value, limit=limit))  # type: ignore[arg-type]
    return found


def drift_limits(watched: Watched) -> dict[str, float]:
    """The limit of each feature's distance for a window of so many rows, and of the score's."""
    return limits(watched.yardstick.features, watched.window.rows, watched.chance("drift"))


def performance(watched: Watched) -> list[Breach] | None:
    """A mean error that is significantly above the package's on the test part."""
    promised = watched.promise.loss
    found = None if promised is None else _beyond(watched, "performance", lambda window: window.loss, promised, sign=1)
    if promised is None or found is None:
        return None
    what = _UNITS[watched.yardstick.task]
    return [
        Breach(monitor="performance", role="ml", says=f"the {what} is {figure(seen)}, it was {figure(promised)} on the test part", value=seen, limit=limit)
        for seen, limit in found
    ]


def worth_promised(watched: Watched) -> list[Breach] | None:
    """Money per decision that is significantly below what was promised on the test part."""
    promised = watched.promise.per_decision
    found = None if promised is None else _beyond(watched, "worth_promised", lambda window: window.earned.money, promised, sign=-1)
    if promised is None or found is None:
        return None
    said = f"{figure(promised)} were promised"
    return [
        Breach(monitor="worth_promised", role="business", says=f"each decision earns {figure(seen)} {watched.currency}, {said}", value=seen, limit=limit)
        for seen, limit in found
    ]


def worth_baseline(watched: Watched) -> list[Breach] | None:
    """Money per decision that is significantly below what no model would earn."""
    found = _beyond(watched, "worth_baseline", lambda window: window.earned.gain, 0.0, sign=-1, is_measured=False)
    if found is None:
        return None
    said = f"{watched.currency} less than without a model"
    return [
        Breach(monitor="worth_baseline", role="business", says=f"each decision earns {figure(-seen)} {said}", value=seen, limit=limit) for seen, limit in found
    ]


def _beyond(
    watched: Watched, monitor: str, take: Callable[[Window | Earlier], Sums], promised: float, *, sign: int, is_measured: bool = True
) -> list[tuple[float, float]] | None:
    """The mean that lies significantly beyond the promised one, and the limit; none where it does not, None where nothing can be judged.

    The window is judged by itself, which shows what breaks at once, and together with those before it, which shows what wanes.

    Parameters
    ----------
    sign
        1 where more is worse, -1 where less is.
    is_measured
        Whether the promised mean is itself measured, with an error of its own.
    """
    pools = _pools(watched)
    before = [take(window) for window in watched.before]
    for pool in pools:
        parts = [take(window) for window in pool]
        seen = sum(part.total for part in parts) / sum(part.count for part in parts)
        z = NormalDist().inv_cdf(1 - watched.chance(monitor) / len(pools))
        limit = promised + sign * z * math.hypot(_own_error(parts, before), _promised_error(watched, parts, before) if is_measured else 0.0)
        if sign * (seen - limit) > 0:
            return [(seen, limit)]
    return [] if pools else None


def _pools(watched: Watched) -> list[list[Window]]:
    """The window, and the window with those before it; only such that have enough outcomes.

    A window whose outcomes are only beginning to come is left out: those that come first are often of one kind.
    """
    known = [window for window in watched.windows[: watched.at + 1] if window.outcomes]
    most = max((window.completeness or 0.0 for window in known), default=0.0)
    settled = [window for window in known if (window.completeness or 0.0) >= most / 2]
    if watched.window not in settled[-1:]:
        return []
    both = [settled[-1:], settled[-MEMORY:]] if len(settled) > 1 else [settled]
    return [pool for pool in both if sum(window.outcomes for window in pool) >= ROWS_NEEDED]


def _own_error(parts: Sequence[Sums], before: Sequence[Sums]) -> float:
    """The standard error of the mean over all parts: the widest of what their rows, the parts themselves and the windows of the test part say."""
    usual = [part.total / part.count for part in before if part.count >= ROWS_NEEDED]
    own = standard_error(parts)
    if len(usual) < WINDOWS_NEEDED:
        return own
    centre = sum(usual) / len(usual)
    scatter = math.sqrt(sum((mean - centre) ** 2 for mean in usual) / (len(usual) - 1))
    return max(own, scatter / math.sqrt(len(parts)))


def _promised_error(watched: Watched, parts: Sequence[Sums], before: Sequence[Sums]) -> float:
    """The standard error of the mean on the test part; where its windows are not known, from the rows' variance now."""
    usual = [part for part in before if part.count]
    if usual:
        return standard_error(usual)
    return math.sqrt(sum(parts, Sums()).variance / max(2, watched.promise.rows))


MONITORS: tuple[Monitor, ...] = (volume, refused_share, drift, score_drift, performance, worth_promised, worth_baseline)

OF_THE_MODEL = frozenset({"drift", "score_drift", "performance", "worth_promised", "worth_baseline"})
"""The monitors whose breaches a new training may mend; too few requests, or refused ones, are not the model's fault."""

OF_MONEY = frozenset({"performance", "worth_promised", "worth_baseline"})


def look(watched: Watched) -> dict[str, list[Breach] | None]:
    """What every monitor found in the window, by the monitor's name."""
    return {monitor.__name__: monitor(watched) for monitor in MONITORS}
