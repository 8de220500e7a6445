"""From which distance on a window's drift is no accident: limits that hold over all features together, at a stated rate of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincc, gammainccinv, logit, stdtrit

from loopline.watch.drift import ROWS_NEEDED, Bins, Shares, distance

NEGLIGIBLE = 0.05
"""What is no farther than this, beyond what the number of rows alone makes, is no drift: it is a normal distribution moved by an eighth of its deviation."""

APART_ALWAYS = 0.95
"""From this limit on, spans of the reference differ so much (days of weather, say) that telling a window from them tells nothing."""
APART_NEGLIGIBLE = 0.55
"""No limit of the classifier's area under the curve is below this one."""

APART_ROWS = 1_000
"""So many rows of a window, and of the reference, the classifier looks at; with more it would tell apart what does not matter."""

_SPANS_NEEDED = 5
_DRAWS, _DRAWS_MAX, _DRAWS_ABOVE = 1_000, 5_000, 10
_CONCENTRATIONS = tuple(float(2**power) for power in range(-2, 21))
_WEIGHT_LEAST = 0.01


def _smooth(counts: Sequence[int]) -> Shares:
    """Shares in which no bin is impossible (Jeffreys' prior: half a row in each bin)."""
    shares = np.asarray(counts, dtype=np.float64) + 0.5
    smoothed: Shares = shares / shares.sum()
    return smoothed


def _draws(generator: np.random.Generator, bins: Bins, rows: int, concentration: float, times: int) -> NDArray[np.float64]:
    """Distances of `times` windows in which nothing has changed, shape (times,)."""
    shares = _smooth(bins.counts)
    scattered = generator.gamma(np.maximum(shares * concentration, 1e-12), size=(times, len(shares)))
    totals = scattered.sum(axis=1, keepdims=True)
    likely = np.where(totals > 0, scattered / np.where(totals > 0, totals, 1.0), shares)
    return distance(generator.multinomial(rows, likely), np.asarray(bins.counts))


@lru_cache(maxsize=1024)
def concentration(bins: Bins) -> float:
    """How closely the shares of windows keep to those of training: the concentration of a Dirichlet distribution.

    It is at most the number of training rows, because the shares of training are themselves a sample. Where natural variation is known, it
    is the one whose distances have the mean, and the 0.9 quantile, of those that were seen; the more scattered of the two.
    """
    most = float(bins.rows)
    usable = [(rows, seen) for rows, seen in bins.spread if rows >= ROWS_NEEDED]
    if len(usable) < 2:
        return most
    generator = np.random.default_rng(1)
    rows = int(np.median([rows for rows, _ in usable]))
    seen = np.array([seen for _, seen in usable])
    among = np.array([value for value in _CONCENTRATIONS if value < most] + [most])
    drawn = np.stack([_draws(generator, bins, rows, float(value), 300) for value in among])
    matches = [_matching(among, measure(drawn), float(measure(seen))) for measure in (_mean, _tail)]
    return min(most, *matches)


