"""Relabels: mends of cells that the contract accepted, as an outcome that somebody knows better; in the table at once, and in every later check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from loopline.data.batches import KINDS as BATCHES
from loopline.data.batches import holding
from loopline.data.contract.contract import nearest
from loopline.data.quarantine.cells import text
from loopline.data.quarantine.mends import Values, applied, keep, told
from loopline.data.quarantine.quarantine import id_of
from loopline.data.quarantine.recheck import Place, clean, place_of, standing, verdict
from loopline.data.spec import BATCH, HIDDEN, LINE, ROW, DataSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, now
from loopline.workspace import Workspace

KINDS = ("relabelling", "relabel")


def relabel(workspace: Workspace, data: DataSpec, table: str, said: Mapping[tuple[str, int], Values], *, by: str, why: str) -> Entry | None:
    """Give accepted rows, named by batch and line, other values; the entry that says so, None where nothing changes.

    Call it under the project's lease, once the table is settled. The values go through the contract like any others.

    Raises
    ------
    Mistake
        When a row is not in the table, it has no such column, or the contract refuses a value; then nothing is done.
    """
    said = {place: values for place, values in said.items() if values}
    rows = _fresh(workspace, data, table, said)
    if rows is None:
        return None
    moment = now()
    columns = sorted({name for values in said.values() for name in values})
    body = {"rows": len(said), "columns": columns, "why": why, "time": moment.isoformat()}
    (begun,) = workspace.ledger.append(Draft(kind="relabelling", subject=table, body=body, actor=by))
    keep(workspace, table, said, whole=frozenset(), by=by, why=why, time=moment)
    return _enter(workspace, begun, rows)


def _fresh(workspace: Workspace, data: DataSpec, table: str, said: Mapping[tuple[str, int], Values]) -> pl.DataFrame | None:
    """The rows as they are to stand in the table; None where they stand so already."""
    held = standing(workspace, data, table)
    if not said:
        return None
    wanted = pl.DataFrame(list(said), schema={BATCH: pl.String(), LINE: pl.Int64()}, orient="row")
    there = Tables(workspace.lake).read(table).join(wanted.lazy(), on=[BATCH, LINE], how="semi").collect()
    _require(there, said, table)
    parts = []
    for (batch,), mine in there.group_by(BATCH, maintain_order=True):
        place = place_of(workspace, data, held, table, str(batch))
        parts.append(_checked(workspace, place, mine, said, wanted))
    rows = pl.concat(parts)
    same = rows.select(there.columns).sort(BATCH, LINE).equals(there.sort(BATCH, LINE))
    return None if same else rows


def _require(there: pl.DataFrame, said: Mapping[tuple[str, int], Values], table: str) -> None:
    present = set(there.select(BATCH, LINE).iter_rows())
    for place, values in said.items():
        if place not in present:
            raise Mistake(f"table {table} has no row {id_of(*place)}", remedy="a refused row is mended: loopline data quarantine mend")
        for name in values:
            names = [column for column in there.columns if column not in HIDDEN]
            if name not in names:
                raise Mistake(f"there is no column {name!r} in table {table}", remedy=nearest(name, names))


def _checked(workspace: Workspace, place: Place, mine: pl.DataFrame, said: Mapping[tuple[str, int], Values], wanted: pl.DataFrame) -> pl.DataFrame:
    """Rows of one batch with their new values, once the contract accepts them."""
    values = {line: given for (batch, line), given in said.items() if batch == place.batch}
    names = sorted({name for given in values.values() for name in given})
    texts = mine.with_columns(text(name, mine.schema[name]) for name in names)
    fresh = pl.DataFrame(
        {"line": list(values), "values": [json.dumps(dict(given)) for given in values.values()]}, schema={"line": pl.Int64(), "values": pl.String()}
    )
    records = applied(texts, fresh)
    tidy = clean(place, records, only=names).frame
    # What the table holds was cleaned when it came; only what is said now is.
    told = [pl.when(pl.col(LINE).is_in([line for line, given in values.items() if name in given])).then(pl.col(f"__{name}")) for name in names]
    beside = [tidy.select(text(name, tidy.schema[name]).alias(f"__{name}")).to_series() for name in names]
    records = (
        records.with_columns(beside).with_columns(one.otherwise(pl.col(name)).alias(name) for one, name in zip(told, names, strict=True)).select(mine.columns)
    )
    checked = verdict(workspace, place, records.drop(BATCH, ROW), leave=wanted)
    if checked.refused.height:
        at, reasons = checked.refused.row(0)
        raise Mistake(f"{id_of(place.batch, records[LINE][at])}: {'; '.join(reasons)}", remedy="give a value that the contract accepts, or change the contract")
    origin = mine.select(BATCH, LINE, ROW)
    rows = checked.accepted.join(origin, on=LINE, how="inner").select(mine.columns)
    try:
        return rows.cast(mine.schema)
    except pl.exceptions.InvalidOperationError:
        raise Mistake(f"the contract gives a column of {place.table} another type than the table has", remedy="loopline run --until data, then again") from None


def _enter(workspace: Workspace, begun: Entry, rows: pl.DataFrame) -> Entry:
    tables, table = Tables(workspace.lake), begun.subject
    commit = tables.upsert(table, rows, key=(BATCH, LINE), batch="relabel", batch_version=begun.seq)
    done = Draft(kind="relabel", subject=table, body={**begun.body, "version": commit.version}, actor=begun.actor, parents=(begun.id,))
    delivery = Draft(kind="delivery", subject=table, body={"relabelled": begun.body["rows"]}, actor=begun.actor, parents=(begun.id,))
    return workspace.ledger.append(done, delivery)[0]


def settle(workspace: Workspace, data: DataSpec, table: str) -> None:
    """Put into the table what was said of accepted rows before a process was killed; nothing, where it was killed before anything was kept."""
    newest = workspace.ledger.read(kinds=KINDS, subject=table, newest_first=True, limit=1)
    if not newest or newest[0].kind != "relabelling":
        return
    begun = newest[0]
    kept = told(Tables(workspace.lake), table).filter(pl.col("time") == datetime.fromisoformat(begun.body["time"]))
    said = {(batch, line): json.loads(values) for batch, line, values in kept.select("batch", "line", "values").iter_rows()}
    held = holding(workspace.ledger.read(kinds=BATCHES, subject=table))
    # A batch that is checked again takes the mends in by itself.
    said = {place: values for place, values in said.items() if place[0] in held.held}
    rows = None if held.begun else _fresh(workspace, data, table, said)
    if rows is not None:
        _enter(workspace, begun, rows)
        return
    body = {**begun.body, "rows": len(said), "version": None}
    workspace.ledger.append(Draft(kind="relabel", subject=table, body=body, actor=begun.actor, parents=(begun.id,)))
