"""Which rows belong together: the blocks that an interval resamples whole, because rows of one day are alike. Pure functions on NumPy."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Blocks = NDArray[np.int64]

MANY = 20
"""Blocks below which a bootstrap tells little: days are joined into weeks only where so many weeks remain."""

_DAYS = 5

_ALIKE = 0.8
"""How alike neighbouring blocks are taken to be at most: few blocks tell it badly."""
_LEVEL = 0.9


def by_time(time: NDArray[Any]) -> Blocks:
    """The block of each row, shape (n,): its week where there are `MANY` weeks, else its day where there are five; else as `by_order`.

    A day's rows share what is not in the columns (the weather, a holiday), and neighbouring days share some of it too: the longest blocks
    of which there are enough say most honestly how far another span would lie from this one.

    Parameters
    ----------
    time
        Shape (n,), ascending: datetime64, or numbers, which have no days.
    """
    if time.dtype.kind == "M":
        for unit, enough in (("W", MANY), ("D", _DAYS)):
            labels = np.unique(time.astype(f"datetime64[{unit}]"), return_inverse=True)[1].reshape(-1).astype(np.int64)
            if len(labels) and labels.max() + 1 >= enough:
                return labels
    return by_order(len(time))


def by_day(time: NDArray[Any]) -> Blocks:
    """As `by_time`, but days stay days where they are fewer than five: an interval from a few of them is wide, and one within them is wrong.

    Parameters
    ----------
    time
        Shape (n,), ascending: datetime64.
    """
    days = np.unique(time.astype("datetime64[D]"), return_inverse=True)[1].reshape(-1).astype(np.int64)
    return by_time(time) if len(days) and days.max() + 1 >= _DAYS else days


def by_order(rows: int) -> Blocks:
    """The block of each of so many rows in the order of time, shape (n,): the cube root of n blocks of neighbours, and at least `MANY`.

    References
    ----------
    Künsch (1989), The jackknife and the bootstrap for general stationary observations: blocks must grow with the rows.
    """
    count = min(rows, max(MANY, round(rows ** (1 / 3))))
    labels: Blocks = alone(rows) * count // max(rows, 1)
    return labels


def alone(rows: int) -> Blocks:
    """A block for each of so many rows, shape (n,): rows in no order have nothing to do with one another."""
    return np.arange(rows, dtype=np.int64)


def numbered(blocks: Blocks) -> tuple[NDArray[np.intp], int]:
    """The place of each row's block among all blocks, shape (n,), and how many blocks there are."""
    labels, codes = np.unique(blocks, return_inverse=True)
    return codes.reshape(-1), len(labels)


def student(count: int, level: float) -> float:
    """How many standard errors an interval reaches to each side, where the error was told by so many blocks.

    References
    ----------
    Fisher, R. A., Cornish, E. A. (1960). The percentile points of distributions having known cumulants: the quantile of Student's
    distribution, to the first order of one over the degrees of freedom.
    """
    normal = NormalDist().inv_cdf((1 + level) / 2)
    return normal * (1 + (normal**2 + 1) / (4 * max(count - 1, 1)))


def alikeness(sums: NDArray[np.float64]) -> float:
    """By how much the variance of a mean is greater than neighbouring blocks that have nothing in common would make it; never less than 1.

    Parameters
    ----------
    sums
        Shape (blocks, k): what the blocks' sums are off by, in the order of time. What varies in most of the k columns at once tells.

    References
    ----------
    Kendall, M. G. (1954). Note on bias in the estimation of autocorrelation. Cochrane, D., Orcutt, G. H. (1949): the variance of a mean of a first-order
    autoregression. How many blocks are as good as independent ones widens Student's distribution, too.
    """
    count = len(sums)
    size = np.sqrt((sums**2).sum(axis=0))
    if count < _DAYS or not np.any(size > 0):
        return 1.0
    scaled = sums[:, size > 0] / size[size > 0]
    common = scaled @ np.linalg.eigh(scaled.T @ scaled)[1][:, -1]
    seen = float((common[1:] * common[:-1]).sum() / (common**2).sum())
    alike = float(np.clip((count * seen + 1) / (count - 3), 0.0, _ALIKE))
    wider = (1 + alike) / (1 - alike)
    return wider * (student(max(2, round(count / wider)), _LEVEL) / student(count, _LEVEL)) ** 2


def stretch(count: int, level: float) -> float:
    """By how much an interval must be wider than a bootstrap of so many blocks says.

    Blocks few in number vary less in a bootstrap than they do in truth: by the bias of the variance, and by what Student's distribution is
    wider than the normal one.
    """
    return float(np.sqrt(count / max(count - 1, 1))) * student(count, level) / NormalDist().inv_cdf((1 + level) / 2)
