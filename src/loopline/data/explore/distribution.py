"""How a column's values are spread: counts, quantiles and a histogram of numbers and times, frequent values and lengths of texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.profiles.profile import ColumnProfile

Type = Literal["integer", "number", "text", "boolean", "date", "datetime"]
SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS, SINGLES, VALUES = 30, 40, 10
_TAIL = 0.005
_STRETCH = 0.3
_GREATEST = 1e100


@dataclass(frozen=True)
class Bin:
    """So many rows of the sample from `low` up to `high`; both are one value where single values were counted."""

    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Distribution:
    """How a column's values are spread.

    Counts, quantiles and frequent values are of all rows; the histogram is of the sample.

    Parameters
    ----------
    distinct
        About how many distinct values there are; `exact` says whether it is the true number.
    bins
        Of numbers and times (as seconds since 1970).
    below, above
        How many rows of the sample lie beyond the histogram, which leaves long tails out.
    values
        The most frequent texts with their counts.
    """

    name: str
    type: Type
    profile: ColumnProfile
    distinct: int
    exact: bool
    bins: tuple[Bin, ...] = ()
    below: int = 0
    above: int = 0
    values: tuple[tuple[str, int], ...] = ()

    @property
    def missing(self) -> int:
        """How many rows have no value."""
        return self.profile.nulls

    @property
    def missing_share(self) -> float:
        """The share of rows that have no value."""
        return self.profile.nulls / self.profile.rows if self.profile.rows else 0.0

    @property
    def is_time(self) -> bool:
        """Whether values are seconds since 1970."""
        return self.profile.kind == "time"

    @property
    def quantiles(self) -> Mapping[float, float]:
        """The numbers at some shares; empty for texts and where nothing is known."""
        if self.profile.kind == "text" or not self.profile.known:
            return {}
        return dict(zip(SHARES, self.profile.at(SHARES).tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Plain values; times as ISO 8601."""
        say = stamp if self.is_time else _finite
        numbers = self.profile.kind != "text" and self.profile.known > 0
        lengths = self.profile.lengths
        return {
            "name": self.name,
            "type": self.type,
            "missing": self.missing,
            "missing_share": round(self.missing_share, 6),
            "distinct": self.distinct,
            "distinct_exact": self.exact,
            "min": say(self.profile.min) if numbers else None,
            "max": say(self.profile.max) if numbers else None,
            "mean": say(self.profile.mean) if numbers else None,
            "spread": self.profile.spread if numbers else None,
            "zeros": self.profile.zeros if self.profile.kind == "number" else None,
            "negatives": self.profile.negatives if self.profile.kind == "number" else None,
            "quantiles": {f"{share:g}": say(value) for share, value in self.quantiles.items()},
            "histogram": [{"low": say(one.low), "high": say(one.high), "rows": one.rows} for one in self.bins],
            "beyond": {"below": self.below, "above": self.above},
            "values": [{"value": text, "rows": count} for text, count in self.values],
            "lengths": None if lengths is None or not lengths.count else {"min": lengths.min, "mean": self.profile.mean, "max": lengths.max},
        }


def distribution(profile: ColumnProfile, sample: pl.Series, *, whole: bool = False) -> Distribution:
    """How a column is spread, from the profile of all its rows and a sample of them, which may be the whole."""
    known = sample.drop_nulls()
    exact = profile.distinct.is_exact
    bins: Sequence[Bin] = ()
    below = above = 0
    if profile.kind != "text" and profile.known:
        bins, below, above = histogram(as_numbers(known), whole=known.dtype.is_integer())
    return Distribution(
        name=profile.name,
        type=type_of(sample.dtype),
        profile=profile,
        distinct=known.n_unique() if whole and not exact else round(profile.distinct_count()),
        exact=exact or whole,
        bins=tuple(bins),
        below=below,
        above=above,
        values=tuple(profile.values(VALUES).items()),
    )


def type_of(dtype: pl.DataType) -> Type:
    """What people call a column's type."""
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric() or dtype == pl.Duration:
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype == pl.Date:
        return "date"
    return "datetime" if dtype == pl.Datetime else "text"


def as_numbers(values: pl.Series) -> NDArray[np.float64]:
    """Known numbers, times as seconds since 1970, without NaN and infinities; what is beyond 1e100 counts as that, so that sums stay numbers."""
    if values.dtype in (pl.Date, pl.Datetime):
        values = values.cast(pl.Datetime("us")).to_physical() / 1e6
    elif values.dtype == pl.Duration:
        values = values.dt.total_microseconds() / 1e6
    numbers = values.drop_nulls().cast(pl.Float64).to_numpy()
    finite: NDArray[np.float64] = numbers[np.isfinite(numbers)]
    return np.clip(finite, -_GREATEST, _GREATEST)


def histogram(numbers: NDArray[np.float64], *, whole: bool = False) -> tuple[list[Bin], int, int]:
    """Bins of numbers, and how many lie below and above them: long tails are left out, so that the rest is seen.

    Few distinct numbers are counted one by one.
    """
    if not len(numbers):
        return [], 0, 0
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) <= SINGLES:
        return [Bin(value, value, count) for value, count in zip(distinct.tolist(), counts.tolist(), strict=True)], 0, 0
    low, high = (float(edge) for edge in np.quantile(numbers, [_TAIL, 1 - _TAIL]))
    reach = _STRETCH * (high - low)
    start, end = float(distinct[distinct >= low - reach][0]), float(distinct[distinct <= high + reach][-1])
    if end <= start:
        start, end = float(distinct[0]), float(distinct[-1])
    edges = np.linspace(start, end, BINS + 1)
    if whole:
        width = max(1, math.ceil((end - start + 1) / BINS))
        edges = np.arange(math.floor(start), math.floor(end) + width + 1, width).astype(np.float64)
    inside = numbers[(numbers >= edges[0]) & (numbers <= edges[-1])]
    held, _ = np.histogram(inside, edges)
    bins = [Bin(float(edges[place]), float(edges[place + 1]), int(rows)) for place, rows in enumerate(held)]
    return bins, int((numbers < edges[0]).sum()), int((numbers > edges[-1]).sum())


def stamp(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601, without what is nought; None for what no calendar holds."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        moment = datetime.fromtimestamp(round(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.strftime("%Y-%m-%d") if moment.hour == moment.minute == moment.second == 0 else moment.strftime("%Y-%m-%dT%H:%M:%S")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
