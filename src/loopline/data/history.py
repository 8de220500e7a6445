"""What became of a table, version by version: what was delivered, who edited it and why, and what it took in the table's own log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.data.derived.made import KIND as MADE
from loopline.data.edits.rows import require_table
from loopline.data.quarantine.replay import REPLAY
from loopline.data.rewind import EDIT, FORGET
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.workspace import Workspace

_LOOPLINE = "loopline"


@dataclass(frozen=True)
class Version:
    """One version of a table.

    Parameters
    ----------
    what
        What made it, in words.
    added, changed, removed
        How many rows, where the ledger says it.
    by, why, entry
        Who did it and why, and the id of the ledger's entry; None where it is a part of something greater.
    """

    version: int
    time: datetime
    what: str
    added: int | None = None
    changed: int | None = None
    removed: int | None = None
    by: str | None = None
    why: str | None = None
    entry: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The version as plain values."""
        return {**vars(self), "time": self.time.isoformat()}


def history(workspace: Workspace, name: str, *, limit: int | None = None, skip: int = 0) -> list[Version]:
    """The versions of a table, newest first.

    Parameters
    ----------
    limit, skip
        At most how many, and how many newer ones are passed over.

    Raises
    ------
    Mistake
        When there is no such table.
    """
    tables = Tables(workspace.lake)
    require_table(tables, name)
    found: dict[int, Entry] = {}
    for entry in workspace.ledger.read(kinds=("batch", REPLAY, EDIT, FORGET, MADE), subject=name):
        if "version" in entry.body and entry.body.get("state", "done") == "done" and (entry.kind != REPLAY or entry.body["accepted"]):
            found[entry.body["version"]] = entry
    return [
        _told(found[change.version], change.time) if change.version in found else Version(change.version, change.time, _operation(change.operation))
        for change in tables.history(name, None if limit is None else skip + limit)[skip:]
    ]


def _told(entry: Entry, time: datetime) -> Version:
    body = entry.body
    if entry.kind == "batch":
        by = _LOOPLINE if body["how"] == "source" else "by hand"
        return Version(body["version"], time, f"{body['file']} taken in", added=body["accepted"], by=by, entry=entry.id)
    if entry.kind == REPLAY:
        what, why = "rows of the quarantine replayed", body["why"] or None
        return Version(body["version"], time, what, added=body["accepted"], by=entry.actor, why=why, entry=entry.id)
    if entry.kind == MADE:
        said = f"made from {', '.join(body['made_from'])}" + (", new rows only" if body["incremental"] else "")
        return Version(body["version"], time, said, added=body["added"], by=_LOOPLINE, entry=entry.id)
    words: dict[str, str] = {
        "restore": f"version {body.get('to')} restored",
        "reapply": f"{len(body.get('edits', ()))} edits brought again",
        "upsert": "rows upserted",
        "update": "rows updated",
        "delete": "rows deleted",
        FORGET: "rows forgotten",
    }
    counts: dict[str, Any] = {name: body.get(name) for name in ("added", "changed", "removed")}
    return Version(body["version"], time, words[body["verb"]], **counts, by=entry.actor, why=body.get("why") or None, entry=entry.id)


def _operation(operation: str) -> str:
    words = {"CREATE TABLE": "the table was made", "WRITE": "rows written", "MERGE": "rows merged", "DELETE": "rows taken out", "RESTORE": "a version restored"}
    return words.get(operation, operation.lower())
