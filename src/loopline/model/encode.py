"""Raw columns as the inputs of a package's graph: one code path for training, batches and single requests.

Only NumPy is imported here: a server encodes with the very function that the training used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.worth import as_text
from loopline.errors import Mistake
from loopline.model.formulas import evaluated
from loopline.model.plan import CROSSED, MISSING, DatePart, Key, Kind, Plan
from loopline.model.words import counted

_DAY_US = 86_400_000_000
_YEAR_DAYS = 365.25
_MANY = 1_000

Raw = Mapping[str, Sequence[Any] | NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The graph's inputs for n rows: `numbers` (n, k) float32 with NaN for nulls, `categories` (n, m) texts."""

    numbers: NDArray[np.float32]
    categories: NDArray[np.object_]

    def inputs(self) -> dict[str, NDArray[Any]]:
        """The inputs by their names in the graph; an input without columns is not in the graph."""
        both = {"numbers": self.numbers, "categories": self.categories}
        return {name: values for name, values in both.items() if values.shape[1]}


def encode(plan: Plan, columns: Raw) -> Encoded:
    """The graph's inputs for n rows of raw columns.

    Parameters
    ----------
    columns
        Lists of plain values (from JSON) or NumPy arrays (from a frame), all of length n. A column that is not there is
        null in every row; infinite numbers, and numbers that float32 cannot hold, are null.

    Raises
    ------
    Mistake
        Naming the column and the value that is no number or no date.
    """
    rows = next((len(columns[name]) for name in plan.columns if name in columns), None)
    if rows is None:
        raise Mistake("none of the model's columns is there", remedy=f"it reads: {', '.join(plan.columns)}")
    numbers = np.empty((rows, plan.count_inputs), dtype=np.float32)
    at = len(plan.numbers)
    if at:
        _fill_numbers(numbers[:, :at], plan.numbers, columns, rows)
    if plan.dates:
        _fill_dates(numbers[:, at : at + len(plan.dates)], plan.dates, columns, rows)
    at += len(plan.dates)
    if at < plan.count_inputs:
        _fill_derived(numbers[:, at:], plan, columns, rows)
    categories = np.empty((rows, len(plan.keys)), dtype=object)
    for index, key in enumerate(plan.keys):
        categories[:, index] = keyed(key, columns, rows)
    return Encoded(numbers, categories)


def texts(values: Iterable[Any]) -> list[str]:
    """The values as categories; nulls (and NaN) are `MISSING`."""
    if isinstance(values, np.ndarray) and values.dtype == object:
        listed: list[Any] = values.tolist()
        if set(map(type, listed)) <= {str}:
            return listed
        values = listed
    return [value if type(value) is str else MISSING if value is None or value != value else as_text(value) for value in values]


def keyed(key: Key, columns: Raw, rows: int) -> list[str]:
    """The texts that a table or a category is read by; those of crossed columns are joined."""
    each = [texts(columns[name]) if name in columns else [MISSING] * rows for name in key]
    return each[0] if len(each) == 1 else [CROSSED.join(values) for values in zip(*each, strict=True)]


