"""Raw columns of a frame as arrays: what encoders, policies and monitors read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def raw(frame: pl.DataFrame, names: Collection[str], rows: NDArray[np.int64] | None = None) -> dict[str, NDArray[Any]]:
    """Columns of a frame as NumPy arrays: numbers and booleans as float64, dates as datetime64[us] (in UTC), texts as objects; nulls as NaN, NaT, None.

    Parameters
    ----------
    rows
        The places of some rows: they are gathered column by column, so that the frame is not held twice. All by default.
    """
    return {name: array(frame[name] if rows is None else frame[name][rows]) for name in names}


def array(series: pl.Series) -> NDArray[Any]:
    """One column as a NumPy array, as `raw` gives it."""
    kind = series.dtype
    if kind == pl.Boolean or kind.is_numeric():
        return series.cast(pl.Float64).to_numpy()
    if isinstance(kind, pl.Datetime):
        zoned = series if kind.time_zone is None else series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return zoned.dt.cast_time_unit("us").to_numpy()
    if kind == pl.Date:
        return series.cast(pl.Datetime("us")).to_numpy()
    return _shared_texts(series.cast(pl.String))


def _shared_texts(series: pl.Series) -> NDArray[np.object_]:
    """The texts, of which equal ones are one object: 300,000 rows of a category take 2 MB and not 20."""
    values = series.unique(maintain_order=True).drop_nulls()
    if 2 * len(values) > len(series):
        return np.array(series.to_list(), dtype=object)
    each = np.array([*values.to_list(), None], dtype=object)
    places = series.cast(pl.Enum(values)).to_physical().cast(pl.Int64).fill_null(len(values)).to_numpy()
    found: NDArray[np.object_] = each[places]
    return found
