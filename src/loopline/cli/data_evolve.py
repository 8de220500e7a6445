"""``loopline data evolve``: what changed upstream, what it does to the next run, and the amended declaration for review."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, write_whole
from loopline.errors import Mistake
from loopline.loop import open_loop
from loopline.project import FILE, parse

if TYPE_CHECKING:
    from loopline.data.proposals.evolving import Evolved

_COLOURS = {"+": "green", "-": "red"}


@click.command()
@click.option("--table", metavar="TABLE", help="The source whose delivery it is; the first one by default.")
@click.option("--file", type=click.Path(path_type=Path), help="The delivery; the source's newest file by default.")
@click.option("--sample", "rows", default=200_000, show_default=True, type=click.IntRange(min=1), help="How many rows are compared, drawn at random.")
@click.option("-o", "--out", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the amended declaration to this file, for review.")
@click.option("--write", is_flag=True, help=f"Write the amended declaration over {FILE}; without it, {FILE} is never changed.")
@folder_option
@json_option
def command(table: str | None, file: Path | None, rows: int, output: Path | None, write: bool, folder: Path | None, as_json: bool) -> None:
    """Show what changed between the declared contract, the table in the lake and a new delivery.

    Columns that are new, missing, retyped or renamed (found by their names and values), new values, ranges that moved, formats of dates, separators and
    encodings: each with what it does to the next run. The amended declaration keeps every comment and the order of the file.
    """
    from loopline.data.proposals.evolving import amended, evolve
    from loopline.lake.tables import Tables

    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        data, place = loop.project.declaration.data, loop.project.folder / FILE
        found = evolve(
            data, loop.project.folder, Tables(loop.workspace.lake), table=table, file=file.absolute() if file else None, rows=rows, progress=progress
        )
    before = place.read_text(encoding="utf-8")
    after, left = amended(before, data, found.table, found.evolution.changes)
    try:
        parse(after)
    except Mistake as mistake:
        after, left = before, (*left, f"the amended declaration would not be one: {mistake.what}")
    patch = "".join(unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), FILE, f"{FILE} (amended)"))
    for target in (output, place if write and after != before else None):
        if target is not None:
            write_whole(target, after)
    told = _shown(found, patch, left, place if write and after != before else output)
    emit(told, lambda: _text(found, patch, left, told["written"], output), as_json)


def _shown(found: Evolved, patch: str, left: tuple[str, ...], written: Path | None) -> dict[str, Any]:
    return {
        "table": found.table,
        "file": found.file,
        "read": found.read,
        "unreadable": found.unreadable,
        "compared": found.compared,
        "rows": found.evolution.rows,
        "refused": found.evolution.refused,
        "stops": found.evolution.stops,
        "changes": [
            {
                "kind": change.kind,
                "column": change.column,
                "says": change.says,
                "effect": change.effect,
                "rows": change.rows,
                "amended": bool(change.edits),
            }
            for change in found.evolution.changes
        ],
        "by_hand": list(left),
        "patch": patch,
        "written": str(written) if written is not None else None,
    }


def _text(found: Evolved, patch: str, left: tuple[str, ...], written: str | None, output: Path | None) -> str:
    against = "the declaration" + (f" and version {found.compared} of the table" if found.compared is not None else "; the table is not there yet")
    lines = [click.style(f"{found.file}, {found.read:,} records, against {against}", bold=True)]
    for change in found.evolution.changes:
        lines += [f"  {click.style(change.kind.ljust(9), fg='yellow')} {change.says}", f"            next run: {change.effect}"]
    if not found.evolution.changes:
        return "\n".join([*lines, "  nothing changed"]) + hint("loopline run")
    outcome = "the next run stops" if found.evolution.stops else f"{found.evolution.refused:,} of {found.evolution.rows:,} rows would be refused"
    lines.append(f"as it is declared, {outcome}")
    if patch:
        lines += ["", *(click.style(line, fg=_COLOURS.get(line[:1])) for line in patch.splitlines())]
    lines += [f"by hand: {one}" for one in left]
    if written is not None:
        lines.append(f"the amended declaration is written to {written}")
    elif patch:
        lines.append(f"{FILE} is not changed; write it with --write, or to another file with -o FILE")
    return "\n".join(lines) + hint("loopline run" if written and output is None else "loopline data test")
