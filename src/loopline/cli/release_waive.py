"""``loopline release waive``: let a package through a gate that it did not pass, with a name, a reason and an end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from loopline.access.people import person
from loopline.cli.options import by_option, day, why_option
from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.cli.release_check import package_option
from loopline.errors import Mistake
from loopline.loop import open_loop
from loopline.model.signing import speaker
from loopline.release.approvals import named, stakeholders
from loopline.release.judgement import judgement
from loopline.release.waivers import Waiver, waive, withdraw
from loopline.release.words import say


@click.command("waive")
@click.argument("gate")
@click.option("--as", "role", required=True, metavar="ROLE", help="The role that you speak for.")
@by_option
@why_option
@click.option("--until", metavar="DATE", help="For every package until the end of this day (UTC): 2026-01-31. Without it, for one package alone.")
@click.option("--withdraw", "is_withdrawn", is_flag=True, help="End the gate's waivers, so that it blocks again.")
@package_option
@folder_option
@json_option
def command(
    gate: str, role: str, by: str | None, why: str, until: str | None, is_withdrawn: bool, package: str | None, folder: Path | None, as_json: bool
) -> None:
    """Let a package through a gate that it did not pass, where release.waive lets your role.

    The gate counts as passed until the waiver's end. It is shown as waived, by whom and why, wherever the gates are.
    """
    end = day(until, "--until")
    if end is not None and is_withdrawn:
        raise Mistake("a withdrawal has no end", where="--until", remedy="leave --until out")
    with open_loop(folder) as loop:
        declared, state = loop.project.declaration, loop.state()
        people, gates = stakeholders(declared.charter), named(state, package)
        who = person(by, folder=loop.project.folder)
        if is_withdrawn:
            let = withdraw(gates, gate, state.waivers.values(), declared.release, people, role=role, who=who, why=why)
        else:
            let = waive(gates, gate, declared.release, people, role=role, who=who, why=why, until=end, today=datetime.now(UTC).date())
        ledger = loop.workspace.ledger
        key = speaker(ledger, name=who.name)
        entry = [say(ledger, draft, key) for draft in let.drafts][-1]
        seen = judgement(declared.release, declared.charter, loop.state(), gates.body["facts"]["package"])
    waiver = Waiver.of(entry)
    data = {
        **{"gate": gate, "state": entry.body["state"], **waiver.as_json()},
        **{"package": waiver.package, "note": let.note, "passed": seen.facts["passed"], "next": seen.next},
    }
    said = f"{gate} blocks again: withdrawn by {who} as {role}: {waiver.why}" if is_withdrawn else f"{gate} is {waiver}"
    emit(data, said + (f"\n{let.note}" if let.note else "") + hint(seen.next), as_json)
