"""What the tables hold, for people to read."""

from __future__ import annotations

from typing import Any

from loopline.data.quarantine import balances, totals
from loopline.data.spec import DataSpec
from loopline.lake.tables import Tables
from loopline.workspace import Workspace


def overview(workspace: Workspace, data: DataSpec) -> list[dict[str, Any]]:
    """One item per declared table: ``table``, ``version``, ``rows``, ``batches``, and the totals that `loopline.data.quarantine.totals` counts.

    The version is None where nothing has been delivered yet.
    """
    tables = Tables(workspace.lake)
    shown = []
    for name in data.sources:
        at = tables.version(name) if tables.exists(name) else None
        every = [batch for batch in balances(workspace.ledger, tables, [name]) if not batch.owed]
        counts = totals(every)
        shown.append({"table": name, "version": at and at.version, "rows": at.rows if at else 0, "batches": len(every), **counts})
    return shown
