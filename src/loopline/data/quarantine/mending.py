"""Mending: what a person says of rows goes where it belongs, and they are told what the contract says of them now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loopline.data.batches import merged_counts
from loopline.data.contract.contract import nearest
from loopline.data.formats.reading import Chunk
from loopline.data.quarantine.cells import text
from loopline.data.quarantine.mends import Values, keep, taken_up
from loopline.data.quarantine.quarantine import ID, KEY, SCHEMA, id_of, place_in, rows
from loopline.data.quarantine.recheck import Place, as_mended, clean, columns_of, place_of, standing, verdict
from loopline.data.quarantine.relabels import relabel
from loopline.data.spec import BATCH, HIDDEN, LINE, DataSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.workspace import Workspace

Key = tuple[str, str, int]
"""Table, batch and line."""


@dataclass(frozen=True)
class Mended:
    """What became of what a person said.

    Parameters
    ----------
    rows, cells
        How many rows and cells now say something else.
    relabelled
        How many of the rows were accepted ones, which are changed in their table already.
    would_enter
        How many of the others the contract accepts now; a replay takes them in.
    reasons
        How many of those that it still refuses give each reason.
    refused
        The ids of those, with their reasons.
    """

    rows: int = 0
    cells: int = 0
    relabelled: int = 0
    would_enter: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, list[str]] = field(default_factory=dict)


def mend(workspace: Workspace, data: DataSpec, said: Mapping[Key, Values], *, by: str, why: str = "") -> Mended:
    """Keep other cells for rows, in quarantine or in a table; only cells that change count.

    Call it under the project's lease, once the tables are settled.

    Raises
    ------
    Mistake
        When a row is nowhere, was discarded, or has no such column; or the contract refuses a value of an accepted row. Then nothing is done.
    """
    plans = [
        _plan(workspace, data, table, {key[1:]: values for key, values in said.items() if key[0] == table}) for table in dict.fromkeys(key[0] for key in said)
    ]
    total = Mended()
    for plan in plans:
        keep(workspace, plan.table, plan.changed, whole=plan.whole, by=by, why=why)
        entry = relabel(workspace, data, plan.table, plan.accepted, by=by, why=why)
        relabelled = entry.body["rows"] if entry else 0
        again = _again(workspace, data, plan)
        total = Mended(
            rows=total.rows + len(plan.changed) + relabelled,
            cells=total.cells + sum(map(len, plan.changed.values())) + (sum(map(len, plan.accepted.values())) if entry else 0),
            relabelled=total.relabelled + relabelled,
            would_enter=total.would_enter + len(plan.changed) - len(again),
            reasons=merged_counts([total.reasons, *(dict.fromkeys(reasons, 1) for reasons in again.values())]),
            refused={**total.refused, **again},
        )
    return total


@dataclass(frozen=True)
class _Plan:
    """What is to be kept of a table's rows: of refused ones, and of accepted ones."""

    table: str
    changed: Mapping[tuple[str, int], Values]
    whole: frozenset[tuple[str, int]]
    accepted: Mapping[tuple[str, int], Values]


def _plan(workspace: Workspace, data: DataSpec, table: str, said: Mapping[tuple[str, int], Values]) -> _Plan:
    held = standing(workspace, data, table)
    wanted = pl.DataFrame([(table, *place) for place in said], schema={"table": pl.String(), "batch": pl.String(), "line": pl.Int64()}, orient="row")
    kept = rows(Tables(workspace.lake)).join(wanted.lazy(), on=list(KEY), how="semi").collect()
    gone = kept.filter(pl.col("state") == "discarded")
    if gone.height:
        remedy = f"take it up again first: loopline data quarantine replay --state discarded --batch {gone['batch'][0][:8]}"
        raise Mistake(f"row {gone.select(ID).item(0, 0)} was discarded by {gone['by'][0]}", remedy=remedy)
    waiting = kept.filter(pl.col("state") != "replayed")
    changed: dict[tuple[str, int], Values] = {}
    whole: set[tuple[str, int]] = set()
    for (batch,), mine in waiting.group_by("batch", maintain_order=True):
        place = place_of(workspace, data, held, table, str(batch))
        columns, current, uncut = current_cells(workspace, place, mine)
        for line in mine["line"]:
            given = said[str(batch), line]
            _require(given, columns, table)
            values = _whole(given, columns) if line in uncut else _changes(given, current[line])
            if values:
                changed[str(batch), line] = values
                whole |= {(str(batch), line)} if line in uncut else set()
    inside = set(waiting.select("batch", "line").iter_rows())
    accepted = _accepted(workspace, table, {place: values for place, values in said.items() if place not in inside})
    return _Plan(table, changed, frozenset(whole), accepted)


