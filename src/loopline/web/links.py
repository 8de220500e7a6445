"""Links by which customers see their page without signing in: each is made for somebody, ends, and can be revoked."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from loopline.access.people import Person
from loopline.access.spec import PagesSpec
from loopline.access.tokens import LINK_ROLE, Token, held, id_of, known, mint
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.serve.server import callable_at

LINK = "link"
"""The kind of the entries that say which links there are."""


def path_of(text: str) -> str:
    """Where a link leads, below the project's pages."""
    return f"/c/{text}"


def url_of(project: str, text: str, origin: str) -> str:
    """The whole address that a customer is sent, of a project whose pages are reached at an origin."""
    return f"{origin}/{quote(project, safe='')}{path_of(text)}"


def declared_origin(pages: PagesSpec) -> str:
    """Where the declaration says that the pages are reached; where they are served otherwise, it does not know."""
    host = f"[{pages.host}]" if ":" in pages.host else pages.host
    return pages.public_url or callable_at(f"http://{host}:{pages.port}")


def links_of(ledger: Ledger) -> dict[str, Token]:
    """The links that a ledger knows, by their ids, in the order in which they were made."""
    return known((entry.subject, entry.body) for entry in ledger.read(kinds=(LINK,)))


def create(ledger: Ledger, holder: str, lasts: timedelta, who: Person, now: datetime) -> tuple[str, Token]:
    """A new link's text, which is shown once, and what is kept of it."""
    text, made = mint(holder, (LINK_ROLE,), now + lasts, kind="lc")
    ledger.append(Draft(kind=LINK, subject=made.id, body=made.as_json(), actor=who.name))
    return text, made


def revoke(ledger: Ledger, id: str, who: Person) -> Token:
    """The link, which leads nowhere from now on.

    Raises
    ------
    Mistake
        When there is no such link.
    """
    found = _known(ledger, id).get(id)
    if found is None:
        raise Mistake(f"there is no link {id[:40]!r}", where="ID", remedy="loopline access link list shows them")
    if not found.is_revoked:
        ledger.append(Draft(kind=LINK, subject=id, body={**found.as_json(), "state": "revoked"}, actor=who.name))
    return _known(ledger, id)[id]


def opened(ledger: Ledger, text: str, now: datetime) -> Token | None:
    """The link with this text, where it is open; None where it has ended, was revoked, or never was one."""
    found = held(text, "lc", _known(ledger, id_of(text, "lc")))
    return found if found is not None and LINK_ROLE in found.roles and found.state(now) == "valid" else None


def _known(ledger: Ledger, id: str) -> dict[str, Token]:
    return known((entry.subject, entry.body) for entry in ledger.read(kinds=(LINK,), subject=id)) if id else {}
