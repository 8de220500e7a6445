"""The pages over HTTP: each address is a page's view, as HTML for people and as JSON for programs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from loopline import charts
from loopline.access.people import require_short
from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
from loopline.lake.blobs import Absent
from loopline.web import around, choices, forms, refusals, rendering
from loopline.web.asked import CUSTOMER, Asked, Reader
from loopline.web.current import Current, base_of
from loopline.web.door import SAID, Headers, address
from loopline.web.drawn import THEMES, WIDTHS
from loopline.web.events import Pulse, parsed
from loopline.web.gate import Gate
from loopline.web.overview import overview
from loopline.web.page import Action, Done, Download, Forbidden, Missing, Page, Shown, Stale, View, Work
from loopline.web.pages.sign_in import Desk
from loopline.web.readers import asker, let_in, origin_of, reader_of, require, require_any, site_of
from loopline.web.refilled import refilled
from loopline.web.register import ACTIONS, DOWNLOADS, PAGES
from loopline.web.signed_in import SignedIn
from loopline.web.since import changed
from loopline.web.site import Site as Site
from loopline.web.trouble import Trouble, changed_of, settled, status_of

WORK = "/work"
"""The page of the long work."""
_YEAR_S = 31_536_000
_said = logging.getLogger("loopline")
_Answer = TypeVar("_Answer")


def build(site: Site) -> Starlette:
    """The application that answers for a site."""
    routes: list[Any] = [
        Mount("/static", app=Static(directory=rendering.STATIC, packages=[("loopline.sheet", "static")]), name="static"),
        Route("/", _home),
        Route("/events", _events),
    ]
    if isinstance(site.door, SignedIn):
        routes += Desk(site.door, tokens=site.forms, show=_outside, guard=_guarded, enter=site.enter).routes()
    routes += [Route("/{project}/drawn/{digest}.svg", _drawing), Route("/{project}/drawn/{digest}.json", _spec)]
    routes += [Route("/{project}/events", _events)]
    routes += [Route(f"/{{project}}{action.path}", _acting(action), methods=["POST"]) for action in ACTIONS]
    routes += [Route(f"/{{project}}{file.path}", _giving(file), methods=["GET"]) for file in DOWNLOADS]
    routes += [Route(f"/{{project}}{page.path}", _showing(page), methods=["GET"]) for page in PAGES]
    routes += [Route("/{project}", _bare)]
    layers = [Middleware(Gate, rules=site.door.rules), Middleware(GZipMiddleware, minimum_size=800)]
    if site.door.proxies:
        layers.insert(0, Middleware(ProxyHeadersMiddleware, trusted_hosts=list(site.door.proxies)))
    made = Pages(routes=routes, middleware=layers, exception_handlers={404: _nowhere})
    made.state.site = site
    return made


class Pages(Starlette):
    """The application, whose every answer has the headers, that to its own defects, too."""

    def build_middleware_stack(self) -> ASGIApp:
        return Headers(super().build_middleware_stack())


class Static(StaticFiles):
    """Files whose addresses change when they do."""

    def file_response(self, *given: Any, **more: Any) -> Response:
        response = super().file_response(*given, **more)
        response.headers["cache-control"] = f"public, max-age={_YEAR_S}, immutable"
        return response


async def _home(request: Request) -> Response:
    return await run_in_threadpool(_guarded, request, lambda: _overview(request))


def _overview(request: Request) -> Response:
    """The loops that the reader may see; of a single one its first page."""
    site = site_of(request)
    if (chosen := _chosen(request)) is not None:
        return chosen
    reader = site.door.reader(request)
    if isinstance(reader, Response):
        return reader
    loops = site.loops(reader)
    if not loops and (to := _customers(site, reader)):
        return RedirectResponse(to, 303)
    if not loops:
        require_any(site, reader)
    if len(loops) == 1 and loops[0].to and not _wants_json(request):
        return RedirectResponse(loops[0].to, 303)
    view = overview(loops)
    return _json(view.as_json()) if _wants_json(request) else _html(request, "overview.html.j2", view, reader, None, None)


def _customers(site: Site, reader: Reader) -> str:
    """The page of a customer's first project; empty for who is none."""
    theirs = (name for name in site.projects if CUSTOMER in site.known(reader, name).roles)
    return next((f"{base_of(name)}/{CUSTOMER}" for name in theirs), "")


async def _bare(request: Request) -> Response:
    return RedirectResponse(f"{base_of(request.path_params['project'])}/", 308)


async def _nowhere(request: Request, error: Exception) -> Response:
    lost = Missing("there is no such page", where=request.url.path, remedy="the first page, behind the sign at the top, leads to all others")
    return await run_in_threadpool(_failed, request, lost, None, None)


def _showing(page: Page) -> Callable[[Request], Any]:
    async def show(request: Request) -> Response:
        return await run_in_threadpool(_guarded, request, lambda: _page(request, page))

    return show


def _giving(download: Download) -> Callable[[Request], Any]:
    async def give(request: Request) -> Response:
        return await run_in_threadpool(_guarded, request, lambda: _file(request, download))

    return give


