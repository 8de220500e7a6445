"""A first look at a delivery: the types that nobody declared, and the keys that may come twice; only the columns that tell are read, where there are any."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import polars as pl

from loopline.data.casting import absent, parsed
from loopline.data.cleaning.cleaning import Plan
from loopline.data.contract.contract import Terms, require_columns, settled
from loopline.data.contract.rules import NUMERIC
from loopline.data.formats.ahead import ahead
from loopline.data.formats.reading import Reading
from loopline.data.intake.keys import Foreseen, KeyHashes
from loopline.data.intake.seen import Arrivals
from loopline.data.quarantine.mends import taken_up
from loopline.data.spec import ColumnSpec, ColumnType

Suspects = Foreseen | Arrivals
_WIDER: Mapping[ColumnType, ColumnType] = {"integer": "number"}


@dataclass(frozen=True)
class Survey:
    """What a first look tells.

    Parameters
    ----------
    terms
        The contract with a type for every column.
    suspects
        Which rows share a key, perhaps.
    """

    terms: Terms
    suspects: Suspects


def survey(
    reading: Reading,
    terms: Terms,
    plan: Plan,
    *,
    corrections: pl.DataFrame | None = None,
    taken: pl.LazyFrame | None = None,
    foresees: bool = False,
) -> Survey:
    """The first look at a delivery.

    Parameters
    ----------
    plan
        How its cells are cleaned.
    corrections
        What people said stands instead of its records.
    taken
        The table's rows whose keys are not free.
    foresees
        Whether the keys that come twice are found by a reading before, and not as the rows come.

    Raises
    ------
    Mistake
        When a column that the contract, the key or the time names is not there.
    """
    names = list(reading.columns)
    require_columns(names, terms)
    open_columns = [name for name in names if _spec(terms, name).type is None]
    groups = terms.unique()
    terms = replace(terms, columns=_looked(reading, terms, plan, corrections, open_columns)) if open_columns else _settled(reading, terms, plan, corrections)
    if not foresees:
        return Survey(terms, Arrivals({group: _batches(taken, group, terms, reading) or () for group in groups}))
    with ExitStack() as stack:
        hashed = [stack.enter_context(KeyHashes(group)) for group in groups]
        if hashed:
            _hash(reading, terms, plan, corrections, hashed)
        return Survey(terms, Foreseen({keys.group: keys.suspects(_batches(taken, keys.group, terms, reading)) for keys in hashed}))


def typed_ahead(reading: Reading, terms: Terms, plan: Plan) -> dict[str, ColumnType]:
    """The columns that a reader may give as numbers: nobody cleans them, fills others from them, or looks at how they are written."""
    if any(_is_number(word) for word in terms.nulls):
        # A number that stands for null is told from the others by how it is written.
        return {}
    cleaned = {name for column in plan.columns for name in (column.name, *(other for _, _, other in column.actions if other))}
    found: dict[str, ColumnType] = {}
    for name, dtype in reading.columns.items():
        spec = _spec(terms, name)
        if dtype == pl.String and spec.type in NUMERIC and name not in cleaned and terms.decimal == "." and spec.pattern is None and spec.length is None:
            found[name] = spec.type
    return found


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _spec(terms: Terms, name: str) -> ColumnSpec:
    return terms.columns.get(name, ColumnSpec())


def _frames(
    reading: Reading, plan: Plan, corrections: pl.DataFrame | None, only: Sequence[str], typed: Mapping[str, ColumnType] | None = None
) -> Iterator[pl.DataFrame]:
    """The wanted columns, corrected and cleaned, some rows at a time."""
    looked_at = {*only, *(other for column in plan.columns if column.name in only for _, _, other in column.actions if other)}
    partial = replace(plan, columns=tuple(column for column in plan.columns if column.name in only))
    for chunk in ahead(reading.chunks(only=[name for name in reading.columns if name in looked_at], typed=typed)):
        yield partial.clean(taken_up(chunk, corrections).frame).frame


def _settled(reading: Reading, terms: Terms, plan: Plan, corrections: pl.DataFrame | None) -> Terms:
    """The contract of declared types, with the formats of its dates."""
    dated = [name for name in reading.columns if _spec(terms, name).type in ("date", "datetime") and _spec(terms, name).format is None]
    found = {name: _spec(terms, name) for name in reading.columns}
    if dated:
        first = next(_frames(reading, plan, corrections, dated))
        found |= {name: settled(first[name], found[name], terms.nulls, decimal=terms.decimal) for name in dated}
    return replace(terms, columns=found)


def _looked(reading: Reading, terms: Terms, plan: Plan, corrections: pl.DataFrame | None, open_columns: Sequence[str]) -> dict[str, ColumnSpec]:
    """A type for every column that fits all its cells: the one that fits the first cells, or a wider one where later cells want it."""
    found = {name: _spec(terms, name) for name in reading.columns}
    dated = [name for name, spec in found.items() if spec.type in ("date", "datetime") and spec.format is None]
    waiting = {*open_columns, *dated}
    for frame in _frames(reading, plan, corrections, sorted(waiting | set(open_columns))):
        for name in frame.columns:
            if name in waiting:
                found[name] = settled(frame[name], _spec(terms, name), terms.nulls, decimal=terms.decimal)
                if frame.select((~absent(name, frame.schema[name], terms.nulls)).any()).item():
                    waiting.discard(name)
            elif name in open_columns and (wider := _widened(frame[name], found[name], terms)) is not None:
                found[name] = wider
    return found


def _widened(values: pl.Series, spec: ColumnSpec, terms: Terms) -> ColumnSpec | None:
    """The column with a type that fits these cells too, where the present one does not."""
    want = spec.type
    while want not in (None, "text", "category") and not _fits(values, spec, want, terms):
        want = _WIDER.get(want, "text")
    return None if want == spec.type else spec.model_copy(update={"type": want, "format": None})


def _fits(values: pl.Series, spec: ColumnSpec, want: ColumnType, terms: Terms) -> bool:
    name, dtype = values.name, values.dtype
    value = parsed(name, dtype, want, nulls=terms.nulls, format=spec.format, decimal=terms.decimal)
    broken = values.to_frame().select((~absent(name, dtype, terms.nulls) & value.is_null()).any()).item()
    return not broken


def _hash(reading: Reading, terms: Terms, plan: Plan, corrections: pl.DataFrame | None, hashed: Sequence[KeyHashes]) -> None:
    names = sorted({name for keys in hashed for name in keys.group})
    typed = {name: kind for name, kind in typed_ahead(reading, terms, plan).items() if name in names}
    for frame in _frames(reading, plan, corrections, names, typed):
        values = frame.select(_value(name, frame.schema[name], terms) for name in names)
        for keys in hashed:
            keys.add(values)


def _value(name: str, dtype: pl.DataType, terms: Terms) -> pl.Expr:
    spec = _spec(terms, name)
    return parsed(name, dtype, spec.type or "text", nulls=terms.nulls, format=spec.format, decimal=terms.decimal).alias(name)


def _batches(taken: pl.LazyFrame | None, group: Sequence[str], terms: Terms, reading: Reading) -> Iterator[pl.DataFrame] | None:
    """The table's keys in the delivery's types, some rows at a time."""
    if taken is None or not set(group) <= set(taken.collect_schema()):
        return None
    types = pl.DataFrame(schema=dict(reading.columns)).select(_value(name, reading.columns[name], terms) for name in group).schema
    return taken.select(pl.col(name).cast(types[name], strict=False) for name in group).collect_batches()
