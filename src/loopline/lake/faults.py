"""What the errors of disks, object stores and delta-rs mean, told without the rows that their text can hold."""

from __future__ import annotations

import re

from deltalake.exceptions import CommitFailedError, SchemaMismatchError, TableNotFoundError

from loopline.errors import Fault, LooplineError, Mistake
from loopline.lake.objects import storage_fault

_NO_COLUMN = re.compile(r'No field named "?([^".,\s]+)')


def lost_race(error: Exception) -> bool:
    """Whether another writer was quicker, and nothing of this write remains."""
    return isinstance(error, CommitFailedError) or "table already exists" in str(error)


def explain(error: Exception, where: str) -> LooplineError:
    """What an error of delta-rs means, and the remedy."""
    text = str(error)
    if (fault := storage_fault(text, where)) is not None:
        return fault
    if isinstance(error, TableNotFoundError):
        return Mistake("there is no such table", where=where, remedy="append rows to it first")
    if isinstance(error, CommitFailedError):
        return Fault("other writers were quicker every time", where=where, remedy="try again when fewer write to it", retry=True)
    if isinstance(error, SchemaMismatchError):
        return Mistake("the rows' columns do not fit the table's", where=where, remedy="compare the columns, or write to a new table")
    if column := _NO_COLUMN.search(text):
        return Mistake(f"the condition names {column[1]}, which is no column", where=where, remedy="check the names; one with capitals needs double quotes")
    if "parser" in text.lower():
        return Mistake("the condition is not SQL", where=where, remedy="write one such as: amount > 10 AND city = 'Oslo'")
    if "cast" in text.lower():
        return Mistake("a value does not fit its column", where=where, remedy="compare the types of the values and the columns")
    return Fault(f"the table's library failed ({type(error).__name__})", where=where, remedy="run the command again; if it stays, restore an earlier version")
