"""``loopline data update``, ``upsert``, ``delete`` and ``restore``: a person's hand on a table, with a name, a reason and an entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person
from loopline.cli.options import any_why_option as why_option
from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.errors import Mistake
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    import polars as pl

    from loopline.data.edits.edits import Asked, Done, Restored

dry_option = click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
_SHOWN = 5


@click.command()
@click.argument("name", metavar="TABLE")
@click.option("--where", required=True, metavar="SQL", help="The rows that are changed, as in: id = 5; true for all.")
@click.option("--set", "values", required=True, multiple=True, metavar="COL=EXPR", help="A column's new value: an SQL expression over the row as it is.")
@by_option
@why_option
@dry_option
@folder_option
@json_option
def update(name: str, where: str, values: tuple[str, ...], by: str | None, why: str, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Give columns new values in the rows that meet a condition.

    The rows must still keep the contract: where one does not, nothing is changed.
    """
    from loopline.data.edits import edits

    _edit(
        folder,
        by,
        why,
        dry_run,
        as_json,
        lambda loop, asked: edits.update(loop.workspace, loop.project.declaration.data, name, where=where, values=values, asked=asked),
    )


@click.command()
@click.argument("name", metavar="TABLE")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@by_option
@why_option
@dry_option
@folder_option
@json_option
def upsert(name: str, path: Path, by: str | None, why: str, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Change the rows whose key is in a file, and add the others.

    Columns that the file does not have stay as they are. Every row must keep the contract: where one does not, nothing is changed.
    """
    from loopline.data.edits import edits

    _edit(
        folder, by, why, dry_run, as_json, lambda loop, asked: edits.upsert(loop.workspace, loop.project.declaration.data, name, path.absolute(), asked=asked)
    )


@click.command()
@click.argument("name", metavar="TABLE")
@click.option("--where", required=True, metavar="SQL", help="The rows that are taken out, as in: id = 5.")
@by_option
@why_option
@dry_option
@folder_option
@json_option
def delete(name: str, where: str, by: str | None, why: str, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Take out the rows that meet a condition; earlier versions keep them.

    To erase a person from every version and file: loopline data forget.
    """
    from loopline.data.edits import edits

    _edit(folder, by, why, dry_run, as_json, lambda loop, asked: edits.delete(loop.workspace, loop.project.declaration.data, name, where=where, asked=asked))


def _edit(folder: Path | None, by: str | None, why: str, dry_run: bool, as_json: bool, act: Callable[[Loop, Asked], Done]) -> None:
    from loopline.data.edits.edits import Asked, Refused, lease

    with open_loop(folder) as loop:
        asked = Asked(person(by, folder=loop.project.folder).name, why, dry_run)
        try:
            if dry_run:
                done = act(loop, asked)
            else:
                with lease(loop.workspace.ledger):
                    done = act(loop, asked)
        except Refused as refused:
            if not as_json:
                rows = [(row.line, "; ".join(row.reasons), ", ".join(f"{name} {value}" for name, value in row.row.items())) for row in refused.broken[:20]]
                click.echo(table(("line", "reasons", "row"), rows), err=True)
            raise
    emit(_as_json(done, asked), lambda: _text(done, asked), as_json)


def _as_json(done: Done, asked: Asked) -> dict[str, Any]:
    from loopline.data.edits.rows import plain_rows

    plan = done.plan
    return {
        "table": done.table,
        "verb": plan.verb,
        **{name: getattr(plan, name) for name in ("added", "changed", "removed", "unchanged")},
        "warnings": dict(plan.warnings),
        "before": plain_rows(plan.before.head(_SHOWN).select(_visible(plan.before))),
        "after": plain_rows(plan.after.head(_SHOWN).select(_visible(plan.after))),
        "version_before": done.version_before,
        "version": done.version,
        "by": asked.by,
        "why": asked.why,
        "dry_run": asked.rehearses,
        "entry": done.entry,
    }


def _visible(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if not name.startswith("__")]


def _text(done: Done, asked: Asked) -> str:
    plan = done.plan
    counts = [f"{count:,} {word}" for word in ("added", "changed", "removed") if (count := getattr(plan, word))]
    unchanged = f"; {plan.unchanged:,} were so already" if plan.unchanged else ""
    if not counts:
        return f"nothing to change in {done.table}" + (unchanged or ": no row meets the condition")
    lines = [f"{', '.join(counts)} in {done.table} {'if it were done' if asked.rehearses else f'(version {done.version})'}{unchanged}"]
    lines += [f"  {count:,} warned: {reason}" for reason, count in plan.warnings.items()]
    lines += _frames("before", plan.before) + _frames("after", plan.after)
    following = (
        f"loopline data diff {done.table} {done.version_before} {done.version}"
        if done.entry
        else f"loopline data {plan.verb} {done.table} ... without --dry-run"
    )
    return "\n".join(lines) + hint(following)


def _frames(title: str, frame: pl.DataFrame) -> list[str]:
    if frame.is_empty():
        return []
    names = _visible(frame)
    shown = frame.head(_SHOWN).select(names)
    more = [f"... {frame.height - _SHOWN:,} more"] if frame.height > _SHOWN else []
    return ["", f"{title}:", table(names, [[None if value is None else str(value) for value in row] for row in shown.iter_rows()]), *more]


@click.command()
@click.argument("name", metavar="TABLE")
@click.option("--version", type=int, metavar="N", help="The version that becomes the newest one again.")
@click.option("--at", metavar="DATE", help="The version that held then (UTC).")
@by_option
@why_option
@dry_option
@folder_option
@json_option
def restore(name: str, version: int | None, at: str | None, by: str | None, why: str, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Make an earlier version of a table the newest one again; every version stays.

    Deliveries that came after it leave the table, and stay out until their files have new content or are taken in again with loopline data ingest.
    """
    from loopline.data.edits import edits
    from loopline.data.edits.rows import moment_or_version

    moment = None if at is None else moment_or_version(at)
    if moment is not None and not isinstance(moment, datetime):
        raise Mistake(f"{at!r} is a version, not a date", where="--at", remedy=f"say --version {at}")
    with open_loop(folder) as loop:
        asked = edits.Asked(person(by, folder=loop.project.folder).name, why, dry_run)
        data = loop.project.declaration.data
        if dry_run:
            done = edits.restore(loop.workspace, data, name, asked=asked, version=version, at=moment)
        else:
            with edits.lease(loop.workspace.ledger):
                done = edits.restore(loop.workspace, data, name, asked=asked, version=version, at=moment)
    shown = {**done.as_json(), "by": asked.by, "why": asked.why, "dry_run": dry_run}
    emit(shown, lambda: _restored(done, dry_run), as_json)


def _restored(done: Restored, dry_run: bool) -> str:
    if done.to == done.version_before:
        return f"version {done.to} is the newest one of {done.table} already"
    number = "" if dry_run else f" as version {done.version}"
    lines = [f"version {done.to} of {done.table} {'would hold' if dry_run else 'holds'} again{number}: {done.rows:,} rows instead of {done.rows_before:,}"]
    for entries, words in ((done.out, "leaves the table until its content changes or it is ingested again"), (done.back, "comes back")):
        lines += [f"  {entry.body['file']} ({entry.body['accepted']:,} rows) {words}" for entry in entries]
    for entries, words in ((done.undone, "no longer holds"), (done.redone, "holds again")):
        lines += [f"  {entry.body['verb']} by {entry.actor} {words}" + (f" ({entry.body['why']})" if entry.body["why"] else "") for entry in entries]
    return "\n".join(lines) + hint(f"loopline data diff {done.table} {done.version_before} {done.to}" if dry_run else "loopline run")
