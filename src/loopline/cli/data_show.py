"""``loopline data ingest`` and ``show``: deliveries and tables."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.loop import open_loop


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--source", metavar="NAME", help="The source that the file belongs to; the first one by default.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of its rows; nothing is written.")
@folder_option
@json_option
def ingest(path: Path, source: str | None, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Take in one delivery by hand: a file of any format that is read here.

    It is checked against the contract like any file of the source. The same content twice adds nothing.
    """
    from loopline.data.ingest import ingest_file, rehearse_file

    if dry_run:
        with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
            would = rehearse_file(loop.workspace, loop.project.declaration.data, path.absolute(), table=source, progress=progress)
        said = [f"{would['accepted']:,} of {would['read']:,} rows would be accepted into {would['table']}"]
        said += [f"  {count:,} refused: {reason}" for reason, count in would["reasons"].items()]
        said += [f"  {count:,} warned of: {reason}" for reason, count in would["warnings"].items()]
        emit(would, "\n".join(said) + hint(f"loopline data ingest {path}"), as_json)
        return

    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress, loop.workspace.ledger.lease():
        done = ingest_file(loop.workspace, loop.project.declaration.data, path.absolute(), table=source, progress=progress)

    def text() -> str:
        lines = [f"{done['accepted']:,} of {done['read']:,} rows accepted into {done['table']} (version {done['version']})"]
        if done["repeated"]:
            lines = [f"{done['table']} holds this batch already: nothing was added"]
        lines += [f"  {count:,} refused: {reason}" for reason, count in done["reasons"].items()]
        return "\n".join(lines) + hint("loopline data quarantine" if done["quarantined"] else "loopline run")

    emit(done, text, as_json)


@click.command()
@folder_option
@json_option
def show(folder: Path | None, as_json: bool) -> None:
    """Show the tables: versions, rows, how many rows are in quarantine, and batches that are held back."""
    from loopline.data.overview import overview

    with open_loop(folder) as loop:
        tables = overview(loop.workspace, loop.project.declaration.data)

    def text() -> str:
        head = ("table", "kind", "version", "rows", "batches", "read", "accepted", "quarantined", "merged")
        made = any(item["made_from"] for item in tables)
        rows = [[*(item[name] for name in head), *([", ".join(item["made_from"])] if made else [])] for item in tables]
        held = [(item["table"], batch) for item in tables for batch in item["held_back"]]
        lines = [f"held back from {name}: {batch['file']} ({batch['batch'][:8]}): {batch['says']}" for name, batch in held]
        refused = any(item["quarantined"] for item in tables)
        following = f"loopline data admit {held[0][1]['batch'][:8]} --why ..." if held else "loopline data quarantine" if refused else "loopline run"
        return "\n".join([table((*head, *(["made from"] if made else [])), rows, right=range(2, len(head))), *lines]) + hint(following)

    emit({"tables": tables}, text, as_json)
