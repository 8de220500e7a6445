"""``loopline alerts``: what the monitors have raised, who takes it on, and what nobody is told of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person
from loopline.cli.alerts_silence import silence
from loopline.cli.alerts_try import attempt
from loopline.cli.options import any_why_option as why_option
from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.declaration import counted
from loopline.ledger.entry import now
from loopline.loop import open_loop
from loopline.watch.causes import explains

if TYPE_CHECKING:
    from loopline.watch.standing import Standing


@click.group()
def command() -> None:
    """What the monitors have raised, and who takes it on."""


command.add_command(silence)
command.add_command(attempt)


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Resolved alerts as well.")
@folder_option
@json_option
def show_list(everything: bool, folder: Path | None, as_json: bool) -> None:
    """Show the alerts that last: those about money first, each with the alerts that explain it, and what is silenced.

    Alerts with one cause are told once, by the most urgent of them; the others follow it, set in.
    """
    from loopline.watch.standing import listed

    with open_loop(folder) as loop:
        found = listed(loop.state(), now(), everything=everything)
    data = found.as_json()
    emit(data, lambda: _listed(found.shown, found.resolved, data["silences"]) + hint(found.next), as_json)


def _listed(shown: Sequence[Standing], resolved: int, silences: Sequence[dict[str, Any]]) -> str:
    if shown:
        rows = [(one.id, one.state, one.entry.body["monitor"], one.entry.body["role"], _told(one), _says(one)) for one in shown]
        lines = [table(("id", "state", "monitor", "role", "told", "says"), rows)]
    else:
        lines = ["no alert is open" + (f"; {resolved} resolved: loopline alerts list --all" if resolved else "")]
    if silences:
        lines += ["", table(("silent", "until", "by", "why"), [(one["of"], minute(one["until"]), one["by"], one["why"]) for one in silences])]
    return "\n".join(lines)


def _says(one: Standing) -> str:
    return one.says if one.is_told_apart else f"  {one.says}"


def _told(one: Standing) -> str:
    if one.told is not None:
        return "yes" if one.told["done"] else f"no: {one.told['why']}"
    if one.is_told_with:
        return f"with {str(one.cause)[:6]}"
    return "in the digest" if one.state == "open" and one.is_told_apart and one.level == "digest" else "-"


@command.command()
@click.argument("id")
@folder_option
@json_option
def show(id: str, folder: Path | None, as_json: bool) -> None:
    """Show one alert: what it says and costs, what explains it, who was told, and all that was said of it."""
    from loopline.watch.dossier import dossier

    with open_loop(folder) as loop:
        found = dossier(loop.workspace, loop.state(), loop.project.declaration.charter.worth, id, now())
    data, why = found.as_json(), found.explanation
    emit(data, lambda: _shown(data, [] if why is None else why.lines()) + hint(found.next), as_json)


def _shown(data: dict[str, Any], why: Sequence[str]) -> str:
    about = f"{data['monitor']} of {data['feature']}" if data["feature"] else data["monitor"]
    lines = [f"{data['id']} is {data['state']}: {data['says']}", f"{about}, for {data['role']}, last seen in the window of {minute(data['last'])}"]
    if data["taken_by"] and data["state"] != "resolved":
        lines.append(f"{data['taken_by']} has taken it on")
    if data["cause"] not in (None, data["id"]):
        lines.append(f"it explains {data['cause']}, and is not told apart")
    if data["silence"] is not None:
        lines.append(f"silent until {minute(data['silence']['until'])} by {data['silence']['by']}: {data['silence']['why']}")
    lines += [f"explained by {one['id']}: {explains(one)}" for one in data["explaining"]]
    lines += ["", *why] if why else []
    rows = [(minute(one["time"]), one["state"], one["by"], one["why"]) for one in data["history"]]
    lines += ["", table(("when", "state", "by", "why"), rows)]
    sent = [
        (minute(one["at"]), one["purpose"], one["through"], ", ".join(one["roles"]), "yes" if one["done"] else f"no: {one['why']}") for one in data["messages"]
    ]
    return "\n".join([*lines, "", table(("sent", "purpose", "through", "to", "got through"), sent) if sent else "nobody was told yet"])


@command.command()
@click.argument("id")
@by_option
@why_option
@folder_option
@json_option
def ack(id: str, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Take an alert on: somebody looks after it, and nobody else is told. Where charter.stakeholders lists people, one of them must."""
    _speak(id, by, why, folder, as_json, verb="acknowledged")


@command.command()
@click.argument("id")
@by_option
@why_option
@folder_option
@json_option
def resolve(id: str, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Close an alert by hand; a breach in a later window opens it again. Where charter.stakeholders lists people, one of them must."""
    _speak(id, by, why, folder, as_json, verb="resolved")


def _speak(id: str, by: str | None, why: str, folder: Path | None, as_json: bool, *, verb: str) -> None:
    from loopline.watch.spoken import speak
    from loopline.watch.standing import standings

    with open_loop(folder) as loop:
        who = person(by, folder=loop.project.folder)
        entry = speak(loop.workspace.ledger, loop.project.declaration.charter, loop.state(), id, verb, who=who, why=why)
        found = standings(loop.state(), now())
    made = next(one for one in found if one.id == entry.subject)
    waiting = [one for one in found if one.state == "open" and one.is_told_apart]
    # Who took on what only explains an alert has not taken on that one, and others will be told of it.
    following = next((f"loopline alerts ack {one.id}" for one in waiting if one.id == made.cause), "loopline alerts list")
    data = {**made.as_json(), "by": who.name, "next": following}
    says = f"{made.id} is {verb} by {who}: {made.says}"
    emit(data, f"{says}\n{counted(len(waiting), 'cause')} {'is' if len(waiting) == 1 else 'are'} open" + hint(following), as_json)
