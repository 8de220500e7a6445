"""What decisions earned: sums that merge, and the interval of the mean per decision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.9
"""Of the intervals that windows show."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Count, sum and sum of squares of a quantity: two of them add up to those of both parts."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        """The mean; None of nothing."""
        return self.total / self.count if self.count else None

    @property
    def variance(self) -> float:
        """The sample variance; 0 of fewer than two."""
        if self.count < 2:
            return 0.0
        return max(0.0, (self.squares - self.total**2 / self.count) / (self.count - 1))

    @property
    def error(self) -> float:
        """The standard error of the mean, in the quantity's unit; infinite of fewer than two."""
        return math.sqrt(self.variance / self.count) if self.count > 1 else math.inf


@dataclass(frozen=True, slots=True)
class Earned:
    """The money of decisions whose outcome has come.

    Parameters
    ----------
    money
        What was earned.
    gain
        What was earned above the baseline, row by row.
    perfect
        What would have been earned had the outcomes been known; a sum.
    """

    money: Sums = Sums()
    gain: Sums = Sums()
    perfect: float = 0.0

    def __add__(self, other: Earned) -> Earned:
        return Earned(self.money + other.money, self.gain + other.gain, self.perfect + other.perfect)

    @property
    def outcomes(self) -> int:
        """Decisions whose outcome has come."""
        return self.money.count

    @property
    def baseline(self) -> float:
        """What the same rows would have earned without a model; a sum."""
        return self.money.total - self.gain.total

    def as_json(self) -> dict[str, Any]:
        """The sums as plain values."""
        return {name: [part.count, part.total, part.squares] for name, part in (("money", self.money), ("gain", self.gain))} | {"perfect": self.perfect}

    @classmethod
    def of_json(cls, said: dict[str, Any]) -> Earned:
        """The inverse of `as_json`."""
        return cls(Sums(*said["money"]), Sums(*said["gain"]), said["perfect"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Decisions that chance took from the package's policy.

    Parameters
    ----------
    held
        How many were held out, and decided without the model.
    tried
        How many an experiment gave to another of its arms than the control.
    """

    held: int = 0
    tried: int = 0

    def __add__(self, other: Split) -> Split:
        return Split(held=self.held + other.held, tried=self.tried + other.tried)

    @property
    def apart(self) -> int:
        """All of them together."""
        return self.held + self.tried

    def as_json(self) -> dict[str, Any]:
        """The split as plain values."""
        return asdict(self)

    @classmethod
    def of_json(cls, said: dict[str, Any] | None) -> Split:
        """The inverse of `as_json`; of nothing where nothing was split."""
        return cls() if said is None else cls(held=said["held"], tried=said["tried"])


def summed(parts: Sequence[Earned]) -> Earned:
    """All parts together."""
    whole = Earned()
    for part in parts:
        whole += part
    return whole


def by_group(values: NDArray[np.float64], group: NDArray[np.intp], groups: int) -> list[Sums]:
    """The sums of each group; `values` and `group` have shape (n,)."""
    counts = np.bincount(group, minlength=groups)
    totals = np.bincount(group, weights=values, minlength=groups)
    squares = np.bincount(group, weights=values * values, minlength=groups)
    return [Sums(int(count), float(total), float(square)) for count, total, square in zip(counts, totals, squares, strict=True)]


def standard_error(parts: Sequence[Sums]) -> float:
    """The standard error of the mean over all parts: the wider of what single rows say and what whole windows say.

    Rows within one window are often alike (a stormy day), and then the rows' own error is too small; the windows, taken as clusters,
    show it. With one window only the rows can speak.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd ed., chapter 6.4 (the ratio estimator) and 9 (clusters of unequal size).
    """
    seen = [part for part in parts if part.count]
    rows = sum(part.count for part in seen)
    if rows < 2:
        return math.inf
    whole = Sums()
    for part in seen:
        whole += part
    if len(seen) < 2:
        return whole.error
    mean = whole.total / rows
    between = sum((part.total - mean * part.count) ** 2 for part in seen) * len(seen) / (len(seen) - 1)
    return max(whole.error, math.sqrt(between) / rows)


def interval(parts: Sequence[Sums], confidence: float) -> tuple[float, float] | None:
    """The interval of the mean over all parts, by the normal distribution; None of fewer than two rows."""
    error = standard_error(parts)
    rows = sum(part.count for part in parts)
    if not math.isfinite(error):
        return None
    mean, reach = sum(part.total for part in parts) / rows, NormalDist().inv_cdf((1 + confidence) / 2) * error
    return mean - reach, mean + reach
