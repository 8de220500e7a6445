"""What is missing, and how: which columns are missing in the same rows, and which are missing from one day on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

PATTERNS = 12
_TOGETHER = 0.9
_JUMP, _DAY_ROWS, _SIDE_DAYS = 0.5, 200, 3


@dataclass(frozen=True)
class Pattern:
    """Columns that are missing together in so many rows, while all others are there; no column: nothing is missing."""

    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Onset:
    """A column whose share of missing values jumps on one day and stays there.

    Parameters
    ----------
    before, after
        The shares of missing values.
    """

    column: str
    day: date
    before: float
    after: float


@dataclass(frozen=True)
class Missing:
    """What is missing in a sample.

    Parameters
    ----------
    patterns
        The most frequent ones first; `others` counts the rows with rarer ones.
    together
        Groups of columns that are nearly always missing in the same rows.
    """

    rows: int
    patterns: tuple[Pattern, ...]
    others: int
    together: tuple[tuple[str, ...], ...]
    onsets: tuple[Onset, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "patterns": [{"columns": list(pattern.columns), "rows": pattern.rows} for pattern in self.patterns],
            "others": self.others,
            "together": [list(group) for group in self.together],
            "onsets": [{**asdict(onset), "day": onset.day.isoformat()} for onset in self.onsets],
        }


def missing(sample: pl.DataFrame, *, time: str | None = None) -> Missing:
    """What is missing in a sample, and since when by the column that says when a row happened."""
    absent = sample.select(_absent(name, dtype).alias(name) for name, dtype in sample.schema.items())
    partly = [name for name in absent.columns if absent[name].any()]
    counts = absent.select(partly).group_by(partly).len("rows").sort("rows", *partly, descending=True) if partly else None
    patterns = (
        [Pattern((), sample.height)] if counts is None else [Pattern(tuple(n for n in partly if row[n]), row["rows"]) for row in counts.iter_rows(named=True)]
    )
    onsets = () if time is None else tuple(found for name in partly if name != time and (found := _onset(name, absent[name], sample[time])) is not None)
    return Missing(
        rows=sample.height,
        patterns=tuple(patterns[:PATTERNS]),
        others=sum(pattern.rows for pattern in patterns[PATTERNS:]),
        together=_together(absent, partly),
        onsets=onsets,
    )


def _absent(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).is_null() | pl.col(name).is_nan() if dtype.is_float() else pl.col(name).is_null()


def _together(absent: pl.DataFrame, partly: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of columns of which each two share nearly all rows in which one is missing; columns that are missing throughout say nothing."""
    flags = {name: absent[name].to_numpy() for name in partly if not absent[name].all()}
    groups: list[list[str]] = []
    for name, flag in flags.items():
        for group in groups:
            if all((flag & flags[other]).sum() >= _TOGETHER * (flag | flags[other]).sum() for other in group):
                group.append(name)
                break
        else:
            groups.append([name])
    return tuple(tuple(group) for group in groups if len(group) > 1)


def _onset(name: str, absent: pl.Series, when: pl.Series) -> Onset | None:
    """The day on which a column's share of missing values jumps for good, if there is one.

    Of all days, the one is taken that splits the rows into two of the most different shares (least squares).
    """
    days = pl.DataFrame({"day": when.cast(pl.Date), "absent": absent}).drop_nulls("day").group_by("day").agg(pl.len().alias("rows"), pl.col("absent").sum())
    days = days.sort("day")
    if days.height < 2 * _SIDE_DAYS:
        return None
    rows, gone = np.cumsum(days["rows"].to_numpy().astype(np.float64)), np.cumsum(days["absent"].to_numpy().astype(np.float64))
    before, after = gone[:-1] / rows[:-1], (gone[-1] - gone[:-1]) / (rows[-1] - rows[:-1])
    apart = rows[:-1] * (rows[-1] - rows[:-1]) * (after - before) ** 2
    place = int(np.argmax(apart))
    settled = _SIDE_DAYS <= place + 1 <= days.height - _SIDE_DAYS and min(rows[place], rows[-1] - rows[place]) >= _DAY_ROWS
    if not settled or abs(after[place] - before[place]) < _JUMP:
        return None
    return Onset(name, days["day"][place + 1], float(before[place]), float(after[place]))
