"""How columns are written in a format that does not know their type, and what is lost by it: found by looking at the cells, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from loopline.data.formats.columnar import as_json
from loopline.data.spec_source import Format

Target = Format | Literal["sqlite", "postgresql"]
_EXACT = 2**53
_I64 = (-(2**63), 2**63 - 1)
_NAIVE, _MOMENT = pl.Datetime("us"), pl.Datetime("us", "UTC")
_KEEPS: Mapping[str, tuple[pl.DataType, ...]] = {
    "json": (pl.Boolean(), pl.Int64(), pl.Float64(), pl.String()),
    "excel": (pl.Boolean(), pl.Int64(), pl.Float64(), pl.String(), pl.Date(), _NAIVE),
    "sqlite": (pl.Int64(), pl.Float64(), pl.String()),
    "postgresql": (pl.Boolean(), pl.Int64(), pl.Float64(), pl.String(), pl.Date(), _NAIVE, _MOMENT),
}
"""The types that come back as they were."""
EXCEL_ROWS, EXCEL_COLUMNS, EXCEL_LETTERS = 1_048_576, 16_384, 32_767
_EXCEL_FIRST = pl.date(1900, 3, 1)


@dataclass(frozen=True)
class Loss:
    """What a round trip through a format loses.

    Parameters
    ----------
    column
        The column; empty where it concerns whole rows.
    what
        What is lost.
    cells
        How many cells it concerns.
    """

    column: str
    what: str
    cells: int


@dataclass(frozen=True)
class Check:
    """Something that is lost in the cells in which an expression holds.

    With `every`, only where it holds in all of them and one is known; with `always`, also where no cell shows it, since the column's type is lost.
    """

    column: str
    what: str
    holds: pl.Expr
    every: bool = False
    always: bool = False


@dataclass
class Fit:
    """How frames are written in a format.

    Parameters
    ----------
    columns
        An expression for each column, of the types that are written.
    checks
        What may be lost.
    refuses
        Reasons why a row cannot be written, each with the expression of the rows.
    """

    columns: list[pl.Expr] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    refuses: list[tuple[str, pl.Expr]] = field(default_factory=list)


def fit(schema: Mapping[str, pl.DataType], target: Target) -> Fit:
    """How frames with these columns are written in a format, and what is to be looked for."""
    made = Fit()
    for name, dtype in schema.items():
        _KINDS[target](name, dtype, made)
    if target == "excel":
        nothing = pl.all_horizontal(_empty(name, dtype) for name, dtype in schema.items())
        made.checks.append(Check("", "rows in which every cell is empty are passed over", nothing))
    return made


def _empty(name: str, dtype: pl.DataType) -> pl.Expr:
    """Whether a value becomes an empty cell of Excel."""
    if dtype.is_float():
        return pl.col(name).is_null() | ~pl.col(name).is_finite()
    textual = not (dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean())
    return pl.col(name).is_null() | (text(name, dtype) == "") if textual else pl.col(name).is_null()


class Tally:
    """Counts what is lost in the frames that pass."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._counts = [0] * len(checks)
        self._rows = 0
        self._known: dict[str, int] = {}

    def note(self, frame: pl.DataFrame) -> None:
        """Take note of a frame as it was before it is written."""
        self._rows += frame.height
        if not self._checks:
            return
        names = sorted({check.column for check in self._checks if check.every})
        counts = frame.select(
            *(check.holds.fill_null(False).sum().cast(pl.Int64).alias(f"{place}") for place, check in enumerate(self._checks)),
            *(pl.col(name).count().alias(f"known {place}") for place, name in enumerate(names)),
        ).row(0)
        for place in range(len(self._checks)):
            self._counts[place] += int(counts[place] or 0)
        for place, name in enumerate(names):
            self._known[name] = self._known.get(name, 0) + int(counts[len(self._checks) + place])

    def losses(self) -> Iterator[Loss]:
        """What was lost."""
        for check, count in zip(self._checks, self._counts, strict=True):
            if check.every:
                if count == self._rows and (self._known.get(check.column, 0) or check.what == _NOTHING):
                    yield Loss(check.column, check.what, count)
            elif count or check.always:
                yield Loss(check.column, check.what, count)


