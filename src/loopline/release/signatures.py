"""The signatures of a charter as it stands: who must sign it, who has, and who has refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.engine.step import Halt
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.release.chartered import awaited, tally_of
from loopline.release.tally import Tally


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


def _word(entry: Entry) -> dict[str, Any]:
    return {"by": entry.actor, "why": entry.body["why"], "at": entry.body["at"], "entry": entry.id}


def signatures(charter: CharterSpec, state: State, book: Prices | None) -> Signatures:
    """Who has signed the charter as it stands, with its prices."""
    newest = state.charters[-1] if state.charters else None
    return Signatures(newest, tally_of(charter, state, book=book), awaited(charter, state, book=book))
