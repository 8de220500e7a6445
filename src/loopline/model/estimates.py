"""A number with the interval that it lies in: means, ratios and shares of rows that come in blocks. Pure functions on NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.blocks import Blocks, numbered, student

LEVEL = 0.95
"""How often an interval holds the truth."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, and the interval that holds the true one as often as the level says."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """The estimate as plain values."""
        return {"value": self.value, "low": self.low, "high": self.high}

    @property
    def is_above_zero(self) -> bool:
        """Whether chance alone does not explain that it lies above zero."""
        return self.low > 0

    @property
    def is_below_zero(self) -> bool:
        """Whether chance alone does not explain that it lies below zero."""
        return self.high < 0


def plain(estimate: Estimate | None) -> dict[str, float] | None:
    """An estimate as plain values, or None where there is none."""
    return None if estimate is None else estimate.as_json()


def of_mean(values: NDArray[Any], blocks: Blocks, *, level: float = LEVEL) -> Estimate | None:
    """The mean of n values with its interval; None where there are none."""
    return of_ratio(values, np.ones(len(values)), blocks, level=level)


def of_ratio(top: NDArray[Any], bottom: NDArray[Any], blocks: Blocks, *, level: float = LEVEL) -> Estimate | None:
    """The sum of `top` over the sum of `bottom` with its interval, from how the blocks' sums scatter; None where the bottom is nothing.

    Parameters
    ----------
    top, bottom
        Shape (n,); the bottom is not negative.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, sections 6.3 and 9A: a ratio of cluster totals.
    """
    spread = _scatter(top, bottom, blocks)
    if spread is None:
        return None
    value, error, count = spread
    reach = student(count, level) * error
    return Estimate(value, value - reach, value + reach)


def of_share(hits: NDArray[Any], blocks: Blocks, *, among: NDArray[Any] | None = None, level: float = LEVEL) -> Estimate | None:
    """The share of hits among some of n rows with its interval within 0 and 1, right for few rows too; None where there is no row.

    Rows of a block that are alike count for fewer: by the ratio of the variance of independent rows to that of the blocks.

    Parameters
    ----------
    hits, among
        Shape (n,): masks; all rows where `among` is None.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Kish, L. (1965). Survey Sampling: the
    design effect.
    """
    rows = np.ones(len(hits), dtype=bool) if among is None else np.asarray(among, dtype=bool)
    spread = _scatter(np.asarray(hits, dtype=bool) & rows, rows, blocks)
    if spread is None:
        return None
    value, error, count = spread
    rows_like = float(rows.sum())
    if error > 0:
        rows_like = max(1.0, min(rows_like, value * (1 - value) / error**2))
    reach = student(count, level)
    middle = (value + reach**2 / (2 * rows_like)) / (1 + reach**2 / rows_like)
    half = reach / (1 + reach**2 / rows_like) * np.sqrt(value * (1 - value) / rows_like + reach**2 / (4 * rows_like**2))
    return Estimate(value, max(0.0, min(value, float(middle - half))), min(1.0, max(value, float(middle + half))))


def _scatter(top: NDArray[Any], bottom: NDArray[Any], blocks: Blocks) -> tuple[float, float, int] | None:
    """The ratio of the sums, its standard error, and the number of blocks that it rests on."""
    top, bottom = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    whole = float(bottom.sum())
    if whole <= 0:
        return None
    codes, count = numbered(blocks)
    tops, bottoms = np.bincount(codes, weights=top, minlength=count), np.bincount(codes, weights=bottom, minlength=count)
    value = float(tops.sum()) / whole
    held = int(np.count_nonzero(bottoms))
    off = tops - value * bottoms
    error = float(np.sqrt(np.sum(off**2) * held / max(held - 1, 1))) / whole
    return value, error, held
