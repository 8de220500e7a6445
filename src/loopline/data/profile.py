"""Profiles: mergeable summaries of the columns of a batch or a window, whose size does not grow with the rows."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import datasketches
import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from loopline.data.sketch import Floats, QuantileSketch, merged

_FREQUENT_LG_SIZE = 10
_DISTINCT_LG_SIZE = 11
Kind = Literal["number", "time", "text"]


@dataclass(frozen=True)
class ColumnProfile:
    """What is known of one column.

    Parameters
    ----------
    kind
        ``number``; ``time``: dates and times as seconds since 1970 (UTC); ``text``: texts, categories, and booleans as
        ``true`` and ``false``.
    rows, nulls
        All values, and those that are null.
    mean, spread
        Of numbers and times: mean and standard deviation (with n); None where there is none.
    quantiles
        Of numbers and times.
    frequent, distinct
        Serialised sketches: frequent values (texts only) and the number of distinct ones.
    """

    name: str
    kind: Kind
    rows: int
    nulls: int
    mean: float | None
    spread: float | None
    quantiles: QuantileSketch | None
    frequent: bytes | None
    distinct: bytes

    @property
    def known(self) -> int:
        """How many values are not null."""
        return self.rows - self.nulls

    @property
    def min(self) -> float | None:
        """The smallest number; None of texts and where there is none."""
        return self.quantiles.min if self.quantiles is not None and self.quantiles.count else None

    @property
    def max(self) -> float | None:
        """The largest number; None of texts and where there is none."""
        return self.quantiles.max if self.quantiles is not None and self.quantiles.count else None

    def distinct_count(self) -> float:
        """About how many distinct values there are (standard error 1.5 %)."""
        return float(datasketches.cpc_sketch.deserialize(self.distinct).get_estimate())

    def at(self, shares: ArrayLike) -> Floats:
        """The numbers at which the shares of all known values lie, shape of `shares`; NaN for texts."""
        return np.full(np.shape(shares), np.nan) if self.quantiles is None else self.quantiles.quantiles(shares)

    def values(self, limit: int = 50) -> dict[str, int]:
        """The most frequent texts with how often they came at least, most frequent first; empty for numbers."""
        if self.frequent is None:
            return {}
        sketch = datasketches.frequent_strings_sketch.deserialize(self.frequent)
        found = sketch.get_frequent_items(datasketches.frequent_items_error_type.NO_FALSE_NEGATIVES)
        counts = {str(text): int(low) for text, _, low, _ in found}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit])

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """The profile of both columns' values together.

        Raises
        ------
        ValueError
            When the columns are of different kinds.
        """
        if self.kind != other.kind:
            raise ValueError(f"column {self.name!r} is {self.kind} here and {other.kind} there: their profiles do not merge")
        mean, spread = _pooled(self, other)
        return ColumnProfile(
            self.name,
            self.kind,
            self.rows + other.rows,
            self.nulls + other.nulls,
            mean,
            spread,
            None if self.quantiles is None or other.quantiles is None else merged([self.quantiles, other.quantiles]),
            None if self.frequent is None or other.frequent is None else _merged_frequent(self.frequent, other.frequent),
            _merged_distinct(self.distinct, other.distinct),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values: counts and moments to read, sketches as base64."""
        return {
            "name": self.name,
            "kind": self.kind,
            "rows": self.rows,
            "nulls": self.nulls,
            "min": self.min,
            "max": self.max,
            "mean": self.mean,
            "spread": self.spread,
            "quantiles": None if self.quantiles is None else _text(self.quantiles.to_bytes()),
            "frequent": None if self.frequent is None else _text(self.frequent),
            "distinct": _text(self.distinct),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ColumnProfile:
        """The profile that `to_json` wrote."""
        return cls(
            plain["name"],
            plain["kind"],
            plain["rows"],
            plain["nulls"],
            plain["mean"],
            plain["spread"],
            None if plain["quantiles"] is None else QuantileSketch.from_bytes(_bytes(plain["quantiles"])),
            None if plain["frequent"] is None else _bytes(plain["frequent"]),
            _bytes(plain["distinct"]),
        )


@dataclass(frozen=True)
class Profile:
    """What is known of the rows of a batch, a window or a table."""

    rows: int = 0
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    def merge(self, other: Profile) -> Profile:
        """The profile of both sets of rows together; a column that one side lacks is null there."""
        columns: dict[str, ColumnProfile] = {}
        for name in (*self.columns, *(name for name in other.columns if name not in self.columns)):
            here, there = self.columns.get(name), other.columns.get(name)
            if here is None or there is None:
                present = here or there
                assert present is not None
                missing = other.rows if there is None else self.rows
                columns[name] = present.merge(_empty(name, present.kind, missing))
            else:
                columns[name] = here.merge(there)
        return Profile(self.rows + other.rows, columns)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; the same for the same rows in the same order."""
        return {"format": 1, "rows": self.rows, "columns": [column.to_json() for column in self.columns.values()]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Profile:
        """The profile that `to_json` wrote."""
        return cls(plain["rows"], {column["name"]: ColumnProfile.from_json(column) for column in plain["columns"]})


def profile(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> Profile:
    """The profile of a frame's columns, or of the named ones."""
    names = frame.columns if columns is None else list(columns)
    return Profile(frame.height, {name: _column(frame[name]) for name in names})


def merge_all(profiles: Iterable[Profile]) -> Profile:
    """One profile of all: days from windows, a service from its replicas."""
    whole: Profile | None = None
    for part in profiles:
        whole = part if whole is None else whole.merge(part)
    return whole or Profile()


def _column(series: pl.Series) -> ColumnProfile:
    known = series.drop_nulls()
    if series.dtype.is_numeric():
        return _numbers(series, "number", known.cast(pl.Float64))
    if series.dtype in (pl.Date, pl.Datetime):
        return _numbers(series, "time", known.cast(pl.Datetime("us")).to_physical() / 1e6)
    texts = known.cast(pl.String)
    sketch = datasketches.frequent_strings_sketch(_FREQUENT_LG_SIZE)
    counts = texts.value_counts(sort=True, name="count").sort(["count", series.name], descending=[True, False])
    for text, count in counts.iter_rows():
        sketch.update(text, count)
    return ColumnProfile(series.name, "text", len(series), series.null_count(), None, None, None, sketch.serialize(), _distinct(counts[series.name]))


def _numbers(series: pl.Series, kind: Kind, known: pl.Series) -> ColumnProfile:
    values = known.to_numpy()
    values = values[np.isfinite(values)]
    sketch = QuantileSketch()
    sketch.update(values)
    mean, spread = (float(values.mean()), float(values.std())) if len(values) else (None, None)
    distinct = _distinct(pl.Series(np.unique(values)))
    return ColumnProfile(series.name, kind, len(series), len(series) - len(values), mean, spread, sketch, None, distinct)


def _distinct(values: pl.Series) -> bytes:
    sketch = datasketches.cpc_sketch(_DISTINCT_LG_SIZE)
    for value in values:
        sketch.update(value)
    return bytes(sketch.serialize())


def _empty(name: str, kind: Kind, rows: int) -> ColumnProfile:
    frequent = datasketches.frequent_strings_sketch(_FREQUENT_LG_SIZE).serialize() if kind == "text" else None
    quantiles = None if kind == "text" else QuantileSketch()
    return ColumnProfile(name, kind, rows, rows, None, None, quantiles, frequent, bytes(datasketches.cpc_sketch(_DISTINCT_LG_SIZE).serialize()))


def _pooled(one: ColumnProfile, other: ColumnProfile) -> tuple[float | None, float | None]:
    """Mean and standard deviation of two sets of numbers, from those of each."""
    if one.mean is None or one.spread is None:
        return other.mean, other.spread
    if other.mean is None or other.spread is None:
        return one.mean, one.spread
    share = other.known / (one.known + other.known)
    apart = other.mean - one.mean
    variance = (1 - share) * one.spread**2 + share * other.spread**2 + share * (1 - share) * apart**2
    return one.mean + share * apart, math.sqrt(variance)


def _merged_frequent(one: bytes, other: bytes) -> bytes:
    sketch = datasketches.frequent_strings_sketch.deserialize(one)
    sketch.merge(datasketches.frequent_strings_sketch.deserialize(other))
    return bytes(sketch.serialize())


def _merged_distinct(one: bytes, other: bytes) -> bytes:
    union = datasketches.cpc_union(_DISTINCT_LG_SIZE)
    union.update(datasketches.cpc_sketch.deserialize(one))
    union.update(datasketches.cpc_sketch.deserialize(other))
    return bytes(union.get_result().serialize())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
