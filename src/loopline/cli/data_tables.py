"""``loopline data get``, ``history`` and ``diff``: the rows of a table at any version, what became of it, and what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.declaration import counted
from loopline.loop import open_loop

if TYPE_CHECKING:
    from loopline.data.edits.diff import Difference
    from loopline.data.history import Version


@click.command()
@click.argument("name", metavar="TABLE")
@click.option("--where", metavar="SQL", help="Only the rows that meet this condition, as in: amount > 10 AND city = 'Oslo'.")
@click.option("--columns", metavar="NAMES", default="", help="Only these columns, with commas between; Loopline's own (__batch, __line, __row) as well.")
@click.option("--at", metavar="VERSION|DATE", help="The rows of that version, or of the one that held then (UTC).")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows; 20 are shown by default, all are written to a file.")
@click.option("-o", "--out", "output", metavar="FILE", type=click.Path(path_type=Path), help="Write them to this file: .csv, .parquet or .jsonl.")
@folder_option
@json_option
def get(name: str, where: str | None, columns: str, at: str | None, limit: int | None, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show rows of a table, or write them to a file."""
    from loopline.data.edits.rows import chosen, first, moment_or_version, plain_rows, write
    from loopline.lake.tables import Tables

    names = [column.strip() for column in columns.split(",") if column.strip()]
    with open_loop(folder) as loop:
        tables = Tables(loop.workspace.lake)
        rows = chosen(tables, name, at=None if at is None else moment_or_version(at), where=where, columns=names)
        data: dict[str, Any] = {"table": name, "at": at, "file": None if output is None else str(output)}
        if output is not None:
            count = write(rows, output, limit=limit, columns=names)
            emit({**data, "rows": count, "shown": []}, f"{count:,} rows written to {output}" + hint(f"loopline data history {name}"), as_json)
            return
        total, shown = first(rows, limit or 20, names)

    def text() -> str:
        if not total:
            return "no row" + (" meets the condition" if where else "") + hint(f"loopline data history {name}")
        numeric = [index for index, kind in enumerate(shown.dtypes) if kind.is_numeric()]
        cells = [[_cell(value) for value in row.values()] for row in plain_rows(shown)]
        more = f"\n... {total - shown.height:,} more; see them with --limit {total}, or write them with -o FILE" if total > shown.height else ""
        return table(shown.columns, cells, right=numeric) + more + hint(f"loopline data history {name}")

    emit({**data, "rows": total, "shown": plain_rows(shown)}, text, as_json)


def _cell(value: Any, width: int = 40) -> Any:
    """A cell as it stands in the table: numbers in full, long texts cut."""
    if value is None:
        return None
    said = ("true" if value else "false") if isinstance(value, bool) else str(value)
    shown = said if said.isprintable() else said.encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= width else shown[: width - 3] + "..."


@click.command()
@click.argument("name", metavar="TABLE")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="So many of the newest versions.")
@folder_option
@json_option
def history(name: str, limit: int, folder: Path | None, as_json: bool) -> None:
    """Show the versions of a table: what was delivered, and who edited it and why."""
    from loopline.data.history import history as versions

    with open_loop(folder) as loop:
        found = versions(loop.workspace, name, limit=limit)

    def text() -> str:
        head = ("version", "time", "what", "rows", "by", "why")
        rows = [(one.version, f"{one.time:%Y-%m-%d %H:%M:%S}", one.what, _counts(one), one.by or "", one.why or "") for one in found]
        newest = found[0].version
        return table(head, rows, right=[0]) + hint(f"loopline data diff {name} {max(0, newest - 1)} {newest}")

    emit({"table": name, "versions": [one.as_json() for one in found]}, text, as_json)


def _counts(one: Version) -> str:
    parts = ((one.added, "added"), (one.changed, "changed"), (one.removed, "removed"))
    return ", ".join(f"{count:,} {word}" for count, word in parts if count)


@click.command()
@click.argument("name", metavar="TABLE")
@click.argument("one", metavar="V1", type=int)
@click.argument("other", metavar="V2", type=int)
@click.option("--key", metavar="NAMES", default="", help="The columns that name a row, with commas between; the source's key by default.")
@click.option("--samples", type=click.IntRange(min=0), default=5, show_default=True, help="So many rows of each kind.")
@folder_option
@json_option
def diff(name: str, one: int, other: int, key: str, samples: int, folder: Path | None, as_json: bool) -> None:
    """Show what differs between two versions of a table: rows that came, went and changed, cell by cell."""
    from loopline.data.edits.diff import diff as difference
    from loopline.lake.tables import Tables

    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        declared = loop.project.declaration.data
        names = [column.strip() for column in key.split(",") if column.strip()] or list(declared.key_of(name))
        found = difference(Tables(loop.workspace.lake), name, one, other, key=names, samples=samples, progress=progress)
    data = found.as_json()
    emit(data, lambda: _difference(found, data["samples"]) + hint(f"loopline data get {name} --at {other}"), as_json)


def _difference(found: Difference, samples: Any) -> str:
    if found.is_empty:
        return f"versions {found.one} and {found.other} of {found.table} hold the same rows"
    how = f"by {' and '.join(found.key)}" if found.key else "whole rows, for no key tells them apart"
    lines = [f"{found.added:,} added, {found.removed:,} removed, {found.changed:,} changed ({how})"]
    lines += [f"  new column {column} ({kind})" for column, kind in found.new_columns.items()]
    lines += [f"  lost column {column} ({kind})" for column, kind in found.lost_columns.items()]
    lines += [f"  column {column} was {before} and is {after}" for column, (before, after) in found.retyped.items()]
    lines += [f"  {column} differs in {counted(count)}" for column, count in found.cells.items()]
    lines += [f"+ {_row(row)}" for row in samples["added"]]
    lines += [f"- {_row(row)}" for row in samples["removed"]]
    lines += [
        f"~ {_row(one['key'])}: " + ", ".join(f"{column} {_said(a)} -> {_said(b)}" for column, (a, b) in one["cells"].items()) for one in samples["changed"]
    ]
    return "\n".join(lines)


def _row(row: Any) -> str:
    return ", ".join(f"{name} {_said(value)}" for name, value in row.items())


def _said(value: Any) -> str:
    return "-" if value is None else str(_cell(value))
