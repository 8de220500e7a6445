"""Replay: refused rows through the contract again; those that it accepts now enter their table, once, with their batch and line.

A batch's rows enter in two commits, announced in the ledger: the accepted ones into the table, then all of them their new state in the
quarantine. What a process that was killed between the two left is finished by the next one from what was announced: the table remembers
by its own log whether the rows are in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from loopline.data.batches import Holding, merged_counts
from loopline.data.cleaning.cleaned import CLEANED
from loopline.data.cleaning.cleaned import rows as cleaned_rows
from loopline.data.quarantine.mends import told
from loopline.data.quarantine.quarantine import KEY, SCHEMA, Filter, found, move
from loopline.data.quarantine.quarantine import rows as quarantined
from loopline.data.quarantine.recheck import Place, as_mended, clean, place_of, standing, verdict
from loopline.data.spec import BATCH, HIDDEN, LINE, ROW, DataSpec
from loopline.engine.step import Progress, Silence
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, canonical
from loopline.workspace import Workspace

REPLAY = "replay"
"""The kind of the entries that say which rows were replayed, and what became of them."""
KINDS = ("replaying", REPLAY)
_OVERTAKEN = "a later delivery has this key"


@dataclass(frozen=True)
class Replayed:
    """What became of the rows that were replayed.

    Parameters
    ----------
    rows
        How many went through the contract; the sum of the three that follow.
    accepted, refused, merged
        How many entered their table, stay refused, or were merged into a row of their key that was delivered later.
    reasons
        How many of those still refused give each reason.
    versions
        From a table that changed to its version now.
    passed_over
        How many rows were meant whose batch the table does not hold: what an edit brought is edited again.
    """

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    merged: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    passed_over: int = 0


def replay(workspace: Workspace, data: DataSpec, chosen: Filter, *, by: str, why: str = "", progress: Progress | None = None) -> Replayed:
    """Put rows through the contract again: those that were mended; or all that are meant, where anything says which.

    Call it under the project's lease, once all tables are settled.

    Raises
    ------
    Mistake
        When a row that is named is not there, or its batch waits to be checked again anyway.
    """
    progress = progress or Silence()
    tables = Tables(workspace.lake)
    named = chosen.is_open or bool(chosen.ids)
    meant = found(tables, data, replace(chosen, states=chosen.states or (("refused", "merged") if named else ("refused",))))
    if chosen.is_open:
        meant = meant.join(told(tables).select(KEY).unique(), on=list(KEY), how="semi", maintain_order="left")
    meant = meant.filter(pl.col("state") != "replayed")
    total = Replayed()
    for table, mine in meant.group_by("table", maintain_order=True):
        name = str(table[0])
        held = standing(workspace, data, name)
        order = {batch: index for index, batch in enumerate({**held.owed, **held.held})}
        batches = sorted(mine.group_by("batch", maintain_order=True), key=lambda part: order.get(str(part[0][0]), len(order)))
        for (batch,), rows in batches:
            if batch not in order and not chosen.ids:
                total = replace(total, passed_over=total.passed_over + rows.height)
                continue
            progress.at(total.rows, meant.height, unit="rows", note=f"{name}, batch {str(batch)[:8]}")
            place = place_of(workspace, data, held, name, str(batch))
            total = _added(total, _replay(workspace, place, held, rows, by=by, why=why))
    return total


def _added(total: Replayed, more: Replayed) -> Replayed:
    counts = {name: getattr(total, name) + getattr(more, name) for name in ("rows", "accepted", "refused", "merged")}
    return replace(total, **counts, reasons=merged_counts([total.reasons, more.reasons]), versions={**total.versions, **more.versions})


def _replay(workspace: Workspace, place: Place, held: Holding, rows: pl.DataFrame, *, by: str, why: str) -> Replayed:
    """The rows of one batch."""
    chunk = as_mended(workspace, place, rows)
    accepted, cells = pl.DataFrame(schema={LINE: pl.Int64()}), pl.DataFrame()
    refused = {item.line: list(item.reasons) for item in chunk.refused}
    if chunk.frame.height:
        cleaned = clean(place, chunk.frame)
        checked, cells = verdict(workspace, place, cleaned.frame), cleaned.cells
        lines = chunk.frame[LINE].gather(checked.refused["place"]).to_list()
        refused |= dict(zip(lines, checked.refused["reasons"].to_list(), strict=True))
        accepted = checked.accepted
    merged = _overtaken(workspace, place, held, accepted)
    accepted = accepted.filter(~pl.col(LINE).is_in(merged))
    plan = {
        "lines": rows["line"].to_list(),
        "accepted": accepted[LINE].to_list(),
        "merged": merged,
        "refused": [[line, refused[line]] for line in sorted(refused)],
    }
    kept = Blobs(workspace.lake).put(canonical(plan).encode())
    reasons = merged_counts([dict.fromkeys(given, 1) for given in refused.values()])
    body = {"kept": kept, "rows": rows.height, "accepted": accepted.height, "refused": len(refused), "merged": len(merged), "reasons": reasons, "why": why}
    (begun,) = workspace.ledger.append(Draft(kind="replaying", subject=place.table, key=place.batch, body=body, actor=by))
    if accepted.height:
        _keep_cells(Tables(workspace.lake), place, cells.filter(pl.col("line").is_in(accepted[LINE].implode())))
        _enter(Tables(workspace.lake), place, accepted, begun)
    done = _finish(workspace, begun, plan)
    versions = {place.table: done.body["version"]} if accepted.height else {}
    return Replayed(rows.height, accepted.height, len(refused), len(merged), reasons, versions)


def _overtaken(workspace: Workspace, place: Place, held: Holding, accepted: pl.DataFrame) -> list[int]:
    """The lines of rows whose key a batch that came later has written: in the order of delivery, theirs is the word that holds."""
    key = list(place.source.key)
    if place.source.mode != "upsert" or accepted.is_empty() or not set(key) <= set(place.schema):
        return []
    order = list(held.held)
    later = order[order.index(place.batch) + 1 :]
    there = Tables(workspace.lake).read(place.table).filter(pl.col(BATCH).is_in(later)).select(key).collect()
    lines: list[int] = accepted.join(there.cast({name: accepted.schema[name] for name in key}), on=key, how="semi")[LINE].to_list()
    return sorted(lines)


def _keep_cells(tables: Tables, place: Place, cells: pl.DataFrame) -> None:
    """Keep the raw values of cleaned cells; once more does no harm."""
    if cells.height:
        tables.upsert(CLEANED, cleaned_rows(place.table, place.batch, cells), key=("table", "batch", "line", "column"))


def _enter(tables: Tables, place: Place, accepted: pl.DataFrame, begun: Entry) -> None:
    """Commit accepted rows to their table, in their place in the order of delivery where it is free."""
    rows = accepted.sort(LINE).select(pl.exclude(*HIDDEN), pl.lit(place.batch).alias(BATCH), pl.col(LINE))
    rows = rows.with_columns(pl.Series(ROW, _places(tables, place, rows[LINE].to_list()), dtype=pl.Int64))
    if place.source.mode == "upsert" and place.schema:
        tables.upsert(place.table, rows, key=place.source.key, batch=_transaction(place.batch), batch_version=begun.seq)
    else:
        tables.append(place.table, rows, batch=_transaction(place.batch), batch_version=begun.seq)


def _places(tables: Tables, place: Place, lines: Sequence[int]) -> list[int]:
    """The rows' places in the order of delivery: between their neighbours in the batch where there is room for them, else behind all others."""
    if not place.schema:
        return list(range(len(lines)))
    there = tables.read(place.table)
    mine = there.filter(pl.col(BATCH) == place.batch).select(LINE, ROW).sort(LINE).collect()
    before = pl.DataFrame({LINE: lines}, schema={LINE: pl.Int64()})
    low = before.join_asof(mine.rename({ROW: "low"}), on=LINE, strategy="backward", coalesce=False)
    high = before.join_asof(mine.rename({ROW: "high"}), on=LINE, strategy="forward", coalesce=False)
    near = pl.DataFrame({LINE: lines, "low": low["low"], "low_line": low[f"{LINE}_right"], "high": high["high"], "high_line": high[f"{LINE}_right"]})
    ahead, behind = pl.col("low") + pl.col(LINE) - pl.col("low_line"), pl.col("high") - pl.col("high_line") + pl.col(LINE)
    wanted = near.select(
        row=pl.coalesce(ahead, behind), fits=(pl.col("low").fill_null(-1) < ahead.fill_null(behind)) & (pl.coalesce(ahead, behind) < pl.col("high"))
    )
    taken = set(there.filter(pl.col(ROW).is_in(wanted["row"].drop_nulls().implode())).select(ROW).collect()[ROW])
    last = there.select((pl.col(ROW).max() + 1).fill_null(0)).collect().item()
    places: list[int] = []
    for row, fits in wanted.iter_rows():
        if row is None or row in taken or fits is False:
            row, last = last, last + 1
        taken.add(row)
        places.append(row)
    return places