def _accepted(workspace: Workspace, table: str, said: Mapping[tuple[str, int], Values]) -> dict[tuple[str, int], Values]:
    """What is said of rows of the table, without the cells that say so already."""
    tables = Tables(workspace.lake)
    if not said or not tables.exists(table):
        return dict(said)
    wanted = pl.DataFrame(list(said), schema={BATCH: pl.String(), LINE: pl.Int64()}, orient="row")
    there = tables.read(table).join(wanted.lazy(), on=[BATCH, LINE], how="semi").collect()
    texts = there.select(BATCH, LINE, *(text(name, dtype) for name, dtype in there.schema.items() if name not in HIDDEN))
    current = {(row.pop(BATCH), row.pop(LINE)): row for row in texts.iter_rows(named=True)}
    return {place: _changes(values, current[place]) if place in current else values for place, values in said.items()}


def current_cells(workspace: Workspace, place: Place, mine: pl.DataFrame) -> tuple[list[str], dict[int, dict[str, str | None]], set[int]]:
    """The batch's columns, the cells of rows as they are by now, and the lines of those that have none."""
    chunk = as_mended(workspace, place, mine)
    texts = chunk.frame.select(LINE, *(text(name, dtype) for name, dtype in chunk.frame.schema.items() if name not in HIDDEN))
    cells = {row.pop(LINE): row for row in texts.iter_rows(named=True)}
    return columns_of(place, mine), cells, {item.line for item in chunk.refused}


def _require(given: Values, columns: list[str], table: str) -> None:
    for name, value in given.items():
        if name not in columns and value not in (None, ""):
            raise Mistake(f"there is no column {name!r} in the deliveries of {table}", remedy=nearest(name, columns))


def _whole(given: Values, columns: list[str]) -> dict[str, str | None]:
    return {name: given.get(name) for name in columns} if any(value not in (None, "") for value in given.values()) else {}


def _changes(given: Values, current: Values) -> dict[str, str | None]:
    """The cells that say something else; in a sheet of several tables a row is empty in the columns of the others."""
    return {name: value for name, value in given.items() if _differs(value, current.get(name))}


def _differs(value: str | None, current: str | None) -> bool:
    """Whether a cell says something else; null and nothing are one, and so are two ways to write one number, as spreadsheets do."""
    if (value or "") == (current or ""):
        return False
    try:
        return float(value or "") != float(current or "") or _leading(value) != _leading(current)
    except ValueError:
        return True


def _leading(number: str | None) -> bool:
    """Whether digits begin with a zero, as codes do."""
    stripped = (number or "").strip()
    return len(stripped) > 1 and stripped[0] == "0" and stripped[1].isdigit()


def _again(workspace: Workspace, data: DataSpec, plan: _Plan) -> dict[str, list[str]]:
    """Which of the mended rows the contract still refuses, and why."""
    if not plan.changed:
        return {}
    refused: dict[str, list[str]] = {}
    held = standing(workspace, data, plan.table)
    wanted = pl.DataFrame(list(plan.changed), schema={"batch": pl.String(), "line": pl.Int64()}, orient="row")
    kept = rows(Tables(workspace.lake)).filter(pl.col("table") == plan.table).join(wanted.lazy(), on=["batch", "line"], how="semi").collect()
    for (batch,), mine in kept.group_by("batch", maintain_order=True):
        place = place_of(workspace, data, held, plan.table, str(batch))
        refused |= {id_of(place.batch, line): reasons for line, reasons in verdicts(workspace, place, mine).items()}
    return refused


def verdicts(workspace: Workspace, place: Place, mine: pl.DataFrame) -> dict[int, list[str]]:
    """Why rows are refused by now; those that are accepted are not named."""
    return _verdicts(workspace, place, as_mended(workspace, place, mine))


