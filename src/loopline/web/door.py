"""Who reads, and what every answer says to the browser."""

from __future__ import annotations

import secrets
from typing import Protocol

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loopline.access.people import person, roles_of
from loopline.web.asked import Reader
from loopline.web.current import Current

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
VISIT = "visit"


class Door(Protocol):
    """Tells who reads."""

    def reader(self, request: Request) -> Reader | Response:
        """Who asks; or the answer that sends them to where they say who they are."""
        ...

    def known(self, reader: Reader, current: Current) -> Reader:
        """The reader with the roles that a project lists them for."""
        ...

    def visit(self, request: Request) -> str:
        """What the forms of the reader's visit are bound to; empty where the browser brought nothing."""
        ...

    def greet(self, request: Request, answer: Response) -> None:
        """Give the browser what it is known by at its next request."""
        ...


class Local:
    """The door at loopback: whoever sits at this machine is the person that its command line knows."""

    def reader(self, request: Request) -> Reader | Response:
        """The person of this machine."""
        return Reader(person().name, is_local=True)

    def known(self, reader: Reader, current: Current) -> Reader:
        """The reader with the roles that the charter lists them for."""
        listed = {str(role): people for role, people in current.project.declaration.charter.stakeholders.items()}
        return Reader(reader.name, frozenset(roles_of(reader.name, listed)), reader.is_local)

    def visit(self, request: Request) -> str:
        """The cookie that the first page gave; a request without one makes it."""
        kept: str = request.cookies.get(VISIT, "")
        if not kept:
            kept = getattr(request.state, "visit", "") or secrets.token_urlsafe(24)
            request.state.visit = kept
        return kept

    def greet(self, request: Request, answer: Response) -> None:
        """Give the cookie that forms are bound to."""
        if VISIT not in request.cookies and (made := getattr(request.state, "visit", "")):
            answer.set_cookie(VISIT, made, httponly=True, samesite="strict")


class Headers:
    """What every answer says to the browser: nothing from elsewhere, in no frame, kept by nobody in between."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", POLICY)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
                headers.setdefault("cross-origin-opener-policy", "same-origin")
                headers.setdefault("cross-origin-resource-policy", "same-origin")
                headers.setdefault("permissions-policy", "camera=(), geolocation=(), microphone=()")
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, told if scope["type"] == "http" else send)
