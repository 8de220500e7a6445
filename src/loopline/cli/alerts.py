"""``loopline alerts``: what the monitors have raised, and who takes it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loopline.access.people import person
from loopline.cli.options import any_why_option as why_option
from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.ledger.entry import Entry
from loopline.loop import open_loop
from loopline.watch.spec import URGENCY


@click.group()
def command() -> None:
    """What the monitors have raised, and who takes it on."""


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Resolved alerts as well.")
@folder_option
@json_option
def show_list(everything: bool, folder: Path | None, as_json: bool) -> None:
    """Show the alerts that are not resolved: those about money first, then the newest."""
    with open_loop(folder) as loop:
        newest = list(loop.state().alerts.values())
    shown = sorted((entry for entry in newest if everything or entry.body["state"] != "resolved"), key=_urgency)
    following = f"loopline alerts ack {shown[0].subject}" if shown and shown[0].body["state"] == "open" else "loopline watch show"
    data = {"alerts": [_as_json(entry) for entry in shown], "resolved": sum(entry.body["state"] == "resolved" for entry in newest), "next": following}
    emit(data, lambda: _shown(shown, data["resolved"]) + hint(following), as_json)


def _urgency(entry: Entry) -> tuple[bool, int, int]:
    return entry.body["state"] == "resolved", URGENCY.index(entry.body["monitor"]), -entry.seq


def _as_json(entry: Entry) -> dict[str, Any]:
    return {"id": entry.subject, **entry.body, "time": entry.time.isoformat(), "entry": entry.id}


def _shown(entries: list[Entry], resolved: int) -> str:
    if not entries:
        return "no alert is open" + (f"; {resolved} resolved: loopline alerts list --all" if resolved else "")
    rows = [(entry.subject, entry.body["state"], entry.body["monitor"], entry.body["role"], _told(entry), entry.body["says"]) for entry in entries]
    return table(("id", "state", "monitor", "role", "told", "says"), rows)


def _told(entry: Entry) -> str:
    told = entry.body["told"]
    return "-" if told is None else "yes" if told["done"] else f"no: {told['why']}"


@command.command()
@click.argument("id")
@by_option
@why_option
@folder_option
@json_option
def ack(id: str, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Take an alert on: somebody looks after it."""
    _speak(id, by, why, folder, as_json, verb="acknowledged")


@command.command()
@click.argument("id")
@by_option
@why_option
@folder_option
@json_option
def resolve(id: str, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Close an alert by hand; a breach in a later window opens it again."""
    _speak(id, by, why, folder, as_json, verb="resolved")


def _speak(id: str, by: str | None, why: str, folder: Path | None, as_json: bool, *, verb: str) -> None:
    from loopline.watch.alerts import acknowledge, find
    from loopline.watch.alerts import resolve as close

    with open_loop(folder) as loop:
        state = loop.state()
        entry, who = find(state.alerts, id), person(by, folder=loop.project.folder)
        until = (state.facts("watch", "windows") or {}).get("until")
        draft = acknowledge(entry, by=who.name, why=why) if verb == "acknowledged" else close(entry, by=who.name, why=why, until=until)
        (made,) = loop.workspace.ledger.append(draft)
    data = {**_as_json(made), "by": who.name, "next": "loopline alerts list"}
    emit(data, f"{made.subject} is {verb} by {who}: {made.body['says']}" + hint("loopline alerts list"), as_json)
