"""What was known of each entity at each moment: earlier values, and figures over windows; pure, frame in, frame out.

A table of the past is a step function: from the moment of a row on it holds, until the next row of the same entity. A row comes when a value becomes
known, and when one leaves a window. So whoever looks the newest row up as of a moment finds exactly what was known then, at any moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import polars as pl

from loopline.data.contract.contract import nearest
from loopline.data.spec_past import KNOWN_AT, PastColumn, PastSpec
from loopline.declaration import Moment
from loopline.errors import Mistake

_US = timedelta(microseconds=1)
_VALUE = "__value"


def past(rows: pl.LazyFrame, spec: PastSpec, *, where: str) -> pl.DataFrame:
    """A row for each entity and moment at which something changes, sorted by them.

    Parameters
    ----------
    rows
        In the order of delivery: of several values that become known at one moment, the last one is the newest.
    where
        What the declaration belongs to, for what is said of it.

    Returns
    -------
    The columns `by`, then ``known_at`` (microseconds, in UTC), then those that are declared; null where nothing is known.

    Raises
    ------
    Mistake
        When a column is not there, or does not hold what is asked of it.
    """
    schema = rows.collect_schema()
    _require_columns(spec, schema, where)
    entity = [_entity(name, schema[name]) for name in spec.by]
    timed = rows.with_columns(*entity, _known_us(spec, schema).alias(KNOWN_AT)).drop_nulls([*spec.by, KNOWN_AT])
    parts = [_part(timed, spec, of, window, columns, schema) for (of, window), columns in _grouped(spec.columns).items()]
    made = parts[0] if len(parts) == 1 else _together(parts, spec.by)
    return made.select(*spec.by, pl.from_epoch(KNOWN_AT, time_unit="us"), *spec.columns).sort(*spec.by, KNOWN_AT)


def _require_columns(spec: PastSpec, schema: pl.Schema, where: str) -> None:
    moments = [moment.column for moment in spec.moments if moment is not None]
    for name in (*spec.by, *moments, *(column.of for column in spec.columns.values())):
        if name not in schema:
            raise Mistake(f"table {spec.table!r} has no column {name!r}", where=where, remedy=nearest(name, [*schema]))
    for name in moments:
        if not isinstance(schema[name], (pl.Date, pl.Datetime)):
            remedy = f"give it the type date or datetime in the contract of {spec.table}"
            raise Mistake(f"column {name!r}, which tells when a row is known, holds no times", where=where, remedy=remedy)
    for column in spec.columns.values():
        _require_kind(column, schema[column.of], where)


def _require_kind(column: PastColumn, kind: pl.DataType, where: str) -> None:
    if kind.is_nested() or kind in (pl.Binary, pl.Object):
        raise Mistake(f"column {column.of!r} holds {kind}, of which nothing is told", where=where, remedy="take a column of numbers, texts or dates")
    if column.take in (None, "count") or kind.is_numeric() or kind == pl.Boolean:
        return
    if not _is_text(kind):
        raise Mistake(f"column {column.of!r} holds {kind}, and {column.take} wants numbers", where=where, remedy="take a column of numbers, or take: [count]")
    if column.true is None:
        remedy = "say charter.positive where it is the outcome, give it the type number or boolean in its contract, or take: [count]"
        raise Mistake(f"column {column.of!r} holds texts, and {column.take} wants numbers", where=where, remedy=remedy)


def _is_text(kind: pl.DataType) -> bool:
    return isinstance(kind, (pl.String, pl.Categorical, pl.Enum))


def _entity(name: str, kind: pl.DataType) -> pl.Expr:
    """A part of the key as it is compared: what is no number is nobody's name."""
    if kind.is_float():
        return pl.col(name).fill_nan(None) + 0.0
    return pl.col(name).cast(pl.String) if _is_text(kind) else pl.col(name)