@dataclass(frozen=True)
class Tried:
    """What the contract would say of a row with other cells.

    Parameters
    ----------
    changed
        The cells that say something else than they do by now.
    reasons
        Why the row would be refused; none where it would be accepted.
    """

    changed: Values
    reasons: tuple[str, ...]


def tried(workspace: Workspace, data: DataSpec, row: Mapping[str, Any], given: Values) -> Tried:
    """What the contract would say of a row of the quarantine with other cells; nothing is kept.

    Raises
    ------
    Mistake
        When the deliveries have no such column, or the batch waits to be checked again anyway.
    """
    table, batch, line = (row[name] for name in KEY)
    place = place_of(workspace, data, standing(workspace, data, table), table, batch)
    mine = pl.DataFrame([dict(row)], schema=SCHEMA)
    columns, current, uncut = current_cells(workspace, place, mine)
    _require(given, columns, table)
    is_whole = line in uncut
    changed = _whole(given, columns) if is_whole else _changes(given, current[line])
    said = pl.DataFrame({"line": [line], "values": [json.dumps(dict(changed))], "whole": [is_whole and bool(changed)]})
    return Tried(changed, tuple(_verdicts(workspace, place, taken_up(as_mended(workspace, place, mine), said)).get(line, ())))


def tried_anyhow(workspace: Workspace, data: DataSpec, key: Key, given: Values) -> Tried:
    """`tried`, for a row of the quarantine by its table, batch and line; of a row that is not there nothing is said."""
    table, batch, line = key
    kept = rows(Tables(workspace.lake)).filter((pl.col("table") == table) & (pl.col("batch") == batch) & (pl.col("line") == line)).collect()
    return tried(workspace, data, kept.row(0, named=True), given) if kept.height else Tried({}, ())


def _verdicts(workspace: Workspace, place: Place, chunk: Chunk) -> dict[int, list[str]]:
    said = {item.line: list(item.reasons) for item in chunk.refused}
    if chunk.frame.height:
        checked = verdict(workspace, place, clean(place, chunk.frame).frame)
        said |= dict(zip(chunk.frame[LINE].gather(checked.refused["place"]).to_list(), checked.refused["reasons"].to_list(), strict=True))
    return said


def find_all(workspace: Workspace, data: DataSpec, named: Sequence[tuple[str | None, str]], *, where: str = "") -> list[Key]:
    """The rows, in quarantine or in a table, that pairs of a table (or None) and an id name, in their order.

    Raises
    ------
    Mistake
        When an id is none, names no row, or could be several.
    """
    tables = Tables(workspace.lake)
    names = [name for name in data.sources if tables.exists(name)]
    inside = {name: tables.read(name).select(pl.lit(name).alias("table"), pl.col(BATCH).alias("batch"), pl.col(LINE).alias("line")) for name in names}
    kept = rows(tables).filter(pl.col("table").is_in(list(data.sources))).select(KEY)
    known = pl.concat([frame.select("table", "batch").unique() for frame in (kept, *inside.values())]).unique().collect().rows()
    resolved: dict[tuple[str | None, str], list[tuple[str, str]]] = {}
    wanted: list[Key] = []
    asked: list[int] = []
    for at, (table, id) in enumerate(named):
        start, line = place_in(id)
        if (table, start) not in resolved:
            resolved[table, start] = [(name, batch) for name, batch in known if batch.startswith(start) and table in (None, name)]
        wanted += [(name, batch, line) for name, batch in resolved[table, start]]
        asked += [at] * len(resolved[table, start])
    among = pl.DataFrame(wanted, schema={"table": pl.String(), "batch": pl.String(), "line": pl.Int64()}, orient="row").with_columns(
        pl.Series("at", asked, dtype=pl.Int64)
    )
    there = pl.concat([frame.join(among.lazy(), on=list(KEY)) for frame in (kept, *inside.values())]).unique().sort("at").collect()
    found = {at: (table, batch, line) for table, batch, line, at in there.select(*KEY, "at").iter_rows()}
    counts = dict(there.group_by("at").len().iter_rows())
    for at, (_, id) in enumerate(named):
        if counts.get(at, 0) > 1:
            raise Mistake(f"{id} could be {counts[at]} rows", where=where, remedy="give more digits of the batch, or --table")
        if at not in found:
            raise Mistake(f"no row has the id {id}", where=where, remedy="loopline data quarantine list shows the rows and their ids")
    return [found[at] for at in range(len(named))]
