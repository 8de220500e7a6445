"""When a search is no longer worth its time. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopline.declaration import figure
from loopline.model.candidates import Trial

LOOKED_AT = 10
"""Trials whose gain is weighed against their time, at once."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The rule that ends a search: the gain that is to be expected of the next trials is worth less than their time.

    Parameters
    ----------
    per_year
        Decisions a year, on which a gain is earned.
    per_hour
        Money that an hour of this machine costs.
    workers
        Trials that run at once.
    """

    per_year: float
    per_hour: float
    workers: int
    currency: str

    def why(self, trials: Sequence[Trial]) -> str:
        """Why the search should end now; empty where it should go on."""
        whole = [trial for trial in trials if trial.is_whole and trial.worth is not None]
        if len(whole) < 2 * LOOKED_AT:
            return ""
        gain = expected_gain([trial.worth or 0.0 for trial in whole], LOOKED_AT) * self.per_year
        seconds = float(np.mean([trial.seconds for trial in trials[-LOOKED_AT:]])) * LOOKED_AT / self.workers
        cost = seconds / 3600 * self.per_hour
        if gain >= cost:
            return ""
        return (
            f"the search stops after {len(trials)} trials: {LOOKED_AT} more may add {figure(gain)} {self.currency} a year, "
            f"and their {seconds:.0f} s cost {figure(cost)} {self.currency}"
        )


def expected_gain(values: Sequence[float], more: int) -> float:
    """By how much the greatest of the values is expected to rise with so many more trials.

    The values above their median are taken as exponential: the greatest of n such values grows as their mean excess times the logarithm of n.

    References
    ----------
    Gumbel (1958), Statistics of Extremes, on the largest value of exponential-tailed samples.

    Examples
    --------
    >>> round(expected_gain([0.0, 1.0, 2.0, 3.0], 4), 3)
    0.693
    """
    count = len(values)
    middle = float(np.median(values))
    above = [value - middle for value in values if value > middle]
    excess = float(np.mean(above)) if above else 0.0
    return excess * math.log((count + more) / count)
