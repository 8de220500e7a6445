"""The test part's rows, weighted so that together they look like a window's. Pure functions on NumPy.

The weight of a row is the ratio of how dense the window's rows are at its features to how dense the test part's are. Its logarithm is
taken to be a sum of one term for each feature's bin, as in a logistic regression that tells the window's rows from the others by their bins;
the terms are those with which every feature's weighted shares are the window's. So a window is known by its counts alone, which merge, and no
row of it is kept or trained on.

References
----------
Sugiyama, M. et al. (2008). Direct importance estimation for covariate shift adjustment. Annals of the Institute of Statistical Mathematics
60: minimising the Kullback-Leibler divergence. Tsuboi, Y. et al. (2009). Direct density ratio estimation for large-scale covariate shift
adaptation. Journal of Information Processing 17: the log-linear model, for which that means matching moments. Bickel, S., Brückner, M.,
Scheffer, T. (2009). Discriminative learning under covariate shift. JMLR 10: the same ratio from a classifier's p / (1 - p). Deming, W. E.,
Stephan, F. F. (1940), Annals of Mathematical Statistics 11: the iteration, feature by feature. Kish, L. (1965). Survey Sampling: the effective size.
Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Transactions on Information Theory 37: near a half of chi-squared, over 4 ln 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopline.watch.drift import distance

Floats = NDArray[np.float64]
Places = Mapping[str, NDArray[np.intp]]
"""The bin of each row, shape (n,), by feature."""

HEAVIEST = 20.0
"""In no round a row is let stand for more than so many: a few of them would speak for the whole window."""

_ROUNDS = 15
_CLOSE = 0.2
"""Shares are matched to this over the square root of the window's rows: chance moves a share of a tenth by more."""

_CHANCE = 3.0
"""Standard deviations of chi-squared above its mean up to which a feature's shares differ by chance, and are left alone: weights must not chase it."""

UNSEEN = 0.02
"""A window with a greater share of rows than this in bins of which the test part has none, or too few, cannot be told from it."""


@dataclass(frozen=True, eq=False)
class Weights:
    """The weight of each row of the test part, shape (n,), with a mean of 1.

    Parameters
    ----------
    moved
        The features whose shares are others than the test part's by more than chance: those that the weights follow.
    unlike
        Why the weighted rows do not stand for the window; empty where they do.
    """

    each: Floats
    moved: tuple[str, ...] = ()
    unlike: str = ""

    @property
    def effective(self) -> float:
        """So many rows of equal weight would tell as much; 0 where none has any."""
        squares = float((self.each**2).sum())
        return float(self.each.sum()) ** 2 / squares if squares else 0.0


def weights(places: Places, counts: Mapping[str, Sequence[int]]) -> Weights:
    """The weights with which the rows at `places` have the shares of a window's `counts` in every feature's bins.

    Parameters
    ----------
    counts
        The window's rows in each bin, by feature; features of which one side knows nothing are left out.
    """
    own = {name: np.bincount(place, minlength=len(counts[name])) for name, place in places.items() if sum(counts.get(name, ()))}
    names = tuple(name for name, part in own.items() if has_moved(part, counts[name]))
    shares = {name: np.asarray(counts[name], dtype=np.float64) / sum(counts[name]) for name in names}
    held = {name: own[name] > 0 for name in names}
    rows = len(next(iter(places.values()))) if places else 0
    close = _CLOSE / math.sqrt(max((sum(counts[name]) for name in names), default=1))
    each = np.ones(rows)
    for name in names:
        if (unseen := float(shares[name][~held[name]].sum())) > UNSEEN:
            return Weights(each, names, f"{unseen:.0%} of its rows have a {name} of which the test part has none")
    for _ in range(_ROUNDS if names else 0):
        furthest = 0.0
        for name in names:
            now = _shares(places[name], each, len(shares[name]))
            furthest = max(furthest, float(np.abs(now - shares[name]).max()))
            each = each * np.divide(shares[name], now, out=np.zeros_like(now), where=now > 0)[places[name]]
        if not each.any():
            return Weights(np.ones(rows), names, "no row of the test part is like its rows")
        each = np.minimum(each / each.mean(), HEAVIEST)
        if furthest < close:
            break
    off = {name: float(np.abs(_shares(places[name], each, len(shares[name])) - shares[name]).max()) for name in names}
    far = max(off, key=lambda name: off[name], default="")
    unlike = f"few rows of the test part have its {far}" if far and off[far] > UNSEEN else ""
    return Weights(each / each.mean() if rows else each, names, unlike)


def _shares(place: NDArray[np.intp], each: Floats, bins: int) -> Floats:
    return np.bincount(place, weights=each, minlength=bins) / max(float(each.sum()), 1e-300)


def has_moved(own: NDArray[np.int64], counts: Sequence[int]) -> bool:
    """Whether two counts of the same bins differ by more than chance, as if they were samples of the same shares."""
    first, second = np.asarray(own), np.asarray(counts)
    bins = int(np.count_nonzero(first + second))
    if bins < 2:
        return False
    both = first.sum() * second.sum() / (first.sum() + second.sum())
    squares = float(distance(first, second)) ** 2 * 8 * math.log(2) * both
    return bool(squares > bins - 1 + _CHANCE * math.sqrt(2 * (bins - 1)))


def distance_left(weights: Weights, places: NDArray[np.intp], counts: Sequence[int]) -> float:
    """How far the weighted rows still are from the window in what they were not weighted by, 0 to 1, as `loopline.watch.drift.distance` measures it."""
    return float(distance(np.bincount(places, weights=weights.each, minlength=len(counts)), np.asarray(counts)))
