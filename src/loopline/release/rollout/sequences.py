"""Bounds that hold at every moment at once, however often they are looked at: confidence sequences and e-processes."""

from __future__ import annotations

import math

from scipy.special import betaincc, betaln, log1p

from loopline.release.rollout.evidence import Moments

BURN_IN = 100
"""Rows of each arm before a bound on a mean is spoken of: the bound is asymptotic, and says nothing of a handful."""
BURN_IN_PAIRS = 500
"""Pairs that differ, before the mean of differences is spoken of: they have no other group to tell how rare a large one is."""
LOPSIDED = 10
"""So many rows more for each square of the skewness: the normal law's error falls as the skewness over the square root of the rows."""


def reach(n: float, alpha: float, sharpest: float) -> float:
    """How far the mean of n values of unit variance may lie from the true one, on one side, at every n at once with probability 1 - `alpha`.

    Parameters
    ----------
    sharpest
        The number of values at which the bound is tightest.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", The Annals of Statistics, 2024:
    the one-sided bound of its appendix B.1 and the choice of the mixture's scale in B.2. The mixture is Robbins', "Statistical methods related to the law of
    the iterated logarithm", The Annals of Mathematical Statistics, 1970.
    """
    level = 2 * alpha
    scale2 = (-2 * math.log(level) + math.log(-2 * math.log(level)) + 1) / sharpest
    spread = n * scale2 + 1
    return math.sqrt(2 * spread / (n * n * scale2) * math.log(1 + math.sqrt(spread) / level))


def enough(least: int, *like: Moments) -> float:
    """How many rows it takes until a mean of such values is spoken of: `least`, and more where they are lopsided, as where a rare loss is large.

    References
    ----------
    The bound of Berry and Esseen: the distance from the normal law is of the order of the skewness over the square root of the number of values.
    """
    return max(least, *(LOPSIDED * one.skewness**2 for one in like))


def of_pairs(seen: Moments, alpha: float, sharpest: float) -> tuple[float, float]:
    """The least and the greatest that the mean of differences may be, each wrong with probability `alpha` at most."""
    by = math.sqrt(seen.variance) * reach(seen.n, alpha, sharpest)
    return seen.mean - by, seen.mean + by


def of_difference(one: Moments, other: Moments, alpha: float, sharpest: float) -> tuple[float, float] | None:
    """The same of the mean of one group less that of another, into which rows fall by chance.

    The difference is the mean over all rows of a quantity whose variance is that of `one` over its share plus that of `other` over its own.

    None where either has too few rows to tell. The smaller group scatters no less than the greater one, which has seen more of what is rare.

    Parameters
    ----------
    sharpest
        The number of values of `one` at which the bound is tightest.
    """
    if min(one.n, other.n) < enough(BURN_IN, one, other):
        return None
    n, most = one.n + other.n, max(one, other, key=lambda group: group.n).variance
    variance = n * (max(one.variance, most) / one.n + max(other.variance, most) / other.n)
    by = math.sqrt(variance) * reach(n, alpha, sharpest * n / one.n)
    gap = one.mean - other.mean
    return gap - by, gap + by


def exceeds(failed: int, of: int, share: float) -> float:
    """The log of the evidence that more than a `share` of all fail, when `failed` `of` them did; above log(1 / alpha) it is sure, at every moment at once.

    It is the likelihood of what was seen, averaged over all shares above the one that is allowed, against that share: a martingale where just that share
    fails, and less where fewer do. It is exact for any number of rows.

    References
    ----------
    Ville's inequality; the mixture is that of Robbins & Siegmund, "Boundary crossing probabilities for the Wiener process and sample sums", 1970, for a
    binomial, as in Howard, Ramdas, McAuliffe & Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", The Annals of Statistics, 2021.
    """
    if not of:
        return 0.0
    above = float(betaincc(failed + 1, of - failed + 1, share))
    if above <= 0:
        return -math.inf
    allowed = failed * math.log(share) + (of - failed) * float(log1p(-share))
    return float(betaln(failed + 1, of - failed + 1)) + math.log(above) - float(log1p(-share)) - allowed


def needed(gap: float, deviation: float, alpha: float, sharpest: float, *, most: int = 10**9) -> int | None:
    """How many rows it takes until a mean that lies `gap` away from 0 is surely seen not to be 0, when the values scatter by `deviation`; None above `most`.

    Half of the time it takes fewer.
    """
    least, greatest = BURN_IN, most
    if deviation * reach(greatest, alpha, sharpest) > gap:
        return None
    while least < greatest:
        middle = (least + greatest) // 2
        if deviation * reach(middle, alpha, sharpest) > gap:
            least = middle + 1
        else:
            greatest = middle
    return least
