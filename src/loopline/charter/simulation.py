"""Ten thousand draws of what the assumptions may turn out to be, and what each alternative comes to in them. Pure functions on NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from loopline.charter.draws import DRAWS, Floats, drawn
from loopline.charter.evidence import MEASURED, MODEL
from loopline.charter.prospect import Account, Prospect
from loopline.charter.ranges import SURE


@dataclass(frozen=True, eq=False)
class Simulation:
    """What each alternative comes to in each draw.

    Parameters
    ----------
    values
        From an assumption to its draws, shape (n,); the noise of what was measured has shape (n, directions).
    accounts
        From an alternative to what it comes to.
    """

    prospect: Prospect
    values: dict[str, Floats]
    accounts: dict[str, Account]
    count: int

    @cached_property
    def worths(self) -> dict[str, Floats]:
        """From each alternative that can be chosen to its net present values, shape (n,); nothing without a volume."""
        chosen = {name: self.accounts[name].npv for name in self.prospect.choices}
        return {name: np.broadcast_to(npv, (self.count,)) for name, npv in chosen.items() if npv is not None}

    @property
    def best(self) -> str | None:
        """The alternative whose net present value is highest on average."""
        return max(self.worths, key=lambda name: float(self.worths[name].mean()), default=None)

    @property
    def simpler(self) -> str | None:
        """The best alternative that needs no model."""
        return max((name for name in self.worths if name != MODEL), key=lambda name: float(self.worths[name].mean()), default=None)

    def chance(self, name: str, other: str | None = None, *, granted: float = 0.0) -> float | None:
        """How likely an alternative is worth more than another; than what is done today, where none is named.

        Parameters
        ----------
        granted
            The part of the other's mean worth that it need not reach.
        """
        if name not in self.worths:
            return None
        rival = self.worths[other or self.prospect.today]
        return float(np.mean(self.worths[name] > rival - granted * abs(float(rival.mean()))))

    def chance_of_adding(self, per_year: float) -> float | None:
        """How likely the model adds at least so much money a year above doing nothing."""
        model, nothing = (self.accounts[name].per_year if name in self.accounts else None for name in (MODEL, "nothing"))
        return None if model is None or nothing is None else float(np.mean(model - nothing >= per_year))


def simulate(prospect: Prospect, count: int = DRAWS) -> Simulation:
    """So many draws of a prospect's assumptions, and what they come to."""
    values = drawn({one.name: one.range for one in prospect.assumptions() if one.name != MEASURED}, count)
    noise = prospect.evidence.noise(count)
    if noise is not None and noise.shape[1]:
        values[MEASURED] = noise
    return Simulation(prospect, values, prospect.accounts(values), count)


def interval(values: Floats | None, *, middle: str = "mean") -> dict[str, float | None] | None:
    """The expected value of draws, and the ends between which they lie nine times in ten, as plain values; None for what is infinite, or not there.

    Parameters
    ----------
    middle
        ``mean`` or ``median``.
    """
    if values is None:
        return None
    ends = np.quantile(values, [(1 - SURE) / 2, 0.5, (1 + SURE) / 2], method="nearest")
    value = float(ends[1] if middle == "median" else np.mean(values))
    found: dict[str, Any] = {"value": value, "low": float(ends[0]), "high": float(ends[2])}
    return {name: one if np.isfinite(one) else None for name, one in found.items()}
