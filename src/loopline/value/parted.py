"""Decisions that chance split between the model and a hold-out: what either side earned, unit by unit, at every look. Pure functions on NumPy.

The hold-out is by key and stays the same: rows of one key are no independent draws, on one day or on two. So what is drawn is the key, and everything that a
key has brought counts together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from loopline.release.rollout.sequences import BURN_IN, DIFFERING, NOTHING, Estimate
from loopline.value.logged import Floats, Logged, Measured

_Flags = NDArray[np.bool_]
_Places = NDArray[np.intp]
QUARTER = timedelta(days=90)


@dataclass(frozen=True, kw_only=True, eq=False)
class Parted:
    """Decisions that chance split and whose outcome has come, in the order of their windows; each array has shape (n,).

    Parameters
    ----------
    starts
        The start of each window, oldest first.
    at, unit
        The place of each decision's window among them, and the number of its unit, from 0 on.
    held
        Whether it was held out.
    money
        What it earned.
    instead
        What the model's own decision would have earned more on what was held out, given the same outcome; 0 elsewhere.
    expected
        The share of these units that would be held out if outcomes came of either side alike, by what was held out of the windows in which they came.
    decisions, held_out
        Decisions that chance split, whether or not an outcome has come, and how many of them were held out.
    """

    starts: tuple[str, ...]
    at: _Places
    unit: _Places
    held: _Flags
    money: Floats
    instead: Floats
    expected: float
    decisions: int
    held_out: int

    def units(self) -> tuple[int, int]:
        """Units of either side of which an outcome has come."""
        return len(np.unique(self.unit[~self.held])), len(np.unique(self.unit[self.held]))

    def mean(self, *, held: bool) -> float | None:
        """Money per decision of a side; None where no outcome has come."""
        own = self.money[self.held == held]
        return float(own.mean()) if len(own) else None


def parted(logged: Logged, measured: Measured, starts: Sequence[str]) -> Parted:
    """The decisions of a package that chance split.

    Parameters
    ----------
    starts
        The start of each of its windows, as ISO 8601, oldest first; what lies before them is left out.
    """
    edges = np.array([datetime.fromisoformat(start).astimezone(UTC).replace(tzinfo=None) for start in starts], dtype="datetime64[us]")
    _, unit = np.unique(logged.unit, return_inverse=True)
    at = np.searchsorted(edges, logged.when, side="right") - 1
    own = np.flatnonzero(logged.split & logged.owned & (at >= 0))
    own = own[np.argsort(at[own], kind="stable")]
    many = np.bincount(at[own], minlength=len(starts))
    share = np.bincount(at[own], weights=logged.held[own], minlength=len(starts)) / np.maximum(many, 1)
    rows = own[logged.known[own]]
    _, first = np.unique(np.stack([unit[rows], logged.held[rows]]), axis=1, return_index=True)
    instead = np.where(logged.held, measured.of_own(logged) - logged.money, 0.0) if measured.task == "binary" else np.zeros(len(logged))
    return Parted(
        starts=tuple(starts),
        at=at[rows],
        unit=unit[rows],
        held=logged.held[rows],
        money=logged.money[rows],
        instead=instead[rows],
        expected=float(share[at[rows[first]]].mean()) if len(first) else 0.0,
        decisions=len(own),
        held_out=int(logged.held[own].sum()),
    )


def lately(starts: Sequence[str]) -> list[str]:
    """Those of the starts that a verdict looks at: all from the quarter before the present one on, quarters being counted from the first.

    So what a model caused long ago does not hide what it causes now; and within a quarter every look begins at the same moment, as bounds that hold at all
    looks together ask for.
    """
    if not starts:
        return []
    first, last = datetime.fromisoformat(starts[0]), datetime.fromisoformat(starts[-1])
    begin = first + max(0, (last - first) // QUARTER - 1) * QUARTER
    return [start for start in starts if datetime.fromisoformat(start) >= begin]


def by_difference(parted: Parted) -> Iterator[Estimate]:
    """After each window, the policy's mean less that of the hold-out since the first one.

    Windows are strata, each compared within itself: they are joined until either side of each has `BURN_IN` outcomes, and what is left over belongs to the
    last one. What a unit brings to the difference, over all strata, is one value, and the spread of these is that of the difference; the hold-out's is taken
    to be the policy's at least, as a small side has seen fewer of the rare large sums. The pairs by which bounds widen are those of decisions: two looks at
    the same units are more alike than looks at ever new ones, so that bounds which hold at all looks at the new ones hold at these (Slepian's inequality).

    References
    ----------
    Deng, Knoblich & Lu (2018), "Applying the delta method in metric analytics", KDD, section 3: units that come several times.
    """
    edges = np.searchsorted(parted.at, np.arange(1, len(parted.starts) + 1)).tolist()
    brought = _Brought.of(parted)
    first = last = 0
    for end in edges:
        if min(brought.sizes(last, end)) >= BURN_IN:
            brought.close(first, last)
            first, last = last, end
        yield brought.until(first, end)


def by_pairs(parted: Parted) -> Iterator[Estimate]:
    """After each window, what the model's own decision would have earned more on a decision that was held out since the first one."""
    many = int(parted.unit.max(initial=-1)) + 1
    total, count, differs = np.zeros(many), np.zeros(many), np.zeros(many, dtype=bool)
    begin = 0
    for end in np.searchsorted(parted.at, np.arange(1, len(parted.starts) + 1)).tolist():
        rows = begin + np.flatnonzero(parted.held[begin:end])
        np.add.at(total, parted.unit[rows], parted.instead[rows])
        np.add.at(count, parted.unit[rows], 1.0)
        differs[parted.unit[rows[parted.instead[rows] != 0]]] = True
        begin = end
        if differs.sum() < DIFFERING:
            yield NOTHING
            continue
        rows_seen, units = count.sum(), int((count > 0).sum())
        value = total.sum() / rows_seen
        variance = float(((total - value * count) ** 2).sum()) / rows_seen**2 * units / (units - 1)
        yield Estimate(value=np.asarray(value), variance=np.asarray(variance), pairs=np.asarray(rows_seen))


@dataclass(eq=False)
class _Brought:
    """What units brought to the difference in the strata that are closed: `each` by unit and side, times the pairs, with its squares by side."""

    parted: Parted
    units: int
    cell: _Places
    begun: tuple[_Places, _Places]
    each: Floats
    squares: Floats
    value: float = 0.0
    pairs: float = 0.0

    @classmethod
    def of(cls, parted: Parted) -> _Brought:
        units = int(parted.unit.max(initial=-1)) + 1
        cell = parted.unit + units * parted.held
        cells, firsts = np.unique(cell, return_index=True)
        begun = np.sort(firsts[cells < units]), np.sort(firsts[cells >= units])
        return cls(parted, units, cell, begun, np.zeros(2 * units), np.zeros(2))

    def sizes(self, begin: int, end: int) -> tuple[int, int]:
        """Decisions of the policy and of the hold-out among some rows."""
        held = int(self.parted.held[begin:end].sum())
        return end - begin - held, held

    def close(self, begin: int, end: int) -> None:
        """Take rows in as a stratum."""
        cells, more, value, pairs = self._stratum(begin, end)
        self.squares += self._squared(cells, more)
        self.each[cells] += more
        self.value, self.pairs = self.value + pairs * value, self.pairs + pairs

    def until(self, begin: int, end: int) -> Estimate:
        """The difference with rows as one more stratum, which stays open."""
        cells, more, value, pairs = self._stratum(begin, end)
        policy, holdout = (int(np.searchsorted(begun, end)) for begun in self.begun)
        whole = self.pairs + pairs
        if min(policy, holdout) < BURN_IN or not whole:
            return NOTHING
        of_policy, of_holdout = (self.squares + self._squared(cells, more)) / whole**2 * [policy / (policy - 1), holdout / (holdout - 1)]
        variance = of_policy + max(of_holdout, of_policy * policy / holdout)
        return Estimate(value=np.asarray((self.value + pairs * value) / whole), variance=np.asarray(variance), pairs=np.asarray(whole))

    def _stratum(self, begin: int, end: int) -> tuple[_Places, Floats, float, float]:
        """The cells of some rows with what each brings, the difference, and its pairs; nothing where a side has too few."""
        policy, holdout = self.sizes(begin, end)
        if min(policy, holdout) < BURN_IN:
            return np.empty(0, dtype=np.intp), np.empty(0), 0.0, 0.0
        money, held = self.parted.money[begin:end], self.parted.held[begin:end]
        means, pairs = (float(money[~held].mean()), float(money[held].mean())), policy * holdout / (policy + holdout)
        cells, place = np.unique(self.cell[begin:end], return_inverse=True)
        more: Floats = np.zeros(len(cells))
        np.add.at(more, place, pairs * np.where(held, (money - means[1]) / holdout, (money - means[0]) / policy))
        return cells, more, means[0] - means[1], pairs

    def _squared(self, cells: _Places, more: Floats) -> Floats:
        """By how much the squares of either side grow."""
        grown = (self.each[cells] + more) ** 2 - self.each[cells] ** 2
        held = cells >= self.units
        return np.array([grown[~held].sum(), grown[held].sum()])
