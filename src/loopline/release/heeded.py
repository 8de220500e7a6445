"""Which overrides count: those of a no-go or of a spent budget that the business said, signed with their key where anybody is listed for it."""

from __future__ import annotations

from dataclasses import replace

from loopline.access.people import Person, holders, holds, speak_for
from loopline.charter.spec import CharterSpec
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.signing import trust
from loopline.release.approvals import stakeholders
from loopline.release.words import doubt

ROLE = "business"


def right(charter: CharterSpec, who: Person) -> str:
    """What is to be said about a person's right to override; empty when they are listed for it.

    Raises
    ------
    Mistake
        When others are.
    """
    return speak_for(who, ROLE, stakeholders(charter))


def must_sign(charter: CharterSpec) -> bool:
    """Whether an override counts only with the key of who says it."""
    return bool(holders(ROLE, stakeholders(charter)))


def heeded(state: State, charter: CharterSpec) -> State:
    """The state with no other overrides than those that count."""
    if not state.overrides or not must_sign(charter):
        return state
    keys = trust(state.vouched).keys
    # One that is older than the ledger's first charter was said before anybody had to sign it.
    signed_since = state.charters[0].seq if state.charters else None

    def counts(entry: Entry) -> bool:
        if "signature" not in entry.body and (signed_since is None or entry.seq < signed_since):
            return True
        return not doubt(entry, keys) and holds(entry.actor, ROLE, stakeholders(charter))

    return replace(state, overrides={subject: entry for subject, entry in state.overrides.items() if counts(entry)})
