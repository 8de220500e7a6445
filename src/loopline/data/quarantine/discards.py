"""Discards: rows that a person says will not be mended; they stay in quarantine, whatever becomes of the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from loopline.data.formats.reading import Chunk
from loopline.data.quarantine.quarantine import SCHEMA, Filter, found, move, rows_of
from loopline.data.spec import LINE, DataSpec
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, canonical
from loopline.workspace import Workspace

_KEPT = {"line": pl.Int64(), "reasons": pl.List(pl.String()), "by": pl.String(), "why": pl.String(), "moved": pl.Datetime("us", "UTC")}


@dataclass(frozen=True)
class Discarded:
    """What was discarded: how many rows, of which tables, and the entries that say so."""

    rows: int
    tables: Mapping[str, int]
    entries: tuple[str, ...]


def discard(workspace: Workspace, data: DataSpec, chosen: Filter, *, by: str, why: str) -> Discarded:
    """Discard the rows that are meant and still wait; call it under the project's lease, once it is settled.

    Raises
    ------
    Mistake
        When nobody says why, all rows of the quarantine are meant, or none is.
    """
    if not why.strip():
        raise Mistake("a discard needs a reason", where="--why", remedy="say why these rows are given up, as in --why 'test bookings of the vendor'")
    if chosen.is_open:
        raise Mistake("nothing says which rows are given up", remedy="name rows by their ids, or say --table, --batch, --reason or --state")
    tables = Tables(workspace.lake)
    meant = found(tables, data, replace(chosen, states=chosen.states or ("refused", "merged")))
    entries: list[str] = []
    counts: dict[str, int] = {}
    for (table, batch), group in meant.filter(pl.col("state").is_in(["refused", "merged"])).group_by("table", "batch", maintain_order=True):
        content = {"lines": group["line"].to_list(), "reasons": group["reasons"].to_list()}
        kept = Blobs(workspace.lake).put(canonical(content).encode())
        body = {"rows": group.height, "kept": kept, "why": why.strip(), "reason": chosen.reason}
        (entry,) = workspace.ledger.append(Draft(kind="discard", subject=str(table), key=str(batch), body=body, actor=by))
        _carry_out(workspace, tables, entry)
        entries.append(entry.id)
        counts[str(table)] = counts.get(str(table), 0) + group.height
    return Discarded(sum(counts.values()), counts, tuple(entries))


def _carry_out(workspace: Workspace, tables: Tables, entry: Entry) -> None:
    """Give the rows of a discard their state, once."""
    lines = _content(workspace, entry)["lines"]
    changes = pl.DataFrame({"line": lines}, schema={"line": pl.Int64}).with_columns(
        state=pl.lit("discarded"), by=pl.lit(entry.actor), why=pl.lit(entry.body["why"]), moved=pl.lit(entry.time).cast(SCHEMA["moved"])
    )
    move(tables, entry.subject, entry.key, changes, name=f"discard:{entry.subject}:{entry.key}", version=entry.seq)


def _content(workspace: Workspace, entry: Entry) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Blobs(workspace.lake).get(entry.body["kept"]))
    return content


def settle(workspace: Workspace, table: str) -> None:
    """Carry out the newest discard where the process that said it was killed before it could."""
    newest = workspace.ledger.read(kinds=("discard", "replay", "batch"), subject=table, newest_first=True, limit=1)
    if newest and newest[0].kind == "discard":
        _carry_out(workspace, Tables(workspace.lake), newest[0])


def states_to_keep(workspace: Workspace, table: str, batch: str) -> pl.DataFrame | None:
    """The records of a batch that are discarded, whatever the contract says of them now; None where none is.

    It is told by the ledger and not by the quarantine, whose rows of the batch are written anew when it is checked again. A row that was
    replayed after its discard is no longer discarded.

    Returns
    -------
    polars.DataFrame
        ``line``, ``reasons``, ``by``, ``why`` and ``moved``.
    """
    entries = workspace.ledger.read(kinds=("discard", "replay"), subject=table, key=batch)
    if not any(entry.kind == "discard" for entry in entries):
        return None
    kept: dict[int, tuple[list[str], str, str, datetime]] = {}
    for entry in entries:
        if entry.body.get("kept") is None:
            continue
        content = _content(workspace, entry)
        if entry.kind == "discard":
            reasons = content["reasons"]
            kept |= {line: (why, entry.actor, entry.body["why"], entry.time) for line, why in zip(content["lines"], reasons, strict=True)}
        else:
            for line in content["lines"]:
                kept.pop(line, None)
    if not kept:
        return None
    return pl.DataFrame([(line, *rest) for line, rest in sorted(kept.items())], schema=_KEPT, orient="row")


def set_aside(chunk: Chunk, discarded: pl.DataFrame | None, *, table: str, batch: str, source: str, time: datetime) -> tuple[Chunk, pl.DataFrame]:
    """The chunk without its discarded records, and these as rows of the quarantine; pure.

    Parameters
    ----------
    discarded
        What `states_to_keep` gives.
    """
    if discarded is None or not chunk.read:
        return chunk, pl.DataFrame(schema=SCHEMA)
    lines = set(discarded["line"])
    if not lines & {*chunk.frame[LINE], *(item.line for item in chunk.refused)}:
        return chunk, pl.DataFrame(schema=SCHEMA)
    reasons = discarded.select("line", "reasons")
    rows = rows_of(chunk, reasons, table=table, batch=batch, source=source, time=time, state="discarded")
    aside = rows.drop("by", "why", "moved").join(discarded.drop("reasons"), on="line", how="left").select(list(SCHEMA))
    rest = [place for place, line in enumerate(chunk.frame[LINE]) if line not in lines]
    others = tuple(item for item in chunk.refused if item.line not in lines)
    return replace(chunk, frame=chunk.frame[rest], refused=others, raw=lambda wanted: chunk.raw([rest[place] for place in wanted])), aside
