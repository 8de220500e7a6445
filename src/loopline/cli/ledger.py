"""``loopline ledger``: every fact, and whether the chain is intact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.ledger.lineage import ancestry, charter_of, charters
from loopline.loop import open_loop


@click.group()
def command() -> None:
    """Every fact, and whether the chain is intact."""


@command.command()
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only entries of this kind, such as step, batch or approval; may be repeated.")
@click.option("--subject", metavar="TEXT", help="Only entries about this stage, table or package.")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="At most so many, the newest.")
@folder_option
@json_option
def log(kinds: tuple[str, ...], subject: str | None, limit: int, folder: Path | None, as_json: bool) -> None:
    """List the newest entries, the last one at the bottom."""
    with open_loop(folder) as loop:
        found = loop.workspace.ledger.read(kinds=kinds, subject=subject, newest_first=True, limit=limit)[::-1]
    rows = [(entry.seq, entry.id[:12], f"{entry.time:%Y-%m-%d %H:%M:%S}", entry.kind, entry.subject[:24], entry.actor, entry.brief) for entry in found]
    shown = found[-1].id[:12] if found else "ID"
    emit(
        {"entries": [entry.as_json() for entry in found]},
        lambda: table(("seq", "id", "time (UTC)", "kind", "subject", "by", ""), rows, right=(0,)) + hint(f"loopline ledger show {shown}"),
        as_json,
    )


@command.command()
@click.argument("id")
@folder_option
@json_option
def show(id: str, folder: Path | None, as_json: bool) -> None:
    """Show one entry whole, and the charter under which it was made; the beginning of its id is enough."""
    with open_loop(folder) as loop:
        ledger = loop.workspace.ledger
        entry = ledger.get(id)
        plain = {**entry.as_json(), "charter": charter_of(charters(ledger), entry)}
    emit(plain, lambda: json.dumps(plain, indent=2, ensure_ascii=False) + hint(f"loopline ledger lineage {plain['id'][:12]}"), as_json)


@command.command()
@click.argument("id")
@folder_option
@json_option
def lineage(id: str, folder: Path | None, as_json: bool) -> None:
    """Show what an entry follows from, and what those follow from, with the charter under which each was made where it is not the same."""
    with open_loop(folder) as loop:
        ledger = loop.workspace.ledger
        held = charters(ledger)
        found = [(depth, entry, charter_of(held, entry)) for depth, entry in ancestry(ledger, ledger.get(id))]
    # Where all was made under one charter, it is no news.
    differ = len({charter for *_, charter in found}) > 1
    lines = [
        f"{'  ' * depth}{entry.kind} {entry.subject[:24]} {entry.id[:12]}  {entry.brief}".rstrip() + (f"  (charter {charter or 'unknown'})" if differ else "")
        for depth, entry, charter in found
    ]
    emit({"lineage": [{"depth": depth, **entry.as_json(), "charter": charter} for depth, entry, charter in found]}, "\n".join(lines), as_json)


@command.command()
@folder_option
@json_option
@click.pass_context
def verify(ctx: click.Context, folder: Path | None, as_json: bool) -> None:
    """Check every entry's hash and order; names the first that was tampered with (exit code 1)."""
    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        verdict = loop.workspace.ledger.verify(lambda done, total: progress.at(done, total, unit="entries"))
    data: dict[str, Any] = {"entries": verdict.entries, "intact": verdict.intact}
    if not verdict.intact:
        data |= {"first_bad": verdict.first_bad, "why": verdict.why}
    text = f"{verdict.entries:,} entries, and the chain is intact" if verdict.intact else f"tampered with at entry {verdict.first_bad}: {verdict.why}"
    emit(data, text, as_json)
    ctx.exit(0 if verdict.intact else 1)
