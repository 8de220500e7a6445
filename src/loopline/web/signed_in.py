"""The door elsewhere than at loopback: who reads has signed in, and their browser says so by a cookie."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from loopline.access import sessions
from loopline.access.accounts import listed as accounts_of
from loopline.access.keys import PAGES_VARIABLE, of_pages, own_key
from loopline.access.reach import is_loopback
from loopline.access.safe import Safe
from loopline.access.sessions import Ends, Session
from loopline.access.spec import PagesSpec
from loopline.errors import LooplineError, Mistake
from loopline.ledger.entry import now
from loopline.web.asked import Reader
from loopline.web.current import Current, Followed
from loopline.web.door import LASTS_S, VISIT, Local, address, listed
from loopline.web.gate import Rules

SIGN_IN = "/sign-in"
SESSION, DEVICE = "loopline", "device"
"""The cookies: who is signed in, and by what a browser is known that has signed in once."""
BY_ITSELF = "x-loopline-by-itself"
"""The header of what a page asks for without its reader: that does not keep a session from ending."""
_UNASKED = ("/events", ".svg")
_OWN = ("127.0.0.1", "::1")
_YEAR_S = 31_536_000


def open_door(spec: PagesSpec, host: str, folder: Path | None = None) -> Local | SignedIn:
    """The door for pages that listen at an address: at loopback nobody is asked, unless a proxy lets others in.

    Raises
    ------
    Mistake
        When other machines could reach the pages, and nobody could sign in; or the file that ``LOOPLINE_PAGES_KEY`` names is no key.
    Fault
        When that key cannot be read or made.
    """
    if is_loopback(host) and not spec.is_proxied:
        return Local(folder)
    safe = Safe.open()
    try:
        if spec.oidc is None and not any(not account.is_revoked for account in accounts_of(safe)):
            what = "other machines could reach the pages here, and nobody has an account to sign in with"
            remedy = "make one: loopline access account create NAME; or say pages.oidc; or serve them at 127.0.0.1 without pages.public_url"
            raise Mistake(what, where=host, remedy=remedy)
        if os.environ.get(PAGES_VARIABLE):
            # Here, and at no look at a page: whoever named the file is told what to declare.
            own_key(of_pages())
    except BaseException:
        safe.close()
        raise
    return SignedIn(safe, spec, host)


class SignedIn:
    """The door for people who have signed in.

    Parameters
    ----------
    safe
        Where sessions are kept.
    host
        The address at which the pages listen; ``pages.host`` by default.
    """

    def __init__(self, safe: Safe, spec: PagesSpec, host: str | None = None) -> None:
        self.safe = safe
        self.spec = spec
        self._host = spec.host if host is None else host
        self.ends = Ends(spec.session, spec.idle)
        self.rules = Rules(is_local=False, public_url=spec.public_url)
        # Where one is declared by its address alone it is most often on this machine: else all people would share its count of wrong passwords.
        self.proxies = spec.proxies or (_OWN if spec.public_url is not None else ())

    @property
    def key(self) -> bytes:
        """The safe's own: what browsers keep is good after a restart, and on every machine that shares the safe."""
        return self.safe.key

    @property
    def remark(self) -> str:
        """What is to be said about this door when it opens; empty where nothing is."""
        if self.spec.public_url is not None and self.spec.public_url.startswith("https:"):
            if is_loopback(self._host) or self.spec.proxies:
                return ""
            return "a proxy on another machine is not believed who asks, and all people share one count of wrong passwords: name it in pages.proxies"
        return "passwords travel in the clear: put a proxy that speaks TLS before the pages, and say its address as pages.public_url"

    def close(self) -> None:
        """Let the safe go."""
        self.safe.close()

    def reader(self, request: Request) -> Reader | Response:
        """Who is signed in; or the way to the page where they do so, and for programs that they have not."""
        session = self.session(request)
        if session is not None:
            return Reader(session.name)
        if request.query_params.get("as") == "json" or "application/json" in request.headers.get("accept", ""):
            remedy = f"sign in at {SIGN_IN} with a browser, and send its cookie"
            return JSONResponse({"error": {"what": "the request says not who asks", "where": request.url.path, "remedy": remedy}}, 401)
        if "hx-request" in request.headers and request.method == "GET":
            # A part of a page: what stands there stays, and the page says itself that its reader is signed out.
            return Response(status_code=401)
        back = address(request) if request.method == "GET" else ""
        return RedirectResponse(f"{SIGN_IN}?next={quote(back, safe='/')}" if back.strip("/") else SIGN_IN, 303)

    def known(self, reader: Reader, current: Current | Followed) -> Reader:
        """The reader with the roles that the charter lists them for."""
        return listed(reader, current)

    def visit(self, request: Request) -> str:
        """The session, else a cookie that the first page gave; a request without one makes it."""
        try:
            if self.session(request) is not None:
                return self.cookie(request, SESSION)
        except LooplineError:
            # What is wrong is told already; the page that tells it needs no session.
            pass
        kept = self.cookie(request, VISIT)
        if not kept:
            kept = getattr(request.state, "visit", "") or secrets.token_urlsafe(24)
            request.state.visit = kept
        return kept

    def greet(self, request: Request, answer: Response) -> None:
        """Give the cookie that forms are bound to before anybody has signed in."""
        if made := getattr(request.state, "visit", ""):
            self.give(request, answer, VISIT, made)

    def session(self, request: Request) -> Session | None:
        """The session of a request, looked up once."""
        if not hasattr(request.state, "session"):
            request.state.session = None
            secret = self.cookie(request, SESSION)
            is_used = BY_ITSELF not in request.headers and not request.url.path.endswith(_UNASKED)
            request.state.session = sessions.found(self.safe, secret, self.ends, now(), is_used=is_used) if secret else None
        found: Session | None = request.state.session
        return found

    def cookie(self, request: Request, name: str) -> str:
        """What the browser keeps under a name; empty where it keeps nothing."""
        kept: str = request.cookies.get(self._called(request, name), "")
        return kept

    def give(self, request: Request, answer: Response, name: str, value: str) -> None:
        """Let the browser keep something: out of reach of scripts, and not sent along by forms of other sites."""
        age = {**LASTS_S, SESSION: int(self.ends.lasts.total_seconds()), DEVICE: _YEAR_S}.get(name)
        is_secure = self._is_secure(request)
        answer.set_cookie(self._called(request, name), value, max_age=age, httponly=True, secure=is_secure, samesite="lax")

    def take(self, request: Request, answer: Response, name: str) -> None:
        """Let the browser forget something."""
        answer.delete_cookie(self._called(request, name), httponly=True, secure=self._is_secure(request), samesite="lax")

    def _called(self, request: Request, name: str) -> str:
        # With this beginning no other host of the domain, and nothing that came in the clear, can set it.
        return f"__Host-{name}" if self._is_secure(request) else name

    def _is_secure(self, request: Request) -> bool:
        return request.url.scheme == "https" if self.spec.public_url is None else self.spec.public_url.startswith("https:")


def safe_next(said: str) -> str:
    """Where to go after signing in: an address of these pages, else the first one, however another site wrote the link."""
    if not said.startswith("/") or said.startswith("//") or "\\" in said or any(ord(letter) <= 0x20 or letter == "\x7f" for letter in said):
        return "/"
    try:
        parts = urlsplit(said)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc or parts.path.startswith(SIGN_IN) else said
