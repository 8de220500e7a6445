"""What readers would wait for, done before they ask: the first page and the first picture before anybody is told where they are, then a look at each part."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Thread

from loopline import charts
from loopline.web import rendering
from loopline.web.asked import Asked, Reader
from loopline.web.current import Followed
from loopline.web.page import Page
from loopline.web.register import PAGES, SECTIONS
from loopline.web.site import Site

_log = logging.getLogger("loopline")
_NOBODY = Reader("", is_local=True)
_EMPTY: charts.Spec = {"mark": "point", "data": {"values": []}}
OPENED = tuple(page for page in PAGES if page.path.strip("/") in {path for _, path in SECTIONS})
"""The first page of each part."""
_PAUSE_S = 0.3
FIRST = tuple(page for page in OPENED if page.path == "/")


def begin(site: Site) -> None:
    """Warm up beside what serves; where that does not come to its end, a reader waits as if nothing had been done."""
    Thread(target=warm, args=(site, OPENED), kwargs={"pause_s": _PAUSE_S}, name="warming", daemon=True).start()


def draw() -> None:
    """Begin the renderer of pictures, which takes 0.8 s."""
    charts.svg(_EMPTY)


def warm(site: Site, pages: Sequence[Page], *, pause_s: float = 0.0) -> None:
    """Open pages of every project once: what is read and compiled for them is kept.

    Parameters
    ----------
    pause_s
        How long it leaves the process to its readers before each.
    """
    for followed in site.projects.values():
        for page in pages:
            time.sleep(pause_s)
            try:
                _open(site, followed, page)
            except Exception:  # whoever opens the page is told what is wrong with it
                _log.debug("%s cannot be warmed up", page.path, exc_info=True)


def _open(site: Site, followed: Followed, page: Page) -> None:
    current = followed.current()
    setting = rendering.Setting(
        reader=_NOBODY,
        project=current.project.name,
        base=current.base,
        here=f"{current.base}{page.path}",
        seq=current.seq,
        at=current.at,
        keep=lambda what: site.drawings.keep(what, project=current.project.name, roles=page.roles),
    )
    rendering.html(page.template, page.view(current, Asked(_NOBODY)), setting)
