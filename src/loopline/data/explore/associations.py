"""How much each two columns have to do with each other, from 0 to 1 (numbers with numbers: from -1 to 1), whatever their kinds are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Kind = Literal["number", "category"]

LEVELS = 30
"""So many frequent values of a category are told apart; the others count as one more."""
COLUMNS = 40
"""So many columns are compared at most."""
TELLING = 0.1
"""What is below is hardly anything."""
_ENOUGH_ROWS = 20
MEASURES = {"number": "Spearman's rank correlation", "category": "Cramér's V, corrected for bias", "mixed": "correlation ratio of ranks, corrected for bias"}


@dataclass(frozen=True)
class Pair:
    """Two columns, and how much they have to do with each other.

    Parameters
    ----------
    measure
        ``number``, ``category`` or ``mixed``: which of `MEASURES`.
    rows
        In how many rows both are known.
    """

    one: str
    other: str
    measure: str
    value: float
    rows: int


@dataclass(frozen=True)
class Associations:
    """All pairs of some columns, the strongest first; a pair that is known together in too few rows is left out.

    Parameters
    ----------
    left_out
        Columns that were not compared because there are too many.
    """

    columns: tuple[str, ...]
    kinds: Mapping[str, Kind]
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...] = ()

    def value(self, one: str, other: str) -> float | None:
        """The value of a pair, in whatever order; 1 of a column with itself, None where it is not known."""
        if one == other:
            return 1.0
        return next((pair.value for pair in self.pairs if {pair.one, pair.other} == {one, other}), None)

    def ordered(self) -> tuple[str, ...]:
        """The columns so that those that have much to do with each other stand together: each is followed by its nearest one."""
        values = {frozenset((pair.one, pair.other)): abs(pair.value) for pair in self.pairs}
        left, chain = list(self.columns), list[str]()
        while left:
            near = max(left, key=lambda name: values.get(frozenset((chain[-1], name)), 0.0)) if chain else _busiest(left, values)
            left.remove(near)
            chain.append(near)
        return tuple(chain)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        pairs = [{"one": pair.one, "other": pair.other, "measure": pair.measure, "value": round(pair.value, 4), "rows": pair.rows} for pair in self.pairs]
        return {"columns": list(self.columns), "left_out": list(self.left_out), "pairs": pairs}


def associations(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> Associations:
    """The associations of a frame's columns: numbers and times by rank, texts and booleans as categories.

    References
    ----------
    C. Spearman, "The proof and measurement of association between two things", 1904.
    W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean Statistical Society 42, 2013.
    T. L. Kelley, "An unbiased correlation ratio measure", PNAS 21, 1935.
    """
    names = list(frame.columns if columns is None else columns)
    names, beyond = names[:COLUMNS], names[COLUMNS:]
    ranks = {name: _ranks(frame[name]) for name in names if frame[name].dtype.is_numeric() or frame[name].dtype.is_temporal()}
    codes = {name: _codes(frame[name]) for name in names if name not in ranks}
    pairs = _of_numbers(ranks)
    for one, other in combinations(codes, 2):
        pairs.append(_of_categories(one, codes[one], other, codes[other]))
    for category, levels in codes.items():
        for number, values in ranks.items():
            pairs.append(_mixed(category, levels, number, values))
    kinds: dict[str, Kind] = {name: "number" if name in ranks else "category" for name in names}
    told = [pair for pair in pairs if pair.rows >= _ENOUGH_ROWS and math.isfinite(pair.value)]
    return Associations(tuple(names), kinds, tuple(sorted(told, key=lambda pair: (-abs(pair.value), pair.one, pair.other))), tuple(beyond))


def _busiest(names: Sequence[str], values: Mapping[frozenset[str], float]) -> str:
    return max(names, key=lambda name: sum(value for pair, value in values.items() if name in pair))


def _ranks(values: pl.Series) -> Floats:
    """Ranks from 1, NaN where a value is not known."""
    numbers = values.to_physical() if values.dtype.is_temporal() else values.cast(pl.Float64).fill_nan(None)
    return numbers.rank("average").cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _codes(values: pl.Series) -> Codes:
    """Frequent values as 0, 1, ... in the order of how often they come, others as one more, -1 where a value is not known."""
    texts = values.cast(pl.String).alias("text")
    counts = texts.drop_nulls().value_counts(name="count").sort(["count", "text"], descending=[True, False])
    place = {text: code for code, text in enumerate(counts["text"].head(LEVELS))}
    coded = texts.replace_strict(place, default=len(place), return_dtype=pl.Int64)
    return pl.select(pl.when(texts.is_null()).then(-1).otherwise(coded)).to_series().to_numpy()


def _of_numbers(ranks: Mapping[str, Floats]) -> list[Pair]:
    """Correlations of ranks, each over the rows in which both are known; all at once, as products of matrices."""
    if len(ranks) < 2:
        return []
    names = list(ranks)
    values = np.column_stack([ranks[name] for name in names])
    known = np.isfinite(values).astype(np.float64)
    values = np.where(known > 0, values, 0.0)
    # Around the middle, so that sums of squares keep their digits.
    values -= known * (values.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    rows, sums, squares, products = known.T @ known, values.T @ known, (values**2).T @ known, values.T @ values
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - sums**2 / rows
        found = (products - sums * sums.T / rows) / np.sqrt(spread * spread.T)
    return [
        Pair(names[one], names[other], "number", float(np.clip(found[one, other], -1, 1)), int(rows[one, other]))
        for one, other in combinations(range(len(names)), 2)
    ]


def _of_categories(one: str, codes: Codes, other: str, others: Codes) -> Pair:
    both = (codes >= 0) & (others >= 0)
    rows = int(both.sum())
    if rows < _ENOUGH_ROWS:
        return Pair(one, other, "category", float("nan"), rows)
    width = int(others.max()) + 1
    table = np.bincount(codes[both] * width + others[both], minlength=(int(codes.max()) + 1) * width).reshape(-1, width).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / rows
    phi = float(((table - expected) ** 2 / expected).sum()) / rows
    height, width = table.shape
    phi = max(0.0, phi - (height - 1) * (width - 1) / (rows - 1))
    height, width = height - (height - 1) ** 2 / (rows - 1), width - (width - 1) ** 2 / (rows - 1)
    least = min(height, width) - 1
    return Pair(one, other, "category", min(1.0, math.sqrt(phi / least)) if least > 0 else float("nan"), rows)


def _mixed(category: str, codes: Codes, number: str, ranks: Floats) -> Pair:
    both = (codes >= 0) & np.isfinite(ranks)
    rows = int(both.sum())
    if rows < _ENOUGH_ROWS:
        return Pair(category, number, "mixed", float("nan"), rows)
    groups, values = codes[both], ranks[both] - ranks[both].mean()
    counts = np.bincount(groups)
    levels = int((counts > 0).sum())
    total = float((values**2).sum())
    if not total or levels < 2 or rows <= levels:
        return Pair(category, number, "mixed", float("nan"), rows)
    between = float((np.bincount(groups, values)[counts > 0] ** 2 / counts[counts > 0]).sum()) / total
    return Pair(category, number, "mixed", math.sqrt(max(0.0, 1 - (1 - between) * (rows - 1) / (rows - levels))), rows)