def _mean(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(distances.mean(axis=-1))


def _tail(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.quantile(distances, 0.9, axis=-1))


def _matching(among: NDArray[np.float64], drawn: NDArray[np.float64], seen: float) -> float:
    """The concentration at which the drawn figure, which falls as the concentration grows, is the one that was seen."""
    falling = np.minimum.accumulate(drawn)
    return float(np.exp(np.interp(seen, falling[::-1], np.log(among)[::-1])))


@lru_cache(maxsize=256)
def _limits_at(features: tuple[Bins, ...], rows: int, chance: float) -> NDArray[np.float64]:
    """The limit of each feature for windows of exactly so many rows, shape (features,)."""
    generator = np.random.default_rng(0)
    times = int(np.clip(_DRAWS_ABOVE / chance, _DRAWS, _DRAWS_MAX))
    # A smaller chance than a few draws can show follows from it: p-values are as rare as they say.
    counted = max(chance, _DRAWS_ABOVE / times)
    squares = np.stack([_draws(generator, bins, rows, concentration(bins), times) ** 2 for bins in features], axis=1)
    centre = np.maximum(squares.mean(axis=0), 1e-12)
    shape = (centre / np.maximum(squares.std(axis=0), 1e-3 * centre)) ** 2
    weights = np.maximum([bins.weight for bins in features], _WEIGHT_LEAST)
    worth = np.log(weights / weights.mean())
    surprise = -np.log(np.maximum(gammaincc(shape, shape * squares / centre), 1e-300)) + worth
    least = np.quantile(surprise.max(axis=1), 1 - counted) + np.log(counted / chance)
    far = gammainccinv(shape, np.exp(np.minimum(0.0, worth - least))) * centre / shape
    # Few rows alone make a squared distance of `centre` on average: what is negligible is so beyond that.
    limit: NDArray[np.float64] = np.sqrt(np.clip(np.maximum(far, centre + NEGLIGIBLE**2), 0.0, 1.0))
    return limit


def limits(features: Sequence[Bins], rows: int, chance: float) -> dict[str, float]:
    """The distance that each feature stays below in a window of `rows` rows in which nothing has changed.

    The limits hold together: in a share of at most `chance` of such windows one feature or more is above its own. They come from a parametric
    bootstrap. Shares are drawn around those of training (a Dirichlet distribution, as wide as the size of training and the natural variation
    between its own spans make it), a window's counts from these shares (a multinomial distribution). Each feature's squared distances give
    its p-values (a gamma distribution with their mean and variance); a p-value is divided by the feature's weight, so that what the model
    hangs on is watched more closely; and the limits are set so that the smallest of these exceeds them with the given chance. Between two sizes of window
    the limits are interpolated along the logarithms, where they are nearly straight. A distance up to `NEGLIGIBLE` is never above the limit: with rows
    enough no difference is an accident, and most do not matter. So the verdict on a change hangs on the change, and not on the number of rows.

    Parameters
    ----------
    features
        Those that are judged together; each counts by its weight.
    chance
        Of a false alarm per window, over all features together.

    References
    ----------
    Efron, B., Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 6.5 (the parametric bootstrap).
    Westfall, P. H., Young, S. S. (1993). Resampling-Based Multiple Testing (the distribution of the smallest p-value).
    Genovese, C. R., Roeder, K., Wasserman, L. (2006). False discovery control with p-value weighting. Biometrika 93.
    Mosimann, J. E. (1962). On the compound multinomial distribution. Biometrika 49 (overdispersed shares).
    """
    if not features or rows < 1:
        return {}
    known = tuple(features)
    lower = 1 << (rows.bit_length() - 1)
    low, high = _limits_at(known, lower, chance), _limits_at(known, 2 * lower, chance)
    weight = np.log2(rows / lower)
    between = np.exp((1 - weight) * np.log(np.maximum(low, 1e-12)) + weight * np.log(np.maximum(high, 1e-12)))
    # A hair above, because a window can be exactly as far away as the farthest that was drawn (one weekday of seven).
    return {bins.name: min(1.0, float(value) + 1e-6) for bins, value in zip(known, between, strict=True)}


def apart_limit(before: Sequence[tuple[int, float]], rows: int, chance: float) -> float | None:
    """The area under the curve that a classifier stays below which is to tell a window of `rows` rows, in which nothing has changed, from the reference.

    The reference's own spans say how well one of them is told from the others: the limit is the upper end of the prediction interval for one more of them (by
    Student's distribution, on the scale of log odds), wider where the window has fewer rows than they. None of fewer than five spans, and where they are so
    unlike one another that any window could be told from them.

    Parameters
    ----------
    before
        Rows and area of each span of the reference.

    References
    ----------
    Hahn, G. J., Meeker, W. Q. (1991). Statistical Intervals, chapter 4 (the prediction interval).
    Mann, H. B., Whitney, D. R. (1947). On a test of whether one of two random variables is stochastically larger. Annals of Mathematical Statistics 18.
    """
    spans = [(size, area) for size, area in before if size >= ROWS_NEEDED]
    if len(spans) < _SPANS_NEEDED or rows < 1:
        return None
    odds = logit(np.clip([area for _, area in spans], 1e-3, 1 - 1e-3))
    usual = _chance_odds(int(np.median([size for size, _ in spans])))
    variance = float(odds.var(ddof=1)) + max(0.0, _chance_odds(rows) - usual)
    reach = float(stdtrit(len(spans) - 1, 1 - chance)) * np.sqrt(variance * (1 + 1 / len(spans)))
    limit = max(APART_NEGLIGIBLE, float(expit(odds.mean() + reach)))
    return limit if limit < APART_ALWAYS else None


def _chance_odds(rows: int) -> float:
    """The variance of an area's log odds where nothing can be told apart, by the statistic of Mann and Whitney; its slope there is 4."""
    looked_at = min(rows, APART_ROWS)
    return 16 * (looked_at + APART_ROWS + 1) / (12 * looked_at * APART_ROWS)
