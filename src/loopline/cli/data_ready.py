"""``loopline data ready``: what the charter and the model want of the data, against what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.loop import open_loop

_SIGNS = {"ready": ("ok", "green"), "gap": ("GAP", "red"), "unknown": ("?", "yellow")}


@click.command()
@folder_option
@json_option
def command(folder: Path | None, as_json: bool) -> None:
    """Show whether the data is ready: history, outcomes, what is known in time, freshness, volume, worth and keys.

    Each gap says how much is there, how much is wanted, who could close it, and what comes next. Where something is missing that the loop
    cannot do without, the exit code is 1.
    """
    from loopline.data.readiness.verdict import verdict
    from loopline.lake.tables import Tables

    with open_loop(folder) as loop:
        said = loop.project.declaration
        found = verdict(said.data, said.charter, Tables(loop.workspace.lake), test_share=said.model.split.test)
    result = found.as_json()
    following = result["next"]
    emit(result, lambda: _text(result, found.says) + hint(following), as_json)
    if not found.is_ready:
        click.get_current_context().exit(1)


def _text(result: Mapping[str, Any], says: str) -> str:
    found = result["findings"]
    lines = [click.style(f"{result['table']}, {result['rows']:,} rows: {says}", bold=True)]
    for one in found:
        sign, colour = _SIGNS[one["state"]]
        must = " (must)" if one["level"] == "must" and one["state"] == "gap" else ""
        lines.append(f"  {click.style(sign.ljust(4), fg=colour)} {one['rule']}{must}: {one['says']}")
        if one["state"] != "ready":
            people = f" ({', '.join(one['people'])})" if one["people"] else ""
            lines += [f"         there: {one['have']}; wanted: {one['want']}", f"         who: {one['role']}{people}; next: {one['next']}"]
    return "\n".join(lines)
