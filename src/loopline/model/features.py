"""Which columns become features, and how: the encoding plan, made from the training part alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.spec import ColumnType
from loopline.errors import Mistake
from loopline.model.encode import MISSING, DatePart, Plan, texts

KEPT_AT_MOST = 100
"""Values of one category that have a feature of their own; the rarer ones have none."""

FEATURES_AT_MOST = 400
"""Features that all categories have together: a matrix of 300,000 rows stays below half a gigabyte."""

COVERED_AT_LEAST = 0.5
"""The share of a category's rows that its kept values must cover; below it the column is more a name than a category."""

_DAY_US = 86_400_000_000
_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the main table, as the data stage's facts describe it."""

    name: str
    type: ColumnType
    use: bool = True


@dataclass(frozen=True, slots=True)
class Planned:
    """An encoding plan, and the columns that are no features with the reason of each."""

    plan: Plan
    left_out: Mapping[str, str]


def raw(frame: pl.DataFrame, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Columns of a frame as NumPy arrays: numbers and booleans as float64, dates as datetime64[us] (in UTC), texts as objects; nulls as NaN, NaT, None."""
    return {name: _array(frame[name]) for name in names}


def _array(series: pl.Series) -> NDArray[Any]:
    kind = series.dtype
    if kind == pl.Boolean or kind.is_numeric():
        return series.cast(pl.Float64).to_numpy()
    if isinstance(kind, pl.Datetime):
        zoned = series if kind.time_zone is None else series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return zoned.dt.cast_time_unit("us").to_numpy()
    if kind == pl.Date:
        return series.cast(pl.Datetime("us")).to_numpy()
    return np.array(series.cast(pl.String).to_list(), dtype=object)


def make_plan(train: pl.DataFrame, columns: Sequence[Column], *, time: str | None = None, leave_out: Collection[str] = ()) -> Planned:
    """The plan for the columns, from the training rows.

    Parameters
    ----------
    columns
        The main table's columns; those with ``use: false`` and hidden ones (``__*``) are no features.
    time
        The time column: only parts that come round again are taken from it, for its own value never does.
    leave_out
        Columns that are no features: the target, the keys, and what the declaration leaves out.

    Raises
    ------
    Mistake
        When no column is left to learn from.
    """
    chosen = [column for column in columns if column.use and column.name not in leave_out and not column.name.startswith("__")]
    left_out: dict[str, str] = {}
    numbers: list[str] = []
    dates: list[DatePart] = []
    counted: dict[str, Counter[str]] = {}
    for column in chosen:
        series = train[column.name]
        why = _useless(series)
        if why is not None:
            if column.name != time:
                left_out[column.name] = why
        elif column.type in ("category", "text") or series.dtype == pl.String:
            counted[column.name] = Counter(texts(_array(series)))
        elif series.dtype.is_temporal():
            dates += _date_parts(column.name, _array(series), time)
        elif column.name != time:
            numbers.append(column.name)
    categories = _categories(counted, train.height, left_out)
    plan = Plan(tuple(numbers), tuple(dates), tuple(sorted(categories.items())))
    if not plan.features:
        said = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise Mistake("no column is left to learn from", where=said, remedy="give the table more columns, or use: true and fewer names in model.leave_out")
    _check_dates(plan, train)
    return Planned(plan, left_out)


def _useless(series: pl.Series) -> str | None:
    """Why nothing can be learned from a column, or None."""
    known = series.drop_nulls()
    if series.dtype.is_float():
        known = known.filter(known.is_finite())
    if known.is_empty():
        return "every value is missing"
    if known.n_unique() == 1 and len(known) == len(series):
        return "every value is the same"
    if isinstance(series.dtype, (pl.List, pl.Struct, pl.Array, pl.Binary, pl.Duration, pl.Time)):
        return f"values of type {series.dtype} are not learned from"
    return None


def _date_parts(name: str, values: NDArray[np.datetime64], time: str | None) -> list[DatePart]:
    """The parts of a date whose whole cycle the training rows have seen: what was never seen cannot be learned."""
    known = values[~np.isnat(values)].view(np.int64)
    days = (known.max() - known.min()) / _DAY_US
    parts = []
    if np.any(known % _DAY_US != known[0] % _DAY_US) and days >= 1:
        parts += ["hour", "hour_sin", "hour_cos"]
    if days >= 14:
        parts += ["weekday", "week_sin", "week_cos"]
    if days >= _YEAR_DAYS:
        parts += ["month", "year_sin", "year_cos"]
    made = [DatePart(name, part) for part in parts]
    if time is not None and name != time:
        made.append(DatePart(name, "days_before", of=time))
    return made


def _categories(counted: Mapping[str, Counter[str]], rows: int, left_out: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The values that each category keeps; a column whose kept values cover too little is left out."""
    each = max(2, min(KEPT_AT_MOST, FEATURES_AT_MOST // max(1, len(counted))))
    seldom = max(3, rows // 2000)
    kept: dict[str, tuple[str, ...]] = {}
    for name, counts in counted.items():
        # Ties are ordered by the text, so that the order of the rows does not matter.
        often = [value for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= seldom][:each]
        known = sum(count for value, count in counts.items() if value != MISSING)
        covered = sum(counts[value] for value in often if value != MISSING)
        if covered < COVERED_AT_LEAST * known:
            left_out[name] = f"too many values ({len(counts):,} in {rows:,} rows)"
        else:
            kept[name] = tuple(often)
    return kept


def _check_dates(plan: Plan, train: pl.DataFrame) -> None:
    """Refuses a date part that counts the days until a column that holds no dates."""
    for name in {part.of for part in plan.dates if part.of is not None}:
        if not train[name].dtype.is_temporal():
            raise Mistake(f"the time column {name!r} holds no dates", where=f"data.contract.{name}", remedy="give it the type date or datetime")
