"""What a Polars frame becomes so that a Delta table can hold it without losing anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from loopline.errors import Mistake

_SIGNED: dict[pl.DataType, pl.DataType] = {pl.UInt8(): pl.Int16(), pl.UInt16(): pl.Int32(), pl.UInt32(): pl.Int64(), pl.UInt64(): pl.Int64()}
_RANK: dict[pl.DataType, int] = {pl.Int8(): 1, pl.Int16(): 2, pl.Int32(): 3, pl.Int64(): 4}
_EXACT = 2**53
_MOMENT = pl.Datetime("us", "UTC")


def storable(frame: pl.DataFrame, table: pl.Schema | None = None, *, where: str = "") -> pl.DataFrame:
    """The frame with types that Delta knows, and those of the table for the columns that are there already.

    Moments become microseconds in UTC (one without a zone is UTC), categories become text, unsigned integers the next
    wider signed ones, columns of nothing but nulls become text unless the table knows better.

    Raises
    ------
    Mistake
        Where a column's type has no counterpart in Delta, or does not fit the table's column without loss, or two names differ only in capitals.
    """
    _require_apart(frame.columns, table or {}, where)
    columns = []
    for name, kind in frame.schema.items():
        there = table.get(name) if table else None
        if there is not None and kind != there and not (_widens(kind, there) and _is_exact(frame[name], there)):
            raise Mistake(
                f"column {name!r} is {kind} and cannot join a column of {there} without loss", where=where, remedy="convert it, or write to a new table"
            )
        columns.append(_convert(pl.col(name), kind, there or _stored(name, kind, where)))
    try:
        return frame.select(columns)
    except pl.exceptions.InvalidOperationError:
        raise Mistake("a column has integers too great for 64 bits with a sign", where=where, remedy="convert it to text or float") from None


def _require_apart(names: Sequence[str], table: Collection[str], where: str) -> None:
    """Check that no two columns differ only in capitals, which are one and the same to Delta."""
    there = {name.lower(): name for name in table}
    for name in names:
        other = there.setdefault(name.lower(), name)
        if other != name:
            whose = "the table's " if other in table else ""
            raise Mistake(
                f"the columns {name!r} and {whose}{other!r} differ only in capitals, which a table cannot tell apart", where=where, remedy="rename one of them"
            )


def _is_exact(values: pl.Series, table: pl.DataType) -> bool:
    """Whether integers that become floats are small enough for them to be told apart."""
    if not (table == pl.Float64() and values.dtype in (pl.Int64(), pl.UInt64())):
        return True
    return bool(values.is_between(-_EXACT, _EXACT).all())


def _convert(column: pl.Expr, kind: pl.DataType, stored: pl.DataType) -> pl.Expr:
    if kind == stored:
        return column
    if isinstance(kind, pl.Datetime):
        aware = column.dt.replace_time_zone("UTC") if kind.time_zone is None else column.dt.convert_time_zone("UTC")
        return aware.cast(stored)
    return column.cast(stored)


def _stored(name: str, kind: pl.DataType, where: str) -> pl.DataType:
    """The type in which a new column is kept."""
    if kind in _SIGNED:
        return _SIGNED[kind]
    if isinstance(kind, pl.Categorical | pl.Enum | pl.Null):
        return pl.String()
    if isinstance(kind, pl.Datetime):
        return _MOMENT
    if isinstance(kind, pl.Duration | pl.Time | pl.Object | pl.Int128 | pl.Array):
        raise Mistake(f"column {name!r} is {kind}, which a table cannot hold", where=where, remedy="convert it to text or to a number")
    return kind


def _widens(kind: pl.DataType, table: pl.DataType) -> bool:
    """Whether every value of a type is a value of the table's type."""
    kind = _SIGNED.get(kind, kind)
    if isinstance(kind, pl.Null) or kind == table:
        return True
    if isinstance(kind, pl.Categorical | pl.Enum):
        return table == pl.String()
    if isinstance(kind, pl.Datetime):
        return table == _MOMENT
    if kind in _RANK:
        return _RANK[kind] <= _RANK.get(table, 0) or table == pl.Float64() or (table == pl.Float32() and _RANK[kind] < 3)
    return kind == pl.Float32() and table == pl.Float64()
