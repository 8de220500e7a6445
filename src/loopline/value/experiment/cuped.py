"""Differences by chance taken out with what was known before (CUPED). Pure functions on NumPy.

References
----------
Deng, Xu, Kohavi & Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data", WSDM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopline.release.rollout.evidence import Moments

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """What the units of one arm brought, each array of shape (n,).

    Parameters
    ----------
    total, count
        The sum of what was measured of a unit, and of how many decisions it is; the metric is the one over the other.
    before
        What was known of the unit before; None where nothing is.
    """

    total: Floats
    count: Floats
    before: Floats | None = None

    def __len__(self) -> int:
        return len(self.total)

    @property
    def mean(self) -> float:
        """The metric: the sum of all over the number of all."""
        return float(self.total.sum() / self.count.sum()) if len(self) else 0.0

    def values(self) -> Floats:
        """A value for each unit, shape (n,), whose mean is the metric and whose variance is that of a unit's part in it.

        Where each unit stands for one decision it is what that brought. Where units come several times, what they brought is no more independent; then the
        ratio is drawn out to first order: Deng, Knoblich & Lu (2018), "Applying the delta method in metric analytics", KDD, section 3.
        """
        if not len(self) or (self.count == 1).all():
            return self.total
        return self.mean + (self.total - self.mean * self.count) / float(self.count.mean())


NONE = Units(np.empty(0), np.empty(0))
"""Not one unit."""


@dataclass(frozen=True)
class Compared:
    """Two arms' values after what was known before has been taken out.

    Parameters
    ----------
    arm, control
        Moments of the adjusted values.
    theta
        How much of what was known before was taken out; 0 where nothing was.
    saved
        The share of the variance of the difference that it took away, 0 to 1.
    """

    arm: Moments
    control: Moments
    theta: float
    saved: float


def compared(arm: Units, control: Units) -> Compared:
    """The two arms' values; where both have what was known before, adjusted so that the variance of their difference is least.

    The weight is the one that is least for the difference itself, so that the variance as estimated is never larger than without, whatever the arms' sizes.
    """
    values = arm.values(), control.values()
    plain = Moments.of(values[0]), Moments.of(values[1])
    if arm.before is None or control.before is None or min(len(arm), len(control)) < 2:
        return Compared(plain[0], plain[1], theta=0.0, saved=0.0)
    before = arm.before, control.before
    spread = sum(_over_n(known, known) for known in before)
    theta = sum(_over_n(known, value) for known, value in zip(before, values, strict=True)) / spread if spread > 0 else 0.0
    centre = float(np.concatenate(before).mean())
    moments = [Moments.of(value - theta * (known - centre)) for known, value in zip(before, values, strict=True)]
    variance, left = (sum(part.variance / part.n for part in parts) for parts in (plain, moments))
    return Compared(moments[0], moments[1], theta=theta, saved=max(0.0, 1 - left / variance) if variance > 0 else 0.0)


def _over_n(one: Floats, other: Floats) -> float:
    return float(np.cov(one, other)[0, 1]) / len(one)
