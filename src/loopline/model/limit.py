"""A limit for each period, such as 30 per day, held on rows that are some of those that come. Pure functions on NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import Rate
from loopline.model.candidates import Part
from loopline.model.policy import cost_of, period_numbers
from loopline.model.spec import PolicySpec

Floats = NDArray[np.float64]

_SAME = 1e-9
"""What sums of shares of a row may be off by."""


def per_row(rate: Rate, time: NDArray[np.datetime64], volume: Rate | None) -> float:
    """What there is of a limit for each row: by the decisions that are to come in a period, or else by the rows that came in one."""
    if volume is not None:
        return rate.amount * rate.model_copy(update={"amount": 1.0}).per_year / volume.per_year
    return rate.amount * len(np.unique(period_numbers(rate.period, time))) / max(len(time), 1)


@dataclass(frozen=True, eq=False)
class Limit:
    """A limit on some rows.

    Parameters
    ----------
    takes
        Shape (n,): what acting on each row takes of it; infinite where that cannot be computed.
    periods
        Shape (n,): the number of the period of each row.
    each
        How much there is in each period; less than one row takes, where the rows are few of those that come.
    """

    takes: Floats
    periods: NDArray[np.int64]
    each: float

    @classmethod
    def of(cls, said: PolicySpec, part: Part, share: float) -> Limit | None:
        """The declared limit on the rows of a part, of which there is so much for each row; None where none is declared, or the rows have no moments."""
        rate = said.capacity or said.budget
        if rate is None or part.time is None or part.time.dtype.kind != "M":
            return None
        rows, periods = len(part.outcome), period_numbers(rate.period, part.time)
        takes = np.ones(rows) if said.cost is None else cost_of(said.cost, rows, part.columns)
        return cls(takes, periods, share * rows / max(len(np.unique(periods)), 1))

    @property
    def whole(self) -> float:
        """How much there is for all rows."""
        return self.each * len(np.unique(self.periods))

    def keep(self, acted: NDArray[np.bool_], promised: Floats | None = None) -> NDArray[np.bool_]:
        """The rows, shape (n,), that are acted on when each period's limit is given to those that promise most, or where nothing is promised come first.

        What a period leaves goes over to the next one as far as one row takes: a limit may be less than that.
        """
        able = np.flatnonzero(acted & np.isfinite(self.takes))
        first = -able if promised is None else promised[able]
        ranked = able[np.lexsort((able, -first, self.periods[able]))]
        one = float(self.takes[np.isfinite(self.takes)].max(initial=0.0))
        every = np.unique(self.periods)
        ends = np.searchsorted(self.periods[ranked], every, side="right")
        kept = np.zeros(len(acted), dtype=bool)
        left, since = 0.0, 0
        for end in ends:
            there = self.each + left
            rows, since = ranked[since:end], end
            taken = np.cumsum(self.takes[rows])
            count = int(np.searchsorted(taken, there * (1 + _SAME) + _SAME, side="right"))
            kept[rows[:count]] = True
            left = min(there - (float(taken[count - 1]) if count else 0.0), one)
        return kept
