"""Forms that were refused: what was typed is kept for a moment, and stands in the form again on the page where it was sent, with the error beside it."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path

from loopline.web.asked import Reader
from loopline.web.door import REFUSED, Door
from loopline.web.register import PAGES
from loopline.web.signed_in import BY_ITSELF

_MOST, _LONGEST = 64, 1_000_000
"""So many refusals are kept, of so many characters each; what is longer is told on a page of its own."""


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
    """The newest refusals, each until it is shown once. Threads may share it."""

    def __init__(self) -> None:
        self._lock, self._kept = threading.Lock(), OrderedDict[str, Refusal]()

    def keep(self, refusal: Refusal) -> str:
        """The name under which a refusal is kept."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = refusal
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return name

    def take(self, name: str, to: str, reader: str) -> Refusal | None:
        """The refusal that was kept under a name, for this page and reader; it is shown no second time."""
        with self._lock:
            found = self._kept.get(name)
            return self._kept.pop(name) if found is not None and (_plain(found.to), found.reader) == (to, reader) else None


def came_from(request: Request) -> str:
    """The address of the page of the same project from which a form came, as the browser says; empty where it says none."""
    came, base = urlsplit(request.headers.get("referer", "")), f"/{request.path_params.get('project', '')}"
    path = unquote(came.path)
    is_inside = came.netloc == request.url.netloc and path.startswith(f"{base}/")
    if not is_inside or not any(compile_path(page.path)[0].match(path.removeprefix(base)) for page in PAGES):
        return ""
    return came.path + (f"?{came.query}" if came.query else "")


def sent_back(
    request: Request, kept: Refusals, door: Door, reader: Reader | None, said: Mapping[str, str], changed: tuple[str, ...], status: int
) -> Response | None:
    """The way back to the page on which a refused form stands; None where it is not known, or is no way out."""
    typed: Mapping[str, str] | None = getattr(request.state, "typed", None)
    to = "" if typed is None or status >= 500 else came_from(request)
    if typed is None or not to or sum(map(len, typed.values())) > _LONGEST:
        return None
    name = _named(request, reader)
    refusal = Refusal(to=to, action=request.url.path, typed=typed, reader=name, **said, changed=changed, status=status)
    # What is fetched for a part of a page would follow a way back by itself, and show nothing of it.
    is_part = "hx-request" in request.headers
    answer = Response(status_code=status, headers={"hx-redirect": to}) if is_part else RedirectResponse(f"{to}#refused", 303)
    door.give(request, answer, REFUSED, kept.keep(refusal))
    return answer


def taken(request: Request, kept: Refusals, door: Door, reader: Reader | None) -> Refusal | None:
    """What was refused just now of a form on the page that is asked for; a page that follows the ledger by itself takes nothing away."""
    name = door.cookie(request, REFUSED)
    if not name or request.method != "GET" or BY_ITSELF in request.headers:
        return None
    return kept.take(name, _plain(str(request.url)), _named(request, reader))


def _plain(address: str) -> str:
    """An address below the host, as it reads: browsers escape letters each in their way."""
    parts = urlsplit(address)
    return unquote(f"{parts.path}?{parts.query}")


def _named(request: Request, reader: Reader | None) -> str:
    return request.path_params.get("link", "") if reader is None or reader.link else reader.name