def _acting(action: Action) -> Callable[[Request], Any]:
    async def act(request: Request) -> Response:
        form = await forms.sent(request)
        return await run_in_threadpool(_guarded, request, lambda: _act(request, action, form))

    return act


async def _drawing(request: Request) -> Response:
    return await run_in_threadpool(_guarded, request, lambda: _picture(request, as_spec=False))


async def _spec(request: Request) -> Response:
    return await run_in_threadpool(_guarded, request, lambda: _picture(request, as_spec=True))


async def _events(request: Request) -> Response:
    found = await run_in_threadpool(_guarded, request, lambda: _pulse(request))
    if not isinstance(found, Pulse):
        return found
    told = parsed(request.headers.get("last-event-id", "") or request.query_params.get("since", ""))
    # Not kept back by a proxy that gathers what is small.
    return StreamingResponse(found.follow(told), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _pulse(request: Request) -> Response | Pulse:
    """What the reader may follow: the moves of a project, or that any of them has moved."""
    site, name = site_of(request), request.path_params.get("project")
    reader = site.door.reader(request)
    if isinstance(reader, Response):
        return reader
    if name is None:
        require_any(site, reader)
        return site.pulse(reader)
    require(site.known(reader, name), None)
    site.current(name)
    return site.projects[name].pulse


def _guarded(request: Request, answer: Callable[[], _Answer]) -> _Answer | Response:
    """The answer, or what went wrong in words."""
    found = settled(answer, request.url.path)
    return _failed(request, found) if isinstance(found, LooplineError) else found


def _page(request: Request, page: Page) -> Response:
    if (chosen := _chosen(request)) is not None:
        return chosen
    reader = reader_of(request, page.by_link)
    if isinstance(reader, Response):
        return reader
    if page.path == "/" and CUSTOMER in reader.roles and not reader.may(page.roles) and not _wants_json(request):
        # The first page of a customer is their own.
        return RedirectResponse(f"{base_of(request.path_params['project'])}/customer", 303)
    reader, current = let_in(request, reader, page.roles)
    view = page.view(current, _asked(request, reader))
    if _wants_json(request):
        return _json(view.as_json())
    return _html(request, page.template, view, reader, current, page)


def _file(request: Request, download: Download) -> Response:
    reader = reader_of(request)
    if isinstance(reader, Response):
        return reader
    reader, current = let_in(request, reader, download.roles)
    file = download.file(current, _asked(request, reader))
    # It is kept, and never shown here: what is in it may come from elsewhere.
    return Response(file.body, media_type=file.media_type, headers={"content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"})


def _act(request: Request, action: Action, form: dict[str, str] | Mistake) -> Response:
    site = site_of(request)
    if isinstance(form, Mistake):
        raise form
    reader = reader_of(request, action.by_link)
    if isinstance(reader, Response):
        return refusals.put_by(request, site.refusals, site.door, site.notes) if isinstance(reader, RedirectResponse) else reader
    if not site.forms.is_ours(site.door.visit(request), form.pop(forms.TOKEN, "")):
        raise Forbidden("the form is not one that this server made for you, or is older than it", remedy="open the page again, and send the form from there")
    require(reader, action.roles)
    with site.deciding(request.path_params["project"]):
        reader, current = let_in(request, reader, action.roles)
        # On every page, also where a reason may be left out.
        require_short(form.get("why", ""))
        done = _decided(action, current, _asked(request, reader), form)
    if isinstance(done, Shown):
        here = f"{current.base}{done.to}"
        return _json(done.view.as_json()) if _wants_json(request) else _html(request, done.template, done.view, reader, current, None, here=here)
    if _wants_json(request):
        return JSONResponse({"says": done.says, "to": f"{current.base}{done.to}"})
    answer = RedirectResponse(f"{current.base}{done.to}", 303)
    if done.says:
        site.door.give(request, answer, SAID, site.notes.dumps(done.says[:1500]))
    return answer


def _decided(action: Action, current: Current, asked: Asked, form: dict[str, str]) -> Done | Shown:
    """What a form has done, once it is sure that its reader decided on what holds now."""
    since, seen = form.pop(forms.SEQ, ""), form.pop(forms.SEEN, "")

    def since_then() -> tuple[str, ...]:
        # What happened is in the ledger, which a customer does not read.
        return changed(current, action, asked, form, str(forms.seq_of(since, current.seq))) if asked.reader.may(None) else ()

    if action.seen is not None and action.seen(current, asked, form) != seen:
        raise Stale(since_then())
    try:
        done = action.act(current, asked, form)
    except Stale as stale:
        raise Stale(stale.changed or since_then()) from None
    if isinstance(done, Work):
        current.works.start(done, by=asked.reader.name)
        return Done("", WORK)  # Its page tells how far it is; a note that it began would outlive that.
    return done


def _picture(request: Request, *, as_spec: bool) -> Response:
    site = site_of(request)
    reader = reader_of(request, "link" in request.query_params)
    if isinstance(reader, Response):
        return reader
    drawing = site.drawings.find(request.path_params["project"], request.path_params["digest"])
    if drawing is None and not reader.link:
        require(reader, None)
    if drawing is None:
        raise Missing("the picture is not kept any more", remedy="open the page again: it draws it anew")
    require(reader, drawing.roles)
    width = WIDTHS.get(request.query_params.get("width", ""), charts.WIDE)
    said = request.query_params.get("theme", "auto")
    # Who shares a browser with somebody who has signed out sees none of their pictures.
    kept = {"cache-control": f"private, max-age={_YEAR_S}, immutable"} if reader.is_local else {}
    if as_spec:
        return _json(drawing.draw(width), kept)
    body = site.drawings.svg(drawing, width, next((theme for theme in THEMES if theme == said), "auto"))
    # A picture that is opened by itself is styled by its own rules alone.
    return Response(body, media_type="image/svg+xml", headers={**kept, "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"})


def _chosen(request: Request) -> Response | None:
    """What keeps a reader's choice of lens or theme; None where nothing is chosen."""
    return None if _wants_json(request) else choices.preferred(request, site_of(request).door)


def _asked(request: Request, reader: Reader) -> Asked:
    query = dict(request.query_params)
    if "lens" not in query and (kept := choices.lens(request, site_of(request).door)):
        query["lens"] = kept
    return Asked(reader, query, {name: str(value) for name, value in request.path_params.items()}, origin_of(request))


def _wants_json(request: Request) -> bool:
    return request.query_params.get("as") == "json" or request.headers.get("accept", "").partition(",")[0].strip() == "application/json"


def _json(value: Any, headers: Mapping[str, str] | None = None, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value, enc_hook=str), status, media_type="application/json", headers=dict(headers or {}))


