"""``loopline data``: everything about tables and what is delivered to them."""

from __future__ import annotations

import click

from loopline.cli.lazy import LazyGroup

# From a command to its place and its line in the help; each noun has a module of its own.
COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("data_show:show", "Show the tables: versions, rows, and how many rows are in quarantine."),
    "ingest": ("data_show:ingest", "Take in one delivery by hand."),
    "convert": ("data_convert:convert", "Convert a file or a table from any format to any other; needs no project."),
    "quarantine": ("data_show:quarantine", "List the refused rows with their file, line, reasons and raw text."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def command() -> None:
    """Tables, deliveries and the quarantine."""