def _known_us(spec: PastSpec, schema: pl.Schema) -> pl.Expr:
    """From when on a row's values are known to others: later than it is decided on, so that no row can find itself."""
    known, after = spec.moments
    at = _moment_us(known, schema)
    return at if after is None else pl.when(at.is_not_null()).then(pl.max_horizontal(at, _moment_us(after, schema) + 1))


def _moment_us(moment: Moment, schema: pl.Schema) -> pl.Expr:
    value = pl.col(moment.column)
    return (value.cast(pl.Datetime("us")) if schema[moment.column] == pl.Date else value).dt.epoch("us") + round(moment.offset_s * 1e6)


def _grouped(columns: Mapping[str, PastColumn]) -> dict[tuple[str, timedelta | None], dict[str, PastColumn]]:
    """The columns that change at the same moments: those of one column and one window."""
    grouped: dict[tuple[str, timedelta | None], dict[str, PastColumn]] = {}
    for name, column in columns.items():
        grouped.setdefault((column.of, column.window), {})[name] = column
    return grouped


def _part(timed: pl.LazyFrame, spec: PastSpec, of: str, window: timedelta | None, columns: Mapping[str, PastColumn], schema: pl.Schema) -> pl.DataFrame:
    """The columns of one column and one window, at the moments at which they change."""
    value = _value(of, schema[of], next(iter(columns.values())).true if window is not None else None)
    values = timed.select(*spec.by, KNOWN_AT, value.alias(_VALUE)).drop_nulls(_VALUE).sort(*spec.by, KNOWN_AT, maintain_order=True)
    if window is None:
        steps = {name: column.step or 1 for name, column in columns.items()}
        made = values.select(*spec.by, KNOWN_AT, *(_earlier(spec.by, step).alias(name) for name, step in steps.items()))
    else:
        span = window // _US
        leaves = values.with_columns(pl.col(KNOWN_AT) + span, pl.lit(None, dtype=values.collect_schema()[_VALUE]).alias(_VALUE))
        figures = [_figure(column).alias(name) for name, column in columns.items()]
        changes = pl.concat([values, leaves]).sort(*spec.by, KNOWN_AT, maintain_order=True)
        made = changes.rolling(KNOWN_AT, period=f"{span}i", closed="right", group_by=list(spec.by)).agg(*figures)
    return made.unique([*spec.by, KNOWN_AT], keep="last", maintain_order=True).collect()


def _value(name: str, kind: pl.DataType, true: str | None) -> pl.Expr:
    """A value as it is told; what is no finite number is missing."""
    if _is_text(kind):
        return pl.col(name).cast(pl.String) if true is None else (pl.col(name).cast(pl.String) == true).cast(pl.Float64)
    if kind.is_float():
        return pl.when(pl.col(name).is_finite()).then(pl.col(name))
    return pl.col(name).cast(pl.Float64) if kind.is_decimal() else pl.col(name)


def _earlier(by: Iterable[str], step: int) -> pl.Expr:
    """The value some steps back, of rows that are sorted by entity and moment; 1 is the row's own."""
    if step == 1:
        return pl.col(_VALUE)
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(step - 1) for name in by)
    return pl.when(same).then(pl.col(_VALUE).shift(step - 1))


def _figure(column: PastColumn) -> pl.Expr:
    """A figure over the values of a window; none of them but the count is told of no value."""
    value = pl.col(_VALUE)
    if column.take == "count":
        return value.count().cast(pl.Int64)
    number = value.cast(pl.Float64)
    figures = {"mean": number.mean(), "sum": number.sum(), "min": number.min(), "max": number.max(), "std": number.std()}
    return pl.when(value.count() > 0).then(figures[column.take or ""])


def _together(parts: list[pl.DataFrame], by: Iterable[str]) -> pl.DataFrame:
    """Parts that change at different moments as one table, with what each of them holds at every moment."""
    names = list(by)
    whole = pl.concat([part.select(*names, KNOWN_AT) for part in parts]).unique().sort(KNOWN_AT)
    for part in parts:
        whole = whole.join_asof(part.sort(KNOWN_AT), on=KNOWN_AT, by=names, strategy="backward", check_sortedness=False)
    return whole