def _html(
    request: Request, template: str, view: View, reader: Reader | None, current: Current | None, page: Page | None, status: int = 200, *, here: str = ""
) -> Response:
    site = site_of(request)
    lens = choices.lens(request, site.door)
    setting = rendering.Setting(
        reader=reader,
        project="" if current is None else current.project.name,
        base="" if current is None else current.base,
        here=here or address(request),
        nav=() if current is None or reader is None else around.nav(current, reader, lens, page),
        lens=lens,
        token=site.forms.token(site.door.visit(request)),
        maker="" if reader is None else site.refusals.maker(reader),
        seq=0 if current is None else current.seq,
        events=around.followed(request, current, reader),
        doing=around.doing(current, reader),
        at=None if current is None else current.at,
        theme=choices.theme(request, site.door),
        said=around.noted(request),
        is_live=reader is not None and request.method == "GET",
        mistake=None if current is None else current.mistake,
        keep=None if current is None else lambda what: site.drawings.keep(what, project=current.project.name, roles=None if page is None else page.roles),
    )
    text = rendering.html(template, view, setting)
    # Who came by a link that has ended is nobody, and what they wrote is theirs all the same.
    is_theirs = reader is not None or "link" in request.path_params
    if is_theirs and (refused := refusals.taken(request, site.refusals, site.door, reader)) is not None:
        # Where the page itself cannot be shown any more, what was typed stands there all the same.
        text, status = refilled(text, refused), status if page is None else refused.status
    answer = Response(text, status, media_type="text/html")
    if site.door.cookie(request, SAID):
        site.door.take(request, answer, SAID)
    site.door.greet(request, answer)
    return answer


def _outside(request: Request, template: str, view: View, reader: Reader | None, status: int) -> Response:
    """A page that belongs to no project, as HTML or as JSON."""
    return _json(view.as_json(), status=status) if _wants_json(request) else _html(request, template, view, reader, None, None, status)


def _failed(request: Request, error: LooplineError, *_: object) -> Response:
    """What went wrong, as a page or as JSON, with what to do about it; of a project only what the reader may see."""
    site, name, reader = site_of(request), request.path_params.get("project", ""), asker(request)
    may = reader is not None and reader.may(None)
    # The ledger named it: it is not who asks that is mistaken.
    error = Fault(error.what, where=error.where, remedy=error.remedy) if isinstance(error, Absent) else error
    is_outside = not getattr(request.state, "is_let_in", False) and isinstance(error, Mistake | CheckFailed)
    if name and not may and (is_outside or isinstance(error, Fault) or type(error) is LooplineError):
        # What cannot be read may be told by its name, its place or its rows.
        _said.warning("%s: %s", request.url.path, error)
        error = Fault("this page cannot be shown now", remedy="ask whoever runs the pages; what is wrong stands in their log")
    status, since = status_of(error), changed_of(error)
    said = {"what": error.what, "where": error.where, "remedy": error.remedy}
    if _wants_json(request):
        return JSONResponse({"error": {**said, **({"changed": list(since)} if since else {})}}, status)
    if (back := refusals.sent_back(request, site.refusals, site.door, reader, said, since, status)) is not None:
        return back
    view = Trouble(error, HTTPStatus(status).phrase, request.headers.get("referer", ""), request.url.netloc)
    current = None
    if may and name in site.projects and status != 503:
        with contextlib.suppress(LooplineError):
            current = site.current(name)
    return _html(request, "trouble.html.j2", view, reader, current, None, status)
