"""Two tables side by side, without a project: how far each column of one is from the other, and which have drifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from loopline.errors import Mistake
from loopline.watch.drift import ROWS_NEEDED, Bins, distance
from loopline.watch.limits import limits

CHANCE = 0.05
"""Of a false alarm in a comparison, over all columns together."""


@dataclass(frozen=True)
class Column:
    """A column that both tables have.

    Parameters
    ----------
    distance
        From the reference, 0 to 1 (`loopline.watch.drift.distance`).
    nulls
        The share of nulls, in the reference and now.
    """

    name: str
    distance: float
    limit: float
    nulls: tuple[float, float]

    @property
    def has_drifted(self) -> bool:
        """Whether the distance is no accident, and not negligible."""
        return self.distance > self.limit

    def as_json(self) -> dict[str, Any]:
        """The column as plain values."""
        return {
            "column": self.name,
            "distance": self.distance,
            "limit": self.limit,
            "drifted": self.has_drifted,
            "nulls": {"reference": self.nulls[0], "current": self.nulls[1]},
        }


def compare(reference: pl.LazyFrame, current: pl.LazyFrame, *, columns: Sequence[str] = (), chance: float = CHANCE) -> list[Column]:
    """Every column that both tables have, the one farthest beyond its limit first.

    One column at a time is read, so that memory does not grow with their number. Where the reference is several times as long as the current table, spans of it
    that are as long tell how much they vary by nature, and the limits are wider by that.

    Parameters
    ----------
    columns
        Those to look at; all that both have, where none is named.
    chance
        Of a false alarm, over all columns together.

    Raises
    ------
    Mistake
        When a named column is not in both, they share none, or either has hardly any rows.
    """
    theirs = set(current.collect_schema().names())
    both = [name for name in reference.collect_schema().names() if name in theirs]
    if strange := [name for name in columns if name not in both]:
        raise Mistake(f"{strange[0]!r} is not in both tables", remedy=f"name some of: {', '.join(both)}")
    if not both:
        raise Mistake("the two tables have no column in common", remedy="give two tables of the same kind")
    rows = current.select(pl.len()).collect().item()
    if min(rows, reference.select(pl.len()).collect().item()) < ROWS_NEEDED:
        raise Mistake(f"fewer than {ROWS_NEEDED} rows tell nothing", remedy="give more rows")
    known: list[Bins] = []
    found: dict[str, float] = {}
    nulls: dict[str, tuple[float, float]] = {}
    for name in columns or both:
        bins = Bins.of_values(name, _column(reference, name), span=rows)
        counts = bins.counted(_column(current, name))
        known.append(bins)
        found[name] = float(distance(counts, np.asarray(bins.counts)))
        nulls[name] = (bins.counts[-1] / bins.rows, int(counts[-1]) / rows)
    limit = limits(known, rows, chance)
    made = [Column(name, far, limit[name], nulls[name]) for name, far in found.items()]
    return sorted(made, key=lambda column: (column.limit - column.distance, column.name))


def _column(frame: pl.LazyFrame, name: str) -> pl.Series:
    return frame.select(name).collect()[name]