def _transaction(batch: str) -> str:
    return f"replay:{batch}"


def _finish(workspace: Workspace, begun: Entry, plan: Mapping[str, Any]) -> Entry:
    """Give the rows their states, and say in the ledger that all is done."""
    tables, table, batch = Tables(workspace.lake), begun.subject, begun.key
    states: list[tuple[int, str, list[str] | None]] = [(line, "replayed", None) for line in plan["accepted"]]
    states += [(line, "merged", [_OVERTAKEN]) for line in plan["merged"]]
    states += [(line, "refused", reasons) for line, reasons in plan["refused"]]
    changes = pl.DataFrame(states, schema={"line": pl.Int64(), "state": pl.String(), "reasons": pl.List(pl.String())}, orient="row")
    told_by = {"by": pl.lit(begun.actor), "why": pl.lit(begun.body["why"]), "moved": pl.lit(begun.time).cast(SCHEMA["moved"])}
    move(tables, table, batch, changes.with_columns(**told_by), name=f"replay:{table}:{batch}", version=begun.seq)
    version = tables.version(table).version if tables.exists(table) else None
    drafts = [Draft(kind=REPLAY, subject=table, key=batch, body={**begun.body, "version": version}, actor=begun.actor, parents=(begun.id,))]
    if plan["accepted"]:
        # What makes the stage look at its tables again, as a delivery by hand does.
        drafts.append(Draft(kind="delivery", subject=table, key=batch, body={"replayed": len(plan["accepted"])}, actor=begun.actor, parents=(begun.id,)))
    return workspace.ledger.append(*drafts)[0]


