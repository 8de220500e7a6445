"""An earlier version of a table becomes the newest one again: rows, batches and edits, and what was in quarantine then."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from loopline.data.edits.edited import Edited
from loopline.data.quarantine.quarantine import QUARANTINE
from loopline.data.quarantine.replay import follow_restore
from loopline.data.rewind import whole_version
from loopline.errors import Mistake
from loopline.ledger.entry import Entry


def target_of(edited: Edited, *, version: int | None, at: datetime | None) -> int:
    """The version to which the table is restored: one at which it was whole.

    Raises
    ------
    Mistake
        When neither or both of `version` and `at` are given, or the table was not whole then.
    """
    if (version is None) == (at is None):
        raise Mistake("a table is restored to a version or to a moment", remedy="say --version N or --at DATE")
    if at is not None:
        return whole_version(edited.course, edited.tables.version_at(edited.name, at), nearest=True, where="--at")
    newest = edited.tables.version(edited.name).version
    if version is None or not 0 <= version <= newest:
        raise Mistake(f"table {edited.name!r} has no version {version}", where="--version", remedy=f"its versions are 0 to {newest}")
    return whole_version(edited.course, version, nearest=False, where="--version")


def finish_restore(edited: Edited, begun: Entry) -> int:
    """Restore what was announced, unless it is done already; the table's version after it."""
    commit = edited.tables.restore(edited.name, version=begun.body["to"], batch=begun.key)
    _bring_back_refused(edited, begun)
    follow_restore(edited.tables, edited.name, before=begun.body["version_before"], name=begun.key, version=begun.seq)
    return commit.version


def _bring_back_refused(edited: Edited, begun: Entry) -> None:
    """Put the refused rows of batches that come back into the quarantine again, which lost them when another took their place."""
    then = edited.course.at(begun.body["to"])
    returning = {entry.key for entry in then if entry.kind == "batch"} - set(edited.holding.held) - set(edited.holding.owed)
    if not returning or not edited.tables.exists(QUARANTINE):
        return
    mine = (pl.col("table") == edited.name) & pl.col("batch").is_in(sorted(returning))
    there = edited.tables.read(QUARANTINE).filter(mine).select("batch").unique().collect()["batch"]
    try:
        before = edited.tables.read(QUARANTINE, at=then[-1].time).filter(mine & ~pl.col("batch").is_in(there.to_list())).collect()
    except Mistake:
        # Nothing had been refused by then.
        return
    if before.height:
        edited.tables.append(QUARANTINE, before, batch=begun.key)
