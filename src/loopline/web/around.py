"""What stands around every page: the way to the others, what was just done, the work that runs, and where the page hears of moves."""

from __future__ import annotations

from itsdangerous import BadSignature
from starlette.requests import Request

from loopline.web.asked import Reader
from loopline.web.current import Current
from loopline.web.door import SAID
from loopline.web.lens import lens_of
from loopline.web.page import Page
from loopline.web.readers import site_of
from loopline.web.register import PAGES, SECTIONS


def followed(request: Request, current: Current | None, reader: Reader | None) -> str:
    """Where the page hears of moves; empty where it does not."""
    if reader is None or request.method != "GET":
        return ""
    if current is None:
        site = site_of(request)
        seen = site.seen(reader) if request.url.path == "/" or request.path_params.get("project") in site.closed else None
        return "" if seen is None else f"/events?since={seen.seq}.{seen.work}"
    return f"{current.base}/events?since={current.seq}.{current.work}" if reader.may(None) else ""


def doing(current: Current | None, reader: Reader | None) -> str:
    """The long work that runs, where the reader may see it."""
    course = None if current is None or reader is None or not reader.may(None) else current.works.now
    return course.name if course is not None and course.is_running else ""


def noted(request: Request) -> str:
    """What the reader was told by what they have done last; empty where that is nothing."""
    try:
        site = site_of(request)
        return str(site.notes.loads(site.door.cookie(request, SAID)))
    except BadSignature:
        return ""


def nav(current: Current, reader: Reader, lens: str, page: Page | None) -> tuple[tuple[str, str, bool], ...]:
    """The pages that the reader may see, in the order of their lens; a link opens none but its own."""
    if reader.link:
        return ()
    first = {one.section: one for one in reversed(PAGES)}
    seen = [(name, path) for name, path in SECTIONS if path in first and reader.may(first[path].roles)]
    ordered = lens_of(reader.roles, lens).sections(seen, lambda section: section[1])
    return tuple((name, f"{current.base}/{path}", page is not None and path == page.section) for name, path in ordered)
