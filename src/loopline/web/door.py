"""Who reads, and what every answer says to the browser."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loopline.access.people import VARIABLE, person, roles_of
from loopline.release.approvals import stakeholders
from loopline.web.asked import Reader
from loopline.web.current import Current, Followed
from loopline.web.gate import Rules

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
VISIT, SAID, REFUSED, LENS, THEME = "visit", "said", "refused", "lens", "theme"
"""The cookies of every door: what forms are bound to, what the action before has done, or which form was refused, and how the reader wants pages to look."""
LASTS_S: Mapping[str, int] = {SAID: 60, REFUSED: 900, LENS: 31_536_000, THEME: 31_536_000}
"""So long the browser keeps what it was given; the others go with it. Who was signed out while they typed signs in before they see it again."""
_KEY = secrets.token_bytes(32)


class Door(Protocol):
    """Tells who reads.

    Parameters
    ----------
    key
        Signs what browsers keep and forms carry.
    rules
        What is asked of a request before anything else.
    proxies
        Whose word on who asks is believed.
    """

    @property
    def key(self) -> bytes: ...

    @property
    def rules(self) -> Rules: ...

    @property
    def proxies(self) -> tuple[str, ...]: ...

    @property
    def remark(self) -> str:
        """What is to be said about it when it opens; empty where nothing is."""
        ...

    def close(self) -> None:
        """Let go of what it needs to tell."""
        ...

    def reader(self, request: Request) -> Reader | Response:
        """Who asks; or the answer that sends them to where they say who they are."""
        ...

    def known(self, reader: Reader, current: Current | Followed) -> Reader:
        """The reader with the roles that a project lists them for."""
        ...

    def visit(self, request: Request) -> str:
        """What the forms of the reader's visit are bound to; empty where the browser brought nothing."""
        ...

    def greet(self, request: Request, answer: Response) -> None:
        """Give the browser what it is known by at its next request."""
        ...

    def cookie(self, request: Request, name: str) -> str:
        """What the browser keeps under a name; empty where it keeps nothing."""
        ...

    def give(self, request: Request, answer: Response, name: str, value: str) -> None:
        """Let the browser keep something, out of reach of scripts."""
        ...

    def take(self, request: Request, answer: Response, name: str) -> None:
        """Let the browser forget something."""
        ...


class Local:
    """The door at loopback: whoever sits at this machine is the person that its command line knows.

    Parameters
    ----------
    folder
        Where git is asked who that is.
    """

    rules = Rules()
    proxies: tuple[str, ...] = ()
    remark = ""
    folder: Path | None = None

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    @property
    def key(self) -> bytes:
        """One of this process: forms that it made are no longer ours once it has ended."""
        return _KEY

    def close(self) -> None:
        """It needs nothing."""

    def reader(self, request: Request) -> Reader | Response:
        """The person of this machine."""
        return Reader(_person(self.folder, os.environ.get(VARIABLE)), is_local=True)

    def known(self, reader: Reader, current: Current | Followed) -> Reader:
        """The reader with the roles that the charter lists them for."""
        return listed(reader, current)

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

    def cookie(self, request: Request, name: str) -> str:
        """What the browser keeps under a name; empty where it keeps nothing."""
        kept: str = request.cookies.get(name, "")
        return kept

    def give(self, request: Request, answer: Response, name: str, value: str) -> None:
        """Let the browser keep something; it never leaves this machine."""
        answer.set_cookie(name, value, max_age=LASTS_S.get(name), httponly=True, samesite="lax")

    def take(self, request: Request, answer: Response, name: str) -> None:
        """Let the browser forget something."""
        answer.delete_cookie(name)


def address(request: Request) -> str:
    """The address below the host that a request asks for, as browsers write it."""
    return quote(request.url.path, safe="/:@!$&'()*+,;=~") + (f"?{request.url.query}" if request.url.query else "")


def listed(reader: Reader, current: Current | Followed) -> Reader:
    """The reader with the roles that the charter lists them for; who comes by a link has what the link gives, and no more."""
    if reader.link:
        return reader
    return replace(reader, roles=frozenset(roles_of(reader.name, stakeholders(current.project.declaration.charter))))


@lru_cache(maxsize=8)
def _person(folder: Path | None, said: str | None) -> str:
    # git is a process of its own, which takes longer than most pages.
    return person(folder=folder).name


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
