"""Columns of another table as they were known at each row's moment; pure, frame in, frame out.

For a row with the moment m, a row of the other table with the time t may be found where its keys are equal and t + delay <= m: nothing that was
not there yet. Of these the newest is taken, of several with the same time the one delivered last; where m - t is more than the tolerance,
nothing is. A null is never equal to anything. The same rule is kept by the server, which has no Polars: `loopline.serve.lookups`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from loopline.data.contract.contract import nearest
from loopline.data.moments import Lookup
from loopline.data.spec import HIDDEN, ROW
from loopline.errors import Mistake

AS_OF, KNOWN = "__as_of", "__known"
_AT, _MOMENT, _KEY, _VALUE = "__at", "__moment", "__key", "__value"
_KIND_WORDS = {"text": "text", "number": "numbers", "boolean": "true or false", "date": "dates", "datetime": "times"}


@dataclass(frozen=True)
class Looked:
    """What was found for n rows, in their order.

    Parameters
    ----------
    values
        The looked-up columns by their names with us; null where nothing was found.
    found
        Whether something was.
    as_of
        The time of the row that was found, in microseconds since 1970 in UTC; null where nothing was found, or the table has no time.
    has_moment
        Whether the row's moment is known.
    """

    values: pl.DataFrame
    found: pl.Series
    as_of: pl.Series
    has_moment: pl.Series


@dataclass(frozen=True)
class Known:
    """A table ready to be looked into: the rows that can be found, one for each key and time, in the order of the moment from which they were there."""

    lookup: Lookup
    frame: pl.DataFrame


def settled(lookup: Lookup, schema: pl.Schema) -> Lookup:
    """The lookup with its columns named one by one.

    Raises
    ------
    Mistake
        When a column is not in the table, or the time is none.
    """
    where, there = f"data.lookups.{lookup.name}", [name for name in schema if name not in HIDDEN]
    named = [theirs for _, theirs in lookup.keys] + [lookup.as_of] * (lookup.as_of is not None) + list(lookup.columns or ())
    for name in named:
        if name not in there:
            raise Mistake(f"table {lookup.table!r} has no column {name!r}", where=where, remedy=nearest(str(name), there))
    if lookup.as_of is not None and not _is_time(schema[lookup.as_of]):
        remedy = f"give it the type date or datetime in the contract of {lookup.table}"
        raise Mistake(f"column {lookup.as_of!r} of table {lookup.table!r} holds no times", where=f"{where}.as_of", remedy=remedy)
    if lookup.columns is not None:
        return lookup
    own = {theirs for _, theirs in lookup.keys} | {lookup.as_of}
    columns = {name: lookup.prefix + name for name in there if name not in own}
    if not columns:
        raise Mistake(f"table {lookup.table!r} has no column but its keys and its time", where=where, remedy="take the lookup out")
    return replace(lookup, columns=columns)


def require_fits(lookup: Lookup, main: pl.Schema, table: pl.Schema, *, name: str, taken: Collection[str] = ()) -> None:
    """Check that a table's rows can be looked up for.

    Parameters
    ----------
    main, name
        The columns of the table whose rows are looked up for, and its name.
    taken
        The columns that other lookups give it.

    Raises
    ------
    Mistake
        When a key or the moment is not in the main table, keys cannot be equal, or a looked-up column has the name of one of its own.
    """
    where, there = f"data.lookups.{lookup.name}", [column for column in main if column not in HIDDEN]
    for ours, theirs in lookup.keys:
        if ours not in main:
            raise Mistake(f"table {name!r} has no column {ours!r}", where=f"{where}.on", remedy=nearest(ours, there))
        one, other = _kind(main[ours]), _kind(table[theirs])
        if one is None or one != other:
            what = f"{ours!r} is {main[ours]} in {name} and {theirs!r} {table[theirs]} in {lookup.table}, so that they are never equal"
            raise Mistake(what, where=f"{where}.on", remedy="give both the same type in their contracts")
    if lookup.moment is not None and lookup.moment not in main:
        raise Mistake(f"table {name!r} has no column {lookup.moment!r}, which tells the moment", where=where, remedy=nearest(lookup.moment, there))
    if lookup.moment is not None and not _is_time(main[lookup.moment]):
        remedy = f"give it the type date or datetime in data.contract.{lookup.moment}"
        raise Mistake(f"column {lookup.moment!r}, which tells the moment, holds no times", where=where, remedy=remedy)
    for ours in lookup.ours:
        if ours in main or ours in taken:
            what = f"table {name!r} has a column {ours!r} of its own" if ours in main else f"another lookup gives a column {ours!r} too"
            raise Mistake(what, where=where, remedy=f"say prefix: {lookup.name}_")


def known(table: pl.LazyFrame, lookup: Lookup) -> Known:
    """A table ready to be looked into.

    Parameters
    ----------
    lookup
        With its columns named (`settled`).
    """
    schema = table.collect_schema()
    keys = [_comparable(theirs, schema[theirs]).alias(f"{_KEY}{index}") for index, (_, theirs) in enumerate(lookup.keys)]
    values = [pl.col(theirs).alias(f"{_VALUE}{index}") for index, theirs in enumerate(lookup.columns or ())]
    as_of = microseconds(lookup.as_of, schema[lookup.as_of]) if lookup.as_of is not None else pl.lit(0, pl.Int64)
    order = [pl.col(ROW)] if ROW in schema else []
    rows = table.select(*keys, *values, *order, as_of.alias(AS_OF)).drop_nulls([*_names(lookup), AS_OF])
    rows = rows.sort(AS_OF, *order, maintain_order=True).unique([*_names(lookup), AS_OF], keep="last", maintain_order=True)
    return Known(lookup, rows.with_columns((pl.col(AS_OF) + lookup.delay_us).alias(KNOWN)).drop(ROW, strict=False).collect())


def look_up(rows: pl.DataFrame, found_in: Known, *, now: datetime | None = None) -> Looked:
    """What was known at the moment of each row.

    Parameters
    ----------
    rows
        With the keys and, where the lookup has a moment, the column that tells it.
    now
        The moment of all rows where that column is not there.
    """
    lookup, names = found_in.lookup, _names(found_in.lookup)
    keys = [_comparable(ours, rows.schema[ours]).alias(name) for (ours, _), name in zip(lookup.keys, names, strict=True)]
    asked = rows.lazy().select(pl.int_range(pl.len(), dtype=pl.Int64).alias(_AT), *keys, _moment(lookup, rows, now).cast(pl.Int64).alias(_MOMENT))
    asked, table = _alike(asked, found_in.frame.lazy(), names)
    whole = asked.drop_nulls([*names, _MOMENT])
    if lookup.as_of is None:
        met = whole.join(table, on=names, how="left", maintain_order="left")
    else:
        met = whole.sort(_MOMENT).join_asof(table, left_on=_MOMENT, right_on=KNOWN, by=names, strategy="backward", check_sortedness=False)
    if lookup.tolerance_us is not None:
        met = met.filter(pl.col(_MOMENT) - pl.col(AS_OF) <= lookup.tolerance_us)
    met = met.select(_AT, AS_OF, *(column for column in found_in.frame.columns if column.startswith(_VALUE)))
    all_rows = asked.select(_AT, _MOMENT).join(met, on=_AT, how="left", maintain_order="left").collect()
    values = [all_rows[f"{_VALUE}{index}"].alias(ours) for index, ours in enumerate(lookup.ours)]
    as_of = all_rows[AS_OF]
    time = as_of if lookup.as_of is not None else pl.Series(AS_OF, [None] * len(as_of), dtype=pl.Int64)
    return Looked(pl.DataFrame(values), as_of.is_not_null(), time, all_rows[_MOMENT].is_not_null())


def moment_us(lookup: Lookup, schema: pl.Schema) -> pl.Expr:
    """A row's moment, in microseconds since 1970 in UTC."""
    assert lookup.moment is not None
    return microseconds(lookup.moment, schema[lookup.moment]) + lookup.offset_us


