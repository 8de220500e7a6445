"""What the tables hold, for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loopline.data.batches import KINDS, holding
from loopline.data.contract.batch_rules import Broken, say
from loopline.data.moments import joined_name
from loopline.data.quarantine.quarantine import balances, totals
from loopline.data.spec import DataSpec
from loopline.lake.tables import Tables
from loopline.workspace import Workspace


def overview(workspace: Workspace, data: DataSpec) -> list[dict[str, Any]]:
    """One item per table: ``table``, ``kind``, ``version``, ``rows``, ``batches``, the totals that `loopline.data.quarantine.quarantine.totals` counts,
    ``held_back``, ``made_from``.

    The kind is ``source``, ``derived``, or ``joined`` for the main table with what its lookups found; only sources have batches and totals,
    and only the others are made from tables. The version is None where nothing has been delivered or made yet. What is held back are the batches
    that rules over the whole of them keep out: ``batch``, ``file``, ``says``.
    """
    tables = Tables(workspace.lake)
    shown = []
    for name, kind, made_from in kinds_of(data):
        at = tables.version(name) if tables.exists(name) else None
        state = {"version": at and at.version, "rows": at.rows if at else 0}
        every = [batch for batch in balances(workspace.ledger, tables, [name]) if not batch.owed] if kind == "source" else []
        counts = totals(every) if kind == "source" else dict.fromkeys(totals([]))
        batches = len(every) if kind == "source" else None
        held_back = _held_back(workspace, name) if kind == "source" else []
        shown.append({"table": name, "kind": kind, **state, "batches": batches, **counts, "held_back": held_back, "made_from": list(made_from)})
    return shown


def _held_back(workspace: Workspace, table: str) -> list[dict[str, str]]:
    stopped = holding(workspace.ledger.read(kinds=KINDS, subject=table)).stopped
    return [{"batch": batch, "file": entry.body["file"], "says": say(Broken(**broken) for broken in entry.body["broken"])} for batch, entry in stopped.items()]


def kinds_of(data: DataSpec) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each table that the declaration makes, its kind, and the tables that it is made from."""
    known = (*data.sources, *data.tables)
    yield from ((name, "source", ()) for name in data.sources)
    yield from ((name, "derived", table.read_of(known)) for name, table in data.tables.items())
    if data.lookups:
        yield joined_name(data.main), "joined", tuple(dict.fromkeys((data.main, *(lookup.table or name for name, lookup in data.lookups.items()))))
