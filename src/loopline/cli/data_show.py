"""``loopline data ingest``, ``show`` and ``quarantine``: deliveries, tables and refused rows."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.loop import open_loop


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--source", metavar="NAME", help="The source that the file belongs to; the first one by default.")
@folder_option
@json_option
def ingest(path: Path, source: str | None, folder: Path | None, as_json: bool) -> None:
    """Take in one delivery by hand: a CSV or Parquet file.

    It is checked against the contract like any file of the source. The same content twice adds nothing.
    """
    from loopline.data.ingest import ingest_file

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
    """Show the tables: versions, rows, and how many rows are in quarantine."""
    from loopline.data.overview import overview

    with open_loop(folder) as loop:
        tables = overview(loop.workspace, loop.project.declaration.data)

    def text() -> str:
        head = ("table", "kind", "version", "rows", "batches", "read", "accepted", "quarantined")
        rows = [[*(item[name] for name in head), ", ".join(item["made_from"])] for item in tables]
        refused = any(item["quarantined"] for item in tables)
        return table((*head, "made from"), rows, right=range(2, len(head))) + hint("loopline data quarantine" if refused else "loopline run")

    emit({"tables": tables}, text, as_json)


@click.command()
@click.option("--table", "name", metavar="NAME", help="Only the rows that this table refused.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many rows to list.")
@folder_option
@json_option
def quarantine(name: str | None, limit: int, folder: Path | None, as_json: bool) -> None:
    """List the refused rows with their file, line, reasons and raw text."""
    from loopline.data.overview import refused_rows

    with open_loop(folder) as loop:
        total, reasons, rows = refused_rows(loop.workspace, loop.project.declaration.data, table=name, limit=limit)

    def text() -> str:
        if not total:
            return "the quarantine is empty"
        lines = [f"{row['source']}, line {row['line']}: {'; '.join(row['reasons'])}\n    {_short(row['raw'])}" for row in rows]
        counts = [f"{count:,} x {reason}" for reason, count in reasons.items()]
        more = [f"... {total - len(rows):,} more; see them with --limit {total}"] if total > len(rows) else []
        return "\n".join([*lines, *more, "", f"{total:,} rows in quarantine:", *(f"  {line}" for line in counts)])

    emit({"rows": total, "reasons": reasons, "refused": rows}, text, as_json)


def _short(raw: str, width: int = 150) -> str:
    shown = raw.encode("unicode_escape").decode("ascii") if not raw.isprintable() else raw
    return shown if len(shown) <= width else shown[: width - 3] + "..."
