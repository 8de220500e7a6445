"""The approvals of a charter: who must sign it as it stands, who has, and the word that a person is about to say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from loopline.access.people import Person, nearest_role, reason, speak_for
from loopline.charter.spec import ROLES, CharterSpec
from loopline.charter.statement import of_statement, signed_digest, stated
from loopline.engine.step import Halt
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import State
from loopline.model.signing import trust
from loopline.release.approvals import stakeholders
from loopline.release.tally import Rules, Tally, tally

MOVE = "charter"
REVISES = "business"
"""The role whose turn it is once a charter is refused."""
REMEDY = "change charter.stakeholders or charter.approvals"
"""What helps where the people who are listed are too few."""


def tally_of(charter: CharterSpec, state: State) -> Tally:
    """What has been said of a charter since it came to say what it says; of an earlier charter, or before a way back to it, nothing counts."""
    subject = signed_digest(stated(charter))
    newest = next(_spells(state.charters), ())
    return _tally(charter, state, newest if newest and newest[0].subject == subject else (), subject)


def signed(state: State) -> Entry | None:
    """The newest charter that everybody whom it asked has signed; None where there is none."""
    for spell in _spells(state.charters):
        charter = of_statement(spell[-1].body["charter"], where=f"entry {spell[-1].id}")
        said = _tally(charter, state, spell, spell[-1].subject)
        if said.roles and all(one.is_met for one in said.roles):
            return spell[-1]
    return None


def awaited(charter: CharterSpec, state: State) -> Halt | None:
    """Why the loop stands still at a charter as it stands; None where nobody has to sign it, or everybody has."""
    if not _asked(charter):
        return None
    said = tally_of(charter, state)
    for one in said.roles:
        if one.refusal is not None:
            why = f"the charter is refused by {one.refusal.actor} as {one.role}: {one.refusal.body['why']}"
            others = {} if one.role == REVISES else {one.role: _sign(one.role)}
            next, about = "loopline charter revise", one.refusal.id
            return Halt(state="failed", why=why, role=REVISES, next=next, besides=tuple(others), commands=others, about=about)
    missing = [one.role for one in said.roles if not one.is_met]
    if not missing:
        return None
    following = {role: f"{REMEDY}; then: loopline run" if said.lack else _sign(role) for role in missing}
    about = f"{signed_digest(stated(charter))} {said.lack}"
    why, besides = f"the charter {said}", tuple(missing[1:])
    return Halt(state="waiting", why=why, role=missing[0], next=following[missing[0]], besides=besides, commands=following, about=about)


def right(charter: CharterSpec, *, role: str, who: Person) -> str:
    """What is to be said about a person's right to sign a charter as a role; empty when they are listed for it.

    Raises
    ------
    Mistake
        When the role is unknown, not asked, or held by others.
    """
    nearest_role(role, ROLES)
    asked = _asked(charter)
    if role not in asked:
        nobody = f"charter.approvals asks nobody, and loopline run goes on without; to ask: charter.approvals: {{{role}: 1}}"
        raise Mistake(f"no word of {role} is asked for", where="--as", remedy=f"charter.approvals asks for: {', '.join(asked)}" if asked else nobody)
    return speak_for(who, role, stakeholders(charter))


def word(entry: Entry, *, role: str, who: Person, verdict: str, why: str) -> Draft:
    """A role's yes or no to the charter that an entry states; it counts once it is signed and entered by `loopline.release.words.say`.

    Raises
    ------
    Mistake
        When the reason is empty.
    """
    body = {"move": MOVE, "role": role, "verdict": verdict, "why": reason(why), "about": entry.id}
    return Draft(kind="approval", subject=entry.subject, body=body, parents=(entry.id,), actor=who.name)


def _sign(role: str) -> str:
    return f"loopline charter sign --as {role} --why '...'"


def _spells(charters: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The charters, newest first, together as long as what is signed of them stayed the same."""
    for _, spell in groupby(reversed(charters), key=lambda entry: entry.subject):
        yield tuple(spell)[::-1]


def _tally(charter: CharterSpec, state: State, spell: Sequence[Entry], subject: str) -> Tally:
    rules = Rules(
        move=MOVE,
        required=_asked(charter),
        stakeholders=stakeholders(charter),
        keys=trust(state.vouched).keys,
        about=frozenset(entry.id for entry in spell),
    )
    return tally(rules, state.approvals.get(subject, ()))


def _asked(charter: CharterSpec) -> dict[str, int]:
    return {str(role): needed for role, needed in charter.approvals.items() if needed > 0}
