"""Ten thousand draws of what the assumptions may turn out to be, and what each alternative comes to in them. Pure functions on NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from loopline.charter.draws import DRAWS, Floats, drawn
from loopline.charter.evidence import MEASURED, MODEL, PERFECT
from loopline.charter.prospect import Account, Prospect
from loopline.charter.ranges import SURE

_ROUNDING = 1e-12


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
            The part of what there is to gain above the other that is given to it.
        """
        if name not in self.worths:
            return None
        rival = self.worths[other or self.prospect.today]
        return float(np.mean(self.worths[name] > rival - granted * self._left(rival)))

    def _left(self, rival: Floats) -> float:
        """What decisions that are never wrong are worth above an alternative, on average."""
        perfect = self.accounts[PERFECT].npv if PERFECT in self.accounts else None
        return 0.0 if perfect is None else max(0.0, float(np.mean(perfect)) - float(rival.mean()))

    @property
    def free(self) -> str:
        """The best of what costs nothing: what is done today, or one decision for all."""
        return max({self.prospect.today, self.prospect.constant}, key=lambda name: (float(self.worths[name].mean()), name == self.prospect.today))

    def above_constant(self, name: str) -> Floats | None:
        """What an alternative adds in a year above the best decision for all, shape (n,): what a target counts against."""
        known, constant = (self.accounts[one].per_year if one in self.accounts else None for one in (name, self.prospect.constant))
        if known is None or constant is None:
            return None
        above = np.asarray(known - constant)
        # What rounding leaves of nothing is nothing.
        return np.where(np.abs(above) < _ROUNDING * (1 + np.abs(constant)), 0.0, above)

    def chance_of_adding(self, per_year: float) -> float | None:
        """How likely the model adds at least so much money a year above the best decision for all."""
        added = self.above_constant(MODEL)
        return None if added is None else float(np.mean(added >= per_year))


def simulate(prospect: Prospect, count: int = DRAWS) -> Simulation:
    """So many draws of a prospect's assumptions, and what they come to."""
    values = drawn([one for one in prospect.assumptions() if one.name != MEASURED], count)
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
