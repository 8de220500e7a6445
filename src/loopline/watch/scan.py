"""The newest windows judged together, one, two and more at a time: how far beyond a promise they may lie by chance, and the smallest change that shows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

POOLS = (1, 2, 3, 5, 8)
"""So many of the newest windows are judged together: one by itself shows what breaks, eight show what wanes."""

FINE_NEEDED = 3
"""Windows in a row that must be fine before an alert is resolved; until then another breach is the same alert."""

_RUNS, _WINDOWS = 200, 2_000
_RARE = 60
_HEIGHTS = np.arange(2.0, 5.01, 0.1)
"""Nobody is told of less than two standard errors, however many false alarms are borne."""

_WORLDS = 4_000

Floats = NDArray[np.float64]


@lru_cache(maxsize=256)
def threshold(chance: float) -> float:
    """The standard errors beyond which the farthest pool lies so seldom that, where nothing has changed, an alert begins with this chance per window.

    The pools overlap and the windows follow one another, so that chances cannot be added up: alerts are counted in simulated windows of equal
    weight. Where they are too rare to be counted, the logarithm of their rate goes on as the quadratic in the threshold that it is nearly.

    References
    ----------
    Siegmund, D., Venkatraman, E. S. (1995). Using the generalized likelihood ratio statistic for sequential detection of a change-point.
    Annals of Statistics 23 (the greatest of the standardised means of the newest windows).
    Lai, T. L. (1995). Sequential changepoint detection in quality control and dynamical systems. JRSS B 57 (a few window lengths suffice).
    """
    heights, rates = _rates()
    logs = np.log(rates)
    if np.log(chance) >= logs[-1]:
        return float(np.interp(-np.log(chance), -logs, heights))
    bend, slope, level = np.polyfit(heights[len(heights) // 2 :], logs[len(heights) // 2 :], 2)
    # The lesser root would be on the rising side of the parabola.
    root = np.sqrt(max(0.0, slope**2 - 4 * bend * (level - np.log(chance))))
    return float(max((-slope - root) / (2 * bend), heights[-1]))


@lru_cache(maxsize=1)
def _rates() -> tuple[Floats, Floats]:
    """Thresholds, and the alerts that begin per window where nothing has changed; as far as they can be counted."""
    farthest = _farthest(np.random.default_rng(0).normal(size=(_RUNS, _WINDOWS)), 0.0)[:, max(POOLS) :]
    rates = np.array([_begun(farthest > height).mean() for height in _HEIGHTS])
    counted = rates * farthest.size >= _RARE
    return _HEIGHTS[counted], rates[counted]


def _begun(breached: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where an alert begins: a breach after `FINE_NEEDED` windows without one."""
    begun = breached[:, FINE_NEEDED:].copy()
    for back in range(1, FINE_NEEDED + 1):
        begun &= ~breached[:, FINE_NEEDED - back : breached.shape[1] - back]
    return begun


def _farthest(windows: Floats, offset: Floats | float, *, error: float = 0.0) -> Floats:
    """The standard errors of the pool that lies farthest, at each window.

    Parameters
    ----------
    windows
        Means of windows in units of their own standard errors, shape (runs, windows).
    offset, error
        By how much the promise is off, and the standard error of that, in the same unit.
    """
    sums = np.concatenate([np.zeros((len(windows), 1)), windows.cumsum(axis=1)], axis=1)
    farthest = np.full(windows.shape, -np.inf)
    for pool in POOLS:
        means = (sums[:, pool:] - sums[:, :-pool]) / pool + offset
        np.maximum(farthest[:, pool - 1 :], means / np.hypot(pool**-0.5, error), out=farthest[:, pool - 1 :])
    return farthest


def smallest_change(*, window_error: float, promised_error: float, chance: float, windows: int = 3, power: float = 0.95) -> float:
    """The smallest lasting change of the mean that is seen within so many windows with the given power, in the unit of the errors.

    Parameters
    ----------
    window_error
        Standard error of the mean of one window.
    promised_error
        Standard error of what the mean is held against.
    chance
        Of an alert per window where nothing has changed.

    Notes
    -----
    Simulated: `POOLS` of which the older windows are as promised, and the newest changed.
    """
    if window_error <= 0:
        return 0.0
    rng = np.random.default_rng(1)
    noise, off = rng.normal(size=(_WORLDS, max(POOLS) + windows)), rng.normal(size=(_WORLDS, 1))
    error, height = promised_error / window_error, threshold(chance)
    changed = np.arange(noise.shape[1]) >= max(POOLS)

    def is_seen(change: float) -> bool:
        farthest = _farthest(noise + change * changed, error * off, error=error)
        return bool((farthest[:, changed] > height).any(axis=1).mean() >= power)

    low, high = 0.0, (height + 4) * float(np.hypot(1.0, error))
    while high - low > 0.005 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if is_seen(middle) else (middle, high)
    return high * window_error
