"""Forms that were refused: what was typed is kept for a moment, and stands in the form again on the page where it was sent, with the error beside it."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path

from loopline.web.asked import Reader
from loopline.web.door import LASTS_S, REFUSED, SAID, Door, address
from loopline.web.register import PAGES
from loopline.web.rendering import sentence
from loopline.web.signed_in import BY_ITSELF, SIGN_IN, safe_next

_MOST, _EACH, _LONGEST = 64, 8, 128_000
"""So many refusals are kept, so many of them of one reader, of so many characters each and no longer than their browsers keep their names.

What is longer is told on a page of its own.
"""

PART = "hx-request"
"""The header of what is fetched for a part of a page."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A form that was refused.

    Parameters
    ----------
    to
        The address of the page on which it stands.
    action
        The address to which it was sent.
    typed
        What it said, without what every form carries.
    reader
        Who sent it: nobody else is shown it.
    """

    to: str
    action: str
    typed: Mapping[str, str]
    reader: str
    what: str
    where: str
    remedy: str
    changed: tuple[str, ...]
    status: int


class Refusals:
    """The newest refusals, each until it is shown once. Threads may share it.

    Parameters
    ----------
    key
        Signs for whom a form was made: by that it is known whose it is when they are signed in no more.
    """

    def __init__(self, key: bytes) -> None:
        self._lock, self._kept = threading.Lock(), OrderedDict[str, tuple[float, Refusal]]()
        self._makers = URLSafeSerializer(key, salt="maker")

    def maker(self, reader: Reader) -> str:
        """What a reader's forms carry; nothing where nobody signs in."""
        return "" if reader.is_local or reader.link else str(self._makers.dumps(reader.name))

    def made_for(self, said: str) -> str:
        """For whom a form was made that carries this; empty where it is not ours."""
        try:
            return str(self._makers.loads(said))
        except BadSignature:
            return ""

    def keep(self, refusal: Refusal) -> str:
        """The name under which a refusal is kept."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = (time.monotonic(), refusal)
            oldest = time.monotonic() - LASTS_S[REFUSED]
            late = [one for one, (at, _) in self._kept.items() if at < oldest]
            # Nobody pushes out what others typed.
            theirs = [one for one, (_, kept) in self._kept.items() if kept.reader == refusal.reader][:-_EACH]
            for old in {*late, *theirs} or list(self._kept)[:-_MOST]:
                del self._kept[old]
        return name

    def take(self, name: str, to: str, reader: str) -> Refusal | None:
        """The refusal that was kept under a name, for this page and reader; it is shown no second time."""
        with self._lock:
            _, found = self._kept.get(name, (0.0, None))
            if found is None or (_plain(found.to), found.reader) != (to, reader):
                return None
            del self._kept[name]
            return found


def stands_at(request: Request) -> str:
    """The address of the page of the same project on which a form stands, as the form says; empty where it says none."""
    said: str = getattr(request.state, "stands", "")
    stands, base = urlsplit(safe_next(said)), f"/{request.path_params.get('project', '')}"
    path = unquote(stands.path)
    is_page = path.startswith(f"{base}/") and any(compile_path(page.path)[0].match(path.removeprefix(base)) for page in PAGES)
    return said if is_page else ""


def sent_back(
    request: Request, kept: Refusals, door: Door, reader: Reader | None, said: Mapping[str, str], changed: tuple[str, ...], status: int
) -> Response | None:
    """The way back to the page on which a refused form stands; None where it is not known, or is no way out."""
    typed: Mapping[str, str] | None = getattr(request.state, "typed", None)
    to = "" if typed is None or status >= 500 else stands_at(request)
    if typed is None or not to or not _is_short(typed):
        return None
    refusal = Refusal(to=to, action=request.url.path, typed=typed, reader=_named(request, reader), **said, changed=changed, status=status)
    answer = _leading(request, to, "#refused", status)
    door.give(request, answer, REFUSED, kept.keep(refusal))
    return answer


def put_by(request: Request, kept: Refusals, door: Door, notes: URLSafeSerializer) -> Response:
    """The way to where people sign in, for a form that was sent when its reader was signed in no more; it is told there what became of it.

    What was typed is kept for the one for whom the form was made, and for nobody where that is not known.
    """
    typed, to, maker = request.state.typed, stands_at(request), kept.made_for(request.state.maker)
    answer = _leading(request, f"{SIGN_IN}?next={quote(f'{to}#refused', safe='/')}" if to else SIGN_IN, "", 401)
    what = "you were signed out before this was sent, and nothing was done"
    became = "What you typed was not kept"
    if to and maker and _is_short(typed):
        remedy = "look at the page as it is now, and send it again"
        refusal = Refusal(to=to, action=request.url.path, typed=typed, reader=maker, what=what, where="", remedy=remedy, changed=(), status=409)
        door.give(request, answer, REFUSED, kept.keep(refusal))
        became = f"What you typed is kept for {LASTS_S[REFUSED] // 60} minutes: it stands on its page again once you have signed in"
    door.give(request, answer, SAID, str(notes.dumps(f"{sentence(what)}. {became}.")))
    return answer


def _is_short(typed: Mapping[str, str]) -> bool:
    return sum(len(name) + len(text) for name, text in typed.items()) <= _LONGEST


def _leading(request: Request, to: str, at: str, status: int) -> Response:
    # What is fetched for a part of a page would follow a way back by itself, and show nothing of it.
    return Response(status_code=status, headers={"hx-redirect": to}) if PART in request.headers else RedirectResponse(f"{to}{at}", 303)


def taken(request: Request, kept: Refusals, door: Door, reader: Reader | None) -> Refusal | None:
    """What was refused just now of a form on the page that is asked for; what a page asks for by itself takes nothing away."""
    name = door.cookie(request, REFUSED)
    if not name or request.method != "GET" or BY_ITSELF in request.headers or PART in request.headers:
        return None
    return kept.take(name, _plain(address(request)), _named(request, reader))


def _plain(address: str) -> str:
    """An address below the host, as it reads: browsers escape letters each in their way."""
    parts = urlsplit(address)
    return unquote(f"{parts.path}?{parts.query}")


def _named(request: Request, reader: Reader | None) -> str:
    return request.path_params.get("link", "") if reader is None or reader.link else reader.name
