"""What a rollout is judged by: sums over champion and challenger that merge, and never a row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, and sums of the squared and of the cubed distances from the mean; two of them add up to those of both parts.

    References
    ----------
    Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments", Sandia report SAND2008-6212, 2008.
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Moments:
        """The moments of values, shape (n,)."""
        if not len(values):
            return cls()
        mean = float(np.mean(values))
        away = values - mean
        return cls(len(values), mean, float(np.sum(away**2)), float(np.sum(away**3)))

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        if not n:
            return self
        gap = other.mean - self.mean
        both = self.n * other.n / n
        m3 = self.m3 + other.m3 + gap**3 * both * (self.n - other.n) / n + 3 * gap * (self.n * other.m2 - other.n * self.m2) / n
        return Moments(n, self.mean + gap * other.n / n, self.m2 + other.m2 + gap * gap * both, m3)

    @property
    def variance(self) -> float:
        """The sample variance; 0 of fewer than two."""
        return self.m2 / (self.n - 1) if self.n > 1 else 0.0

    @property
    def skewness(self) -> float:
        """How lopsided the values lie about their mean; 0 of values that do not differ."""
        return math.sqrt(self.n) * self.m3 / self.m2**1.5 if self.m2 > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What one package did in a leg.

    Parameters
    ----------
    requests
        Rows that were its own.
    errors
        Rows among them that it failed.
    latency
        Milliseconds that scoring took.
    worth
        Money of the decisions whose outcome has come.
    """

    requests: int = 0
    errors: int = 0
    latency: Moments = Moments()
    worth: Moments = Moments()

    def __add__(self, other: Arm) -> Arm:
        return Arm(
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            latency=self.latency + other.latency,
            worth=self.worth + other.worth,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What both packages did in a leg.

    Parameters
    ----------
    paired
        Money of the challenger's decision less that of the champion's on the same row, of rows whose outcome has come; None where the rows are not the same,
        or an outcome is seen only after acting.
    differ
        How many of these decisions earned something else.
    currency
        What the money is in.
    """

    champion: Arm = Arm()
    challenger: Arm = Arm()
    paired: Moments | None = None
    differ: int = 0
    currency: str = ""

    def __add__(self, other: Evidence) -> Evidence:
        paired = None if self.paired is None or other.paired is None else self.paired + other.paired
        arms = {"champion": self.champion + other.champion, "challenger": self.challenger + other.challenger}
        return Evidence(**arms, paired=paired, differ=self.differ + other.differ, currency=self.currency or other.currency)

    def as_json(self) -> dict[str, Any]:
        """The evidence as plain values."""
        return asdict(self)

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Evidence:
        """The inverse of `as_json`."""
        paired = None if said["paired"] is None else Moments(**said["paired"])
        arms = {name: _arm(said[name]) for name in ("champion", "challenger")}
        return cls(**arms, paired=paired, differ=said["differ"], currency=said["currency"])


def _arm(said: Mapping[str, Any]) -> Arm:
    return Arm(requests=said["requests"], errors=said["errors"], latency=Moments(**said["latency"]), worth=Moments(**said["worth"]))
