"""``loopline charter people``: the roles that the loop needs, who holds them, and what waits for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.ledger.entry import by_id
from loopline.loop import Loop, LoopStatus, open_loop

if TYPE_CHECKING:
    from loopline.ledger.state import State
    from loopline.watch.roles import Team


@click.command()
@folder_option
@json_option
def people(folder: Path | None, as_json: bool) -> None:
    """Show which roles the loop needs here and what for, who holds them, how they are told, and what waits for whom since when.

    What is wrong with it follows, each with what helps: roles that nobody holds, people who would approve their own work, more
    people asked for than are listed, names that look like one person. Nothing is computed.
    """
    from loopline.release.approvals import authors
    from loopline.watch.roles import Team

    with open_loop(folder) as loop:
        declared, state, status = loop.project.declaration, loop.state(), loop.status()
        newest = max(state.packages.values(), key=lambda entry: entry.seq, default=None)
        made = frozenset[str]() if newest is None else authors(state, newest.subject)
        team = Team(declared.charter, declared.release, declared.watch, made)
        waiting = _waiting(loop, state, status)
    data: dict[str, Any] = {
        "roles": _roles(team, waiting),
        "people": [{"name": name, "roles": roles, "waiting": [one for one in waiting if one["role"] in roles]} for name, roles in team.people().items()],
        "waiting": waiting,
        "findings": [asdict(finding) for finding in team.findings()],
        "next": waiting[0]["next"] if waiting else status.next,
    }
    emit(data, lambda: _text(data) + hint(data["next"]), as_json)


def _waiting(loop: Loop, state: State, status: LoopStatus) -> list[dict[str, Any]]:
    """What waits now: since it was handed over, or since its stage came so far where nobody could be told."""
    from loopline.watch.handoff import since

    reached = {**{stage.stage: stage.entry for stage in status.stages}, **{entry.kind: entry.id for entry in state.rollouts[-1:]}}
    entries = by_id(loop.workspace.ledger.read(ids=[id for id in reached.values() if id is not None]))
    found = []
    for one in status.handoffs:
        came = entries.get(reached[one.stage] or "")
        handed = since(state.alerts.get(one.id), one) or (came.time.isoformat() if came is not None else None)
        found.append({"role": one.role, "stage": one.stage, "since": handed, "says": one.says, "next": one.next})
    return found


def _roles(team: Team, waiting: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    from loopline.access.people import holders
    from loopline.charter.spec import ROLES

    needs = team.needs()
    return [
        {
            "role": role,
            "needed_for": [need.why for need in needs if need.role == role],
            "held_by": list(holders(role, team.stakeholders)),
            "told_through": [asdict(channel) for channel in team.channels(role)],
            "waiting": [one["stage"] for one in waiting if one["role"] == role],
        }
        for role in ROLES
    ]


def _text(data: Mapping[str, Any]) -> str:
    rows = [
        (one["role"], ", ".join(one["held_by"]) or "-", _told(one), ", ".join(one["waiting"]) or "-", "; ".join(one["needed_for"]) or "-")
        for one in data["roles"]
    ]
    lines = [table(("role", "held by", "told through", "waits for it", "needed here, for it"), rows)]
    for person in data["people"]:
        lines += ["", click.style(f"{person['name']}: {', '.join(person['roles'])}", bold=True)]
        lines += [f"  {_waits(one)}" for one in person["waiting"]] or ["  nothing waits"]
    named = {role for person in data["people"] for role in person["roles"]}
    if unheld := [one for one in data["waiting"] if one["role"] not in named]:
        lines += ["", click.style("anyone, for a role that nobody holds", bold=True), *(f"  {_waits(one)}" for one in unheld)]
    if data["findings"]:
        lines += ["", *(f"- {one['says']}; {one['remedy']}" for one in data["findings"])]
    return "\n".join(lines)


def _waits(one: Mapping[str, Any]) -> str:
    when = f", since {minute(one['since'])}" if one["since"] is not None else ""
    return f"as {one['role']}{when}: {one['says']}\n    {one['next']}"


def _told(one: Mapping[str, Any]) -> str:
    through = one["told_through"]
    of = f" (of {through[0]['of']})" if through and through[0]["of"] != one["role"] else ""
    return ", ".join(channel["through"] for channel in through) + of if through else "-"
