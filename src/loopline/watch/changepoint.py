"""Since when a series is not what it was: the moment at which its mean changed, and how often chance alone would show such a change. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEEDED = 5
"""Readings below which no change is looked for: fewer can be shuffled in too few ways."""

CHANCE = 0.05
"""How often chance may show as great a change before the change counts as one."""

_SHUFFLES = 999


@dataclass(frozen=True, slots=True)
class Change:
    """Where the mean changed.

    Parameters
    ----------
    at
        Place of the first reading after the change.
    before, after
        The weighted means on both sides.
    chance
        How often readings in no order show a change as great.
    """

    at: int
    before: float
    after: float
    chance: float

    @property
    def is_sure(self) -> bool:
        """Whether chance alone does not explain it."""
        return self.chance <= CHANCE


def change_point(values: Sequence[float], weights: Sequence[float], *, seed: int = 0) -> Change | None:
    """The one split of the readings whose two means lie furthest apart, beyond what their weights let expect; None of fewer than `NEEDED` readings.

    The chance comes from shuffling the readings, so no distribution is supposed.

    Parameters
    ----------
    values, weights
        Shape (n,), in the order of time; the weights are positive, such as the rows that a mean is of.

    References
    ----------
    Hinkley, D. V. (1970). Inference about the change-point in a sequence of random variables. Biometrika 57.
    Antoch, J., Hušková, M. (2001). Permutation tests in change point analysis. Statistics & Probability Letters 53.
    """
    value, weight = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if len(value) < NEEDED:
        return None
    apart = _apart(value[None], weight[None])[0]
    split = int(np.argmax(apart))
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(len(value)), (_SHUFFLES, 1)), axis=1)
    shuffled = _apart(value[order], weight[order]).max(axis=1)
    # A hair of tolerance, so that shuffles of equal readings count as equal.
    reached = int(np.sum(shuffled >= apart[split] * (1 - 1e-9)))
    at = split + 1
    means = [float(np.average(value[part], weights=weight[part])) for part in (slice(None, at), slice(at, None))]
    return Change(at, means[0], means[1], (1 + reached) / (1 + _SHUFFLES))


def _apart(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the weighted means before and after each split lie apart: what the split explains of the sum of squares, shape (series, n - 1)."""
    centred = values - np.average(values, axis=1, weights=weights)[:, None]
    left = np.cumsum(weights * centred, axis=1)[:, :-1]
    before = np.cumsum(weights, axis=1)[:, :-1]
    whole = weights.sum(axis=1, keepdims=True)
    return np.asarray(left**2 * whole / (before * (whole - before)))
