"""Bounds that hold at every request: however often one looks, the chance that one of them is ever wrong stays below alpha.

Means (worth, latency) have asymptotic confidence sequences, which start once `BURN_IN` values of each package are there. Errors have an exact test and exact
bounds, which start with the first request. All functions take numbers or arrays of one shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln

Floats = NDArray[np.float64]

BURN_IN = 100
"""Values of each package from which on their means are judged: below, the normal law is not yet near."""

DIFFERING = 300
"""Pairs whose decisions differ from which on their mean is judged. More than `BURN_IN`, since no other spread than their own is there to tell of rare large
ones: where 1 in 20 gains 19 and the others lose 1, an equal challenger is withdrawn in 7 % of rollouts if judged from 100 on, and in 2 % from 300 on."""

ODDS = np.geomspace(1.5, 96.0, 7)
"""How many times more often a challenger may fail: the alternatives among which the test of errors spreads its bet."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A difference challenger less champion, its variance, and the number of pairs that tell as much.

    The sum of two joins the estimates of two legs, weighed by their pairs, so that what changed from leg to leg for both packages is in neither.
    """

    value: Floats
    variance: Floats
    pairs: Floats

    def __add__(self, other: Estimate) -> Estimate:
        pairs = self.pairs + other.pairs
        mine = np.divide(self.pairs, pairs, out=np.zeros_like(pairs), where=pairs > 0)
        theirs = np.divide(other.pairs, pairs, out=np.zeros_like(pairs), where=pairs > 0)
        variance = mine**2 * self.variance + theirs**2 * other.variance
        return Estimate(value=mine * self.value + theirs * other.value, variance=variance, pairs=pairs)

    def bounds(self, alpha: float, *, tightest: float) -> tuple[Floats, Floats]:
        """Within what the difference lies, each bound wrong at any time with a chance of `alpha`; infinite without pairs. See `boundary`."""
        with np.errstate(invalid="ignore"):
            reach = np.where(self.pairs > 0, boundary(self.pairs, alpha, tightest=tightest) * np.sqrt(self.variance), np.inf)
        return self.value - reach, self.value + reach


NOTHING = Estimate(value=np.zeros(()), variance=np.zeros(()), pairs=np.zeros(()))


def between(challenger: tuple[ArrayLike, ArrayLike, ArrayLike], champion: tuple[ArrayLike, ArrayLike, ArrayLike]) -> Estimate:
    """The difference of two means, each given as (number, mean, variance); no pairs where one has fewer than `BURN_IN` values.

    The challenger's variance is taken to be the champion's at least: the smaller of the two has seen fewer of the rare large gains, and would look surer of
    its mean than it is.
    """
    (n, mean, spread), (rivals, rival, rival_spread) = (tuple(np.asarray(part, dtype=np.float64) for part in arm) for arm in (challenger, champion))
    enough = np.minimum(n, rivals) >= BURN_IN
    n, rivals = np.maximum(n, 1), np.maximum(rivals, 1)
    variance = np.maximum(spread, rival_spread) / n + rival_spread / rivals
    pairs = np.where(enough, n * rivals / (n + rivals), 0.0)
    return Estimate(value=np.asarray(mean - rival), variance=np.asarray(variance), pairs=pairs)


def boundary(pairs: ArrayLike, alpha: float, *, tightest: float) -> Floats:
    """How many standard errors a mean may ever stray to one side, with a chance of `alpha`; infinite without pairs.

    Parameters
    ----------
    pairs
        The number of values that the mean is of.
    tightest
        The number of values for which it is drawn: it is about tightest there, and must be fixed beforehand.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
    52(6): the one-sided sequence of the appendix, for randomised experiments as in its section 3. Its shape is Robbins' (1970) normal mixture: Howard, Ramdas,
    McAuliffe & Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2).

    Examples
    --------
    >>> boundary([100, 1000, 10000], 0.05, tightest=1000).round(2)
    array([3.39, 2.78, 3.04])
    """
    twice = -2 * np.log(alpha)
    scaled = np.asarray(pairs, dtype=np.float64) * (twice + np.log(twice) + 1) / tightest
    with np.errstate(divide="ignore"):
        return np.asarray(np.sqrt(2 * (1 + 1 / scaled) * np.log1p(np.sqrt(scaled + 1) / (2 * alpha))))


def evidence_of_errors(challenger: ArrayLike, champion: ArrayLike, split: float) -> Floats:
    """Log of how much likelier the errors are if the challenger fails more often: one value for each of `ODDS`, along a new last axis.

    Given that one of the two failed, an equal challenger is the one with a chance of `split`, whatever the rate of errors is and however it changes. The
    values of legs are added; `log_of_mixture` makes one number of them. A request on which both fail counts for both, which makes the test no bolder.

    References
    ----------
    Wald (1945), "Sequential tests of statistical hypotheses", for the ratio; Ramdas, Grünwald, Vovk & Shafer (2023), "Game-theoretic statistics and safe
    anytime-valid inference", Statistical Science 38(4), for mixtures of such ratios as e-processes.
    """
    failing = split * ODDS / (split * ODDS + 1 - split)
    return np.asarray(
        np.multiply.outer(np.asarray(challenger, dtype=np.float64), np.log(failing / split))
        + np.multiply.outer(np.asarray(champion, dtype=np.float64), np.log((1 - failing) / (1 - split)))
    )


def log_of_mixture(logs: Floats) -> Floats:
    """The log of the mean of e-processes, each given by its log along the last axis; an equal challenger ever reaches log(1/alpha) with a chance of alpha."""
    return np.asarray(np.logaddexp.reduce(logs, axis=-1) - np.log(logs.shape[-1]))


def rate_bounds(hits: float, n: int, alpha: float) -> tuple[float, float]:
    """Within what a rate lies, each bound wrong at any time with a chance of `alpha` at most; 0 and 1 before the first value.

    The rates that a mixture of all rates, weighed evenly, does not beat by 1 to alpha.

    References
    ----------
    Robbins (1970), "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical Statistics 41(5); Howard et al. (2021),
    section 4, for the beta-binomial mixture.
    """
    share = hits / n if n else 0.5
    mixed = float(betaln(hits + 1, n - hits + 1))

    def is_beaten(rate: float) -> bool:
        said = (hits * np.log(rate) if hits else 0.0) + ((n - hits) * np.log1p(-rate) if n > hits else 0.0)
        return bool(mixed - said >= -np.log(alpha))

    return _edge(share, 0.0, is_beaten), _edge(share, 1.0, is_beaten)


def _edge(inside: float, outside: float, is_beaten: Callable[[float], bool]) -> float:
    """Where the rates that are not beaten end, between one that is not and one that may be."""
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if is_beaten(middle) else (middle, outside)
    return outside