_NOTHING = "a column of nothing but nulls has no type"


def text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as texts from which its values can be told: dates and times in ISO 8601, bytes in hexadecimal, lists and records as JSON."""
    column = pl.col(name)
    if dtype.is_nested() or dtype == pl.Object:
        return column.map_batches(_json, return_dtype=pl.String())
    if dtype == pl.Binary():
        return column.bin.encode("hex")
    if isinstance(dtype, pl.Duration):
        return column.dt.to_string("iso")
    if dtype == pl.Time():
        return column.dt.to_string("%H:%M:%S%.f")
    if isinstance(dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f%:z" if dtype.time_zone else "%Y-%m-%dT%H:%M:%S%.f")
    if dtype == pl.Date():
        return column.dt.strftime("%Y-%m-%d")
    return column.cast(pl.String())


def _json(values: pl.Series) -> pl.Series:
    return pl.Series(values.name, [None if value is None else as_json({"": value})[5:-1] for value in values.to_list()], dtype=pl.String())


def _reads(made: Fit, name: str, dtype: pl.DataType, as_what: str) -> None:
    """The column comes back with another type."""
    made.checks.append(Check(name, f"{_called(dtype)} comes back as {as_what}", pl.col(name).is_not_null(), always=True))


def _called(dtype: pl.DataType) -> str:
    return str(dtype.base_type() if dtype.is_nested() else dtype).lower().replace("datetime(time_unit=", "datetime(").replace("time_zone=", "")


def _untyped(made: Fit, name: str, dtype: pl.DataType) -> None:
    if dtype != pl.String():
        made.checks.append(Check(name, _NOTHING, pl.col(name).is_null(), every=True))


def _subtle(made: Fit, name: str, dtype: pl.DataType, finest: str = "us") -> None:
    """Parts of a second that are cut off."""
    if isinstance(dtype, pl.Datetime):
        nanoseconds = {"us": 1_000, "ms": 1_000_000}[finest]
        unit = {"ns": 1, "us": 1_000, "ms": 1_000_000}[dtype.time_unit]
        if unit < nanoseconds:
            odd = pl.col(name).dt.epoch(dtype.time_unit) % (nanoseconds // unit) != 0
            made.checks.append(Check(name, f"parts of a {'micro' if finest == 'us' else 'milli'}second are cut off", odd))


def _nan(made: Fit, name: str, *, infinite: bool = True) -> None:
    odd = ~pl.col(name).is_finite() if infinite else pl.col(name).is_nan()
    made.checks.append(Check(name, f"{'NaN and infinity come' if infinite else 'NaN comes'} back as missing", odd))


def _csv(name: str, dtype: pl.DataType, made: Fit) -> None:
    column = pl.col(name)
    if dtype == pl.String():
        made.checks.append(Check(name, "empty text comes back as missing", column == ""))
        made.columns.append(column)
    elif dtype.is_float() or dtype.is_integer() or dtype == pl.Boolean():
        made.columns.append(column)
    else:
        _subtle(made, name, dtype)
        said = text(name, dtype)
        if not (dtype.is_temporal() or dtype.is_decimal()):
            made.checks.append(Check(name, "empty text comes back as missing", said == ""))
        made.columns.append(said.alias(name))


def _plain(dtype: pl.DataType) -> bool:
    """Whether lists and records can be written as JSON's own."""
    if isinstance(dtype, pl.List):
        return _plain(dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return all(_plain(item.dtype) for item in dtype.fields)  # type: ignore[arg-type]
    return dtype in (pl.Boolean(), pl.String(), pl.Null()) or dtype.is_integer()


def _json_column(name: str, dtype: pl.DataType, made: Fit) -> None:
    column = pl.col(name)
    _untyped(made, name, dtype)
    if dtype.is_float():
        _nan(made, name)
        made.columns.append(pl.when(column.is_finite()).then(column))
        if dtype != pl.Float64():
            _reads(made, name, dtype, "float64")
    elif dtype.is_integer():
        made.columns.append(column)
        if dtype in (pl.UInt64(), pl.Int128(), pl.UInt128()):
            beyond = (column > _I64[1]) if dtype != pl.Int128() else (column > _I64[1]) | (column < _I64[0])
            made.checks.append(Check(name, "integers beyond 64 bits make it a column of texts", beyond))
        if dtype != pl.Int64():
            _reads(made, name, dtype, "int64")
    elif dtype in _KEEPS["json"]:
        made.columns.append(column)
    elif dtype.is_nested():
        made.columns.append(column if _plain(dtype) else text(name, dtype).alias(name))
        _reads(made, name, dtype, "JSON text, or as columns of its parts")
    else:
        made.columns.append(text(name, dtype).alias(name))
        _reads(made, name, dtype, "text")


def _excel(name: str, dtype: pl.DataType, made: Fit) -> None:
    column = pl.col(name)
    _untyped(made, name, dtype)
    if dtype.is_float():
        _nan(made, name)
        whole = column.is_null() | (column == column.floor()) & (column.abs() <= _EXACT) | ~column.is_finite()
        made.checks.append(Check(name, "whole numbers come back as integers", whole, every=True))
        made.checks.append(Check(name, "numbers keep 16 digits", column.is_finite() & column.map_batches(_beyond_16, return_dtype=pl.Boolean())))
        made.columns.append(pl.when(column.is_finite()).then(column.cast(pl.Float64())).alias(name))
        if dtype != pl.Float64():
            _reads(made, name, dtype, "float64")
    elif dtype.is_integer():
        wide = dtype in (pl.Int64(), pl.UInt64(), pl.Int128(), pl.UInt128())
        if wide:
            beyond = (column > _EXACT) if dtype.is_unsigned_integer() else (column > _EXACT) | (column < -_EXACT)
            made.checks.append(Check(name, "integers beyond 2^53 are kept as text, and make it a column of texts", beyond))
        made.columns.append(column)
        if dtype != pl.Int64():
            _reads(made, name, dtype, "int64")
    elif dtype == pl.Boolean():
        made.columns.append(column)
    elif dtype == pl.Date() or isinstance(dtype, pl.Datetime):
        _excel_time(name, dtype, made)
    else:
        _excel_text(name, dtype, made)


def _excel_time(name: str, dtype: pl.DataType, made: Fit) -> None:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        _subtle(made, name, dtype, "ms")
        if dtype.time_zone:
            made.checks.append(Check(name, "Excel has no time zones: moments are written in UTC", column.is_not_null()))
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        if dtype.time_unit != "us":
            _reads(made, name, dtype, "datetime in microseconds")
        midnight = column.is_null() | (column.dt.time() == pl.time(0, 0, 0))
        made.checks.append(Check(name, "moments that are all midnight come back as dates", midnight, every=True))
        # A part of a millisecond would be rounded up.
        column = column.cast(pl.Datetime("us")).dt.truncate("1ms")
    odd = (column.dt.date() if isinstance(dtype, pl.Datetime) else column) < _EXCEL_FIRST
    made.checks.append(Check(name, "dates before March 1900 are kept as text, and make it a column of texts", odd))
    made.columns.append(column.alias(name))


def _excel_text(name: str, dtype: pl.DataType, made: Fit) -> None:
    said = text(name, dtype)
    made.checks.append(Check(name, "empty text comes back as missing", said == ""))
    made.checks.append(Check(name, "carriage returns come back as line feeds or not at all", said.str.contains("\r", literal=True)))
    made.refuses.append((f"{name} has more than {EXCEL_LETTERS:,} characters, which no cell of Excel holds", said.str.len_chars() > EXCEL_LETTERS))
    made.refuses.append((f"{name} has control characters, which Excel does not hold", said.str.contains(r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]")))
    if dtype != pl.String():
        _reads(made, name, dtype, "text")
    made.columns.append(said.alias(name))


def _beyond_16(values: pl.Series) -> pl.Series:
    """Which numbers are others once they are written with the 16 digits that are written."""
    return pl.Series(values.name, [value is not None and float(f"{value:.16G}") != value for value in values.to_list()], dtype=pl.Boolean())


def _sqlite(name: str, dtype: pl.DataType, made: Fit) -> None:
    column = pl.col(name)
    if dtype.is_float():
        _nan(made, name, infinite=False)
        made.columns.append(column.cast(pl.Float64()))
        if dtype != pl.Float64():
            _reads(made, name, dtype, "float64")
    elif dtype.is_integer():
        if dtype in (pl.UInt64(), pl.Int128(), pl.UInt128()):
            beyond = (column > _I64[1]) if dtype != pl.Int128() else (column > _I64[1]) | (column < _I64[0])
            made.checks.append(Check(name, "integers beyond 64 bits are kept as text, and make it a column of texts", beyond))
        made.columns.append(column)
        if dtype != pl.Int64():
            _reads(made, name, dtype, "int64")
    elif dtype == pl.Boolean():
        made.checks.append(Check(name, "SQLite has no booleans: true and false are 1 and 0 in a column that is declared BOOLEAN", column.is_not_null()))
        made.columns.append(column.cast(pl.Int64()))
    elif dtype == pl.Date() or isinstance(dtype, pl.Datetime):
        _subtle(made, name, dtype)
        made.checks.append(Check(name, "SQLite has no dates: they are texts in a column that is declared so", column.is_not_null()))
        if isinstance(dtype, pl.Datetime) and (dtype.time_unit != "us" or dtype.time_zone not in (None, "UTC")):
            _reads(made, name, dtype, "datetime in microseconds, in UTC if it has a zone")
        made.columns.append(_sql_time(column, dtype).alias(name))
    else:
        if dtype != pl.String():
            _reads(made, name, dtype, "text")
        made.columns.append(text(name, dtype).alias(name))


def _sql_time(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if not isinstance(dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%d")
    moment = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
    return moment.cast(pl.Datetime("us", "UTC" if dtype.time_zone else None)).dt.strftime("%Y-%m-%d %H:%M:%S%.f" + ("+00:00" if dtype.time_zone else ""))


def _postgres(name: str, dtype: pl.DataType, made: Fit) -> None:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        _subtle(made, name, dtype)
        if dtype.time_unit != "us" or dtype.time_zone not in (None, "UTC"):
            _reads(made, name, dtype, "datetime in microseconds, in UTC if it has a zone")
        made.columns.append(_sql_time(column, dtype).alias(name))
    elif dtype in (pl.Boolean(), pl.Float64(), pl.Int64()):
        made.columns.append(column)
    elif dtype.is_integer() or dtype.is_float():
        _reads(made, name, dtype, "float64" if dtype.is_float() else "text or float64" if dtype in (pl.UInt64(), pl.Int128(), pl.UInt128()) else "int64")
        made.columns.append(column)
    elif dtype == pl.Binary():
        _reads(made, name, dtype, "text in hexadecimal")
        made.columns.append((pl.lit("\\x") + column.bin.encode("hex")).alias(name))
    else:
        said = text(name, dtype)
        if dtype.is_decimal():
            _reads(made, name, dtype, "float64, or as text where it has too many digits")
        elif dtype not in (pl.String(), pl.Date()):
            _reads(made, name, dtype, "text")
        else:
            made.refuses.append((f"{name} has the character NUL, which PostgreSQL does not hold", said.str.contains("\0", literal=True)))
        made.columns.append(said.alias(name))


def _delta(name: str, dtype: pl.DataType, made: Fit) -> None:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        _subtle(made, name, dtype)
        if dtype != _MOMENT:
            _reads(made, name, dtype, "a moment in UTC, in microseconds")
        made.columns.append(column.cast(pl.Datetime("us", dtype.time_zone)))
    elif dtype in (pl.UInt64(), pl.Int128(), pl.UInt128(), pl.Time(), pl.Null()) or isinstance(
        dtype, (pl.Duration, pl.Array, pl.Object, pl.Categorical, pl.Enum)
    ):
        _reads(made, name, dtype, "text")
        made.columns.append(text(name, dtype).alias(name))
    else:
        if dtype.is_unsigned_integer():
            _reads(made, name, dtype, "a wider integer with a sign")
        made.columns.append(column)


def _whole(name: str, dtype: pl.DataType, made: Fit) -> None:
    """Parquet and Arrow hold every type."""
    made.columns.append(pl.col(name))


_KINDS: Mapping[Target, Callable[[str, pl.DataType, Fit], None]] = {
    "csv": _csv,
    "json": _json_column,
    "jsonl": _json_column,
    "parquet": _whole,
    "arrow": _whole,
    "excel": _excel,
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "delta": _delta,
}
