"""``loopline data quarantine``: the refused rows, what is known of them, and what is done about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from loopline.access.people import person
from loopline.cli.options import any_why_option as why_option
from loopline.cli.options import by_option
from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.declaration import counted
from loopline.errors import Mistake
from loopline.loop import Loop, open_loop

STATES = ("refused", "merged", "replayed", "discarded")
table_option = click.option("--table", "name", metavar="NAME", help="Only rows of this table.")


def filters(command: Any) -> Any:
    """The options that say which rows are meant."""
    for option in (
        click.option("--state", "states", multiple=True, type=click.Choice([*STATES, "all"]), help="Only rows in this state; may be given again."),
        click.option("--reason", metavar="TEXT", help="Only rows with a reason that has this text in it."),
        click.option("--batch", metavar="DIGEST", help="Only rows of the batch that begins so."),
        table_option,
    ):
        command = option(command)
    return command


def _meant(name: str | None, batch: str | None, reason: str | None, states: tuple[str, ...], ids: tuple[str, ...] = ()) -> Any:
    from loopline.data.quarantine.quarantine import Filter

    chosen = STATES if "all" in states else states
    return Filter(table=name, batch=batch, reason=reason, states=chosen, ids=ids)


@contextmanager
def _writing(folder: Path | None, *, quiet: bool) -> Iterator[tuple[Loop, LiveProgress]]:
    """A loop whose lease is held, and whose tables are settled."""
    from loopline.data.quarantine.settling import settle_all

    with open_loop(folder) as loop, LiveProgress(quiet=quiet) as progress, loop.workspace.ledger.lease():
        settle_all(loop.workspace, loop.project.declaration.data)
        yield loop, progress


@click.group(invoke_without_command=True)
@filters
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many rows to list.")
@folder_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """The refused rows: list them (without a verb too), show, export, mend, replay or discard them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show_list, **options)
    elif given := [param.opts[0] for param in ctx.command.params if ctx.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE]:
        raise Mistake(
            f"{given[0]} stands before {ctx.invoked_subcommand}", remedy=f"write it after: loopline data quarantine {ctx.invoked_subcommand} {given[0]} ..."
        )


@command.command("list")
@filters
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many rows to list.")
@folder_option
@json_option
def show_list(name: str | None, batch: str | None, reason: str | None, states: tuple[str, ...], limit: int, folder: Path | None, as_json: bool) -> None:
    """Count the refused rows by batch and reason, list the first, and show that every record is accounted for."""
    from loopline.data.quarantine.quarantine import listing

    with open_loop(folder) as loop:
        data = loop.project.declaration.data
        found = listing(loop.workspace, data, _meant(name, batch, reason, states or ("refused",)), limit=limit)
    following = f"loopline data quarantine show {found.shown[0]['id']}" if found.shown else "loopline run"
    said = {**found.as_json(), "next": following}
    emit(said, lambda: _listed(said) + hint(following), as_json)


def _listed(said: Mapping[str, Any]) -> str:
    batches = [one for one in said["batches"] if one["read"] != one["accepted"]]
    lines = []
    if not said["rows"]:
        lines.append("the quarantine is empty" if not batches else "no row of the quarantine is meant; see them all with --state all")
    if said["groups"]:
        rows = [(one["table"], one["batch"][:8], one["source"], one["state"], one["reason"], one["rows"]) for one in said["groups"]]
        lines += [table(("table", "batch", "source", "state", "reason", "rows"), rows, right=[5]), ""]
    for row in said["refused"]:
        lines.append(f"{row['id']}  {row['source']}, line {row['line']}: {'; '.join(row['reasons'] or ())}\n    {short(row['raw'] or '')}")
    if more := said["rows"] - len(said["refused"]):
        lines.append(f"... {more:,} more; see them with --limit {said['rows']}")
    if said["rows"]:
        lines += ["", f"{counted(said['rows'])} listed, for these reasons:", *(f"  {count:,} x {reason}" for reason, count in said["reasons"].items())]
    lines += [_balance(one) for one in batches]
    return "\n".join(lines)


def _balance(one: Mapping[str, Any]) -> str:
    parts = " + ".join(f"{one[name]:,} {name}" for name in ("accepted", *STATES, "forgotten") if one[name] or name == "accepted")
    sign = "=" if one["is_even"] else "is not"
    owed = " (to be checked again: the contract has changed)" if one["owed"] else ""
    return f"{one['table']}, batch {one['batch'][:8]} ({one['source']}): {one['read']:,} read {sign} {parts}{owed}"


def short(raw: str, width: int = 150) -> str:
    """A record's text on one line."""
    shown = raw.encode("unicode_escape").decode("ascii") if not raw.isprintable() else raw
    return shown if len(shown) <= width else shown[: width - 3] + "..."