def _moment(lookup: Lookup, rows: pl.DataFrame, now: datetime | None) -> pl.Expr:
    if lookup.moment is None:
        return pl.lit(0)
    if lookup.moment in rows.columns:
        return moment_us(lookup, rows.schema)
    assert now is not None
    return pl.lit(now).dt.epoch("us")


def microseconds(name: str, kind: pl.DataType) -> pl.Expr:
    """A column of dates or times in microseconds since 1970 in UTC; a date is its midnight."""
    return (pl.col(name).cast(pl.Datetime("us")) if kind == pl.Date else pl.col(name)).dt.epoch("us")


def key_kinds(lookup: Lookup, schema: pl.Schema) -> tuple[str, ...]:
    """What each key is: ``text``, ``number``, ``boolean``, ``date`` or ``datetime``."""
    return tuple(_kind(schema[theirs]) or "" for _, theirs in lookup.keys)


def key_columns(found_in: Known) -> Sequence[pl.Series]:
    """The keys of the rows that can be found."""
    return [found_in.frame[name] for name in _names(found_in.lookup)]


def value_columns(found_in: Known) -> Sequence[pl.Series]:
    """The values of the rows that can be found, by their names with us."""
    return [found_in.frame[f"{_VALUE}{index}"].alias(ours) for index, ours in enumerate(found_in.lookup.ours)]


def _names(lookup: Lookup) -> list[str]:
    return [f"{_KEY}{index}" for index in range(len(lookup.keys))]


def _is_time(kind: pl.DataType) -> bool:
    return isinstance(kind, (pl.Date, pl.Datetime))


def _kind(kind: pl.DataType) -> str | None:
    """What a key of a type can be equal to; None where to nothing."""
    if kind.is_numeric():
        return "number"
    if kind == pl.Boolean:
        return "boolean"
    if isinstance(kind, (pl.String, pl.Categorical, pl.Enum)):
        return "text"
    return "date" if kind == pl.Date else "datetime" if isinstance(kind, pl.Datetime) else None


def _comparable(name: str, kind: pl.DataType) -> pl.Expr:
    """A key as it is compared; no number is like any other."""
    match _kind(kind):
        case "number" if kind.is_integer():
            return pl.col(name).cast(pl.Int64)
        case "number":
            return pl.col(name).cast(pl.Float64).fill_nan(None) + 0.0
        case "text":
            return pl.col(name).cast(pl.String)
        case "datetime":
            return microseconds(name, kind)
        case _:
            return pl.col(name)


def _alike(asked: pl.LazyFrame, table: pl.LazyFrame, names: Sequence[str]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Both frames with keys of the same types: where one has whole numbers, those of the other that are not whole are equal to none."""
    ours, theirs = asked.collect_schema(), table.collect_schema()
    mixed = [name for name in names if ours[name] != theirs[name]]
    whole = [pl.when(pl.col(name).floor() == pl.col(name)).then(pl.col(name).cast(pl.Int64, strict=False)).alias(name) for name in mixed]
    for expression, name in zip(whole, mixed, strict=True):
        if ours[name] == pl.Float64:
            asked = asked.with_columns(expression)
        else:
            table = table.with_columns(expression).drop_nulls(name)
    return asked, table
