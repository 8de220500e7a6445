"""What a reader chose of how pages look, which their browser keeps: the lens and the theme."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from loopline.web.door import LENS, THEME, Door
from loopline.web.drawn import THEMES, Theme
from loopline.web.lens import TITLES

_KNOWN: Mapping[str, Collection[str]] = {LENS: ("", *TITLES), THEME: THEMES}
"""From a choice to what may be chosen; no lens stands for the reader's own roles."""


def preferred(request: Request, door: Door) -> Response | None:
    """The same page without a choice in its address, which the browser keeps from now on where there is such a thing; None where nothing is chosen."""
    chosen = {name: request.query_params[name] for name in _KNOWN if name in request.query_params}
    if not chosen:
        return None
    answer = RedirectResponse(str(request.url.remove_query_params(list(chosen)).replace(scheme="", netloc="")) or "/", 303)
    for name, value in chosen.items():
        if value in _KNOWN[name]:
            door.give(request, answer, name, value)
    return answer


def lens(request: Request, door: Door) -> str:
    """The lens that was chosen; empty where none was."""
    kept = door.cookie(request, LENS)
    return kept if kept in TITLES else ""


def theme(request: Request, door: Door) -> Theme:
    """The theme that was chosen, else the browser's own."""
    kept = door.cookie(request, THEME)
    return next((one for one in THEMES if one == kept), "auto")
