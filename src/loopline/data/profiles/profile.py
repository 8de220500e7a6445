"""Profiles: mergeable summaries of the columns of a batch or a window, whose size does not grow with the rows."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from loopline.data.profiles.counting import Counted, counted
from loopline.data.profiles.distinct import NOTHING, Distinct, union
from loopline.data.profiles.frequent import Frequent, together
from loopline.data.profiles.sketch import Floats, QuantileSketch, merged
from loopline.data.profiles.tally import Tally, tally, timed

FORMAT = 2
BLOCK_ROWS = 1 << 19
"""So many values of a column are sorted or grouped at once."""

_HELD = 32
_ENORMOUS = 1e140
Kind = Literal["number", "time", "text"]


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """What is known of one column.

    Parameters
    ----------
    kind
        ``number``; ``time``: dates and times as seconds since 1970 (UTC); ``text``: texts, categories, and booleans as
        ``true`` and ``false``.
    rows, nulls
        All values, and those that are null (of numbers also NaN and infinite ones).
    mean, spread
        Of numbers and times: mean and standard deviation (with n). Of texts: those of their lengths. None where there is none.
    zeros, negatives
        How many numbers are nought, and below it; how many texts are empty.
    quantiles
        Of numbers and times; of texts, of their lengths in characters.
    frequent
        The frequent texts; nothing for numbers.
    distinct
        The number of distinct values.
    """

    name: str
    kind: Kind
    rows: int = 0
    nulls: int = 0
    mean: float | None = None
    spread: float | None = None
    zeros: int = 0
    negatives: int = 0
    quantiles: QuantileSketch = field(default_factory=QuantileSketch)
    frequent: Frequent = Frequent()
    distinct: Distinct = NOTHING

    @property
    def known(self) -> int:
        """How many values are not null."""
        return self.rows - self.nulls

    @property
    def min(self) -> float | None:
        """The smallest number; None of texts and where there is none."""
        return self.quantiles.min if self.kind != "text" and self.quantiles.count else None

    @property
    def max(self) -> float | None:
        """The largest number; None of texts and where there is none."""
        return self.quantiles.max if self.kind != "text" and self.quantiles.count else None

    @property
    def lengths(self) -> QuantileSketch | None:
        """How many characters texts have; None of numbers and times."""
        return self.quantiles if self.kind == "text" else None

    def distinct_count(self) -> float:
        """About how many distinct values there are: exact while there are few hundred, then with a standard error of 1.2 %."""
        return self.distinct.count()

    def at(self, shares: ArrayLike) -> Floats:
        """The numbers at which the shares of all known values lie, shape of `shares`; NaN for texts."""
        return np.full(np.shape(shares), np.nan) if self.kind == "text" else self.quantiles.quantiles(shares)

    def values(self, limit: int = 50) -> dict[str, int]:
        """The most frequent texts with how often they came at least, most frequent first; empty for numbers."""
        return dict(list(self.frequent.counts.items())[:limit])

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """The profile of both columns' values together.

        Raises
        ------
        ValueError
            When the columns are of different kinds; one without any value goes with every kind.
        """
        return _combined([self, other])

    def to_json(self) -> dict[str, Any]:
        """Plain values: what can be read, and sketches as base64."""
        moments = {"mean": self.mean, "spread": self.spread}
        seen = self.quantiles if self.quantiles.count else None
        lengths = {"min": seen and seen.min, "max": seen and seen.max, **moments} if self.kind == "text" else None
        return {
            "name": self.name,
            "kind": self.kind,
            "rows": self.rows,
            "nulls": self.nulls,
            "min": self.min,
            "max": self.max,
            **(moments if lengths is None else dict.fromkeys(moments)),
            "zeros": self.zeros,
            "negatives": self.negatives,
            "lengths": lengths,
            "distinct_count": round(self.distinct_count()),
            "frequent": self.frequent.to_json(),
            "quantiles": base64.b64encode(self.quantiles.to_bytes()).decode("ascii"),
            "distinct": base64.b64encode(self.distinct.to_bytes()).decode("ascii"),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ColumnProfile:
        """The profile that `to_json` wrote."""
        moments = plain if plain["lengths"] is None else plain["lengths"]
        return cls(
            **{name: plain[name] for name in ("name", "kind", "rows", "nulls", "zeros", "negatives")},
            mean=moments["mean"],
            spread=moments["spread"],
            frequent=Frequent.from_json(plain["frequent"]),
            quantiles=QuantileSketch.from_bytes(base64.b64decode(plain["quantiles"])),
            distinct=Distinct.from_bytes(base64.b64decode(plain["distinct"])),
        )


@dataclass(frozen=True)
class Profile:
    """What is known of the rows of a batch, a window or a table."""

    rows: int = 0
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    def merge(self, other: Profile) -> Profile:
        """The profile of both sets of rows together; a column that one side lacks is null there."""
        return merge_all([self, other])

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; the same for the same rows in the same parts."""
        return {"format": FORMAT, "rows": self.rows, "columns": [column.to_json() for column in self.columns.values()]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Profile:
        """The profile that `to_json` wrote.

        Raises
        ------
        ValueError
            When another version wrote it, whose sketches do not go with ours.
        """
        if plain.get("format") != FORMAT:
            raise ValueError(f"a profile of format {plain.get('format')} does not go with those of format {FORMAT}: let the data be profiled again")
        return cls(plain["rows"], {column["name"]: ColumnProfile.from_json(column) for column in plain["columns"]})


class ProfileBuilder:
    """The profile of rows that come part by part; it holds no row, and no more than some dozen profiles."""

    def __init__(self, columns: Sequence[str] | None = None) -> None:
        self._columns = columns
        self._parts: list[Profile] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the next rows."""
        self._parts.append(profile(frame, self._columns))
        if len(self._parts) >= _HELD:
            self._parts = [merge_all(self._parts)]

    def profile(self) -> Profile:
        """The profile of all rows that were taken in."""
        return merge_all(self._parts)


def profile(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> Profile:
    """The profile of a frame's columns, or of the named ones."""
    names = frame.columns if columns is None else list(columns)
    return Profile(frame.height, {name: _column(frame[name]) for name in names})


def merge_all(profiles: Iterable[Profile]) -> Profile:
    """One profile of all: days from windows, a service from its replicas. All at once is quicker and more exact than two by two."""
    parts = list(profiles)
    rows = sum(part.rows for part in parts)
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {}
    for name in names:
        found = [part.columns[name] for part in parts if name in part.columns]
        lacking = rows - sum(part.rows for part in parts if name in part.columns)
        columns[name] = _combined([*found, ColumnProfile(name=name, kind=found[0].kind, rows=lacking, nulls=lacking)] if lacking else found)
    return Profile(rows, columns)


def _combined(parts: Sequence[ColumnProfile]) -> ColumnProfile:
    if len(parts) == 1:
        return parts[0]
    telling = [part for part in parts if part.known] or parts[:1]
    kind = telling[0].kind
    for part in telling:
        if part.kind != kind:
            raise ValueError(f"column {part.name!r} is {kind} here and {part.kind} there: their profiles do not merge")
    mean, spread = _pooled(telling)
    return ColumnProfile(
        name=parts[0].name,
        kind=kind,
        rows=sum(part.rows for part in parts),
        nulls=sum(part.nulls for part in parts),
        mean=mean,
        spread=spread,
        zeros=sum(part.zeros for part in telling),
        negatives=sum(part.negatives for part in telling),
        quantiles=merged([part.quantiles for part in telling]),
        frequent=together([part.frequent for part in telling]) if kind == "text" else Frequent(),
        distinct=union([part.distinct for part in telling]),
    )


def _pooled(parts: Sequence[ColumnProfile]) -> tuple[float | None, float | None]:
    """Mean and standard deviation of several sets of numbers, from those of each."""
    told = [(part.known, part.mean, part.spread) for part in parts if part.mean is not None and part.spread is not None]
    if not told:
        return None, None
    counts, means, spreads = (np.array(column, dtype=np.float64) for column in zip(*told, strict=True))
    shares, scale = counts / counts.sum(), _scale(float(np.abs(means).max()), float(spreads.max()))
    means, spreads = means / scale, spreads / scale
    # Around the first mean, so that what all have in common takes no digits away.
    mean = float(means[0] + (shares * (means - means[0])).sum())
    return mean * scale, math.sqrt(float((shares * (spreads**2 + (means - mean) ** 2)).sum())) * scale


def _scale(*greatest: float) -> float:
    """What numbers are divided by so that their squares do not overflow: 1 for all but enormous ones."""
    return 1.0 if max(greatest) < _ENORMOUS else max(greatest)


def _column(series: pl.Series) -> ColumnProfile:
    blocks = [series[start : start + BLOCK_ROWS] for start in range(0, max(1, len(series)), BLOCK_ROWS)]
    return _combined([_block(block) for block in blocks])


def _block(block: pl.Series) -> ColumnProfile:
    if block.dtype.is_numeric():
        return _numbers(block, "number", tally(block))
    if block.dtype in (pl.Date, pl.Datetime):
        return _numbers(block, "time", timed(block))
    if block.dtype == pl.Duration:
        return _numbers(block, "number", tally(block.dt.total_microseconds() / 1e6))
    return _texts(block, counted(block))


def _numbers(block: pl.Series, kind: Kind, found: Tally) -> ColumnProfile:
    known = found.total
    mean, spread = _moments(found.values, found.counts)
    below, upto = np.searchsorted(found.values, 0.0, side="left"), np.searchsorted(found.values, 0.0, side="right")
    return ColumnProfile(
        name=block.name,
        kind=kind,
        rows=len(block),
        nulls=len(block) - known,
        mean=mean,
        spread=spread,
        zeros=int(found.counts[below:upto].sum()),
        negatives=int(found.counts[:below].sum()),
        quantiles=_sketched(found.values, found.counts),
        distinct=Distinct.of(found.prints),
    )


def _texts(block: pl.Series, found: Counted) -> ColumnProfile:
    mean, spread = _moments(found.lengths, found.counts)
    return ColumnProfile(
        name=block.name,
        kind="text",
        rows=len(block),
        nulls=block.null_count(),
        mean=mean,
        spread=spread,
        zeros=int(found.counts[0]) if len(found.lengths) and found.lengths[0] == 0 else 0,
        quantiles=_sketched(found.lengths, found.counts),
        frequent=found.frequent,
        distinct=Distinct.of(found.prints),
    )


def _moments(values: Floats, counts: NDArray[np.int64]) -> tuple[float | None, float | None]:
    total = int(counts.sum())
    if not total:
        return None, None
    scale = _scale(abs(float(values[0])), abs(float(values[-1])))
    middle = values[len(values) // 2] / scale
    apart = values / scale - middle
    offset = float((apart * counts).sum() / total)
    apart -= offset
    apart *= apart
    return float(middle + offset) * scale, math.sqrt(float((apart * counts).sum() / total)) * scale


def _sketched(values: Floats, counts: NDArray[np.int64]) -> QuantileSketch:
    sketch = QuantileSketch()
    sketch.add(values, counts)
    return sketch
