"""The target against each column: how much a column tells of it, and what becomes of the target as the column changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from loopline.data.explore.distribution import as_numbers, stamp
from loopline.data.outcome import Target, labels
from loopline.data.proposals.leaks import Evidence
from loopline.declaration import figure

TENTHS, LEVELS, CLASSES = 8, 10, 5
OTHERS, MISSING = "all others", "missing"


@dataclass(frozen=True)
class Level:
    """Rows in which a column has a value, or lies in a range.

    Parameters
    ----------
    says
        The value or the range, in words.
    outcomes
        Binary: the share of the positive class. Regression: the mean. Multiclass: the share of each of the frequent classes.
    """

    says: str
    rows: int
    outcomes: tuple[float, ...]


@dataclass(frozen=True)
class Relation:
    """A column against the target.

    Parameters
    ----------
    power
        How much the column tells by itself, on rows that were not used to say it: 0 nothing, 1 all. For classes it is 2 AUC - 1, for
        numbers R squared.
    """

    column: str
    power: float
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Relations:
    """The target against all columns, those that tell most first.

    Parameters
    ----------
    overall
        What the outcomes are over all rows, as in `Level`.
    classes
        What `outcomes` are of: classes, or the target itself.
    """

    target: Target
    rows: int
    overall: tuple[float, ...]
    classes: tuple[str, ...]
    columns: tuple[Relation, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "column": self.target.name,
            "task": self.target.task,
            "positive": self.target.positive,
            "rows": self.rows,
            "classes": list(self.classes),
            "overall": list(self.overall),
            "columns": [
                {
                    "name": one.column,
                    "power": round(one.power, 4),
                    "levels": [{"says": level.says, "rows": level.rows, "outcomes": list(level.outcomes)} for level in one.levels],
                }
                for one in self.columns
            ],
        }


def relations(sample: pl.DataFrame, target: Target, columns: Sequence[str]) -> Relations:
    """The target against the columns, in the rows whose outcome is known."""
    known = sample.filter(pl.col(target.name).is_not_null())
    evidence = Evidence(known, target, tuple(columns))
    outcomes, classes = _outcomes(known[target.name], target)
    found = [Relation(name, evidence.power_overall(name), _levels(known[name], outcomes)) for name in columns]
    return Relations(
        target=target,
        rows=known.height,
        overall=tuple(float(outcomes[name].mean()) for name in outcomes.columns),  # type: ignore[arg-type]
        classes=classes,
        columns=tuple(sorted(found, key=lambda one: -one.power)),
    )


def _outcomes(values: pl.Series, target: Target) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Columns whose means are what the target is: itself, or yes and no for each class."""
    if target.task == "regression":
        return pl.DataFrame({"0": values.cast(pl.Float64)}), (target.name,)
    said = labels(values)
    if target.task == "binary":
        classes: list[str] = [str(target.positive)]
    else:
        counts = said.alias("class").value_counts(name="count").sort(["count", "class"], descending=[True, False])
        classes = counts["class"].head(CLASSES).to_list()
    return pl.DataFrame({str(place): (said == name).cast(pl.Float64) for place, name in enumerate(classes)}), tuple(classes)


def _levels(values: pl.Series, outcomes: pl.DataFrame) -> tuple[Level, ...]:
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        place, names = _ranged(values)
    else:
        place, names = _valued(values)
    means = pl.DataFrame({"place": place}).hstack(outcomes).group_by("place").agg(pl.len().alias("rows"), pl.col(outcomes.columns).mean()).sort("place")
    return tuple(Level(names[row[0]], row[1], tuple(row[2:])) for row in means.iter_rows())


def _ranged(values: pl.Series) -> tuple[pl.Series, list[str]]:
    """The place of each number among ranges of about equally many rows; few distinct ones each have their own."""
    known = as_numbers(values)
    timed = values.dtype in (pl.Date, pl.Datetime)
    distinct = np.unique(known)
    say = (lambda number: stamp(number) or "") if timed else figure
    numbers = values.cast(pl.Datetime("us")).to_physical() / 1e6 if timed else values.dt.total_microseconds() / 1e6 if values.dtype == pl.Duration else values
    held = numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if len(distinct) <= LEVELS:
        edges, names = distinct, [say(number) for number in distinct.tolist()]
        place = np.searchsorted(edges, held)
    else:
        edges = np.unique(np.quantile(known, np.arange(1, TENTHS) / TENTHS, method="inverted_cdf"))
        ends = [float(distinct[0]), *edges.tolist(), float(distinct[-1])]
        place = np.searchsorted(edges, held, side="left")
        names = [f"up to {say(ends[1])}", *(f"{say(low)} to {say(high)}" for low, high in zip(ends[1:-2], ends[2:-1], strict=True)), f"above {say(ends[-2])}"]
    place = np.where(np.isfinite(held), place, len(names))
    return pl.Series(place.astype(np.int64)), [*names, MISSING]


def _valued(values: pl.Series) -> tuple[pl.Series, list[str]]:
    """The place of each text among the most frequent ones."""
    texts = values.cast(pl.String).alias("text")
    counts = texts.drop_nulls().value_counts(name="count").sort(["count", "text"], descending=[True, False])
    names = counts["text"].head(LEVELS).to_list()
    place = texts.replace_strict({name: index for index, name in enumerate(names)}, default=len(names), return_dtype=pl.Int64)
    place = pl.select(pl.when(texts.is_null()).then(len(names) + 1).otherwise(place)).to_series()
    return place, [*names, OTHERS, MISSING]
