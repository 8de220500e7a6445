"""An override of the study's no-go as it is said: what it is about, how long it lasts, and how it is entered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from loopline.access.keys import Key
from loopline.access.people import Person, reason
from loopline.charter.binding import binds, read
from loopline.charter.override import SUBJECT, no_go, refusing
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import State
from loopline.model.signing import Entries
from loopline.release.heeded import must_sign
from loopline.release.words import say


def refused(charter: CharterSpec, state: State, *, book: Prices | None, today: date, has_data: bool) -> Draft:
    """What an override of the study's no-go is about: this very charter with its prices, and the rules that say no now.

    Parameters
    ----------
    book
        The charter's prices.
    has_data
        Whether there are data to look at.

    Raises
    ------
    Mistake
        When there is nothing to override: no study of this charter, or none that stops the loop.
    """
    facts = state.facts("charter", "study")
    if facts is None:
        raise Mistake("the charter has not been studied yet", remedy="loopline run --until charter")
    if binds(read(charter), book) != facts["binds"]:
        raise Mistake("the charter has changed since it was studied", remedy="study it first: loopline run --until charter")
    if facts["verdict"] != "no-go":
        raise Mistake(f"the study says {facts['verdict']}, so there is nothing to override", remedy="loopline run")
    if not no_go(facts, None, today=today, has_data=has_data):
        raise Mistake("the no-go rests on what is stated alone, and the data have not been read, so there is nothing to override", remedy="loopline run")
    body = {"reasons": list(facts["reasons"]), "rules": refusing(facts), "binds": facts["binds"]}
    return Draft(kind="override", subject=SUBJECT, key=facts["binds"], body=body, parents=(state.latest["charter", "study"].id,))


def go_on(ledger: Entries, charter: CharterSpec, about: Draft, *, who: Person, why: str, until: date | None, key: Callable[[], Key]) -> Entry:
    """The entry by which a person goes on in spite of something.

    Parameters
    ----------
    about
        What it is about.
    until
        The last day on which it holds; None where that follows from what it is about.
    key
        Gives the key that signs it, where anybody is listed for business.

    Raises
    ------
    Mistake
        When the reason is empty, or the key is not known here as theirs.
    """
    last = {} if until is None else {"until": str(until)}
    draft = replace(about, body={"why": reason(why), **about.body, **last}, actor=who.name)
    return say(ledger, draft, key()) if must_sign(charter) else ledger.append(draft)[0]
