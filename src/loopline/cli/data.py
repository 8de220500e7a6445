"""``loopline data``: everything about tables and what is delivered to them."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

# From a command to its place and its line in the help; each noun has a module of its own.
COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("data_show:show", "Show the tables: versions, rows, and how many rows are in quarantine."),
    "ingest": ("data_show:ingest", "Take in one delivery by hand."),
    "pull": ("data_pull:pull", "Ask a source for what is new, whatever its schedule says."),
    "admit": ("data_pull:admit", "Let in a batch that rules over the whole of it hold back."),
    "explore": ("data_explore", "Write a page about a table or a file: distributions, what is missing, what to ask."),
    "quarantine": ("data_quarantine", "The refused rows: list, show, export, mend, replay, discard."),
    "review": ("data_review", "The subject-matter expert's hand: questions about odd and refused rows, and their answers."),
    "ready": ("data_ready", "Whether the data is ready for what the charter and the model want."),
    "test": ("data_test:command", "Run the contract as unit tests, on a sample, a file or the tables."),
    "infer": ("data_infer:command", "Propose a contract from a file or a source, with the evidence for each rule."),
    "clean": ("data_clean:clean", "Show what the declared cleaning does, before anything is delivered."),
    "evolve": ("data_evolve:command", "Show what changed upstream, what it does to the next run, and the amended declaration."),
    "contract": ("data_contract:contract", "Export and import the contract as ODCS v3."),
    "get": ("data_tables:get", "Show rows of a table, or write them to a file."),
    "upsert": ("data_edits:upsert", "Change the rows whose key is in a file, and add the others."),
    "update": ("data_edits:update", "Give columns new values in the rows that meet a condition."),
    "delete": ("data_edits:delete", "Take out the rows that meet a condition."),
    "history": ("data_tables:history", "Show the versions of a table: deliveries and edits."),
    "diff": ("data_tables:diff", "Show what differs between two versions of a table."),
    "restore": ("data_edits:restore", "Make an earlier version of a table the newest one again."),
    "lineage": ("data_lineage:lineage", "Show what a table was made from, down to files and batches."),
    "probe": ("data_probe:probe", "Measure the storage: latency, requests and MB per second."),
    "convert": ("data_convert:convert", "Convert a file or a table from any format to any other; needs no project."),
    "forget": ("data_forget:forget", "Erase somebody's rows from every version and file, for good."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """Tables, deliveries and the quarantine."""
