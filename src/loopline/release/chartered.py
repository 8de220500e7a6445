"""The approvals of a charter: who must sign it as it stands, who has, and the word that a person is about to say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from loopline.access.people import Person, nearest_role, reason, speak_for
from loopline.charter.prices import Prices
from loopline.charter.spec import ROLES, CharterSpec
from loopline.charter.statement import of_statement, signed_digest, statement
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
REVISE = "loopline charter revise"
"""The command that changes one that is refused."""
REMEDY = "change charter.stakeholders or charter.approvals"
"""What helps where the people who are listed are too few."""


def tally_of(charter: CharterSpec, state: State, *, book: Prices | None = None) -> Tally:
    """What has been said of a charter as it stands, but for what was said before a run under another one.

    Parameters
    ----------
    book
        Its prices.
    """
    subject = signed_subject(charter, book)
    spells = list(_spells(state.charters))
    before = spells[1:] if spells and spells[0][0].subject == subject else spells
    return _tally(charter, state, _since(before, spells[: len(spells) - len(before)]), subject)


def signed_subject(charter: CharterSpec, book: Prices | None) -> str:
    """Names what a signature of a charter as it stands is of."""
    return signed_digest(statement(charter, book))


def signed(state: State) -> Entry | None:
    """The newest charter that everybody whom it asked has signed; None where there is none."""
    spells = list(_spells(state.charters))
    for at, spell in enumerate(spells):
        charter = of_statement(spell[-1].body["charter"], where=f"entry {spell[-1].id}")
        said = _tally(charter, state, _since(spells[at + 1 :], [spell]), spell[-1].subject)
        if said.roles and all(one.is_met for one in said.roles):
            return spell[-1]
    return None


def awaited(charter: CharterSpec, state: State, *, book: Prices | None = None) -> Halt | None:
    """Why the loop stands still at a charter as it stands; None where nobody has to sign it, or everybody has.

    Parameters
    ----------
    book
        Its prices.
    """
    if not asked_roles(charter):
        return None
    said = tally_of(charter, state, book=book)
    for one in said.roles:
        if one.refusal is not None:
            why = f"the charter is refused by {one.refusal.actor} as {one.role}: {one.refusal.body['why']}"
            others = {} if one.role == REVISES else {one.role: _sign(one.role)}
            next, about = REVISE, one.refusal.id
            return Halt(state="failed", why=why, role=REVISES, next=next, besides=tuple(others), commands=others, about=about)
    missing = [one.role for one in said.roles if not one.is_met]
    if not missing:
        return None
    following = {role: f"{REMEDY}; then: loopline run" if said.lack else _sign(role) for role in missing}
    about = f"{signed_subject(charter, book)} {said.lack}"
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
    asked = asked_roles(charter)
    if role not in asked:
        nobody = f"charter.approvals asks nobody, and loopline run goes on without; to ask: charter.approvals: {{{role}: 1}}"
        raise Mistake(f"no word of {role} is asked for", where="--as", remedy=f"charter.approvals asks for: {', '.join(asked)}" if asked else nobody)
    return speak_for(who, role, stakeholders(charter))


def word(charter: CharterSpec, state: State, *, role: str, who: Person, verdict: str, why: str, book: Prices | None = None) -> Draft:
    """A role's yes or no to a charter as it stands; it counts once it is signed and entered by `loopline.release.words.say`.

    It says what is signed, and which charter was in force then: only a run puts one in force.

    Parameters
    ----------
    book
        The charter's prices.

    Raises
    ------
    Mistake
        When the reason is empty.
    """
    said, in_force = statement(charter, book), _newest(state.charters)
    body = {"move": MOVE, "role": role, "verdict": verdict, "why": reason(why), "about": in_force, "charter": said}
    return Draft(kind="approval", subject=signed_digest(said), body=body, parents=(in_force,) if in_force else (), actor=who.name)


def _sign(role: str) -> str:
    return f"loopline charter sign --as {role} --why '...'"


def _spells(charters: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The charters, newest first, together as long as what is signed of them stayed the same."""
    for _, spell in groupby(reversed(charters), key=lambda entry: entry.subject):
        yield tuple(spell)[::-1]


def _newest(charters: Sequence[Entry]) -> str:
    """The id of the charter in force; empty before the first run."""
    return charters[-1].id if charters else ""


def _since(before: Sequence[Sequence[Entry]], under: Sequence[Sequence[Entry]]) -> frozenset[str]:
    """The charters in force under which a word on a charter counts: the last other one, and those of its own spell."""
    other = before[0] if before else ()
    return frozenset({entry.id for spell in (other, *under) for entry in spell} | ({""} if not before else set()))


def _tally(charter: CharterSpec, state: State, about: frozenset[str], subject: str) -> Tally:
    trusted = trust(state.vouched)
    rules = Rules(
        move=MOVE,
        required=asked_roles(charter),
        stakeholders=stakeholders(charter),
        keys=trusted.keys,
        names=trusted.names,
        about=about,
    )
    return tally(rules, state.approvals.get(subject, ()))


def asked_roles(charter: CharterSpec) -> dict[str, int]:
    return {str(role): needed for role, needed in charter.approvals.items() if needed > 0}
