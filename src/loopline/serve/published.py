"""Publishing what a package looks up: the present values of its tables as one blob for each lookup, which servers find by an entry of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from loopline.data.derived.lookups import AS_OF, KNOWN, Known, key_columns, key_kinds, known, settled, value_columns
from loopline.data.moments import Lookup
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.serve.batch import typed
from loopline.serve.lookups import FORMAT, NONE_US, Sheet, Values, pack
from loopline.serve.signature import Column, Signature
from loopline.workspace import Job

KIND = "lookup"
"""The kind of the entries that say which blob holds a lookup's present values."""
ROWS_AT_MOST = 5_000_000
"""So many rows of a table are published, the newest: a server holds them in memory."""


def run(job: Job) -> Facts:
    """Publish the lookups of the package that decides; what has not changed is not published again.

    Raises
    ------
    Mistake
        When a table no longer has what the package takes.
    """
    blobs, tables, ledger = Blobs(job.workspace.lake), Tables(job.workspace.lake), job.workspace.ledger
    said = load(blobs, job.step.inputs["package"], Trust.of(ledger)).parsed("signature.json")
    columns = {column.name: column for column in Signature.of(said["columns"]).columns}
    told = []
    for plain in said["lookups"]:
        lookup, version = Lookup.of(plain), job.step.inputs["tables"][plain["table"]]["version"]
        job.progress.say(f"publishing lookup {lookup.name}")
        sheet, rows = sheet_of(tables.read(lookup.table, version=version), lookup, columns, version=version)
        data = pack(sheet)
        body = {"lookup": lookup.name, "table": lookup.table, "version": version, "blob": blobs.put(data), "rows": rows, "size_bytes": len(data)}
        newest = next(iter(ledger.read(kinds=(KIND,), subject=lookup.digest, newest_first=True, limit=1)), None)
        if newest is None or newest.body["blob"] != body["blob"]:
            ledger.append(Draft(kind=KIND, subject=lookup.digest, key=job.step.key, body=body, parents=(job.attempt,)))
        told.append(body)
    return {"says": f"published {', '.join(one['lookup'] for one in told)}", "lookups": told}


def sheet_of(table: pl.LazyFrame, lookup: Lookup, columns: Mapping[str, Column], *, version: int, rows_at_most: int = ROWS_AT_MOST) -> tuple[Sheet, int]:
    """A table's values as a server finds them, and how many rows they are.

    Parameters
    ----------
    columns
        The signature's columns by name: what is looked up gets their types.

    Raises
    ------
    Mistake
        When the table no longer has what the package takes.
    """
    schema = table.collect_schema()
    lookup = settled(lookup, schema)
    found_in, since_us = _newest(known(table, lookup), rows_at_most)
    keys = key_columns(found_in)
    order = pl.DataFrame(keys).select(pl.arg_sort_by([series.name for series in keys], maintain_order=True)).to_series()
    keys = [series[order] for series in keys]
    begins = np.flatnonzero(pl.DataFrame(keys).select(pl.struct(pl.all()).rle_id()).to_series().diff().fill_null(1).to_numpy())
    values = {series.name: _values(typed_as(series[order], columns[series.name], lookup), columns[series.name]) for series in value_columns(found_in)}
    sheet = Sheet(
        format=FORMAT,
        version=version,
        kinds=list(key_kinds(lookup, schema)),
        keys=[_plain(series[begins]) for series in keys],
        starts=np.append(begins, len(order)).astype(np.int64).tobytes(),
        times=found_in.frame[AS_OF][order].to_numpy().astype(np.int64).tobytes(),
        since_us=since_us,
        columns=values,
    )
    return sheet, len(order)


def _newest(found_in: Known, rows_at_most: int) -> tuple[Known, int | None]:
    """The newest rows, with the last one of each key before them, and the moment from which on nothing is missing."""
    frame = found_in.frame
    if frame.height <= rows_at_most or found_in.lookup.as_of is None:
        return found_in, None
    since = frame[KNOWN].sort(descending=True)[rows_at_most - 1]
    names = [series.name for series in key_columns(found_in)]
    earlier = frame.filter(pl.col(KNOWN) < since).unique(names, keep="last", maintain_order=True)
    return Known(found_in.lookup, pl.concat([earlier, frame.filter(pl.col(KNOWN) >= since)])), int(since)


def typed_as(values: pl.Series, column: Column, lookup: Lookup) -> pl.Series:
    """Looked-up values with the type that a package takes; numbers that are none are null.

    Raises
    ------
    Mistake
        When they do not fit it any more.
    """
    if values.dtype.is_float():
        values = values.fill_nan(None)
    made = typed(values, column, (), None)
    if column.type not in ("number",) and made.null_count() > values.null_count():
        what = f"{column.name!r} is {values.dtype} in table {lookup.table!r}, and the package takes {column.type}"
        raise Mistake(what, where=f"data.lookups.{lookup.name}", remedy="give it the type that it had, or train anew: loopline run")
    return made


def _values(series: pl.Series, column: Column) -> Values:
    match column.type:
        case "number":
            return Values(type="number", data=series.cast(pl.Float64).fill_null(float("nan")).to_numpy().tobytes())
        case "integer":
            return Values(type="integer", data=series.cast(pl.Int64).fill_null(0).to_numpy().tobytes(), nulls=series.is_null().to_numpy().tobytes())
        case "boolean":
            return Values(type="boolean", data=series.cast(pl.Int8).fill_null(-1).to_numpy().tobytes())
        case "date" | "datetime":
            moments = series.cast(pl.Datetime("us")) if series.dtype == pl.Date else series
            return Values(type=column.type, data=moments.dt.epoch("us").fill_null(NONE_US).to_numpy().tobytes())
        case _:
            texts = series.drop_nulls().unique().sort()
            places = dict(zip(texts, range(len(texts)), strict=True))
            codes = series.replace_strict(places, default=-1, return_dtype=pl.Int32) if len(texts) else pl.repeat(-1, len(series), dtype=pl.Int32, eager=True)
            return Values(type=column.type, data=codes.to_numpy().tobytes(), texts=texts.to_list())


def _plain(keys: pl.Series) -> list[Any]:
    return (keys.dt.epoch("d") if keys.dtype == pl.Date else keys).to_list()
