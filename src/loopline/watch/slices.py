"""Slices whose worth per decision fell: each held against the same slice before, and wide enough that all hold together. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.assessment.groups import grouped
from loopline.model.blocks import Blocks, alone
from loopline.model.estimates import Estimate, of_mean
from loopline.model.evaluate import SUPPORT
from loopline.watch.decisions import Decisions

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
    """The slices that lost money, the dearest first, and how many were looked at."""

    slices: tuple[SliceLoss, ...]
    looked_at: int


def fallen(before: Decisions, now: Decisions, columns: Sequence[str], *, most: int = 5) -> Fallen:
    """The slices of the columns that lost most money against before: first those that fell more than the rest did, then those that surely fell.

    Values are put into slices over both spans together. A slice needs `SUPPORT` rows in each. The intervals are Bonferroni's, over both
    questions that are asked of each slice: with 40 slices each is as wide as one at 99.94 % would be, so that looking at many finds none
    that is not there.

    References
    ----------
    Dunn, O. J. (1961). Multiple comparisons among means. JASA 56.
    """
    pairs = list(_pairs(before, now, columns))
    level = 1 - (1 - LEVEL) / max(1, 2 * len(pairs))
    sides = (before, before.blocks), (now, now.blocks)
    found = []
    for name, *masks in pairs:
        inside, outside = ([_mean(side, rows, level) for side, rows in zip(sides, chosen, strict=True)] for chosen in (masks, [~mask for mask in masks]))
        change = _difference(*inside)
        rest = _difference(*outside)
        beyond = change if rest is None else _difference(rest, change)
        if change is not None and beyond is not None and inside[0] is not None and inside[1] is not None:
            found.append(SliceLoss(name=name, rows=int(masks[1].sum()), before=inside[0].value, now=inside[1].value, change=change, beyond=beyond))
    lost = sorted((one for one in found if one.lost > 0), key=lambda one: (not one.stands_out, not one.is_sure, -one.lost, one.name))
    return Fallen(tuple(lost[:most]), len(pairs))


def _difference(first: Estimate | None, second: Estimate | None) -> Estimate | None:
    """The second less the first, which know nothing of one another."""
    if first is None or second is None:
        return None
    value, reach = second.value - first.value, math.hypot(second.high - second.low, first.high - first.low) / 2
    return Estimate(value, value - reach, value + reach)


def _pairs(before: Decisions, now: Decisions, columns: Sequence[str]) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Each slice's name and its rows before and now, as masks."""
    for column in columns:
        if column not in before.columns or column not in now.columns:
            continue
        groups = grouped(column, np.concatenate([_alike(before.columns, column), _alike(now.columns, column)]))
        then, here = groups.codes[: len(before)], groups.codes[len(before) :]
        if len(groups.labels) < 2:
            continue
        for code, name in enumerate(groups.labels):
            earlier, later = np.asarray(then == code), np.asarray(here == code)
            if min(earlier.sum(), later.sum()) >= SUPPORT:
                yield name, earlier, later


def _alike(columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    values = columns[name]
    return values if values.dtype.kind in "fiu" else values.astype(object)


def _mean(side: tuple[Decisions, Blocks], rows: NDArray[np.bool_], level: float) -> Estimate | None:
    """The mean with the wider of two intervals, that of single rows and that of blocks: a slice that lies in one block tells nothing of their scatter."""
    money, blocks = side[0].judged.money[rows], side[1][rows]
    both = [one for one in (of_mean(money, blocks, level=level), of_mean(money, alone(len(money)), level=level)) if one is not None]
    return max(both, key=lambda one: one.high - one.low, default=None)
