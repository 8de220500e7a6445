"""What a table of rows does not say, looked up in the lake as of each row's moment: for batches what `loopline.serve.lookups` is for requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from loopline.data.derived.lookups import known, look_up, require_fits, settled
from loopline.data.moments import Lookup
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.batch import Sheet
from loopline.serve.published import typed_as
from loopline.serve.scorer import Scorer


def filled(sheet: Sheet, scorer: Scorer, lake: Lake, *, where: str = "") -> Sheet:
    """The rows with the columns that they lack, as they were known at each row's moment; a row without its moment is refused.

    Raises
    ------
    Mistake
        When a column that is looked up by is missing, or a table no longer has what the package takes.
    """
    now, tables = datetime.now(UTC), Tables(lake)
    for lookup in scorer.lookups.all:
        absent = [ours for ours in lookup.ours if ours not in sheet.typed.columns]
        if absent:
            sheet = _one(sheet, scorer, tables, lookup.only(frozenset(absent)), now, where)
    return sheet


def _one(sheet: Sheet, scorer: Scorer, tables: Tables, lookup: Lookup, now: datetime, where: str) -> Sheet:
    rows = sheet.typed
    for ours, _ in lookup.keys:
        if ours not in rows.columns:
            what = f"the column {ours!r} is missing, and {', '.join(lookup.ours)} are looked up by it"
            raise Mistake(what, where=where, remedy=f"add it, or add {', '.join(lookup.ours)}")
    version = tables.version(lookup.table).version
    table = tables.read(lookup.table, version=version)
    schema = table.collect_schema()
    fitted = settled(lookup, schema)
    timed = rows if lookup.moment is None or lookup.moment in rows.columns else rows.with_columns(pl.lit(now).alias(lookup.moment))
    require_fits(fitted, timed.schema, schema, name="the rows")
    looked = look_up(timed, known(table, fitted))
    columns = {column.name: column for column in scorer.signature.columns}
    values = [typed_as(series, columns[series.name], lookup) for series in looked.values]
    reasons = dict(sheet.reasons)
    _refuse(reasons, (~looked.has_moment).arg_true(), f"{lookup.moment}: it is null, and {lookup.table} is looked up {lookup.says}; expected a time")
    if lookup.required:
        what = f"{lookup.ours[0]}: it is missing, and {lookup.table} has nothing for the row {lookup.says}; expected it to be sent"
        _refuse(reasons, (looked.has_moment & ~looked.found).arg_true(), what)
    found = pl.DataFrame(
        {
            "found": looked.found,
            "as_of": looked.as_of.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
            "version": pl.Series([version] * rows.height, dtype=pl.Int64),
            "columns": pl.Series([list(fitted.ours)] * rows.height, dtype=pl.List(pl.String)),
        }
    )
    said = {**(sheet.looked_up.struct.unnest().to_dict() if sheet.looked_up is not None else {}), lookup.name: found.to_struct()}
    return replace(sheet, typed=rows.with_columns(values), reasons=dict(sorted(reasons.items())), looked_up=pl.DataFrame(said).to_struct("looked_up"))


def _refuse(reasons: dict[int, list[str]], places: Iterable[int], why: str) -> None:
    for place in places:
        reasons[place] = [*reasons.get(place, ()), why]
