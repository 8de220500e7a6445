"""The gate before every address: who asks from another site, or for another host, or sends too much, is turned away before anything is read."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from loopline.access.reach import is_loopback

BODY_BYTES = 8_000_000
"""The most that a form may carry: reviewed rows, with their corrections."""
_READS = ("GET", "HEAD", "OPTIONS")
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
_said = logging.getLogger("loopline")


@dataclass(frozen=True)
class Turned:
    """Why a request is turned away."""

    status: int
    what: str
    remedy: str


@dataclass(frozen=True)
class Rules:
    """What the gate asks of a request.

    Parameters
    ----------
    is_local
        Whether the pages are for this machine alone, and ask nobody who they are. A page of a stranger whose name was made to lead here
        (DNS rebinding) must not read them: the host that it asks for is its own.
    public_url
        The one address by which people reach the pages; None where any will do.
    """

    is_local: bool = True
    public_url: str | None = None

    def turned(self, method: str, scheme: str, headers: Headers) -> Turned | None:
        """Why a request is turned away; None where it is let through."""
        host = headers.get("host", "")
        return self._misled(host, headers) or (None if method in _READS else self._foreign(scheme, host, headers) or _too_much(headers))

    def _misled(self, host: str, headers: Headers) -> Turned | None:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if self.is_local and (said := next((one for one in _PROXIED if one in headers), None)):
            remedy = "say pages.public_url, and people sign in; or open the pages on their own machine"
            return Turned(421, f"these pages are for this machine alone, and somebody sends another one's request on ({said})", remedy)
        if self.is_local:
            return None if is_loopback(name) else Turned(421, "these pages are for this machine alone", "open them at http://127.0.0.1 or http://localhost")
        if self.public_url is None or host.lower() == urlsplit(self.public_url).netloc:
            return None if name else Turned(400, "the request names no host", "open the pages with a browser")
        return Turned(421, "the pages are not served under this name", f"open {self.public_url}")

    def _foreign(self, scheme: str, host: str, headers: Headers) -> Turned | None:
        """Whether another site sends a form: browsers say which one does, and programs that are none say nothing."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        ours = self.public_url or f"{scheme}://{host}".lower()
        if (origin is not None and origin != ours) or site not in (None, "same-origin", "none"):
            return Turned(403, "the form comes from another site, and nothing was done", "open the page here, and send the form from there")
        return None


def _too_much(headers: Headers) -> Turned | None:
    if "transfer-encoding" in headers:
        return Turned(411, "the form does not say how long it is", "send it with a browser")
    said = headers.get("content-length", "0")
    is_fit = said.isascii() and said.isdecimal() and len(said) < 12 and int(said) <= BODY_BYTES
    return None if is_fit else Turned(413, "the form is too long", f"send at most {BODY_BYTES:,} bytes")


class Gate:
    """The ASGI application around the pages: lets through what the rules do."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules
        self._is_told = rules.is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say why not."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            self._look(scope, headers)
            turned = self._rules.turned(scope["method"], scope["scheme"], headers)
            if turned is not None:
                await _answer(turned, headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _look(self, scope: Scope, headers: Headers) -> None:
        """Say once that a proxy is not believed: all people behind it share one count of wrong passwords."""
        said = headers.get("x-forwarded-for")
        if self._is_told or said is None:
            return
        client = (scope.get("client") or ("",))[0]
        # Whom a proxy that is believed speaks for stands here as who asks.
        if client not in (one.strip() for one in said.split(",")):
            self._is_told = True
            _said.warning("%s says whom it asks for and is not believed: if it is your proxy, name it in pages.proxies", client)


def _answer(turned: Turned, headers: Headers) -> Response:
    """One line; a page would need to know more of who asks."""
    if "application/json" in headers.get("accept", ""):
        said = {"error": {"what": turned.what, "where": "", "remedy": turned.remedy}}
        return Response(json.dumps(said), turned.status, media_type="application/json")
    return Response(f"{turned.what[:1].upper()}{turned.what[1:]}. {turned.remedy[:1].upper()}{turned.remedy[1:]}.\n", turned.status, media_type="text/plain")
