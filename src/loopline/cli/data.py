"""``loopline data``: everything about tables and what is delivered to them."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

# From a command to its place and its line in the help; each noun has a module of its own.
COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("data_show:show", "Show the tables: versions, rows, and how many rows are in quarantine."),
    "ingest": ("data_show:ingest", "Take in one delivery by hand."),
    "quarantine": ("data_quarantine", "The refused rows: list, show, export, mend, replay, discard."),
    "review": ("data_review", "The subject-matter expert's hand: questions about odd and refused rows, and their answers."),
    "ready": ("data_ready", "Whether the data is ready for what the charter and the model want."),
    "test": ("data_test:command", "Run the contract as unit tests, on a sample, a file or the tables."),
    "infer": ("data_infer:command", "Propose a contract from a file or a source, with the evidence for each rule."),
    "clean": ("data_clean:clean", "Show what the declared cleaning does, before anything is delivered."),
    "evolve": ("data_evolve:command", "Show what changed upstream, what it does to the next run, and the amended declaration."),
    "get": ("data_tables:get", "Show rows of a table, or write them to a file."),
    "upsert": ("data_edits:upsert", "Change the rows whose key is in a file, and add the others."),
    "update": ("data_edits:update", "Give columns new values in the rows that meet a condition."),
    "delete": ("data_edits:delete", "Take out the rows that meet a condition."),
    "history": ("data_tables:history", "Show the versions of a table: deliveries and edits."),
    "diff": ("data_tables:diff", "Show what differs between two versions of a table."),
    "restore": ("data_edits:restore", "Make an earlier version of a table the newest one again."),
    "lineage": ("data_lineage:lineage", "Show what a table was made from, down to files and batches."),
    "probe": ("data_probe:probe", "Measure the storage: latency, requests and MB per second."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """Tables, deliveries and the quarantine."""
