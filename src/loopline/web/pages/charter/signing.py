"""The charter signed, or refused, on its page."""

from __future__ import annotations

from loopline.charter.prices import of_charter
from loopline.release.chartered import asked_roles, right, signed_subject, word
from loopline.release.words import NO, YES, say
from loopline.web.asked import CUSTOMER, STAKEHOLDERS, Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import person_of, word_key
from loopline.web.page import About, Action, Done, Forbidden, Form

EVERYBODY = STAKEHOLDERS | {CUSTOMER}


def sign(current: Current, asked: Asked, form: Form) -> Done:
    """Say yes or no to the charter as it stands, as a role.

    Raises
    ------
    Mistake
        When the role is not asked, is held by others, or no reason is given.
    """
    spec, ledger, role = current.project.declaration.charter, current.workspace.ledger, form.get("role", "")
    verdict = NO if form.get("verdict") == NO else YES
    who, book = person_of(asked), of_charter(spec, current.project.folder)
    right(spec, role=role, who=who)
    draft = word(spec, current.state, role=role, who=who, verdict=verdict, why=form.get("why", ""), book=book)
    say(ledger, draft, word_key(current, asked))
    return Done(f"You have {'refused' if verdict == NO else 'signed'} the charter as {role}.", "/customer" if role == CUSTOMER else "/charter")


def signed_now(current: Current, asked: Asked, form: Form) -> str:
    """What would be signed.

    Raises
    ------
    Forbidden
        When a mere customer asks, whose word the charter does not ask for.
    """
    spec = current.project.declaration.charter
    if not asked.reader.may(None) and CUSTOMER not in asked_roles(spec):
        raise Forbidden("the charter asks customers for no word", remedy="tell whoever made the product: there is a form on the customers' page")
    return of_signature(current)


def of_signature(current: Current) -> str:
    """What is decided on by a signature, in a word: the charter as it stands, and every word that was said of it."""
    spec = current.project.declaration.charter
    subject = signed_subject(spec, of_charter(spec, current.project.folder))
    return seen_of(subject, [entry.id for entry in current.state.approvals.get(subject, ())])


ACTIONS = (Action("/charter/sign", sign, EVERYBODY, signed_now, lambda current, asked, form: (About(("charter",)), About(("approval",)))),)