@command.command()
@click.argument("id")
@table_option
@folder_option
@json_option
def show(id: str, name: str | None, folder: Path | None, as_json: bool) -> None:
    """Show all that is known of one row: its text, its cells beside what the contract wants, and what was done to it."""
    from loopline.data.quarantine.dossier import dossier
    from loopline.data.quarantine.quarantine import one
    from loopline.lake.tables import Tables

    with open_loop(folder) as loop:
        data = loop.project.declaration.data
        said = dossier(loop.workspace, data, one(Tables(loop.workspace.lake), data, id, table=name))
    column = next((cell["column"] for cell in said["cells"] if cell["wrong"]), "COLUMN")
    waits = said["state"] in ("refused", "merged")
    following = (
        ""
        if not waits
        else "loopline data quarantine replay"
        if said["reasons_now"] == []
        else f"loopline data quarantine mend {said['id']} --set {column}=VALUE"
    )
    said["next"] = following or "loopline data quarantine"
    emit(said, lambda: _shown(said) + hint(said["next"]), as_json)


def _shown(said: Mapping[str, Any]) -> str:
    lines = [
        f"{said['id']}: table {said['table']}, {said['source']}, line {said['line']}, {said['state']}",
        f"  {short(said['raw'] or '', 600)}",
        "",
        *(f"  {rule['reason']}" + (f"\n    the rule: {rule['says']}" + (f" ({rule['where']})" if rule["where"] else "")) for rule in said["rules"]),
    ]
    if said["cells"]:
        rows = [
            ("->" if cell["wrong"] else "", cell["column"], _cell(cell["cell"]), _cell(cell["mended"]) if cell["is_mended"] else "", cell["wants"])
            for cell in said["cells"]
        ]
        lines += ["", table(("", "column", "cell", "mended", "the contract wants"), rows)]
    if said["fields"]:
        fields = " | ".join(short(field, 40) for field in said["fields"])
        lines += ["", f"it falls into {len(said['fields'])} fields, and there are {len(said['cells'])} columns: {fields}"]
    if said["reasons_now"] is not None:
        lines += ["", "the contract accepts it now" if not said["reasons_now"] else f"refused now: {'; '.join(said['reasons_now'])}"]
    lines += ["", *(_event(one) for one in said["history"])]
    return "\n".join(lines)


def _event(one: Mapping[str, Any]) -> str:
    by = f" by {one['by']}" if one["by"] != "loopline" else ""
    return f"{one['time'][:19]}  {one['what']}{by}" + (f": {one['why']}" if one["why"] else "")


def _cell(value: str | None) -> str:
    return "-" if value is None else short(value, 40) or "''"


