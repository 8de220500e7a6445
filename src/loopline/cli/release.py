"""``loopline release``: gates, approvals, the champion and the way back."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from loopline.access.people import person
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.release_check import check, following_of, package_option, settled_now, tallies_of
from loopline.cli.release_deploy import deploy, deployments
from loopline.cli.release_waive import command as waive
from loopline.errors import Mistake
from loopline.loop import open_loop
from loopline.release.approvals import RoleTally, word
from loopline.release.champion import history, on, promotion, rollback
from loopline.release.stage import awaited

by_option = click.option("--by", metavar="NAME", help="Who acts; else LOOPLINE_USER, git's user.email or your user name.")
why_option = click.option("--why", required=True, metavar="TEXT", help="The reason; it is kept.")


@click.group()
def command() -> None:
    """Gates, approvals, the champion and the way back."""


command.add_command(check)
command.add_command(deploy)
command.add_command(deployments)
command.add_command(waive)


@command.command()
@click.option("--as", "role", required=True, metavar="ROLE", help="The role that you speak for.")
@by_option
@why_option
@package_option
@folder_option
@json_option
def approve(role: str, by: str | None, why: str, package: str | None, folder: Path | None, as_json: bool) -> None:
    """Say yes, as a role, to the package that passed its gates and waits."""
    _speak(role, by, why, package, folder, as_json, verdict="yes")


@command.command()
@click.option("--as", "role", required=True, metavar="ROLE", help="The role that you speak for.")
@by_option
@why_option
@package_option
@folder_option
@json_option
def refuse(role: str, by: str | None, why: str, package: str | None, folder: Path | None, as_json: bool) -> None:
    """Say no, as a role, to the package that passed its gates and waits; it stands until the role says yes."""
    _speak(role, by, why, package, folder, as_json, verdict="no")


def _speak(role: str, by: str | None, why: str, package: str | None, folder: Path | None, as_json: bool, *, verdict: str) -> None:
    with open_loop(folder) as loop:
        declared = loop.project.declaration
        who = person(by, folder=loop.project.folder)
        said = word(loop.state(), declared.release, declared.charter, role=role, who=who, verdict=verdict, why=why, package=package)
        (entry,) = loop.workspace.ledger.append(said.draft)
        halt = awaited(entry.subject, tallies_of(loop, loop.state(), entry.subject))
    following = "loopline run" if halt is None else halt.next
    data = {
        "package": entry.subject,
        "role": role,
        "by": who.name,
        "verdict": verdict,
        "why": entry.body["why"],
        "entry": entry.id,
        "note": said.note,
        "waiting_for": None if halt is None else halt.role,
        "next": following,
    }
    lines = [f"{who} says {verdict} to {entry.subject[:12]} as {role}: {entry.body['why']}"]
    lines += [said.note] if said.note else []
    lines.append("every role that is asked has said yes" if halt is None else halt.why)
    emit(data, "\n".join(lines) + hint(following), as_json)


@command.command("rollback")
@click.option("--to", metavar="DIGEST", help="An earlier champion, by the beginning of its digest; the one before by default.")
@by_option
@why_option
@folder_option
@json_option
def roll_back(to: str | None, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Let an earlier champion decide again, at once."""
    with open_loop(folder) as loop:
        who = person(by, folder=loop.project.folder)
        entry = rollback(loop.workspace.ledger, loop.state().champions, actor=who.name, why=why, to=to)
    previous = entry.body["previous"]
    data = {"champion": entry.subject, "previous": previous, "by": who.name, "why": entry.body["why"], "entry": entry.id, "next": "loopline release history"}
    emit(data, f"{entry.subject[:12]} decides again in place of {previous[:12]}" + hint("loopline release history"), as_json)


@command.command("history")
@click.option("--at", "when", metavar="DATE", help="Only what decided on that day, or at that moment (UTC): 2026-01-31 or 2026-01-31T08:30.")
@folder_option
@json_option
def show_history(when: str | None, folder: Path | None, as_json: bool) -> None:
    """Show what decided when, why, and who approved it."""
    moment = None if when is None else _moment(when)
    with open_loop(folder) as loop:
        reigns = history(loop.state().champions)
    chosen = reigns if moment is None else on(reigns, moment)
    rows = [
        (
            f"{reign.since:%Y-%m-%d %H:%M}",
            "now" if reign.until is None else f"{reign.until:%Y-%m-%d %H:%M}",
            reign.package[:12],
            reign.how,
            reign.actor,
            reign.why,
        )
        for reign in chosen
    ]
    nothing = "no package has decided yet" if moment is None else f"no package decided at {when}"
    text = table(("from (UTC)", "to", "package", "how", "by", "why"), rows) if rows else nothing
    emit({"champions": [reign.as_json() for reign in chosen]}, text, as_json)


def _moment(text: str) -> date | datetime:
    try:
        return date.fromisoformat(text) if len(text) <= len("2026-01-31") else datetime.fromisoformat(text)
    except ValueError:
        raise Mistake(f"{text!r} is not a date", where="--at", remedy="write it as 2026-01-31 or 2026-01-31T08:30") from None


@command.command()
@folder_option
@json_option
def status(folder: Path | None, as_json: bool) -> None:
    """Show which package decides, and what the newest one waits for."""
    with open_loop(folder) as loop:
        state = loop.state()
        reigns = history(state.champions)
        told = state.facts("release", "gates")
        facts = None if told is None else settled_now(loop, state, told)
        package = None if facts is None else facts["package"]
        tallies = () if package is None else tallies_of(loop, state, package)
        following = "loopline run" if facts is None else following_of(loop, state, facts)
        is_promoted = package is not None and promotion(state.champions, package) is not None
    waits = facts is not None and facts["passed"] and not is_promoted
    halt = awaited(package, tallies) if waits and package is not None else None
    data = {
        "champion": state.champion,
        "since": reigns[-1].since.isoformat() if reigns else None,
        "package": package,
        "passed": None if facts is None else facts["passed"],
        "approvals": [_plain(one) for one in tallies],
        "waiting_for": None if halt is None else halt.role,
        "next": following,
    }
    lines = [f"{reigns[-1].package[:12]} decides since {reigns[-1].since:%Y-%m-%d %H:%M} UTC: {reigns[-1].why}" if reigns else "no package decides yet"]
    if facts is not None and package != state.champion:
        lines.append(f"{package[:12]}: {facts['says'] if halt is None else halt.why}" if package else "")
    emit(data, "\n".join(lines) + hint(following), as_json)


def _plain(one: RoleTally) -> dict[str, Any]:
    refused = None if one.refusal is None else one.refusal.actor
    return {"role": one.role, "needed": one.needed, "yes": [entry.actor for entry in one.approvals], "refused_by": refused}
