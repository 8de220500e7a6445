"""What a leg of a rollout has shown so far, as statistics that merge: windows, replicas and late outcomes are added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Moments:
    """How many values there were, their mean, and the sum of their squared distances from it.

    References
    ----------
    Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance: analysis and recommendations", The American Statistician 37(3).

    Examples
    --------
    >>> Moments.of([1.0, 2.0]) + Moments.of([6.0])
    Moments(n=3, mean=3.0, m2=14.0)
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> Moments:
        """The moments of values.

        Raises
        ------
        ValueError
            When a value is not finite: one of them would hide all the others.
        """
        array = np.asarray(values, dtype=np.float64) if isinstance(values, np.ndarray) else np.fromiter(values, dtype=np.float64)
        if not np.isfinite(array).all():
            raise ValueError("a value is not finite")
        if not len(array):
            return cls()
        mean = float(array.mean())
        return cls(n=len(array), mean=mean, m2=float(((array - mean) ** 2).sum()))

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        if not self.n or not other.n:
            return self if self.n else other
        apart = other.mean - self.mean
        return Moments(n=n, mean=self.mean + apart * (other.n / n), m2=self.m2 + other.m2 + apart * apart * (self.n * other.n / n))

    @property
    def variance(self) -> float:
        """The unbiased variance; 0 for fewer than two values."""
        return self.m2 / (self.n - 1) if self.n > 1 else 0.0


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What one of the two packages did with the requests that it was given.

    Parameters
    ----------
    requests
        Requests that it was given.
    errors
        Those of them that it did not answer as it should.
    latency
        Time of the answers in milliseconds, each cut at a limit that is the same for both packages.
    worth
        Money of the decisions whose outcome has come.
    """

    requests: int = 0
    errors: int = 0
    latency: Moments = Moments()
    worth: Moments = Moments()

    def __add__(self, other: Arm) -> Arm:
        return Arm(
            requests=self.requests + other.requests, errors=self.errors + other.errors, latency=self.latency + other.latency, worth=self.worth + other.worth
        )


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one leg has shown of both packages.

    Parameters
    ----------
    paired
        Worth of the challenger's decision less that of the champion's on the same request, over all requests whose outcome has come: where both
        decide alike it is 0, and `pairs` adds those by their number alone. None where an outcome depends on the action, so that the worth of
        the decision that was not taken is not known.
    differ
        The requests among them on which the two decide differently.
    currency
        What the money is in.
    """

    champion: Arm = Arm()
    challenger: Arm = Arm()
    paired: Moments | None = None
    differ: int = 0
    currency: str = ""

    def __add__(self, other: Evidence) -> Evidence:
        pairs = [one.paired for one in (self, other) if one.paired is not None]
        return Evidence(
            champion=self.champion + other.champion,
            challenger=self.challenger + other.challenger,
            paired=sum(pairs, Moments()) if pairs else None,
            differ=self.differ + other.differ,
            currency=self.currency or other.currency,
        )

    def as_json(self) -> dict[str, Any]:
        """The evidence as plain JSON values."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Evidence:
        """The evidence that `as_json` wrote."""
        pairs = None if found["paired"] is None else Moments(**found["paired"])
        arms = {name: _arm(found[name]) for name in ("champion", "challenger")}
        return cls(**arms, paired=pairs, differ=found["differ"], currency=found["currency"])


def pairs(differences: Iterable[float], alike: int) -> tuple[Moments, int]:
    """The `paired` and `differ` of requests: differences of worth where the decisions differ, and how many times they were alike.

    Examples
    --------
    >>> pairs([-2.0, 6.0], alike=2)
    (Moments(n=4, mean=1.0, m2=36.0), 2)
    """
    apart = Moments.of(differences)
    return apart + Moments(n=alike), apart.n


def _arm(found: Mapping[str, Any]) -> Arm:
    return Arm(requests=found["requests"], errors=found["errors"], latency=Moments(**found["latency"]), worth=Moments(**found["worth"]))
