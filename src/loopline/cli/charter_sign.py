"""``loopline charter sign``: a role's yes or no to the charter as it stands, signed with the key of who says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from loopline.access.keys import fingerprint
from loopline.access.people import person
from loopline.charter.prices import Prices, of_charter
from loopline.charter.spec import CharterSpec
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option, minute
from loopline.engine.step import Halt
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import open_loop
from loopline.model.signing import speaker
from loopline.release.chartered import awaited, right, tally_of, word
from loopline.release.tally import Tally
from loopline.release.words import NO, YES, say


@dataclass(frozen=True)
class Signatures:
    """Who must sign the charter as it stands, who has, and when.

    Parameters
    ----------
    entry
        The newest entry of the charter; None before the first run.
    """

    entry: Entry | None
    said: Tally
    halt: Halt | None

    @property
    def next(self) -> str:
        """The command that follows."""
        return "loopline run" if self.halt is None else self.halt.next

    def as_json(self) -> dict[str, Any]:
        """The signatures as plain values."""
        return {
            "entered": None if self.entry is None else {"entry": self.entry.id, "at": self.entry.time.isoformat(), "changed": self.entry.body["changed"]},
            "signed": [
                {
                    "role": one.role,
                    "needed": one.needed,
                    "by": [_word(entry) for entry in one.approvals],
                    "refused": None if one.refusal is None else _word(one.refusal),
                }
                for one in self.said.roles
            ],
        }

    def lines(self) -> list[str]:
        """The signatures as text, a line for each; nothing where nobody is asked."""
        words = [(one.role, entry) for one in self.said.roles for entry in (*one.approvals, *([] if one.refusal is None else [one.refusal]))]
        said = [f"{'refused' if entry.body['verdict'] == NO else 'signed':<12}{_signed(role, entry)}" for role, entry in words]
        return [*said, *([f"{'waits':<12}{self.halt.why}"] if self.halt is not None and self.halt.state == "waiting" else [])]


def _word(entry: Entry) -> dict[str, Any]:
    return {"by": entry.actor, "why": entry.body["why"], "at": entry.body["at"], "entry": entry.id}


def _signed(role: str, entry: Entry) -> str:
    return f"by {entry.actor} as {role}, {minute(entry.body['at'])}: {entry.body['why']}"


def signatures(charter: CharterSpec, state: State, book: Prices | None) -> Signatures:
    """Who has signed the charter as it stands, with its prices."""
    newest = state.charters[-1] if state.charters else None
    return Signatures(newest, tally_of(charter, state, book=book), awaited(charter, state, book=book))


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
