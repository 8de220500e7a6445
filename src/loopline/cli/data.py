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
    "evolve": ("data_evolve:command", "Show what changed upstream, what it does to the next run, and the amended declaration."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """Tables, deliveries and the quarantine."""
