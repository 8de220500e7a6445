"""``loopline charter spent``: money and resources by month and stage, against the budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.declaration import counted, figure
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.loop import open_loop
from loopline.value.cost.spent import spent as spent_by

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@click.command()
@click.option("--month", metavar="MONTH", help="Only this month (UTC), such as 2026-11.")
@folder_option
@json_option
def spent(month: str | None, folder: Path | None, as_json: bool) -> None:
    """Show what was spent by month and stage, against the budgets, and the dearest steps."""
    if month is not None and _MONTH.fullmatch(month) is None:
        raise Mistake(f"{month!r} is no month", where="--month", remedy="write the year and the month, such as 2026-11")
    with open_loop(folder) as loop:
        found = spent_by(loop.project.declaration.charter, loop.project.folder, loop.state(), loop.workspace.ledger, at=now(), month=month)
    data = {**found, "next": "loopline status" if found["per_hour"] is not None else ""}
    emit(data, lambda: _text(data), as_json)


def _text(data: Mapping[str, Any]) -> str:
    if not data["spent"]:
        nothing = f"nothing was spent{'' if data['month'] is None else ' in ' + data['month']}"
        return "\n".join([nothing, *_missing(data["serving"])]) + hint("loopline run")
    head = ("month", "stage", "times", "seconds", "CPU s", "peak MB", "read MB", "written MB", "requests", "cost")
    rows = [(one["month"], one["stage"], *_figures(one)) for one in data["spent"]]
    lines = [table(head, [*rows, ("", "all", *_figures(data["total"]))], right=range(2, len(head))), ""]
    lines += [f"{one['name']}: {one['says']}{'; it binds now' if one['binds'] else ''}" for one in data["budgets"]]
    lines += _missing(data["serving"])
    if data["per_hour"] is not None and data["total"]["unpriced_s"]:
        lines.append(f"{figure(data['total']['unpriced_s'])} s had no price: charter.prices had none for what was at work then")
    if data["per_hour"] is None:
        lines.append("the charter has no price of a machine (charter.prices), so that nothing has a cost and no budget binds")
    dear = [
        (minute(one["time"]), one["stage"], one["name"], one["state"], one["wall_s"], _megabytes(one["peak_bytes"]), _money(one)) for one in data["dearest"]
    ]
    lines += ["", "the dearest steps" if data["per_hour"] is not None else "the longest steps"]
    lines.append(table(("ended", "stage", "step", "state", "seconds", "peak MB", "cost"), dear, right=(4, 5, 6)))
    return "\n".join(lines) + hint(data["next"])


def _missing(serving: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the figures do not hold yet, in words: a server reports once an hour and at its end."""
    if not serving:
        return []
    since = minute(min(one["reported"] for one in serving))
    processes = counted(len(serving), "process of a server is", "processes of servers are")
    return [f"{processes} at work: what came after the report of {since} UTC is not in these figures, until the next one or the end"]


def _figures(one: Mapping[str, Any]) -> tuple[object, ...]:
    moved = [_megabytes(one[name]) for name in ("peak_bytes", "read_bytes", "written_bytes")]
    return (one["works"], one["wall_s"], one["cpu_s"], *moved, one["requests"], _money(one))


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / 1e6


def _money(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{figure(amount)} {currency}" for currency, amount in one["money"].items()) or "-"
