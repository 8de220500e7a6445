"""What tables were made from: an entry of the ledger for each version that was made, whose parents are what it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loopline.data.batches import KINDS, holding
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.store import Ledger
from loopline.workspace import Job

KIND = "table"
"""The kind of the entries about made tables."""
PARENTS_AT_MOST = 200
"""So many batches are parents of an entry, the newest; ``loopline data lineage`` names them all."""


def last_made(ledger: Ledger, name: str) -> Entry | None:
    """The newest entry about a made table."""
    return next(iter(ledger.read(kinds=(KIND,), subject=name, newest_first=True, limit=1)), None)


def still_holds(tables: Tables, entry: Entry | None, made_by: str) -> bool:
    """Whether a made table is what its entry says, and was made in the same way."""
    if entry is None or entry.body["made_by"] != made_by or not tables.exists(entry.subject):
        return False
    now = tables.version(entry.subject)
    return (now.id, now.version) == (entry.body["id"], entry.body["version"])


def record(job: Job, name: str, body: Mapping[str, Any], *, reads: Iterable[str], after: Entry | None) -> Entry:
    """Enter that a version of a table was made.

    Parameters
    ----------
    body
        ``id``, ``version``, ``rows``, ``made_by``, ``made_from`` (the tables with their versions), and what else is to be remembered.
    reads
        The tables that it was made from.
    after
        The entry of the version that only new rows were added to; then only what came since is a parent beside it.
    """
    ledger = job.workspace.ledger
    parents = [job.attempt, *([after.id] if after else [])]
    batches: list[Entry] = []
    for table in reads:
        made = last_made(ledger, table)
        if made is not None:
            parents.append(made.id)
        batches += [entry for entry in holding(ledger.read(kinds=KINDS, subject=table)).held.values() if after is None or entry.seq > after.seq]
    newest = sorted(batches, key=lambda entry: entry.seq)[-PARENTS_AT_MOST:]
    parents += [entry.id for entry in newest]
    draft = Draft(kind=KIND, subject=name, key=job.step.key, body={"table": name, "batches": len(batches), **body}, parents=tuple(dict.fromkeys(parents)))
    return ledger.append(draft)[0]