@command.command()
@click.option("-o", "--out", metavar="FILE", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file: .csv, .jsonl, .parquet or .xlsx.")
@filters
@folder_option
@json_option
def export(out: Path, name: str | None, batch: str | None, reason: str | None, states: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Write refused rows to a file, one column for each of theirs, to be mended in a spreadsheet and taken back by mend."""
    from loopline.data.quarantine.mend_file import ending_of, sheet, write
    from loopline.data.quarantine.quarantine import found
    from loopline.lake.tables import Tables

    ending_of(out)
    with open_loop(folder) as loop:
        data = loop.project.declaration.data
        rows = found(Tables(loop.workspace.lake), data, _meant(name, batch, reason, states or ("refused",)))
        frame = sheet(loop.workspace, data, rows)
    write(frame, out)
    following = f"loopline data quarantine mend {out}" if frame.height else "loopline run"
    said = {"file": str(out), "rows": frame.height, "columns": frame.columns, "next": following}
    emit(said, lambda: f"{counted(frame.height)} written to {out}" + hint(following), as_json)


@command.command()
@click.argument("what", metavar="ID|FILE")
@click.option("--set", "cells", metavar="COLUMN=VALUE", multiple=True, help="The cell of one row as it should be; may be given again. COLUMN= makes it empty.")
@table_option
@by_option
@why_option
@folder_option
@json_option
def mend(what: str, cells: tuple[str, ...], name: str | None, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Say what the cells of a row should be, or take back a file that export wrote; only cells that changed count.

    A refused row waits for replay. A row that its table holds already is changed there at once. What is said holds whenever the row is
    checked again. The record itself is kept as it came.
    """
    from loopline.data.quarantine import mend_file, mending

    path = Path(what)
    is_file = path.suffix.lower() in mend_file.ENDINGS
    frame = mend_file.read(path) if is_file else None
    if is_file and cells:
        raise Mistake("a file says itself what its cells should be", where="--set", remedy="name one row by its id, or take --set away")
    with _writing(folder, quiet=as_json) as (loop, _):
        data, who = loop.project.declaration.data, person(by, folder=loop.project.folder)
        if frame is not None:
            said = mend_file.said_in(loop.workspace, data, frame, where=what)
        else:
            (key,) = mending.find_all(loop.workspace, data, [(name, what)])
            said = {key: _pairs(cells)}
        done = mending.mend(loop.workspace, data, said, by=who.name, why=why)
    following = "loopline data quarantine replay" if done.would_enter else "loopline run" if done.relabelled else "loopline data quarantine"
    told = {
        "rows": done.rows,
        "cells": done.cells,
        "relabelled": done.relabelled,
        "would_enter": done.would_enter,
        "reasons": dict(done.reasons),
        "refused": dict(done.refused),
        "by": who.name,
        "next": following,
    }
    emit(told, lambda: _mended(told) + hint(following), as_json)


def _pairs(cells: tuple[str, ...]) -> dict[str, str | None]:
    pairs: dict[str, str | None] = {}
    for cell in cells:
        column, sign, value = cell.partition("=")
        if not sign or not column:
            raise Mistake(f"{cell!r} says no cell", where="--set", remedy="write it as COLUMN=VALUE")
        pairs[column] = value
    if not pairs:
        raise Mistake("nothing says what the row should be", remedy="add --set COLUMN=VALUE, or name a file that export wrote")
    return pairs


def _mended(told: Mapping[str, Any]) -> str:
    if not told["rows"]:
        return "no cell has changed: nothing was done"
    lines = [f"{told['cells']:,} cells of {counted(told['rows'])} mended by {told['by']}"]
    if told["relabelled"]:
        lines.append(f"  changed in their table, which held them already: {counted(told['relabelled'])}")
    if told["would_enter"]:
        lines.append(f"  accepted by the contract now: {counted(told['would_enter'])}")
    lines += [f"  {id} is still refused: {'; '.join(reasons)}" for id, reasons in list(told["refused"].items())[:20]]
    return "\n".join(lines)


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@filters
@by_option
@why_option
@folder_option
@json_option
def replay(
    ids: tuple[str, ...],
    name: str | None,
    batch: str | None,
    reason: str | None,
    states: tuple[str, ...],
    by: str | None,
    why: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Put rows through the contract again: the mended ones, or all that the options name; what is accepted enters its table, once."""
    from dataclasses import asdict

    from loopline.data.quarantine.replay import replay as again

    with _writing(folder, quiet=as_json) as (loop, progress):
        who = person(by, folder=loop.project.folder)
        done = again(loop.workspace, loop.project.declaration.data, _meant(name, batch, reason, states, ids), by=who.name, why=why, progress=progress)
    following = "loopline run" if done.accepted else "loopline data quarantine"
    told = {**asdict(done), "by": who.name, "next": following}

    def text() -> str:
        if not done.rows:
            return "no row is mended and waits: nothing was done"
        lines = [f"{done.accepted:,} of {counted(done.rows)} accepted" + (f", {done.merged:,} merged" if done.merged else "")]
        lines += [f"  passed over, since an edit brought them or their batch is gone: {counted(done.passed_over)}"] if done.passed_over else []
        lines += [f"  {table} is at version {version}" for table, version in done.versions.items()]
        return "\n".join([*lines, *(f"  {count:,} still refused: {reason}" for reason, count in done.reasons.items())])

    emit(told, lambda: text() + hint(following), as_json)


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@filters
@by_option
@click.option("--why", metavar="TEXT", required=True, help="Why these rows are given up; it is kept.")
@folder_option
@json_option
def discard(
    ids: tuple[str, ...],
    name: str | None,
    batch: str | None,
    reason: str | None,
    states: tuple[str, ...],
    by: str | None,
    why: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Give rows up, with the reason: they are kept, and stay discarded when the contract changes. Replay with --state discarded takes them up again."""
    from loopline.data.quarantine.discards import discard as give_up

    with _writing(folder, quiet=as_json) as (loop, _):
        who = person(by, folder=loop.project.folder)
        done = give_up(loop.workspace, loop.project.declaration.data, _meant(name, batch, reason, states, ids), by=who.name, why=why)
    told = {"rows": done.rows, "tables": dict(done.tables), "entries": list(done.entries), "by": who.name, "next": "loopline data quarantine"}

    def text() -> str:
        return f"{counted(done.rows)} discarded by {who}: {why}" if done.rows else "no row that waits is meant: nothing was done"

    emit(told, lambda: text() + hint("loopline data quarantine"), as_json)
