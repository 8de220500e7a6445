"""``loopline charter people``: the roles that the loop needs, who holds them, and what waits for whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, minute, table

_PATIENCE_S = 60.0


@click.command()
@folder_option
@json_option
def people(folder: Path | None, as_json: bool) -> None:
    """Show which roles the loop needs here and what for, who holds them, how they are told, and what waits for whom since when: the stages, and alerts,
    refused rows and questions.

    What is wrong with it follows, each with what helps: roles that nobody holds, people who would approve their own work, more
    people asked for than are listed, names that look like one person. Nothing is computed.
    """
    from loopline.project import find_folder
    from loopline.watch.people import listed, team
    from loopline.web.beside import PATIENCE_S
    from loopline.web.current import Followed
    from loopline.web.pages.turns import waiting_for_roles

    followed = Followed(folder.resolve() if folder is not None else find_folder(Path.cwd()))
    token = PATIENCE_S.set(_PATIENCE_S)
    try:
        current = followed.current()
        declared, status = current.project.declaration, current.status
        everybody, waits = team(declared.charter, declared.release, declared.watch, current.state), waiting_for_roles(current)
    finally:
        PATIENCE_S.reset(token)
        followed.close()
    data: dict[str, Any] = {**listed(everybody, waits), "next": waits[0]["next"] if waits else status.next}
    emit(data, lambda: _text(data) + hint(data["next"]), as_json)


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
