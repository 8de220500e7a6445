"""From what stands in a file to typed values: what can be read as a type, and which type fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache

import polars as pl

from loopline.data.spec import ColumnType
from loopline.errors import Mistake

TIME = pl.Datetime("us", "UTC")
DTYPES: dict[ColumnType, pl.DataType] = {
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "text": pl.String(),
    "category": pl.String(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": TIME,
}
"""What each type is in a table. A time without a zone is taken as UTC."""

ISO = "iso"
# In the order in which they are preferred where several fit all values: the month first, as the datasets that we met do.
DATES = (
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%Y%m%d",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%m/%d/%y",
    "%d/%m/%y",
)
TIMES = (
    ISO,
    *(f"{date} {time}" for date in ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d") for time in ("%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")),
)
_ISO_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
_ISO_ZONED = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "t": True, "f": False, "y": True, "n": False, "1": True, "0": False}
_LARGEST_EXACT = 2.0**53
_SAMPLE = 1000
_NUMBERS: tuple[ColumnType, ...] = ("integer", "number")
_DATED: tuple[ColumnType, ...] = ("date", "datetime")


def absent(column: str, dtype: pl.DataType, nulls: Sequence[str]) -> pl.Expr:
    """Whether a value is missing: null, not a number, or one of the words that stand for null."""
    value = pl.col(column)
    if dtype == pl.String:
        # One expression over the text takes half the time of stripping it and looking the rest up.
        return value.is_null() | value.str.contains(_pattern_of(tuple(nulls))) if nulls else value.is_null()
    return value.is_null() | value.is_nan() if dtype.is_float() else value.is_null()


@cache
def _pattern_of(words: tuple[str, ...]) -> str:
    return rf"^\s*(?:{'|'.join(re.escape(word) for word in words)})\s*$"


def parsed(column: str, dtype: pl.DataType, want: ColumnType, *, nulls: Sequence[str] = (), format: str | None = None, decimal: str = ".") -> pl.Expr:
    """The column's values as a type; null where one is missing or cannot be read so.

    Parameters
    ----------
    decimal
        The sign before the fraction of a number in a text; the other of comma and point may then stand between thousands.

    Raises
    ------
    Mistake
        When values such as lists have no place in a table of plain values.
    """
    # Among whole numbers, and floats that stay numbers, what is missing is null once it is read.
    value: pl.Expr = (
        pl.col(column) if dtype.is_integer() or (dtype.is_float() and want == "number") else pl.when(~absent(column, dtype, nulls)).then(pl.col(column))
    )
    if dtype.is_nested() or dtype == pl.Object:
        raise Mistake(f"column {column!r} holds {dtype}, not single values", remedy="flatten it into columns of numbers and texts")
    if dtype in (pl.Categorical, pl.Enum, pl.Binary, pl.Time):
        value, dtype = value.cast(pl.String, strict=False), pl.String()
    if dtype == pl.String:
        return _from_text(value, want, format, decimal)
    return _from_typed(value, dtype, want)


def _from_text(value: pl.Expr, want: ColumnType, format: str | None, decimal: str) -> pl.Expr:
    if want in ("text", "category"):
        return value
    text = value.str.strip_chars()
    if decimal != "." and want in _NUMBERS:
        text = _with_point(text, decimal)
    match want:
        case "integer":
            return pl.coalesce(text.cast(pl.Int64, strict=False), _whole(text.cast(pl.Float64, strict=False)))
        case "number":
            number = text.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case "boolean":
            return text.str.to_lowercase().replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
        case "date":
            return _date(text, format or DATES[0])
        case _:
            return _time(text, format or ISO)


def _with_point(text: pl.Expr, decimal: str) -> pl.Expr:
    """Numbers that are written with another sign before their fraction, with a point; what is not written so is no number."""
    sign = re.escape(decimal)
    between = r"\." if decimal == "," else ","
    plain = text.str.contains(rf"^[+-]?\d*(?:{sign}\d*)?(?:[eE][+-]?\d+)?$")
    grouped = text.str.contains(rf"^[+-]?\d{{1,3}}(?:{between}\d{{3}})+(?:{sign}\d*)?$")
    return pl.when(plain | grouped).then(text.str.replace_all(between, "").str.replace(decimal, ".", literal=True))


def _from_typed(value: pl.Expr, dtype: pl.DataType, want: ColumnType) -> pl.Expr:
    match want:
        case "text" | "category":
            return value.cast(pl.String, strict=False)
        case "integer":
            if dtype.is_decimal():
                value = value.cast(pl.Float64, strict=False)
            return _whole(value) if dtype.is_float() or dtype.is_decimal() else value if dtype == pl.Int64 else value.cast(pl.Int64, strict=False)
        case "number":
            number = value.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case "boolean":
            if dtype == pl.Boolean:
                return value
            return pl.when((value == 0) | (value == 1)).then(value != 0) if dtype.is_numeric() else _never(value, pl.Boolean())
        case "date":
            return value.cast(pl.Date, strict=False) if dtype.is_temporal() else _never(value, pl.Date())
        case _:
            if not isinstance(dtype, pl.Datetime):
                return value.cast(pl.Datetime("us"), strict=False).dt.replace_time_zone("UTC") if dtype == pl.Date else _never(value, TIME)
            return value.dt.convert_time_zone("UTC").cast(TIME) if dtype.time_zone else value.dt.replace_time_zone("UTC").cast(TIME)


def _never(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Null for every value: none can be read as the type."""
    return pl.when(value.is_not_null()).then(pl.lit(None, dtype))