def _fill_numbers(into: NDArray[np.float32], names: Sequence[str], columns: Raw, rows: int) -> None:
    """Writes the columns into an array of shape (n, k)."""
    if rows > _MANY:
        for index, name in enumerate(names):
            into[:, index] = _narrow(floats(name, columns[name])) if name in columns else np.nan
        return
    absent = [None] * rows
    try:
        wide = np.array([columns.get(name, absent) for name in names], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        wide = np.array([[_number(name, value) for value in columns.get(name, absent)] for name in names], dtype=np.float64)
    into[:] = _narrow(wide.T)


def _narrow(wide: NDArray[np.float64]) -> NDArray[np.float32]:
    """The numbers as float32; what it cannot hold is null."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = wide.astype(np.float32)
    narrow[~np.isfinite(narrow)] = np.nan
    return narrow


def _fill_derived(into: NDArray[np.float32], plan: Plan, columns: Raw, rows: int) -> None:
    """Writes what expressions, nulls and texts give into an array of shape (n, k)."""

    @cache
    def read(name: str, kind: Kind) -> NDArray[Any]:
        if name not in columns:
            return np.full(rows, None if kind == "text" else np.nan, dtype=object if kind == "text" else np.float64)
        if kind == "number":
            return floats(name, columns[name])
        if kind == "date":
            return days(moments(name, columns[name]))
        read_as = np.empty(rows, dtype=object)
        read_as[:] = [None if text == MISSING else text for text in texts(columns[name])]
        return read_as

    at = len(plan.formulas)
    if at:
        wide = np.empty((rows, at))
        for index, formula in enumerate(plan.formulas):
            wide[:, index] = evaluated(formula, read, rows)
        into[:, :at] = _narrow(wide)
    for name in plan.missing:
        into[:, at] = [value is None or value != value for value in columns[name]] if name in columns else 1.0
        at += 1
    for words in plan.words:
        width = len(words.names)
        into[:, at : at + width] = counted(words, texts(columns[words.column]) if words.column in columns else [MISSING] * rows)
        at += width


def days(stamps: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Moments as days since 1970-01-01, shape (n,); nulls are NaN."""
    return np.where(np.isnat(stamps), np.nan, stamps.view(np.int64) / _DAY_US)


def floats(name: str, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64]:
    """The values as float64, shape (n,); nulls are NaN.

    Raises
    ------
    Mistake
        Naming the value that is no number.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return values.astype(np.float64)
    return np.array([_number(name, value) for value in values], dtype=np.float64)


def _number(name: str, value: Any) -> float:
    try:
        return float("nan") if value is None else float(value)
    except OverflowError:
        return float("inf")
    except (TypeError, ValueError):
        raise Mistake(f"{value!r} is not a number", where=name, remedy="give a number or null") from None


def moments(name: str, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.datetime64]:
    """The values as moments in microseconds, shape (n,): with a zone they become UTC, without one they stay as they are.

    Raises
    ------
    Mistake
        Naming the value that is no date.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    return np.array([_moment(name, value) for value in values], dtype="datetime64[us]")


def _moment(name: str, value: Any) -> datetime | None:
    if value is None or value != value:
        return None
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    try:
        moment = value if isinstance(value, date) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Mistake(f"{value!r} is not a date", where=name, remedy="write it as 2026-01-31 or 2026-01-31T08:30:00") from None
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _fill_dates(into: NDArray[np.float32], parts: Sequence[DatePart], columns: Raw, rows: int) -> None:
    """Writes each part's numbers into its column; a null date is NaN."""
    needed = dict.fromkeys(name for part in parts for name in (part.column, part.of) if name is not None)
    dates = {name: moments(name, columns[name]) if name in columns else np.full(rows, "NaT", dtype="datetime64[us]") for name in needed}
    for index, part in enumerate(parts):
        into[:, index] = _part(part, dates)


def _part(part: DatePart, dates: Mapping[str, NDArray[np.datetime64]]) -> NDArray[np.float64]:
    moment = dates[part.column]
    stamp = moment.view(np.int64)
    if part.part == "days_before" and part.of is not None:
        other = dates[part.of]
        value = (other.view(np.int64) - stamp) / _DAY_US
        return np.where(np.isnat(moment) | np.isnat(other), np.nan, value)
    return np.where(np.isnat(moment), np.nan, _clock(part.part, moment, stamp))


def _clock(part: str, moment: NDArray[np.datetime64], stamp: NDArray[np.int64]) -> NDArray[np.float64]:
    kind = part.split("_")[0]
    if kind == "hour":
        value, cycle = (stamp % _DAY_US) / 3_600_000_000, 24.0
    elif kind in ("weekday", "week"):
        # Day 0 of the epoch was a Thursday; Monday is 0.
        value, cycle = ((stamp // _DAY_US + 3) % 7).astype(np.float64), 7.0
    elif kind == "month":
        value, cycle = (moment.astype("datetime64[M]").astype(np.int64) % 12 + 1).astype(np.float64), 12.0
    else:
        start = moment.astype("datetime64[Y]").astype("datetime64[us]")
        value, cycle = (moment - start).astype(np.int64) / _DAY_US, _YEAR_DAYS
    if part.endswith("_sin"):
        return np.sin(value * (2 * np.pi / cycle))
    if part.endswith("_cos"):
        return np.cos(value * (2 * np.pi / cycle))
    return value
