"""Numbers counted: each distinct one in ascending order, with how often it comes; by the cheapest way that the numbers allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.profiles.fingerprint import Prints, of_integers, of_numbers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EXACT = 2**53
_PLACES_MIN, _PLACES_PER_VALUE = 1 << 16, 4
_PROBE = 256
_SCALES = (1.0, 10.0, 100.0, 1000.0)
_FEW_PROBE, _FEW_SHARE = 4096, 0.5


@dataclass(frozen=True, eq=False)
class Tally:
    """Distinct numbers in ascending order, how often each comes, and their fingerprints."""

    values: Floats
    counts: Ints
    prints: Prints

    @property
    def total(self) -> int:
        """How many numbers there are."""
        return int(self.counts.sum())


def tally(series: pl.Series) -> Tally:
    """The numbers of a column counted; null, NaN and infinite ones are passed over.

    Whole numbers and decimals that lie close together are counted in places; many equal ones are grouped; others are sorted.
    """
    known = series.drop_nulls() if series.null_count() else series
    if known.dtype == pl.UInt64 and len(known) and int(known.max()) < 2**63:  # type: ignore[arg-type]
        known = known.cast(pl.Int64)
    if known.dtype.is_integer() and known.dtype not in (pl.UInt64, pl.Int128):
        return _of_integers(known.cast(pl.Int64))
    values = known.cast(pl.Float64).to_numpy()
    if not np.isfinite(values).all():
        values = values[np.isfinite(values)]
    return _of_floats(values)


def timed(series: pl.Series) -> Tally:
    """Dates or times of a column counted, as seconds since 1970 (UTC)."""
    whole = tally(series.cast(pl.Int64) if series.dtype == pl.Date else series.cast(pl.Datetime("us")).to_physical())
    seconds = whole.values * 86400.0 if series.dtype == pl.Date else whole.values / 1e6
    return Tally(seconds, whole.counts, of_numbers(seconds))


def _of_integers(known: pl.Series) -> Tally:
    values = known.to_numpy()
    found = _in_places(values)
    if found is None:
        found = _runs(known.sort().to_numpy())
    whole, counts = found
    return Tally(whole.astype(np.float64), counts, of_integers(whole))


def _of_floats(values: Floats) -> Tally:
    found = _as_decimals(values) or _grouped(values)
    numbers, counts = found if found is not None else _runs(pl.Series(values).sort().to_numpy() + 0.0)
    return Tally(numbers, counts, of_numbers(numbers))


def _in_places(values: Ints) -> tuple[Ints, Ints] | None:
    """Whole numbers counted in an array of places; None where it would be too long."""
    if not len(values):
        return values, np.empty(0, dtype=np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low >= max(_PLACES_MIN, _PLACES_PER_VALUE * len(values)):
        return None
    counts = np.bincount(values - low)
    # Of truth values the places are found in a quarter of the time.
    places = np.flatnonzero(counts != 0)
    return places + low, counts[places]


def _as_decimals(values: Floats) -> tuple[Floats, Ints] | None:
    """Numbers with few decimals counted in places; None where they are others."""
    if not len(values):
        return values, np.empty(0, dtype=np.int64)
    probe = values[:: max(1, len(values) // _PROBE)]
    fitting = (scale for scale in _SCALES if float(np.abs(probe).max()) * scale < _EXACT and (np.rint(probe * scale) / scale == probe).all())
    scale = next(fitting, None)
    if scale is None or float(np.abs(values).max()) * scale >= _EXACT:
        return None
    whole = np.rint(values * scale)
    if not (whole / scale == values).all():
        return None
    found = _in_places(whole.astype(np.int64))
    return None if found is None else (found[0] / scale, found[1])


def _grouped(values: Floats) -> tuple[Floats, Ints] | None:
    """Numbers of which many are equal; None where a look at the first ones says otherwise."""
    head = pl.Series(values[:_FEW_PROBE])
    if head.n_unique() > _FEW_SHARE * len(head):
        return None
    counted = pl.Series("value", values).value_counts(name="count").sort("value")
    return counted["value"].to_numpy() + 0.0, counted["count"].cast(pl.Int64).to_numpy()


def _runs(ordered: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else np.empty(0, dtype=np.int64)
    return ordered[starts], np.diff(starts, append=len(ordered))