def _whole(number: pl.Expr) -> pl.Expr:
    exact = number.is_finite() & (number == number.round()) & (number.abs() <= _LARGEST_EXACT)
    return pl.when(exact).then(number).cast(pl.Int64, strict=False)


def _date(text: pl.Expr, format: str) -> pl.Expr:
    day = text.str.to_date(format, strict=False)
    # "%Y" also reads 11 as the year 11.
    return pl.when(day.dt.year() >= 1000).then(day) if "%Y" in format else day


def _time(text: pl.Expr, format: str) -> pl.Expr:
    if format != ISO:
        time = text.str.to_datetime(format, strict=False, time_unit="us", time_zone="UTC")
        return pl.when(time.dt.year() >= 1000).then(time) if "%Y" in format else time
    plain = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[Tt]", "$1 ")
    zoned = [plain.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC") for form in _ISO_ZONED]
    local = [plain.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC") for form in _ISO_TIMES]
    day = plain.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.coalesce(*local, *zoned, day)


def formats(values: pl.Series, want: ColumnType) -> tuple[str | None, bool]:
    """How dates or times in texts are written, and whether day and month could also be the other way round.

    The format that reads the most values wins; None where not one value can be read.
    """
    known = values.drop_nulls().unique().sort()
    among = DATES if want == "date" else TIMES
    few = known.head(_SAMPLE)
    likely = [form for form in among if _readable(few, want, form)] if len(known) > _SAMPLE else list(among)
    counts = {form: _readable(known, want, form) for form in likely}
    best = max(counts.values(), default=0)
    if not best:
        return None, False
    fitting = [form for form in among if counts.get(form) == best]
    other = fitting[0].replace("%m", "%x").replace("%d", "%m").replace("%x", "%d")
    return fitting[0], other != fitting[0] and other in fitting


class FormatFinder:
    """Finds out how the dates or times of a column are written, part by part; the same wherever the parts are cut.

    Only formats that read one of the first values are looked at; that which reads the most values wins, of several the one preferred.

    Parameters
    ----------
    want
        ``date`` or ``datetime``.
    """

    def __init__(self, want: ColumnType) -> None:
        self._want = want
        self._first = pl.Series([], dtype=pl.String)
        self._counts: dict[str, int] = {}

    @property
    def is_sure(self) -> bool:
        """Whether more values would change nothing."""
        return len(self._counts) == 1

    def add(self, known: pl.Series) -> None:
        """Look at some texts, none of them a word for null."""
        if not self._counts:
            self._first = known = pl.concat([self._first, known.drop_nulls().rename("")])
            if len(known) < _SAMPLE:
                return
            self._counts = self._likely(known.head(_SAMPLE))
        for form in self._counts:
            self._counts[form] += _readable(known, self._want, form)

    def found(self) -> str:
        """The format; the first of all where none reads a value."""
        counts = self._counts or {form: _readable(self._first, self._want, form) for form in self._among}
        return max(counts, key=lambda form: counts[form])

    @property
    def _among(self) -> tuple[str, ...]:
        return DATES if self._want == "date" else TIMES

    def _likely(self, few: pl.Series) -> dict[str, int]:
        return dict.fromkeys([form for form in self._among if _readable(few, self._want, form)] or self._among, 0)


def _readable(values: pl.Series, want: ColumnType, format: str | None, decimal: str = ".") -> int:
    expr = parsed("value", pl.String(), want, format=format, decimal=decimal)
    return int(values.alias("value").to_frame().select(expr.is_not_null().sum()).item())


def require_format(format: str, want: ColumnType, *, where: str) -> None:
    """Check that what a format writes can be read with it again.

    Raises
    ------
    Mistake
        When it is no format of dates or times.
    """
    try:
        written = pl.Series("value", [datetime(2024, 11, 23, 14, 45, 59)]).dt.strftime(format)
        readable = format == ISO or _readable(written, want, format)
    except pl.exceptions.PolarsError:
        readable = False
    if not readable:
        raise Mistake(f"{format!r} is no format of a {want}", where=where, remedy="write it as in %Y-%m-%d, %m/%d/%Y or %d.%m.%Y %H:%M")


def inferred(series: pl.Series, *, nulls: Sequence[str] = (), tolerance: float = 0.0, decimal: str = ".") -> tuple[ColumnType, str | None]:
    """The type that fits a column, and the format of its dates.

    Parameters
    ----------
    tolerance
        The share of known values that may be unreadable as the type.
    """
    dtype = series.dtype
    if dtype != pl.String:
        return _inferred_typed(dtype), None
    frame = series.alias("value").to_frame()
    known = frame.filter(~absent("value", dtype, nulls))["value"]
    if known.is_empty():
        return "text", None
    few = known.head(_SAMPLE)
    # Digits that begin with a zero, as in 00412, are a code.
    if not few.str.contains(r"^\s*[+-]?0\d").any():
        for number in _NUMBERS:
            if _fits(few, number, None, tolerance, decimal) and _fits(known, number, None, tolerance, decimal):
                return number, None
    if known.str.to_lowercase().is_in(["true", "false"]).all():
        return "boolean", None
    for want in _DATED:
        form, _ = formats(few, want)
        if form is not None and _fits(few, want, form, max(tolerance, 0.5)):
            form, _ = formats(known, want)
            if _fits(known, want, form, tolerance):
                return want, form
    return text_type(known), None


def text_type(known: pl.Series) -> ColumnType:
    """``category`` for texts that come again and again, ``text`` for the rest."""
    return kind_of_text(len(known), known.n_unique())


def kind_of_text(known: int, distinct: float) -> ColumnType:
    """The same, of so many texts of which so many are distinct."""
    return "category" if distinct <= 20 or (distinct <= 1000 and distinct <= 0.2 * known) else "text"


def _fits(values: pl.Series, want: ColumnType, format: str | None, tolerance: float, decimal: str = ".") -> bool:
    return _readable(values, want, format, decimal) >= (1 - tolerance) * len(values)


def _inferred_typed(dtype: pl.DataType) -> ColumnType:
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype == pl.Date:
        return "date"
    return "datetime" if isinstance(dtype, pl.Datetime) else "text"
