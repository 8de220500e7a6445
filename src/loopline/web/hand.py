"""The hand of who asks: under which name they act on a page, by what right, and with which key their word is signed."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from loopline.access.keys import Key, fingerprint, kept_key
from loopline.access.people import Person, require_listed, speak_for
from loopline.errors import LooplineError, Mistake
from loopline.model.signing import require_speaker, speaker, voucher
from loopline.release.approvals import hand, stakeholders
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Forbidden

_KEY = re.compile(r"ed25519:[\w+/]+=*")


def person_of(asked: Asked) -> Person:
    """Who acts."""
    return Person(asked.reader.name, "this machine" if asked.reader.is_local else "the sign-in")


def roles_for(current: Current, asked: Asked, roles: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the roles for which the reader may speak: they are listed for them, or nobody is."""
    return tuple(role for role in roles if _allows(partial(require_role, current, asked, role)))


def require_role(current: Current, asked: Asked, role: str) -> None:
    """The reader may speak for a role.

    Raises
    ------
    Forbidden
        When others hold it.
    """
    _or_forbidden(lambda: speak_for(person_of(asked), role, stakeholders(current.project.declaration.charter)))


def require_stakeholder(current: Current, asked: Asked) -> None:
    """The reader is listed in the charter, where anybody is.

    Raises
    ------
    Forbidden
        When others are and they are not.
    """
    _or_forbidden(lambda: require_listed(person_of(asked), stakeholders(current.project.declaration.charter)))


def may_act(current: Current, asked: Asked) -> bool:
    """Whether the reader may do what takes a stakeholder: they are listed, or nobody is."""
    return _allows(lambda: require_stakeholder(current, asked))


def word_key(current: Current, asked: Asked) -> Key:
    """The key that signs what the reader says as a role: their own on this machine, else that of the pages, which vouch for who signed in.

    Raises
    ------
    Mistake
        When the key is not known here as theirs, or the declaration does not let the pages vouch.
    """
    ledger, name = current.workspace.ledger, asked.reader.name
    return speaker(ledger, name=name) if asked.reader.is_local else voucher(ledger, name=name)


def unsigned(current: Current, asked: Asked, *, moves: bool = False) -> str:
    """Why what the reader says cannot be signed here, and what to do; empty where `word_key` gives a key. Nothing is entered, and no key is made.

    Every form that signs asks this before it is offered.

    Parameters
    ----------
    moves
        Whether it is a move that would be signed, for which `move_key` gives the key.
    """
    ledger, name = current.workspace.ledger, asked.reader.name
    try:
        if not asked.reader.is_local:
            voucher(ledger, name=name)
        elif moves and not any(stakeholders(current.project.declaration.charter).values()):
            kept_key()
        else:
            require_speaker(ledger, name=name)
    except LooplineError as error:
        # Nobody reads 44 characters: people compare fingerprints, and the command shows the key.
        what = _KEY.sub(lambda found: fingerprint(found[0]), error.what)
        return f"{what}; {_KEY.sub('KEY', error.remedy or '')}"
    return ""


def move_key(current: Current, asked: Asked) -> Callable[[], Key]:
    """Gives the key that signs a move of the reader's, as `word_key` does; where the charter lists nobody, anybody on this machine may move."""

    def signs() -> Key:
        if not asked.reader.is_local:
            return voucher(current.workspace.ledger, name=asked.reader.name)
        return hand(current.workspace.ledger, current.project.declaration.charter, person_of(asked))

    return signs


def _allows(check: Callable[[], object]) -> bool:
    try:
        check()
    except Forbidden:
        return False
    return True


def _or_forbidden(check: Callable[[], object]) -> None:
    try:
        check()
    except Mistake as error:
        raise Forbidden(error.what, where=error.where, remedy=error.remedy) from None
