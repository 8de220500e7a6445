"""What other decisions would have earned, told from decisions that were taken: each estimate with what must be true for it. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Signs = Flags | NDArray[np.int8]
Method = Literal["direct", "doubly_robust", "bound"]

LEAST_ROWS = 100
"""Rows from which on the normal law is taken for the mean."""

CALIBRATED = "The scores tell the true chances, also of rows that nobody acted on."
UNCHANGED = "Acting does not change whether it happens: the outcome that was seen is the one that would have been seen."
ALIKE = "Rows whose outcome has not come yet are like those whose outcome has."
CHANCE = "Which rows were acted on was left to chance with the logged probabilities, and nothing else told them apart."
UNSEEN = "Nobody acted on some rows, so their outcome is not known: the truth may lie anywhere between the bounds."


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """Money per decision, and what must be true for it.

    Parameters
    ----------
    value
        None where only bounds can be told.
    low, high
        The interval of the mean; of a bound, between what the mean must lie. None of too few rows.
    rows
        Decisions that it is told from.
    """

    method: Method
    value: float | None
    low: float | None
    high: float | None
    rows: int
    assumptions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The estimate as plain values."""
        return {**asdict(self), "assumptions": list(self.assumptions)}

    def says(self, what: str, currency: str) -> str:
        """The estimate in one line."""
        if self.low is None or self.high is None:
            return f"too early to tell {what}: {self.rows:,} decisions, {LEAST_ROWS:,} are needed"
        between = f"{figure(self.low)} to {figure(self.high)}"
        return f"{what}: between {between} {currency} a decision" if self.value is None else f"{what}: {figure(self.value)} {currency} a decision ({between})"


def direct(difference: Floats, *, confidence: float, assumptions: Sequence[str] = (UNCHANGED, ALIKE)) -> Estimated:
    """The mean of differences that are known row by row: exact where the outcome is seen whatever is done, and acting does not change it.

    Parameters
    ----------
    difference
        Shape (n,): money of the other decision less that of the one that was taken, given the outcome.
    """
    return _mean("direct", difference, confidence, assumptions)


def doubly_robust(money: Floats, propensity: Floats, agrees: Signs, expected: Floats, taken: Floats, *, confidence: float) -> Estimated:
    """What a policy earns, from the rows on which it agrees with what chance did, each weighed by how rare that was, and from what a model lets expect.

    It is right when either the probabilities or the model are, and less scattered when the model is good.

    Parameters
    ----------
    money
        Shape (n,): what was earned.
    propensity
        Shape (n,): the probability with which the decision was taken that was taken; more than 0.
    agrees
        Shape (n,): whether the policy would have decided the same; for the difference of two policies, less whether the other one would have (1, 0 or -1).
    expected
        Shape (n,): the money that the policy's decision lets expect; for the difference of two, less that of the other one.
    taken
        Shape (n,): the money that the decision that was taken let expect.

    References
    ----------
    Dudík, Erhan, Langford & Li (2014), "Doubly robust policy evaluation and optimization", Statistical Science 29(4). Where nothing is expected it is
    the weighing of Horvitz & Thompson (1952), "A generalization of sampling without replacement from a finite universe", JASA 47(260).

    Examples
    --------
    >>> money, even, nothing = np.array([3.0, 1.0] * 100), np.full(200, 0.5), np.zeros(200)
    >>> doubly_robust(money, even, money > 2, nothing, nothing, confidence=0.9).value
    3.0
    """
    _require_chance(propensity)
    mended = expected + (np.where(agrees, money, 0.0) - taken) * agrees / propensity
    return _mean("doubly_robust", mended, confidence, (CHANCE, ALIKE))


def bound(least: Floats, most: Floats) -> Estimated:
    """Between what the mean must lie, where an outcome that nobody saw may have been either.

    Parameters
    ----------
    least, most
        Shape (n,): the money of each row in the worse and the better of the cases.

    References
    ----------
    Manski (1990), "Nonparametric bounds on treatment effects", American Economic Review 80(2).

    Examples
    --------
    >>> bound(np.array([0.0, -2.0]), np.array([0.0, 4.0])).low
    -1.0
    """
    rows = len(least)
    low, high = (float(part.mean()) if rows else None for part in (least, most))
    return Estimated(method="bound", value=None, low=low, high=high, rows=rows, assumptions=(UNCHANGED, UNSEEN))


def relative(money: Floats, acted: Flags, of_resting: Floats) -> Floats:
    """What each decision earned above resting, shape (n,): known where one acted, given the outcome, and nothing where one rested.

    So the decisions of policies can be compared although nobody sees what became of a row that was left alone.
    """
    return np.where(acted, money - of_resting, 0.0)


def propensities(own: Flags, without: Flags, taken: Flags, share: float) -> Floats:
    """The probability of what was done, shape (n,), where a share was held out from the model by chance.

    Parameters
    ----------
    own, without
        Shape (n,): whether the model acts, and whether one acts without it.
    taken
        Shape (n,): whether one acted.
    """
    return np.asarray((1 - share) * (own == taken) + share * (without == taken))


def _require_chance(propensity: Floats) -> None:
    if not (propensity > 0).all():
        raise ValueError("a decision that was taken had no chance to be")


def _mean(method: Method, values: Floats, confidence: float, assumptions: Sequence[str]) -> Estimated:
    rows = len(values)
    if rows < LEAST_ROWS:
        return Estimated(method=method, value=float(values.mean()) if rows else None, low=None, high=None, rows=rows, assumptions=tuple(assumptions))
    mean, reach = float(values.mean()), NormalDist().inv_cdf((1 + confidence) / 2) * float(values.std(ddof=1)) / np.sqrt(rows)
    return Estimated(method=method, value=mean, low=mean - float(reach), high=mean + float(reach), rows=rows, assumptions=tuple(assumptions))
