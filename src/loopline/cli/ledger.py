"""``loopline ledger``: every fact, and whether the chain is intact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from loopline.charter.statement import KIND as CHARTER
from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.ledger.entry import Entry
from loopline.ledger.state import State, fold
from loopline.ledger.store import Ledger
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
    rows = [(entry.seq, entry.id[:12], f"{entry.time:%Y-%m-%d %H:%M:%S}", entry.kind, entry.subject[:24], entry.actor, _brief(entry)) for entry in found]
    shown = found[-1].id[:12] if found else "ID"
    emit(
        {"entries": [_plain(entry) for entry in found]},
        lambda: table(("seq", "id", "time (UTC)", "kind", "subject", "by", ""), rows, right=(0,)) + hint(f"loopline ledger show {shown}"),
        as_json,
    )


def _brief(entry: Entry) -> str:
    """What tells an entry from its neighbours, in a few words."""
    body = entry.body
    words = [str(body[name]) for name in ("state", "name", "verdict", "role", "says", "why") if body.get(name) not in (None, "")]
    words += [", ".join(body["changed"])] if entry.kind == CHARTER else []
    return " ".join(" ".join(words).split())[:80]


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "id": entry.id,
        "project": entry.project,
        "kind": entry.kind,
        "subject": entry.subject,
        "key": entry.key,
        "body": entry.body,
        "actor": entry.actor,
        "time": entry.time.isoformat(),
        "parents": list(entry.parents),
        "prev_hash": entry.prev_hash,
        "hash": entry.hash,
    }


@command.command()
@click.argument("id")
@folder_option
@json_option
def show(id: str, folder: Path | None, as_json: bool) -> None:
    """Show one entry whole, and the charter under which it was made; the beginning of its id is enough."""
    with open_loop(folder) as loop:
        ledger = loop.workspace.ledger
        entry = ledger.get(id)
        plain = {**_plain(entry), "charter": _charter(_charters(ledger), entry)}
    emit(plain, lambda: json.dumps(plain, indent=2, ensure_ascii=False) + hint(f"loopline ledger lineage {plain['id'][:12]}"), as_json)


@command.command()
@click.argument("id")
@folder_option
@json_option
def lineage(id: str, folder: Path | None, as_json: bool) -> None:
    """Show what an entry follows from, and what those follow from, with the charter under which each was made where it is not the same."""
    with open_loop(folder) as loop:
        ledger = loop.workspace.ledger
        charters = _charters(ledger)
        found = [(depth, entry, _charter(charters, entry)) for depth, entry in _ancestry(ledger, ledger.get(id))]
    # Where all was made under one charter, it is no news.
    differ = len({charter for *_, charter in found}) > 1
    lines = [
        f"{'  ' * depth}{entry.kind} {entry.subject[:24]} {entry.id[:12]}  {_brief(entry)}".rstrip() + (f"  (charter {charter or 'unknown'})" if differ else "")
        for depth, entry, charter in found
    ]
    emit({"lineage": [{"depth": depth, **_plain(entry), "charter": charter} for depth, entry, charter in found]}, "\n".join(lines), as_json)


def _charters(ledger: Ledger) -> State:
    return fold(ledger.read(kinds=(CHARTER,)))


def _charter(charters: State, entry: Entry) -> str | None:
    """The charter under which an entry was made; None where none had been entered, or in another project's ledger."""
    held = charters.charter_at(entry.seq)
    return None if held is None or held.project != entry.project else held.id


def _ancestry(ledger: Ledger, entry: Entry) -> Iterator[tuple[int, Entry]]:
    """An entry and its ancestors, each once, with how far away they are."""
    seen: set[str] = set()
    waiting = [(0, entry)]
    while waiting:
        depth, entry = waiting.pop()
        if entry.id in seen:
            continue
        seen.add(entry.id)
        yield depth, entry
        parents = ledger.read(ids=entry.parents, newest_first=True, all_projects=True) if entry.parents else []
        waiting += [(depth + 1, parent) for parent in parents]


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
