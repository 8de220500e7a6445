"""What a table was made from, down to the batches and their files: read off the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.data.batches import KINDS, holding
from loopline.data.derived.made import KIND
from loopline.data.overview import kinds_of
from loopline.data.quarantine.replay import REPLAY
from loopline.data.rewind import EDIT
from loopline.data.spec import DataSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.workspace import Workspace


def lineage(workspace: Workspace, data: DataSpec, table: str) -> dict[str, Any]:
    """The newest version of a table with what it was made from, each with the same of its own.

    Returns
    -------
    dict
        ``table``, ``kind`` (source, derived, joined), ``version``, ``rows``, ``entry`` and ``time`` (of the ledger's entry about it), ``how``
        (``sql``, the function, or the lookups), ``incremental``, ``made_from`` (such dicts again), ``batches``: ``batch``, ``file``, ``how``,
        ``read``, ``accepted``, ``quarantined``, ``version``, ``entry``, ``time``; and ``edits`` by persons: ``verb``, ``by``, ``why``, ``version``,
        ``entry``, ``time``. The version is None where there is none yet.

    Raises
    ------
    Mistake
        When there is no such table.
    """
    kinds = {name: kind for name, kind, _ in kinds_of(data)}
    if table not in kinds:
        raise Mistake(f"there is no table {table!r}", remedy=f"the tables are: {', '.join(kinds)}")
    tables = Tables(workspace.lake)
    at = tables.version(table) if tables.exists(table) else None
    return _origin(workspace, data, kinds, table, {"version": at and at.version, "rows": at.rows if at else 0}, None)


def _origin(workspace: Workspace, data: DataSpec, kinds: Mapping[str, str], table: str, state: Mapping[str, Any], before: int | None) -> dict[str, Any]:
    """What a version was made from, as it stood before the entry with a sequence number."""
    said = {"table": table, "kind": kinds.get(table, "source"), **state}
    if said["kind"] == "source":
        entries = [entry for entry in workspace.ledger.read(kinds=KINDS, subject=table) if before is None or entry.seq < before]
        edits = [entry for entry in workspace.ledger.read(kinds=(EDIT,), subject=table) if entry.body.get("state") == "done"]
        known = [entry for entry in edits if before is None or entry.seq < before]
        replays = [entry for entry in workspace.ledger.read(kinds=(REPLAY,), subject=table) if before is None or entry.seq < before]
        batches = [_batch(entry, replays) for entry in holding(entries).held.values()]
        return {**said, **_nothing(), "batches": batches, "edits": [_edit(entry) for entry in known]}
    made = next((entry for entry in workspace.ledger.read(kinds=(KIND,), subject=table, newest_first=True) if before is None or entry.seq < before), None)
    if made is None:
        return {**said, **_nothing(), "batches": [], "edits": []}
    read = _read(data, kinds, table, made)
    from_ = [_origin(workspace, data, kinds, name, {"version": one["version"], "rows": one["rows"]}, made.seq) for name, one in read.items()]
    how = {"entry": made.id, "time": made.time.isoformat(), "how": _how(data, table), "incremental": made.body["incremental"]}
    return {**said, **how, "made_from": from_, "batches": [], "edits": []}


def _nothing() -> dict[str, Any]:
    return {"entry": None, "time": None, "how": None, "incremental": False, "made_from": []}


def _read(data: DataSpec, kinds: Mapping[str, str], table: str, made: Entry) -> dict[str, Any]:
    """The tables that a version was made from; those that only its tests read are none of them."""
    said = made.body["made_from"]
    reads = data.tables[table].read_of(tuple(kinds)) if table in data.tables else tuple(said)
    return {name: one for name, one in said.items() if name in reads}


def _how(data: DataSpec, table: str) -> str:
    if table in data.tables:
        return data.tables[table].function or ("past" if data.tables[table].past is not None else "sql")
    return f"lookups {', '.join(data.lookups)}"


def _batch(entry: Entry, replays: Sequence[Entry]) -> dict[str, Any]:
    counts = {name: entry.body[name] for name in ("file", "how", "read", "accepted", "quarantined", "version")}
    replayed = sum(replay.body["accepted"] for replay in replays if replay.key == entry.key and replay.seq > entry.seq)
    return {"batch": entry.key, **counts, "replayed": replayed, "entry": entry.id, "time": entry.time.isoformat()}


def _edit(entry: Entry) -> dict[str, Any]:
    said = {name: entry.body[name] for name in ("verb", "why", "version")}
    return {**said, "by": entry.actor, "entry": entry.id, "time": entry.time.isoformat()}
