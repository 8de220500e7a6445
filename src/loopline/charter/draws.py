"""What the assumptions may turn out to be: draws from ranges, the same ones each time. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from loopline.charter.ranges import SURE, Ranged

Floats = NDArray[np.float64]
DRAWS = 10_000
_SEED = 20_130_101
REACH = float(ndtri((1 + SURE) / 2))
"""How many standard deviations of a normal variable an end of a range lies from its middle."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that the study supposes and nobody knows exactly.

    Parameters
    ----------
    name
        Its field in the declaration, or ``measured``.
    says
        What it is, in words.
    range
        Between which ends it lies nine times in ten.
    unit
        What it is counted in: a share is ``%``.
    is_signed
        Whether it may lie below nought, as the worth of an outcome may.
    """

    name: str
    says: str
    range: Ranged
    unit: str
    is_signed: bool = False

    @property
    def least(self) -> float:
        """What it cannot lie below."""
        return -np.inf if self.is_signed else 0.0

    @property
    def most(self) -> float:
        """What it cannot lie above."""
        return 1.0 if self.unit == "%" else np.inf


def at(range_: Ranged, normal: Floats) -> Floats:
    """The value of a range where a normal variable has these values, shape (n,): the middle at 0, the ends where it is surpassed once in twenty times.

    References
    ----------
    Myerson, R. B. (2005). Probability Models for Economic Decisions, 4.3: the generalised lognormal distribution through three quantiles.

    Examples
    --------
    >>> at(Ranged(200.0, 100.0, 400.0), np.array([-1.6448536269514729, 0.0, 1.6448536269514722])).round(6).tolist()
    [100.0, 200.0, 400.0]
    """
    low, middle, high = range_.ends
    steps = np.asarray(normal, dtype=np.float64) / REACH
    below, above = middle - low, high - middle
    if below == 0 or above == 0:
        # One end is the middle: all that is not known lies on the other side.
        return middle + np.where(steps > 0, above, below) * steps
    ratio = above / below
    if abs(ratio - 1) < 1e-6:
        return middle + above * steps
    return np.asarray(middle + above * (ratio**steps - 1) / (ratio - 1))


def drawn(assumptions: Iterable[Assumption], count: int = DRAWS) -> dict[str, Floats]:
    """So many values of each assumption by its name, each of shape (count,), independent of one another and within what can be.

    Each range is cut into as many layers of one probability as there are draws, and one value comes from each.

    References
    ----------
    McKay, Beckman, Conover (1979). A comparison of three methods for selecting values of input variables: Latin hypercube sampling.
    """
    rng = np.random.default_rng(_SEED)
    found = {}
    for one in sorted(assumptions, key=lambda one: one.name):
        found[one.name] = np.clip(at(one.range, ndtri((rng.permutation(count) + rng.random(count)) / count)), one.least, one.most)
    return found


def noise(dimensions: int, blocks: int, count: int = DRAWS) -> Floats:
    """Student's noise of mean 0, shape (count, dimensions): of means whose scatter so many blocks have told."""
    rng = np.random.default_rng(_SEED + 1)
    normal = rng.standard_normal((count, dimensions))
    freedom = max(blocks - 1, 1)
    wide: Floats = normal * np.sqrt(freedom / rng.chisquare(freedom, count))[:, None]
    return np.asarray(wide - wide.mean(axis=0))
