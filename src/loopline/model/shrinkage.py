"""Means by category, drawn towards the mean of all as far as the rows cannot tell them apart. Pure functions on NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """What rows add up to by category, the last category being every other value.

    Parameters
    ----------
    rows, total
        Shape (k,): the rows of each category, and the sum of their values.
    squares
        The sum of all values squared.
    """

    rows: Floats
    total: Floats
    squares: float

    @classmethod
    def none(cls, count: int) -> Sums:
        """What no rows add up to."""
        return cls(np.zeros(count), np.zeros(count), 0.0)

    @classmethod
    def of(cls, codes: Codes, values: Floats, count: int) -> Sums:
        """The sums of n values by their category, of which there are `count`; null values are not counted."""
        known = np.isfinite(values)
        codes, values = codes[known], values[known]
        rows, total = np.bincount(codes, minlength=count), np.bincount(codes, values, count)
        return cls(rows.astype(np.float64), np.asarray(total, dtype=np.float64), float(values @ values))

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.rows + other.rows, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """The mean of all values; 0 where there are none."""
        rows = float(self.rows.sum())
        return float(self.total.sum()) / rows if rows else 0.0


def shrunk(sums: Sums) -> Floats:
    """How far each category's mean lies from the mean of all, shape (k,), shrunk by how little its rows tell; 0 for one without rows.

    A category of n rows keeps n / (n + s / t) of its distance, where s is the variance of the values within categories and t that of the
    categories' true means, both estimated from these rows (analysis of variance of one random effect). Where the categories differ no more
    than chance has it, t is 0 and nothing of the distance is left. A distance, and not a mean, because means move with time.

    References
    ----------
    Efron, B., Morris, C. (1975). Data analysis using Stein's estimator and its generalizations.
    Searle, S. R., Casella, G., McCulloch, C. E. (1992). Variance Components, chapter 3.
    Micci-Barreca, D. (2001). A preprocessing scheme for high-cardinality categorical attributes.
    """
    rows, grand = sums.rows, sums.mean
    seen = rows > 0
    distance = np.zeros(len(rows))
    distance[seen] = sums.total[seen] / rows[seen] - grand
    count, whole = int(seen.sum()), float(rows.sum())
    between = float(rows @ distance**2)
    within = max(0.0, sums.squares - whole * grand**2 - between)
    free = whole - (float(rows @ rows) / whole if whole else 0.0)
    if count < 2 or whole <= count or free <= 0:
        return np.zeros(len(rows))
    noise = within / (whole - count)
    spread = (between - (count - 1) * noise) / free
    if spread <= 0:
        return np.zeros(len(rows))
    distance[seen] *= rows[seen] / (rows[seen] + noise / spread)
    return distance


def centred(values: Floats) -> Floats:
    """The values less their median, so that squares of large numbers with a small spread lose no digits; zeros and ones stay."""
    known = values[np.isfinite(values)]
    if not len(known) or (known.min() >= 0 and known.max() <= 1):
        return values
    return values - float(np.median(known))
