"""The links by which customers see their page: made, listed and revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from loopline.access.people import Person, person
from loopline.access.tokens import Token
from loopline.declaration import parse_duration
from loopline.errors import Mistake
from loopline.web import links
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.page import About, Action, Done, Form, Page, Shown, never

_PLACE = "the pages"
MAY = frozenset({"business"})
"""Who says which customers see the page."""
_LONGEST = timedelta(days=3660)
_USUAL = "90d"
_SPANS = (("7d", "7 days"), ("30d", "30 days"), (_USUAL, "90 days"), ("365d", "a year"))


@dataclass(frozen=True, kw_only=True)
class Customers:
    """The links that were made, the newest first; their secrets are kept nowhere."""

    title: str
    links: tuple[tuple[Token, str], ...]

    @property
    def spans(self) -> tuple[tuple[str, str], ...]:
        """How long a link may lead somewhere."""
        return _SPANS

    def seen(self, link: Token) -> str:
        """What its revocation is decided on."""
        return seen_of(link.id, link.is_revoked)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        listed = [{"id": one.id, "for": one.holder, "expires": one.expires.isoformat(), "state": state} for one, state in self.links]
        return {"title": self.title, "links": listed}


def customers(current: Current, asked: Asked) -> Customers:
    """The links that were made."""
    found = reversed(links.links_of(current.workspace.ledger).values())
    return Customers(title="Customers", links=tuple((one, one.state(current.at)) for one in found))


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link just made, with its secret, which is shown this once."""

    holder: str
    url: str
    title: str = "The link is made"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"for": self.holder, "url": self.url}


def create(current: Current, asked: Asked, form: Form) -> Shown:
    """Make a link.

    Raises
    ------
    Mistake
        When nobody is named, or the span of time is none.
    """
    holder, text = person(form.get("holder", "")).name, form.get("expires", "") or _USUAL
    try:
        lasts = parse_duration(text)
    except ValueError:
        lasts = timedelta(0)
    if not timedelta(0) < lasts <= _LONGEST:
        raise Mistake(f"{text[:40]!r} is no span of time after which a link may end", where="until", remedy="write it as 30d")
    secret, _ = links.create(current.workspace.ledger, holder, lasts, Person(asked.reader.name, _PLACE), current.at)
    return Shown(Link(holder=holder, url=links.url_of(current.project.name, secret, asked.origin)), "charter_link.html.j2", "/charter/customers")


def revoke(current: Current, asked: Asked, form: Form) -> Done:
    """Let a link lead nowhere from now on."""
    held = links.revoke(current.workspace.ledger, asked.path["id"], Person(asked.reader.name, _PLACE))
    return Done(f"The link for {held.holder} leads nowhere any more.", "/charter/customers")


def as_it_is(current: Current, asked: Asked, form: Form) -> str:
    """How a link stands now."""
    found = links.links_of(current.workspace.ledger).get(asked.path["id"])
    return "" if found is None else seen_of(found.id, found.is_revoked)


def about(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    """The words on the link."""
    return (About((links.LINK,), asked.path["id"]),)


PAGES = (Page("customers", "/charter/customers", customers, "charter_customers.html.j2", MAY, reported=never),)
ACTIONS = (Action("/charter/customers/create", create, MAY), Action("/charter/customers/{id}/revoke", revoke, MAY, as_it_is, about))
