"""Raw columns as the inputs of a package's graph: one code path for training, batches and single requests.

Only NumPy is imported here: a server encodes with the very function that the training used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.worth import as_text
from loopline.errors import Mistake

MISSING = "(missing)"
"""The category that stands for a null: the graph's inputs are texts, and a text cannot be null."""

PARTS = ("hour", "hour_sin", "hour_cos", "weekday", "week_sin", "week_cos", "month", "year_sin", "year_cos", "days_before")
_DAY_US = 86_400_000_000
_YEAR_DAYS = 365.25

Raw = Mapping[str, Sequence[Any] | NDArray[Any]]


@dataclass(frozen=True, slots=True)
class DatePart:
    """A number derived from a date: one of `PARTS`; ``days_before`` counts the days until the date in column `of`."""

    column: str
    part: str
    of: str | None = None

    @property
    def name(self) -> str:
        """The feature's name for people."""
        return f"{self.column}.{self.part}"


@dataclass(frozen=True, slots=True)
class Plan:
    """How raw columns become features.

    Parameters
    ----------
    numbers
        Columns that are numbers, integers or booleans, in the order of the graph's input.
    dates
        Numbers derived from dates; they follow the numbers.
    categories
        Pairs of a column and the values that have a feature of their own, sorted by column.
    """

    numbers: tuple[str, ...]
    dates: tuple[DatePart, ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that are read, each once."""
        of = (part.of for part in self.dates if part.of is not None)
        return tuple(dict.fromkeys((*self.numbers, *(part.column for part in self.dates), *of, *(name for name, _ in self.categories))))

    @property
    def count_numbers(self) -> int:
        """How many features are numbers; the rest are zeros and ones, one for each kept value."""
        return len(self.numbers) + len(self.dates)

    @property
    def features(self) -> tuple[tuple[str, str], ...]:
        """Each feature's raw column and name, in the order of the matrix."""
        numbers = [(name, name) for name in self.numbers] + [(part.column, part.name) for part in self.dates]
        return (*numbers, *((column, f"{column} = {value}") for column, values in self.categories for value in values))

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values, for ``signature.json``."""
        dates = [{"column": part.column, "part": part.part, "of": part.of} for part in self.dates]
        return {"numbers": list(self.numbers), "dates": dates, "categories": {name: list(values) for name, values in self.categories}}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Plan:
        """The plan from plain values; the inverse of `as_json`."""
        dates = tuple(DatePart(part["column"], part["part"], part["of"]) for part in said["dates"])
        categories = tuple((name, tuple(values)) for name, values in sorted(said["categories"].items()))
        return cls(tuple(said["numbers"]), dates, categories)


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
    numbers = np.empty((rows, plan.count_numbers), dtype=np.float32)
    if plan.numbers:
        numbers[:, : len(plan.numbers)] = _numbers(plan.numbers, columns, rows)
    if plan.dates:
        _fill_dates(numbers[:, len(plan.numbers) :], plan.dates, columns, rows)
    categories = np.empty((rows, len(plan.categories)), dtype=object)
    for index, (name, _) in enumerate(plan.categories):
        categories[:, index] = texts(columns[name]) if name in columns else MISSING
    return Encoded(numbers, categories)


def texts(values: Iterable[Any]) -> list[str]:
    """The values as categories; nulls (and NaN) are `MISSING`."""
    return [value if type(value) is str else MISSING if value is None or value != value else as_text(value) for value in values]


def _numbers(names: Sequence[str], columns: Raw, rows: int) -> NDArray[np.float32]:
    """The columns as float32, shape (n, k)."""
    absent = [None] * rows
    try:
        wide = np.array([columns.get(name, absent) for name in names], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        wide = np.array([[_number(name, value) for value in columns.get(name, absent)] for name in names], dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = wide.T.astype(np.float32)
    narrow[~np.isfinite(narrow)] = np.nan
    return narrow


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
