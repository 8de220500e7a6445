"""``loopline data ready``: what the charter and the model want of the data, against what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.access.people import holders
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
    from loopline.data.readiness.evidence import evidence
    from loopline.data.readiness.readiness import findings
    from loopline.lake.tables import Tables

    with open_loop(folder) as loop:
        said = loop.project.declaration
        seen = evidence(said.data, said.charter, Tables(loop.workspace.lake), test_share=said.model.split.test)
    people = {str(role): names for role, names in said.charter.stakeholders.items()}
    found = findings(said.charter, seen)
    told: list[dict[str, Any]] = [
        {
            "rule": one.name,
            "level": one.level,
            "state": one.state,
            "says": one.says,
            "have": one.have,
            "want": one.want,
            "role": one.role,
            "people": list(holders(one.role, people)),
            "next": one.next.replace("NAME", said.data.main),
        }
        for one in found
    ]
    missing = [one for one in told if one["state"] == "gap" and one["level"] == "must"]
    open_ = [one for one in told if one["state"] != "ready"]
    following = next((one["next"] for one in [*missing, *open_] if one["next"]), "loopline run")
    result = {"ready": not missing, "table": seen.table, "rows": seen.rows, "findings": told, "next": following}
    emit(result, lambda: _text(result) + hint(following), as_json)
    if missing:
        click.get_current_context().exit(1)


def _text(result: Mapping[str, Any]) -> str:
    found = result["findings"]
    gaps = [one for one in found if one["state"] == "gap"]
    musts = sum(one["level"] == "must" for one in gaps)
    if musts:
        verdict = f"not ready: {musts} {'gap' if musts == 1 else 'gaps'} must be closed"
    else:
        verdict = "ready" + (f", with {len(gaps)} {'gap that costs' if len(gaps) == 1 else 'gaps that cost'} something" if gaps else "")
    lines = [click.style(f"{result['table']}, {result['rows']:,} rows: {verdict}", bold=True)]
    for one in found:
        sign, colour = _SIGNS[one["state"]]
        must = " (must)" if one["level"] == "must" and one["state"] == "gap" else ""
        lines.append(f"  {click.style(sign.ljust(4), fg=colour)} {one['rule']}{must}: {one['says']}")
        if one["state"] != "ready":
            people = f" ({', '.join(one['people'])})" if one["people"] else ""
            lines += [f"         there: {one['have']}; wanted: {one['want']}", f"         who: {one['role']}{people}; next: {one['next']}"]
    return "\n".join(lines)
