"""Regret: the money that decisions lose against the right ones, as a loss that boosted trees learn. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model import calibration, prior
from loopline.model.families import FitFailed, Problem
from loopline.model.graph import linked

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Regret:
    """The regret of acting on a row with the probability that its margin says.

    It is least where the margin is above zero on just the rows on which acting earns more than resting, on average over those that the features
    cannot tell apart; by how much more, it does not ask.

    Parameters
    ----------
    gain, held
        Shape (n,) and (m,): `Sample.gain` of the training and of the validation rows, in units of its mean size.
    start
        The margin of all rows before the first tree: the logarithm of the odds.

    References
    ----------
    Höppner, Baesens, Verbeke, Verdonck (2022). Instance-dependent cost-sensitive learning for detecting transfer fraud (csboost).
    """

    gain: Floats
    held: Floats | None
    start: float

    @classmethod
    def of(cls, problem: Problem) -> Regret:
        """The regret of a problem's decisions.

        Raises
        ------
        FitFailed
            When nothing is at stake in its rows.
        """
        gain, held = problem.train.gain, problem.validation
        size = 0.0 if gain is None else float(np.abs(gain).mean())
        if gain is None or size == 0:
            raise FitFailed("no money is at stake in these rows")
        return cls(gain / size, None if held is None or held.gain is None else held.gain / size, float(prior.start(problem)[0]))

    def slopes(self, margin: Floats) -> tuple[Floats, Floats]:
        """The first derivative of each training row's regret by its margin, and a bound of the second's size, both of shape (n,).

        The second itself is below zero where a row is decided wrongly; with its bound in its place, Newton's step of a leaf is at most 1.
        """
        chance = linked("Sigmoid", margin)
        bend = chance * (1 - chance)
        return -self.gain * bend, np.abs(self.gain) * bend

    def lost(self, margin: Floats) -> float:
        """The mean regret of the validation rows, by their margin."""
        assert self.held is not None
        return mean_regret(self.held, margin)


@dataclass(frozen=True, slots=True)
class Scale:
    """The map from a margin to that of the probability that it happens, without which the scores could share no ensemble and no policy."""

    slope: float = 1.0
    offset: float = 0.0

    @classmethod
    def of(cls, problem: Problem, margin: Floats | None, params: Mapping[str, Any]) -> Scale:
        """The one that the validation rows show by their margin; without these, the one that an earlier fit has settled."""
        if margin is None or problem.validation is None:
            return cls(float(params.get("slope", 1.0)), float(params.get("offset", 0.0)))
        target = problem.validation.target
        return cls(*calibration.platt(target, margin)) if target.min() < target.max() else cls()

    def settled(self) -> dict[str, float]:
        """Its numbers, as a last fit is given them."""
        return {"slope": self.slope, "offset": self.offset}


def mean_regret(gain: Floats, margin: Floats) -> float:
    """The mean of what the rows lose against the right decisions when each is acted on with the probability that its margin says."""
    return float(np.mean(np.maximum(gain, 0.0) - gain * linked("Sigmoid", margin)))


def is_offered(problem: Problem) -> bool:
    """Whether the money tells more of a problem than what happened."""
    return problem.task == "binary" and problem.train.gain is not None
