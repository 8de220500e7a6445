"""What a killed process left half-done about a table's refused and mended rows is settled before anything else is done."""

from __future__ import annotations

from loopline.data.quarantine import discards, mends, relabels, replay
from loopline.data.spec import DataSpec
from loopline.workspace import Workspace


def settle(workspace: Workspace, data: DataSpec, table: str) -> None:
    """Finish a table's replay, discard, mend or relabel that was announced and not done; call it under the project's lease."""
    replay.settle(workspace, table)
    discards.settle(workspace, table)
    relabels.settle(workspace, data, table)
    mends.settle(workspace, table)


def settle_all(workspace: Workspace, data: DataSpec) -> None:
    """Settle every table of a source."""
    for table in data.sources:
        settle(workspace, data, table)
