"""Slices whose worth per decision fell: each held against the same slice before, and wide enough that all hold together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.assessment.groups import grouped
from loopline.model.blocks import numbered, student
from loopline.model.estimates import Estimate
from loopline.model.evaluate import SUPPORT
from loopline.watch.decisions import Decisions

_Floats = NDArray[np.float64]

LEVEL = 0.95
"""How often all intervals together hold the truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceLoss:
    """A slice, and how its worth per decision changed.

    Parameters
    ----------
    change
        Now less before, in money per decision; its interval holds together with those of all slices that were looked at.
    beyond
        The change less that of all other decisions: below 0 where the slice fell more than the rest did.
    rows
        Decisions of the slice now.
    """

    name: str
    rows: int
    before: float
    now: float
    change: Estimate
    beyond: Estimate

    @property
    def lost(self) -> float:
        """The money that the slice's decisions lost against before."""
        return -self.change.value * self.rows

    @property
    def is_sure(self) -> bool:
        """Whether it fell beyond what chance gives among so many slices."""
        return self.change.is_below_zero

    @property
    def stands_out(self) -> bool:
        """Whether it fell, and more than the rest did, beyond what chance gives."""
        return self.is_sure and self.beyond.is_below_zero

    def as_json(self) -> dict[str, Any]:
        """The slice as plain values."""
        return {
            "name": self.name,
            "rows": self.rows,
            "before": self.before,
            "now": self.now,
            "change": self.change.as_json(),
            "beyond": self.beyond.as_json(),
            "lost": self.lost,
            "sure": self.is_sure,
            "stands_out": self.stands_out,
        }


@dataclass(frozen=True, slots=True)
class Fallen:
    """The slices that lost money, the dearest first, how many were looked at, and what they were held against."""

    slices: tuple[SliceLoss, ...]
    looked_at: int
    against: str = "before"


def fallen(before: Decisions, now: Decisions, columns: Sequence[str], *, most: int = 5) -> Fallen:
    """The slices of the columns that lost most money against before: first those that fell more than the rest did, then those that surely fell.

    Values are put into slices over both spans together. A slice needs `SUPPORT` rows in each. The intervals are Bonferroni's, over both
    questions that are asked of each slice: with 40 slices each is as wide as one at 99.94 % would be, so that looking at many finds none
    that is not there.

    References
    ----------
    Dunn, O. J. (1961). Multiple comparisons among means. JASA 56.
    """
    sides = _Side.of(before), _Side.of(now)
    tables = [table for column in columns if (table := _compared(column, *sides)) is not None]
    looked_at = sum(len(table[0]) for table in tables)
    level = 1 - (1 - LEVEL) / max(1, 2 * looked_at)
    found = [loss for names, tallies in tables for loss in _losses(names, *tallies, level)]
    lost = sorted((one for one in found if one.lost > 0), key=lambda one: (not one.stands_out, not one.is_sure, -one.lost, one.name))
    return Fallen(tuple(lost[:most]), looked_at)


@dataclass(frozen=True, slots=True)
class _Side:
    """One span's decisions with the block of each row."""

    decisions: Decisions
    blocks: NDArray[np.intp]
    count: int

    @classmethod
    def of(cls, decisions: Decisions) -> _Side:
        return cls(decisions, *numbered(decisions.blocks))


@dataclass(frozen=True, slots=True)
class _Tally:
    """Count, sum and sum of squares of the money of each slice in each block, shape (slices, blocks) each."""

    rows: _Floats
    total: _Floats
    squares: _Floats

    @classmethod
    def of(cls, side: _Side, codes: NDArray[np.int64], slices: int) -> _Tally:
        place, money = codes * side.count + side.blocks, side.decisions.judged.money
        shape = slices, side.count
        return cls(
            *(np.bincount(place, weights=weight, minlength=slices * side.count).reshape(shape).astype(np.float64) for weight in (None, money, money * money))
        )

    def rest(self) -> _Tally:
        """Of each slice all the rows outside of it."""
        return _Tally(*(part.sum(axis=0) - part for part in (self.rows, self.total, self.squares)))

    def only(self, kept: NDArray[np.bool_]) -> _Tally:
        """Of some of the slices."""
        return _Tally(self.rows[kept], self.total[kept], self.squares[kept])

    def means(self, level: float) -> tuple[_Floats, _Floats]:
        """The mean of each slice, and how far its interval reaches: by the wider of the errors that single rows and whole blocks tell, shape (slices,) each.

        A slice that lies in one block tells nothing of how blocks scatter.
        """
        rows = self.rows.sum(axis=1)
        held = np.count_nonzero(self.rows, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.total.sum(axis=1) / rows
            of_rows = np.maximum(0.0, self.squares.sum(axis=1) / rows - mean**2) / np.maximum(rows - 1, 1)
            off = self.total - mean[:, None] * self.rows
            of_blocks = (off**2).sum(axis=1) * held / np.maximum(held - 1, 1) / rows**2
        reach = np.array([student(int(count), level) for count in held])
        return mean, reach * np.sqrt(np.maximum(of_rows, of_blocks))


def _compared(column: str, before: _Side, now: _Side) -> tuple[list[str], tuple[_Tally, _Tally, _Tally, _Tally]] | None:
    """The slices of a column with rows enough on both sides: inside and outside of each, before and now; None where there are none."""
    if any(column not in side.decisions.columns for side in (before, now)):
        return None
    groups = grouped(column, np.concatenate([_alike(side.decisions.columns, column) for side in (before, now)]))
    if len(groups.labels) < 2:
        return None
    first = len(before.decisions)
    tallies = [_Tally.of(side, codes, len(groups.labels)) for side, codes in ((before, groups.codes[:first]), (now, groups.codes[first:]))]
    kept = np.minimum(*(tally.rows.sum(axis=1) for tally in tallies)) >= SUPPORT
    names = [label for label, enough in zip(groups.labels, kept, strict=True) if enough]
    inside, outside = ([tally.only(kept) for tally in part] for part in (tallies, [tally.rest() for tally in tallies]))
    return (names, (inside[0], inside[1], outside[0], outside[1])) if names else None


def _losses(names: Sequence[str], before: _Tally, now: _Tally, rest_before: _Tally, rest_now: _Tally, level: float) -> Iterator[SliceLoss]:
    (was, was_reach), (here, here_reach), (other_was, other_was_reach), (other, other_reach) = (
        tally.means(level) for tally in (before, now, rest_before, rest_now)
    )
    change, reach = here - was, np.hypot(here_reach, was_reach)
    elsewhere, elsewhere_reach = other - other_was, np.hypot(other_reach, other_was_reach)
    beyond, beyond_reach = change - elsewhere, np.hypot(reach, elsewhere_reach)
    for at, name in enumerate(names):
        moved = _estimate(change[at], reach[at])
        apart = _estimate(beyond[at], beyond_reach[at]) if np.isfinite(beyond[at]) else moved
        yield SliceLoss(name=name, rows=int(now.rows[at].sum()), before=float(was[at]), now=float(here[at]), change=moved, beyond=apart)


def _estimate(value: float, reach: float) -> Estimate:
    return Estimate(float(value), float(value - reach), float(value + reach))


def _alike(columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    values = columns[name]
    return values if values.dtype.kind in "fiu" else values.astype(object)
