"""Signing in and out, and one's own account: the pages that belong to no project."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loopline.access import accounts, sessions, tries
from loopline.access.accounts import Account
from loopline.declaration import counted
from loopline.errors import LooplineError, Mistake
from loopline.ledger.entry import Draft, now
from loopline.web import forms
from loopline.web.asked import Reader
from loopline.web.door import VISIT
from loopline.web.oidc import Provider
from loopline.web.page import Forbidden, Form, View
from loopline.web.rendering import sentence
from loopline.web.signed_in import DEVICE, SESSION, SIGN_IN, SignedIn, safe_next

OUT, OWN, BEGIN, BACK = f"{SIGN_IN}/out", f"{SIGN_IN}/own", f"{SIGN_IN}/provider", f"{SIGN_IN}/back"
_AT_ONCE = 2
"""So many passwords are proved at one time: each takes 64 MB, and who waits keeps no thread from the pages."""
_TRIP_S = 600
Show = Callable[[Request, str, View, Reader | None, int], Response]
Guard = Callable[[Request, Callable[[], Response]], Response]
Enter = Callable[[str, Draft], None]


@dataclass(frozen=True)
class SignInView:
    """The page on which people sign in.

    Parameters
    ----------
    next
        Where they wanted to go.
    provider
        The address that begins a sign-in by the provider; empty where none is declared.
    wrong
        What was wrong with the try before.
    """

    next: str
    has_accounts: bool
    provider: str
    wrong: str = ""
    name: str = ""
    title: str = "Sign in"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"next": self.next, "has_accounts": self.has_accounts, "provider": self.provider, "wrong": self.wrong}


@dataclass(frozen=True)
class OwnView:
    """Somebody's own account: since when they are signed in here, and a form for another password; `wrong` is what was wrong with the one before."""

    name: str
    via: str
    since: str
    lasts: str
    wrong: str = ""
    title: str = "Your account"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"name": self.name, "via": self.via, "since": self.since, "lasts": self.lasts}


