"""``loopline alerts``: what the monitors have raised, who takes it on, and what nobody is told of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person, require_listed
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
    from loopline.ledger.entry import Entry
    from loopline.ledger.state import State
    from loopline.loop import Loop
    from loopline.watch.explanation import Explanation
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
    from loopline.watch.silences import lasts
    from loopline.watch.standing import silence_as_json, standings

    with open_loop(folder) as loop:
        state, moment = loop.state(), now()
    found = standings(state, moment)
    shown = [one for one in found if everything or one.cause is not None]
    resolved = sum(one.cause is None for one in found)
    silences = [silence_as_json(entry) for entry in state.silences.values() if lasts(entry, moment)]
    first = next((one for one in shown if one.state == "open" and one.is_told_apart), None)
    following = f"loopline alerts ack {first.id}" if first is not None else "loopline watch show"
    data = {"alerts": [one.as_json() for one in shown], "resolved": resolved, "silences": silences, "next": following}
    emit(data, lambda: _listed(shown, resolved, silences) + hint(following), as_json)


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
    return str(one.entry.body["says"]) if one.is_told_apart else f"  {explains(one.entry.body)}"


def _told(one: Standing) -> str:
    if one.told is not None:
        return "yes" if one.told["done"] else f"no: {one.told['why']}"
    if not one.is_told_apart:
        return f"with {str(one.cause)[:6]}"
    return "in the digest" if one.state == "open" and one.level == "digest" else "-"


@command.command()
@click.argument("id")
@folder_option
@json_option
def show(id: str, folder: Path | None, as_json: bool) -> None:
    """Show one alert: what it says and costs, what explains it, who was told, and all that was said of it."""
    from loopline.watch.alerts import find
    from loopline.watch.standing import standings

    with open_loop(folder) as loop:
        state = loop.state()
        entry = find(state.alerts, id)
        history = loop.workspace.ledger.read(kinds=("alert",), subject=entry.subject)
        told = _explained(loop, state, entry)
    found = {one.id: one for one in standings(state, now())}
    one = found[entry.subject]
    data = {
        **one.as_json(),
        "explaining": [found[other].as_json() for other in one.explained_by],
        "explanation": None if told is None else told.as_json(),
        "messages": [_message(message, one.id) for message in one.messages],
        "history": [
            {"state": was.body["state"], "by": was.actor, "why": was.body.get("why", ""), "time": was.time.isoformat(), "entry": was.id}
            for before, was in zip([None, *history], history, strict=False)
            # What lasts is kept up to date; only what became of it is told.
            if before is None or (before.key, before.body["state"]) != (was.key, was.body["state"])
        ],
        "next": f"loopline alerts ack {one.id}" if one.state == "open" else "loopline alerts list",
    }
    emit(data, lambda: _shown(data, [] if told is None else told.lines()) + hint(data["next"]), as_json)


def _explained(loop: Loop, state: State, entry: Entry) -> Explanation | None:
    """What explains an alert of a package: since when, how much money, which features and slices, and what changed upstream."""
    from loopline.watch.inquiry import inquire

    package = entry.body["package"]
    if package not in state.packages:
        # One of the machinery is about no package.
        return None
    return inquire(loop.workspace, state, package, loop.project.declaration.charter.worth).explain(entry.body)


def _message(message: Entry, alert: str) -> dict[str, Any]:
    purpose = next(item["purpose"] for item in message.body["items"] if item["alert"] == alert)
    return {"purpose": purpose, **{name: message.body[name] for name in ("at", "through", "roles", "done", "why")}, "entry": message.id}


def _shown(data: dict[str, Any], why: Sequence[str]) -> str:
    about = f"{data['monitor']} of {data['feature']}" if data["feature"] else data["monitor"]
    lines = [f"{data['id']} is {data['state']}: {data['says']}", f"{about}, for {data['role']}, last seen in the window of {minute(data['last'])}"]
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
    from loopline.release.approvals import stakeholders
    from loopline.watch.alerts import acknowledge, find
    from loopline.watch.alerts import resolve as close
    from loopline.watch.standing import standings

    with open_loop(folder) as loop:
        state = loop.state()
        entry, who = find(state.alerts, id), person(by, folder=loop.project.folder)
        require_listed(who, stakeholders(loop.project.declaration.charter))
        until = (state.facts("watch", "windows") or {}).get("until")
        draft = acknowledge(entry, by=who.name, why=why) if verb == "acknowledged" else close(entry, by=who.name, why=why, until=until)
        loop.workspace.ledger.append(draft)
        found = standings(loop.state(), now())
    made = next(one for one in found if one.id == entry.subject)
    waiting = [one for one in found if one.state == "open" and one.is_told_apart]
    # Who took on what only explains an alert has not taken on that one, and others will be told of it.
    following = next((f"loopline alerts ack {one.id}" for one in waiting if one.id == made.cause), "loopline alerts list")
    data = {**made.as_json(), "by": who.name, "next": following}
    says = f"{made.id} is {verb} by {who}: {made.entry.body['says']}"
    emit(data, f"{says}\n{counted(len(waiting), 'cause')} {'is' if len(waiting) == 1 else 'are'} open" + hint(following), as_json)
