"""``loopline data``: everything about tables and what is delivered to them."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

# From a command to its place and its line in the help; each noun has a module of its own.
COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("data_show:show", "Show the tables: versions, rows, and how many rows are in quarantine."),
    "ingest": ("data_show:ingest", "Take in one delivery by hand."),
    "get": ("data_tables:get", "Show rows of a table, or write them to a file."),
    "upsert": ("data_edits:upsert", "Change the rows whose key is in a file, and add the others."),
    "update": ("data_edits:update", "Give columns new values in the rows that meet a condition."),
    "delete": ("data_edits:delete", "Take out the rows that meet a condition."),
    "history": ("data_tables:history", "Show the versions of a table: deliveries and edits."),
    "diff": ("data_tables:diff", "Show what differs between two versions of a table."),
    "restore": ("data_edits:restore", "Make an earlier version of a table the newest one again."),
    "forget": ("data_forget:forget", "Erase somebody's rows from every version and file, for good."),
    "quarantine": ("data_show:quarantine", "List the refused rows with their file, line, reasons and raw text."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """Tables, deliveries and the quarantine."""
