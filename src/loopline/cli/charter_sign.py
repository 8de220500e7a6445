"""``loopline charter sign``: a role's yes or no to the charter as it stands, signed with the key of who says it."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.access.keys import fingerprint
from loopline.access.people import person
from loopline.charter.prices import of_charter
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.loop import open_loop
from loopline.model.signing import speaker
from loopline.release.chartered import right, word
from loopline.release.signatures import signatures
from loopline.release.words import NO, YES, say


@click.command()
@click.option("--as", "role", required=True, metavar="ROLE", help="The role that you speak for.")
@by_option
@why_option
@click.option("--no", "is_refused", is_flag=True, help="Refuse it: the loop stands still until the role says yes, or the charter changes.")
@folder_option
@json_option
def sign(role: str, by: str | None, why: str, is_refused: bool, folder: Path | None, as_json: bool) -> None:
    """Say yes, as a role, to the charter as loopline.yaml says it now; signed with your key.

    A yes holds for this very charter and its prices: all but stakeholders, approvals and template. What a change of it would mean: loopline charter revise.
    """
    verdict = NO if is_refused else YES
    with open_loop(folder) as loop:
        charter, ledger = loop.project.declaration.charter, loop.workspace.ledger
        book = of_charter(charter, loop.project.folder)
        who = person(by, folder=loop.project.folder)
        note = right(charter, role=role, who=who)
        key = speaker(ledger, name=who.name)
        entry = say(ledger, word(charter, loop.state(), role=role, who=who, verdict=verdict, why=why, book=book), key)
        now = signatures(charter, loop.state(), book)
    data = {
        "charter": entry.subject,
        **{"role": role, "by": who.name, "verdict": verdict, "why": entry.body["why"], "entry": entry.id, "key": entry.body["key"]},
        "fingerprint": fingerprint(entry.body["key"]),
        "note": note,
        "waiting_for": None if now.halt is None else now.halt.role,
        "next": now.next,
    }
    standing = "every role that is asked has signed" if now.halt is None else now.halt.why
    lines = [f"{who} {'refuses' if is_refused else 'signs'} the charter as {role}: {entry.body['why']}", *([note] if note else []), standing]
    emit(data, "\n".join(lines) + hint(now.next), as_json)
