"""Who asks for a page, and whether they may see it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from loopline.errors import Fault, LooplineError
from loopline.ledger.entry import now
from loopline.web import links
from loopline.web.asked import CUSTOMER, Reader
from loopline.web.current import Current
from loopline.web.page import Forbidden, Missing
from loopline.web.site import Site

_ASK = "ask whoever keeps loopline.yaml to list you under charter.stakeholders"


def site_of(request: Request) -> Site:
    """The site that a request is sent to."""
    found: Site = request.app.state.site
    return found


def reader_of(request: Request, by_link: bool = False) -> Reader | Response:
    """Who asks, with their roles in the project; by a link, for which nobody signs in; or the way to where they do so.

    Raises
    ------
    Missing
        When the link is not open.
    """
    site, name = site_of(request), request.path_params["project"]
    if by_link:
        return _guest(site, name, request.path_params.get("link") or request.query_params.get("link", ""))
    found = site.door.reader(request)
    return site.known(found, name) if isinstance(found, Reader) else found


def _guest(site: Site, name: str, text: str) -> Reader:
    """Who has an open link."""
    link = links.opened(site.current(name).workspace.ledger, text, now()) if name in site.projects else None
    if link is None:
        raise Missing("this link leads nowhere, or does so no more", remedy="ask who gave it to you for a new one")
    return Reader(link.holder, frozenset({CUSTOMER}), link=text)


def asker(request: Request) -> Reader | None:
    """Who asked for what went wrong; None where that is not known, or cannot be told now."""
    if request.path_params.get("link"):
        return None
    site = site_of(request)
    try:
        found = site.door.reader(request)
    except LooplineError:
        return None
    return site.known(found, request.path_params.get("project", "")) if isinstance(found, Reader) else None


def origin_of(request: Request) -> str:
    """What the addresses of the pages begin with: as is declared, else as this reader reaches them."""
    return site_of(request).door.rules.public_url or f"{request.url.scheme}://{request.url.netloc}"


def require(reader: Reader, roles: frozenset[str] | None) -> None:
    """Let through who may see what is for these roles.

    Raises
    ------
    Forbidden
        When they may not; it says whom to ask.
    """
    if not reader.may(roles):
        needed = "a stakeholder's role" if roles is None else f"the role {' or '.join(sorted(roles))}"
        raise Forbidden(f"this needs {needed}, which {reader.name} does not hold", remedy=_ASK)


def let_in(request: Request, reader: Reader, roles: frozenset[str] | None) -> tuple[Reader, Current]:
    """The reader and what holds now in the project that they ask for; it is worked out once they may see what is for these roles.

    Raises
    ------
    Forbidden
        When they may not. Of a project that is not here it says the same, so that nobody can try out names.
    """
    site, name = site_of(request), request.path_params["project"]
    if name not in site.closed:
        # Whom a project lists that cannot be opened is not known.
        require(reader, roles)
    current = site.current(name)
    # The declaration may have changed in this very moment.
    known = site.door.known(reader, current)
    require(known, roles)
    request.state.is_let_in = True
    return known, current


def require_any(site: Site, reader: Reader) -> None:
    """Let through who holds a role in any project.

    Raises
    ------
    Forbidden
        When they hold none.
    Fault
        When a project that might list them cannot be opened.
    """
    if reader.is_local or any(site.known(reader, name).may(None) for name in site.projects):
        return
    if site.closed:
        raise Fault("a project here cannot be opened now", remedy="ask whoever runs the pages; what is wrong stands in their log")
    raise Forbidden(f"no loop here lists {reader.name} for a role", remedy=_ASK)
