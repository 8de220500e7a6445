"""``loopline data forget``: somebody's rows leave every version and file, and the fact stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person
from loopline.cli.data_edits import dry_option
from loopline.cli.options import by_option
from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option
from loopline.declaration import counted
from loopline.errors import Mistake
from loopline.loop import open_loop

if TYPE_CHECKING:
    from loopline.data.forget.forget import Forgot


@click.command()
@click.argument("name", metavar="TABLE")
@click.option("--key", "keys", multiple=True, metavar="VALUE", help="Whom to forget, by the table's key; parts with commas between. May be said several times.")
@click.option("--keys-from", type=click.Path(path_type=Path), metavar="FILE", help="A file with one key in each line, or a CSV that has the key's columns.")
@click.option("--column", "columns", multiple=True, metavar="NAME", help="The column that holds the key, where it is not the declared key.")
@click.option("--also", multiple=True, metavar="TABLE[.COLUMN]", help="A further table that holds their rows, with the key in this column.")
@click.option("--except", "spared", multiple=True, metavar="TABLE", help="A table that is left as it is.")
@click.option("--why", metavar="TEXT", default="", help="The reason; it is kept, so name nobody in it. Needed unless with --dry-run.")
@by_option
@dry_option
@folder_option
@json_option
def forget(
    name: str,
    keys: tuple[str, ...],
    keys_from: Path | None,
    columns: tuple[str, ...],
    also: tuple[str, ...],
    spared: tuple[str, ...],
    why: str,
    by: str | None,
    dry_run: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Erase somebody's rows from every version and file of the lake, for good.

    Reached are the table, those with the same key, those made of it, the quarantine, corrections, predictions, outcomes, the log, and what was
    kept of deliveries. Afterwards every file is looked through, and salted digests of the keys keep them from coming back. Files outside
    of the lake, and packages, are not changed. If it is stopped, run it again.
    """
    from loopline.data.edits.edits import Asked, lease
    from loopline.data.forget.forget import forget as erase
    from loopline.data.forget.reach import read_keys

    if not why.strip() and not dry_run:
        raise Mistake("nobody says why", where="--why", remedy="add --why TEXT, or look first with --dry-run")
    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        data = loop.project.declaration.data
        asked = Asked(person(by, folder=loop.project.folder).name, why, dry_run)
        values = read_keys(keys, keys_from, columns or data.key_of(name) or ("",))
        more: dict[str, Any] = {"columns": columns, "also": also, "spared": spared, "progress": progress}
        if dry_run:
            done = erase(loop.workspace, data, name, values, asked=asked, **more)
        else:
            with lease(loop.workspace.ledger):
                done = erase(loop.workspace, data, name, values, asked=asked, **more)
    shown = _as_json(done, asked.by, why, dry_run)
    emit(shown, lambda: _text(done, dry_run), as_json)


def _as_json(done: Forgot, by: str, why: str, dry_run: bool) -> dict[str, Any]:
    proof = done.proof
    return {
        "table": done.table,
        "keys": done.keys,
        "digests": list(done.digests),
        "rows": dict(done.rows),
        "erased": {name: {"rows": one.rows, "files": one.files, "scanned": one.scanned} for name, one in done.tables.items()},
        "blobs": done.blobs,
        "lost": list(done.lost),
        "lines": done.lines,
        "scanned": None if proof is None else {kind: getattr(proof, kind) for kind in ("data_files", "logs", "blobs", "segments")},
        "packages": [] if proof is None else proof.packages,
        "elsewhere": {} if proof is None else dict(proof.elsewhere),
        "by": by,
        "why": why,
        "dry_run": dry_run,
        "entry": done.entry,
    }


def _text(done: Forgot, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    people = counted(done.keys, "key")
    lines = [f"{people} {would}forgotten: " + ", ".join(f"{counted(rows)} of {table}" for table, rows in done.rows.items())]
    for table, one in done.tables.items():
        if one.rows:
            lines.append(f"  {table}: {counted(one.rows)} {would}erased from {one.files:,} of {one.scanned:,} files, old versions among them")
    lines += [f"  {counted(done.blobs, 'blob')} {would}written anew"] if done.blobs else []
    lines += [f"  {counted(done.lines, 'line')} of the prediction log {would}blanked"] if done.lines else []
    lines += [f"  delivery {file} {would}given up as a whole: its format cannot be written anew" for file in done.lost]
    proof = done.proof
    if proof is not None:
        scanned = f"{proof.data_files:,} data files, {proof.logs:,} commits, {proof.blobs:,} blobs and {proof.segments:,} log segments"
        lines.append(f"looked through {scanned}: none holds them")
        lines += [f"  package blob {digest[:12]} tells them still: packages are signed; release one without them" for digest in proof.packages]
        lines += [f"  {place} names them in {count:,} other rows; reach these with --also {place}" for place, count in proof.elsewhere.items()]
        lines.append("files outside of the lake are as they were; their records are passed over when they are delivered again")
    return "\n".join(lines) + hint(f"loopline data forget {done.table} ... --why TEXT" if dry_run else f"loopline data history {done.table}")
