"""What the tables hold and what the quarantine keeps, for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from loopline.data.batches import KINDS, holding, merged_counts
from loopline.data.intake import QUARANTINE
from loopline.data.moments import joined_name
from loopline.data.spec import DataSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.workspace import Workspace


def overview(workspace: Workspace, data: DataSpec) -> list[dict[str, Any]]:
    """One item per table: ``table``, ``kind``, ``version``, ``rows``, ``batches``, the totals ``read``, ``accepted``, ``quarantined``, and ``made_from``.

    The kind is ``source``, ``derived``, or ``joined`` for the main table with what its lookups found; only sources have batches and totals,
    and only the others are made from tables. The version is None where nothing has been delivered or made yet.
    """
    tables = Tables(workspace.lake)
    shown = []
    for name, kind, made_from in kinds_of(data):
        at = tables.version(name) if tables.exists(name) else None
        held = holding(workspace.ledger.read(kinds=KINDS, subject=name)).held.values() if kind == "source" else None
        totals = {count: None if held is None else sum(entry.body[count] for entry in held) for count in ("read", "accepted", "quarantined")}
        state = {"version": at and at.version, "rows": at.rows if at else 0, "batches": None if held is None else len(held)}
        shown.append({"table": name, "kind": kind, **state, **totals, "made_from": list(made_from)})
    return shown


def kinds_of(data: DataSpec) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each table that the declaration makes, its kind, and the tables that it is made from."""
    known = (*data.sources, *data.tables)
    yield from ((name, "source", ()) for name in data.sources)
    yield from ((name, "derived", table.read_of(known)) for name, table in data.tables.items())
    if data.lookups:
        yield joined_name(data.main), "joined", tuple(dict.fromkeys((data.main, *(lookup.table or name for name, lookup in data.lookups.items()))))


def refused_rows(workspace: Workspace, data: DataSpec, *, table: str | None = None, limit: int = 20) -> tuple[int, dict[str, int], list[dict[str, Any]]]:
    """How many rows are in quarantine, how often each reason is given, and the first rows in the order of their files.

    Raises
    ------
    Mistake
        When there is no such table.
    """
    if table is not None and table not in data.sources:
        raise Mistake(f"there is no source {table!r}", remedy=f"the sources are: {', '.join(data.sources)}")
    tables = Tables(workspace.lake)
    if not tables.exists(QUARANTINE):
        return 0, {}, []
    kept = tables.read(QUARANTINE)
    if table is not None:
        kept = kept.filter(pl.col("table") == table)
    total = int(kept.select(pl.len()).collect().item())
    reasons = dict(kept.select(pl.col("reasons").explode()).drop_nulls().group_by("reasons").len().collect().iter_rows())
    first = kept.sort("table", "source", "line").head(limit).select("table", "batch", "source", "line", "reasons", "raw").collect()
    return total, merged_counts([reasons]), first.to_dicts()
