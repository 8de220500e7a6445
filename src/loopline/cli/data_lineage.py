"""``loopline data lineage``: what a table was made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.loop import open_loop

_SHOWN = 10


@click.command()
@click.argument("table")
@folder_option
@json_option
def lineage(table: str, folder: Path | None, as_json: bool) -> None:
    """Show what a table was made from, down to files and batches.

    TABLE is a source's, a derived one, or the main table with what its lookups found (MAIN.joined).
    """
    from loopline.data.lineage import lineage as lineage_of

    with open_loop(folder) as loop:
        found = lineage_of(loop.workspace, loop.project.declaration.data, table)
    entry = found["entry"] or next((batch["entry"] for batch in found["batches"]), None)
    emit(found, lambda: "\n".join(_lines(found, 0)) + hint(f"loopline ledger lineage {entry}" if entry else "loopline run"), as_json)


def _lines(origin: dict[str, Any], depth: int) -> Iterator[str]:
    """A table, and what it was made from below it."""
    margin = "  " * depth
    state = "nothing yet" if origin["version"] is None else f"version {origin['version']}, {origin['rows']:,} rows"
    made = f", made by {origin['how']}{', new rows only' if origin['incremental'] else ''}" if origin["how"] else ""
    yield f"{margin}{click.style(origin['table'], bold=True)}  {origin['kind']}, {state}{made}"
    for child in origin["made_from"]:
        yield from _lines(child, depth + 1)
    batches = origin["batches"]
    for batch in batches[-_SHOWN:]:
        accepted = batch["accepted"] + batch["replayed"]
        yield f"{margin}  {batch['file']}  batch {batch['batch'][:12]}, {accepted:,} of {batch['read']:,} rows, {batch['time'][:16]}"
    if len(batches) > _SHOWN:
        yield f"{margin}  and {len(batches) - _SHOWN:,} batches before these; --json has them all"
    for edit in origin["edits"]:
        yield f"{margin}  {edit['verb']} by {edit['by']}, {edit['time'][:16]}: {edit['why']}"
