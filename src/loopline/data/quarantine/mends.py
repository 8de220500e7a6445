"""Mends: what a person says stands instead of a record's cells, kept apart from the record and put in whenever it is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from loopline.data.formats.reading import Chunk
from loopline.data.quarantine.cells import text
from loopline.data.spec import HIDDEN, LINE
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, now
from loopline.workspace import Workspace

MENDS = "mends"
SCHEMA: dict[str, pl.DataType] = {
    "table": pl.String(),
    "batch": pl.String(),
    "line": pl.Int64(),
    "values": pl.String(),
    "whole": pl.Boolean(),
    "by": pl.String(),
    "why": pl.String(),
    "time": pl.Datetime("us", "UTC"),
}
"""`values` is a JSON object of texts (null for null) by column; `whole` says that they are the record: what stands in none of them is null."""

Values = Mapping[str, str | None]


def told(tables: Tables, table: str | None = None, batch: str | None = None) -> pl.DataFrame:
    """What was said, oldest first."""
    if not tables.exists(MENDS):
        return pl.DataFrame(schema=SCHEMA)
    kept = tables.read(MENDS)
    if table is not None:
        kept = kept.filter(pl.col("table") == table)
    if batch is not None:
        kept = kept.filter(pl.col("batch") == batch)
    return kept.sort("time", maintain_order=True).collect()


def corrections(workspace: Workspace, table: str, batch: str) -> pl.DataFrame | None:
    """What holds of all that was said about a batch's records: one row for each ``line``, with ``values`` and ``whole``; None where nothing was."""
    said = told(Tables(workspace.lake), table, batch)
    if said.is_empty():
        return None
    merged: dict[int, dict[str, str | None]] = {}
    whole: dict[int, bool] = {}
    for line, values, entire in said.select("line", "values", "whole").iter_rows():
        merged[line] = {**merged.get(line, {}), **json.loads(values)}
        whole[line] = whole.get(line, False) or bool(entire)
    lines = sorted(merged)
    texts = [json.dumps(merged[line], ensure_ascii=False) for line in lines]
    return pl.DataFrame(
        {"line": lines, "values": texts, "whole": [whole[line] for line in lines]}, schema={name: SCHEMA[name] for name in ("line", "values", "whole")}
    )


def applied(frame: pl.DataFrame, corrections: pl.DataFrame | None) -> pl.DataFrame:
    """The records with their corrections in place: pure, and the same frame where none is about them.

    A correction keeps a column's type where it can be read as that type; else the column becomes one of texts, as a file would give it. A
    column that the frame does not have is passed over: a reader may have been asked for some columns only.
    """
    if corrections is None or corrections.is_empty():
        return frame
    mine = corrections.join(frame.select(pl.col(LINE).alias("line")), on="line", how="semi")
    if mine.is_empty():
        return frame
    said: dict[str, tuple[list[int], list[str | None]]] = {}
    for line, values in mine.select("line", "values").iter_rows():
        for name, value in json.loads(values).items():
            lines, texts = said.setdefault(name, ([], []))
            lines.append(line)
            texts.append(value)
    for name, (lines, texts) in said.items():
        if name in frame.columns and name not in HIDDEN:
            frame = _corrected(frame, name, pl.Series(lines, dtype=pl.Int64), pl.Series(texts, dtype=pl.String))
    return frame


def _corrected(frame: pl.DataFrame, name: str, lines: pl.Series, texts: pl.Series) -> pl.DataFrame:
    dtype = frame.schema[name]
    values = _typed(texts, dtype)
    if values is None:
        frame, values = frame.with_columns(text(name, dtype)), texts
    place = pl.col(LINE)
    fresh = place.replace_strict(lines, values, default=None, return_dtype=values.dtype)
    return frame.with_columns(pl.when(place.is_in(lines.implode())).then(fresh).otherwise(pl.col(name)).alias(name))


def _typed(texts: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """The texts in a column's type; None where one of them cannot be read so, or may be read in several ways."""
    if dtype == pl.String:
        return texts
    if not dtype.is_numeric() or isinstance(dtype, pl.Decimal):
        return None
    values = texts.str.strip_chars().cast(dtype, strict=False)
    return values if values.null_count() == texts.null_count() else None


def taken_up(chunk: Chunk, corrections: pl.DataFrame | None) -> Chunk:
    """The chunk with its corrections in place: a record that could not be cut into columns joins the others where a correction gives all of it."""
    if corrections is None or corrections.is_empty():
        return chunk
    said = {line: json.loads(values) for line, values in corrections.filter("whole").select("line", "values").iter_rows()}
    given = [item for item in chunk.refused if item.line in said]
    if not given:
        return replace(chunk, frame=applied(chunk.frame, corrections))
    frame = chunk.frame.with_columns(text(name, dtype) for name, dtype in chunk.frame.schema.items() if name not in HIDDEN)
    cells = [{**{name: said[item.line].get(name) for name in frame.columns}, LINE: item.line} for item in given]
    more = pl.DataFrame(cells, schema={name: frame.schema[name] for name in frame.columns})
    count, own = frame.height, [item.raw for item in given]
    both = pl.concat([frame, more]).with_columns(pl.int_range(pl.len()).alias("__place")).sort(LINE)
    places = both["__place"].to_list()

    def raw(wanted: Sequence[int]) -> list[str]:
        meant = [places[place] for place in wanted]
        before = iter(chunk.raw([place for place in meant if place < count]))
        return [next(before) if place < count else own[place - count] for place in meant]

    rest = tuple(item for item in chunk.refused if item.line not in said)
    return replace(chunk, frame=applied(both.drop("__place"), corrections), refused=rest, raw=raw)


def keep(
    workspace: Workspace,
    table: str,
    said: Mapping[tuple[str, int], Values],
    *,
    whole: frozenset[tuple[str, int]],
    by: str,
    why: str,
    time: datetime | None = None,
) -> Entry | None:
    """Keep what a person says about records of a table, by batch and line; the entry that says so, None where nothing was said.

    Call it under the project's lease. The values stand in the lake alone: the ledger holds no row of data.
    """
    if not said:
        return None
    moment = time or now()
    rows = [
        (table, batch, line, json.dumps(dict(values), ensure_ascii=False), (batch, line) in whole, by, why, moment) for (batch, line), values in said.items()
    ]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    Tables(workspace.lake).append(MENDS, frame, batch=f"{table}:{moment.isoformat()}")
    return workspace.ledger.append(_draft(frame))[0]


def _draft(said: pl.DataFrame) -> Draft:
    """The entry about what was said in one moment."""
    columns = sorted({name for values in said["values"] for name in json.loads(values)})
    table, by, why, time = said.select("table", "by", "why", "time").row(0)
    batches = sorted(set(said["batch"]))
    return Draft(kind="mend", subject=table, actor=by, body={"rows": said.height, "columns": columns, "batches": batches, "why": why, "time": time.isoformat()})


def settle(workspace: Workspace, table: str) -> None:
    """Enter into the ledger what a process that was killed had kept and not entered."""
    newest = workspace.ledger.read(kinds=("mend",), subject=table, newest_first=True, limit=1)
    said = told(Tables(workspace.lake), table)
    since = datetime.fromisoformat(newest[0].body["time"]) if newest else None
    late = said if since is None else said.filter(pl.col("time") > since)
    for (_,), group in late.group_by("time", maintain_order=True):
        workspace.ledger.append(_draft(group))