def settle(workspace: Workspace, table: str) -> None:
    """Finish, or forget, the replay that was announced and not done: its rows are in the table, or nothing of it is anywhere."""
    newest = workspace.ledger.read(kinds=KINDS, subject=table, newest_first=True, limit=1)
    if not newest or newest[0].kind != "replaying":
        return
    begun = newest[0]
    plan = json.loads(Blobs(workspace.lake).get(begun.body["kept"]))
    done = Tables(workspace.lake).batch_version(table, _transaction(begun.key))
    if not plan["accepted"] or (done is not None and done >= begun.seq):
        _finish(workspace, begun, plan)
    else:
        body = {**begun.body, "kept": None, "rows": 0, "accepted": 0, "refused": 0, "merged": 0, "reasons": {}, "version": None}
        workspace.ledger.append(Draft(kind=REPLAY, subject=table, key=begun.key, body=body, actor=begun.actor, parents=(begun.id,)))


def replays(workspace: Workspace, table: str, batch: str) -> list[tuple[Entry, dict[str, Any]]]:
    """The replays of a batch that were done, oldest first, each with its lines and what became of them."""
    entries = workspace.ledger.read(kinds=(REPLAY,), subject=table, key=batch)
    return [(entry, json.loads(Blobs(workspace.lake).get(entry.body["kept"]))) for entry in entries if entry.body["kept"]]


def follow_restore(tables: Tables, table: str, *, before: int, name: str, version: int) -> None:
    """Give rows of the quarantine the states that fit a restored table, once: what it lost waits again, what it has again is replayed.

    Parameters
    ----------
    before
        The table's version before it was restored.
    name, version
        What was done, and its place in the ledger.
    """
    kept = quarantined(tables).filter(pl.col("table") == table).select("batch", "line", "state").collect()
    if kept.is_empty():
        return
    places = [BATCH, LINE]
    then, now = (
        frame.select(places).join(kept.lazy(), left_on=places, right_on=["batch", "line"], how="semi").collect()
        for frame in (tables.read(table, version=before), tables.read(table))
    )
    lost, found = then.join(now, on=places, how="anti"), now.join(then, on=places, how="anti")
    for moved, was, state in ((lost, ("replayed",), "refused"), (found, ("refused", "merged"), "replayed")):
        mine = kept.filter(pl.col("state").is_in(was)).join(moved, left_on=["batch", "line"], right_on=places, how="semi")
        for (batch,), group in mine.group_by("batch", maintain_order=True):
            changes = group.select("line").with_columns(state=pl.lit(state))
            move(tables, table, str(batch), changes, name=f"{name}:{state}:{batch}", version=version)