class Desk:
    """Answers for the addresses below the sign-in page.

    Parameters
    ----------
    show
        Lays a view out.
    guard
        Gives an answer, or what went wrong in words.
    enter
        Enters a fact about a person in the ledger.
    """

    def __init__(self, door: SignedIn, *, tokens: forms.Forms, show: Show, guard: Guard, enter: Enter) -> None:
        self._door, self._forms, self._show, self._guard, self._enter = door, tokens, show, guard, enter
        self._limit = CapacityLimiter(_AT_ONCE)
        spec = door.spec
        self._provider = None if spec.oidc is None or spec.public_url is None else Provider(spec.oidc, spec.public_url, BACK)

    def routes(self) -> list[Route]:
        """The addresses, each with what answers."""
        key, is_secure = self._door.key.hex(), (self._door.spec.public_url or "").startswith("https:")
        # With this beginning no other host of the domain can plant a trip of its own, at whose end somebody else is signed in.
        cookie, path = ("__Host-provider", "/") if is_secure else ("provider", SIGN_IN)
        trip = [Middleware(SessionMiddleware, key, session_cookie=cookie, max_age=_TRIP_S, path=path, same_site="lax", https_only=is_secure)]
        found = [
            Route(SIGN_IN, self._reading(self._page), methods=["GET"]),
            Route(SIGN_IN, self._changing(self._sign_in), methods=["POST"]),
            Route(OUT, self._changing(self._sign_out), methods=["POST"]),
            Route(OWN, self._reading(self._own), methods=["GET"]),
            Route(OWN, self._changing(self._change), methods=["POST"]),
        ]
        return found if self._provider is None else [*found, Route(BEGIN, self._begin, middleware=trip), Route(BACK, self._back, middleware=trip)]

    def _reading(self, answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def read(request: Request) -> Response:
            return await run_in_threadpool(self._guard, request, partial(answer, request))

        return read

    def _changing(self, answer: Callable[[Request, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def change(request: Request) -> Response:
            form = await forms.sent(request)
            return await anyio.to_thread.run_sync(self._guard, request, partial(self._checked, answer, request, form), limiter=self._limit)

        return change

    def _checked(self, answer: Callable[[Request, Form], Response], request: Request, form: Form | Mistake) -> Response:
        if isinstance(form, Mistake):
            raise form
        if not self._forms.is_ours(self._door.visit(request), form.get(forms.TOKEN, "")):
            raise Forbidden(
                "the form is not one that this server made for you, or is older than it", remedy=f"open {SIGN_IN} again, and send the form from there"
            )
        return answer(request, form)

    def _page(self, request: Request) -> Response:
        to = safe_next(request.query_params.get("next", ""))
        if self._door.session(request) is not None:
            return RedirectResponse(to, 303)
        return self._asks(request, to)

    def _asks(self, request: Request, to: str, *, wrong: str = "", name: str = "", status: int = 200) -> Response:
        provider = "" if self._provider is None else f"{BEGIN}?next={quote(to, safe='/')}"
        has_accounts = self._provider is None or any(not one.is_revoked for one in accounts.listed(self._door.safe))
        return self._show(request, "sign_in.html.j2", SignInView(to, has_accounts, provider, wrong, name), None, status)

    def _sign_in(self, request: Request, form: Form) -> Response:
        name, to = form.get("name", "")[:200], safe_next(form.get("next", ""))
        wait, account = self._prove(request, name, form.get("password", ""))
        if wait:
            remedy = "or ask whoever runs the pages for another password, which ends the pause"
            answer = self._asks(request, to, wrong=f"Too many passwords were wrong. Try again in {_said(wait)}, {remedy}.", name=name, status=429)
            answer.headers["retry-after"] = str(math.ceil(wait.total_seconds()))
            return answer
        if account is None:
            wrong = "Name or password is wrong. Who has forgotten theirs asks whoever runs the pages for another one."
            return self._asks(request, to, wrong=wrong, name=name, status=403)
        answer = self._let_in(request, account, to)
        self._door.give(request, answer, DEVICE, tries.new_device(self._door.safe.key, account.name))
        return answer

    def _prove(self, request: Request, name: str, password: str) -> tuple[timedelta, Account | None]:
        """How long a try has to wait, else the account, where the password is its own."""
        safe, device = self._door.safe, self._door.cookie(request, DEVICE)
        address = request.client.host if request.client is not None else ""
        counts = tries.counts_of(name, address, device if tries.is_known(safe.key, name, device) else "")
        wait = tries.admit(safe, counts, now())
        if wait:
            return wait, None
        account = accounts.proved(safe, name, password)
        if account is not None:
            tries.forgive(safe, counts)
        return wait, account

    def _let_in(self, request: Request, who: Account | str, to: str) -> Response:
        """Go on, as somebody who is signed in: under a new secret, whatever the browser brought."""
        door = self._door
        if old := door.cookie(request, SESSION):
            sessions.end(door.safe, old)
        answer = RedirectResponse(to, 303)
        door.give(request, answer, SESSION, sessions.begin(door.safe, who, door.ends, now()))
        door.take(request, answer, VISIT)
        return answer

    def _sign_out(self, request: Request, form: Form) -> Response:
        door, session = self._door, self._door.session(request)
        if session is not None and form.get("everywhere"):
            sessions.end_all(door.safe, session.name)
        sessions.end(door.safe, door.cookie(request, SESSION))
        answer = RedirectResponse(SIGN_IN, 303)
        door.take(request, answer, SESSION)
        # What the browser may have kept of the pages goes as well.
        answer.headers["clear-site-data"] = '"cache"'
        return answer

    def _own(self, request: Request) -> Response:
        session = self._door.session(request)
        return RedirectResponse(f"{SIGN_IN}?next=/", 303) if session is None else self._tells(request, session)

    def _tells(self, request: Request, session: sessions.Session, *, wrong: str = "", status: int = 200) -> Response:
        ends = min(session.made + self._door.ends.lasts, now() + self._door.ends.idle)
        view = OwnView(session.name, session.via, session.made.isoformat(), ends.isoformat(), wrong)
        return self._show(request, "own.html.j2", view, Reader(session.name), status)

    def _change(self, request: Request, form: Form) -> Response:
        session, safe = self._door.session(request), self._door.safe
        if session is None or session.via != "password":
            raise Forbidden("only who has signed in with a password can change it", remedy=f"sign in at {SIGN_IN}")
        wait, account = self._prove(request, session.name, form.get("password", ""))
        if wait or account is None:
            told = (
                f"Too many passwords were wrong. Try again in {_said(wait)}."
                if wait
                else "The present password is wrong. Give the one with which you signed in."
            )
            return self._tells(request, session, wrong=told, status=400)
        try:
            changed = accounts.set_password(safe, session.name, form.get("new", ""), now())
        except Mistake as error:
            return self._tells(request, session, wrong=f"{sentence(error.what)}. {sentence(error.remedy)}.", status=400)
        self._enter(changed.name, Draft(kind=accounts.KIND, subject=changed.name, body={"state": "password set"}, actor=changed.name))
        # The session has ended with the old password; this browser goes on under a new one.
        return self._let_in(request, changed, "/")

    async def _begin(self, request: Request) -> Response:
        request.session["next"] = safe_next(request.query_params.get("next", ""))
        assert self._provider is not None
        try:
            return await self._provider.begin(request)
        except LooplineError as error:
            return await self._told(request, error)

    async def _back(self, request: Request) -> Response:
        to = safe_next(str(request.session.pop("next", "")))
        assert self._provider is not None
        try:
            name = await self._provider.name(request)
        except LooplineError as error:
            return await self._told(request, error)
        request.session.clear()
        return await run_in_threadpool(self._guard, request, partial(self._vouched, request, name, to))

    def _vouched(self, request: Request, name: str, to: str) -> Response:
        if any(one.is_revoked and accounts.is_of(one, name) for one in accounts.listed(self._door.safe)):
            raise Forbidden(f"the account of {name} is revoked", remedy="ask whoever runs the pages")
        return self._let_in(request, name, to)

    async def _told(self, request: Request, error: LooplineError) -> Response:
        def fail() -> Response:
            raise error

        return await run_in_threadpool(self._guard, request, fail)


def _said(wait: timedelta) -> str:
    """A wait in words, to the second above it or the minute above it."""
    seconds = math.ceil(wait.total_seconds())
    return counted(seconds, "second") if seconds < 90 else counted(math.ceil(seconds / 60), "minute")
