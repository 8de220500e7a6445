"""The pages over HTTP: each address is a page's view, as HTML for people and as JSON for programs."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from loopline import charts
from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
from loopline.lake.unexpected import in_words
from loopline.web import forms, rendering
from loopline.web.asked import Asked, Reader
from loopline.web.current import Current, Followed, base_of
from loopline.web.door import Door, Headers, Local
from loopline.web.drawn import Drawings, Theme
from loopline.web.forms import Forms
from loopline.web.lens import lens_of
from loopline.web.page import Action, Forbidden, Missing, Page, Stale, View, Work
from loopline.web.register import ACTIONS, PAGES, SECTIONS

STATUS: Mapping[type[LooplineError], int] = {Missing: 404, Forbidden: 403, Stale: 409, Mistake: 400, CheckFailed: 409, Fault: 503}
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
_YEAR_S = 31_536_000
_said = logging.getLogger("loopline")


class Site:
    """The projects whose pages are served, and what all their pages share.

    Parameters
    ----------
    door
        Tells who reads.
    """

    def __init__(self, projects: Mapping[str, Followed], *, door: Door | None = None) -> None:
        self.projects = dict(projects)
        self.door: Door = Local() if door is None else door
        self.drawings = Drawings()
        secret = secrets.token_bytes(32)
        self.forms = Forms(secret)
        self.notes = URLSafeSerializer(secret, salt="said")

    def current(self, name: str) -> Current:
        """What holds now in a project.

        Raises
        ------
        Missing
            When there is no such project here.
        """
        if name not in self.projects:
            raise Missing("there is no such project here", where=name, remedy="the projects are listed at /")
        return self.projects[name].current()


def build(site: Site) -> Starlette:
    """The application that answers for a site."""
    routes: list[Any] = [Mount("/static", app=Static(directory=rendering.STATIC, packages=[("loopline.sheet", "static")]), name="static"), Route("/", _home)]
    routes += [Route("/{project}/drawn/{digest}.svg", _drawing), Route("/{project}/drawn/{digest}.json", _spec)]
    routes += [Route(f"/{{project}}{action.path}", _acting(action), methods=["POST"]) for action in ACTIONS]
    routes += [Route(f"/{{project}}{page.path}", _showing(page), methods=["GET"]) for page in PAGES]
    routes += [Route("/{project}", _bare)]
    made = Starlette(routes=routes, middleware=[Middleware(Headers), Middleware(GZipMiddleware, minimum_size=800)], exception_handlers={404: _nowhere})
    made.state.site = site
    return made


class Static(StaticFiles):
    """Files whose addresses change when they do."""

    def file_response(self, *given: Any, **more: Any) -> Response:
        response = super().file_response(*given, **more)
        response.headers["cache-control"] = f"public, max-age={_YEAR_S}, immutable"
        return response


def _site(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


async def _home(request: Request) -> Response:
    site = _site(request)
    return RedirectResponse(f"{base_of(next(iter(site.projects)))}/", 303)


async def _bare(request: Request) -> Response:
    return RedirectResponse(f"{base_of(request.path_params['project'])}/", 308)


async def _nowhere(request: Request, error: Exception) -> Response:
    lost = Missing("there is no such page", where=request.url.path, remedy="the pages are named at the top")
    return await run_in_threadpool(_failed, request, lost, None, None)


def _showing(page: Page) -> Callable[[Request], Any]:
    async def show(request: Request) -> Response:
        return await run_in_threadpool(_guarded, request, lambda: _page(request, page))

    return show


def _acting(action: Action) -> Callable[[Request], Any]:
    async def act(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        return await run_in_threadpool(_guarded, request, lambda: _act(request, action, form))

    return act


async def _drawing(request: Request) -> Response:
    return await run_in_threadpool(_guarded, request, lambda: _picture(request, as_spec=False))


async def _spec(request: Request) -> Response:
    return await run_in_threadpool(_guarded, request, lambda: _picture(request, as_spec=True))


def _guarded(request: Request, answer: Callable[[], Response]) -> Response:
    """The answer, or what went wrong in words; a defect of ours is logged whole, and told without its insides."""
    try:
        return answer()
    except LooplineError as error:
        return _failed(request, error)
    except Exception as error:  # the door of the pages
        _said.exception("the page %s failed", request.url.path)
        return _failed(request, in_words(error))


def _page(request: Request, page: Page) -> Response:
    if (preferred := _preferred(request)) is not None:
        return preferred
    site = _site(request)
    reader = site.door.reader(request)
    if isinstance(reader, Response):
        return reader
    current = site.current(request.path_params["project"])
    reader = site.door.known(reader, current)
    _require(reader, page.roles, current)
    asked = _asked(request, reader)
    view = page.view(current, asked)
    if _wants_json(request):
        return _json(view.as_json())
    return _html(request, page.template, view, reader, current, page)


def _act(request: Request, action: Action, form: dict[str, str]) -> Response:
    site = _site(request)
    reader = site.door.reader(request)
    if isinstance(reader, Response):
        return reader
    if not site.forms.is_ours(site.door.visit(request), form.pop(forms.TOKEN, "")):
        raise Forbidden("the form is not one that this server made for you, or is older than it", remedy="open the page again, and send the form from there")
    current = site.current(request.path_params["project"])
    reader = site.door.known(reader, current)
    _require(reader, action.roles, current)
    asked = _asked(request, reader)
    since, seen = form.pop(forms.SEQ, ""), form.pop(forms.SEEN, "")
    if action.seen is not None and action.seen(current, asked, form) != seen:
        raise Stale(changed_since(current, int(since) if since.isdecimal() else current.seq))
    done = action.act(current, asked, form)
    if isinstance(done, Work):
        raise Fault("long work cannot be started here", remedy="run the command instead")
    if _wants_json(request):
        return JSONResponse({"says": done.says, "to": f"{current.base}{done.to}"})
    answer = RedirectResponse(f"{current.base}{done.to}", 303)
    answer.set_cookie("said", site.notes.dumps(done.says[:1500]), max_age=60, httponly=True, samesite="lax")
    return answer


def changed_since(current: Current, seq: int) -> tuple[str, ...]:
    """The newest entries after one, a line each."""
    found = current.workspace.ledger.read(after=seq, newest_first=True, limit=10)
    return tuple(f"{entry.time:%Y-%m-%d %H:%M:%S}: {entry.kind} {entry.body.get('state', '')} by {entry.actor}".replace("  ", " ") for entry in found)


def _picture(request: Request, *, as_spec: bool) -> Response:
    site = _site(request)
    reader = site.door.reader(request)
    if isinstance(reader, Response):
        return reader
    current = site.current(request.path_params["project"])
    drawing = site.drawings.find(current.project.name, request.path_params["digest"])
    if drawing is None:
        raise Missing("the picture is not kept any more", remedy="open the page again: it draws it anew")
    _require(site.door.known(reader, current), drawing.roles, current)
    width = charts.NARROW if request.query_params.get("width") == "narrow" else charts.WIDE
    theme = request.query_params.get("theme", "auto")
    kept = {"cache-control": f"private, max-age={_YEAR_S}, immutable"}
    if as_spec:
        return _json(drawing.draw(width), kept)
    body = site.drawings.svg(drawing, width, theme if theme in THEMES else "auto")
    # A picture that is opened by itself is styled by its own rules alone.
    return Response(body, media_type="image/svg+xml", headers={**kept, "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"})


def _preferred(request: Request) -> Response | None:
    """A reader's choice of lens or theme, which a cookie keeps, and the same page without it in its address; None where nothing is chosen."""
    chosen = {name: request.query_params[name] for name in ("lens", "theme") if name in request.query_params}
    if not chosen or _wants_json(request):
        return None
    answer = RedirectResponse(str(request.url.remove_query_params(list(chosen)).replace(scheme="", netloc="")) or "/", 303)
    for name, value in chosen.items():
        answer.set_cookie(name, value[:40], max_age=_YEAR_S, httponly=True, samesite="lax")
    return answer


def _asked(request: Request, reader: Reader) -> Asked:
    query = dict(request.query_params)
    if "lens" not in query and (kept := request.cookies.get("lens")):
        query["lens"] = kept
    return Asked(reader, query, {name: str(value) for name, value in request.path_params.items()})


def _require(reader: Reader, roles: frozenset[str] | None, current: Current) -> None:
    if not reader.may(roles):
        needed = "a stakeholder's role" if roles is None else f"the role {' or '.join(sorted(roles))}"
        raise Forbidden(
            f"this needs {needed}, which {reader.name} does not hold", remedy="ask whoever keeps loopline.yaml to list you under charter.stakeholders"
        )


def _wants_json(request: Request) -> bool:
    return request.query_params.get("as") == "json" or request.headers.get("accept", "").partition(",")[0].strip() == "application/json"


def _json(value: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value, enc_hook=str), media_type="application/json", headers=dict(headers or {}))


def _html(request: Request, template: str, view: View, reader: Reader | None, current: Current | None, page: Page | None, status: int = 200) -> Response:
    site = _site(request)
    theme = request.cookies.get("theme", "auto")
    setting = rendering.Setting(
        reader=reader,
        project="" if current is None else current.project.name,
        base="" if current is None else current.base,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        nav=() if current is None or reader is None else _nav(current, reader, request.cookies.get("lens", ""), page),
        lens=request.cookies.get("lens", ""),
        token=site.forms.token(site.door.visit(request)),
        seq=0 if current is None else current.seq,
        at=None if current is None else current.at,
        theme=theme if theme in THEMES else "auto",
        said=_noted(request),
        mistake=None if current is None else current.mistake,
        keep=None if current is None else lambda what: site.drawings.keep(what, project=current.project.name, roles=None if page is None else page.roles),
    )
    answer = Response(rendering.html(template, view, setting), status, media_type="text/html")
    if "said" in request.cookies:
        answer.delete_cookie("said")
    site.door.greet(request, answer)
    return answer


def _noted(request: Request) -> str:
    try:
        return str(_site(request).notes.loads(request.cookies.get("said", "")))
    except BadSignature:
        return ""


def _nav(current: Current, reader: Reader, lens: str, page: Page | None) -> tuple[tuple[str, str, bool], ...]:
    """The pages that the reader may see, in the order of their lens."""
    first = {one.section: one for one in reversed(PAGES)}
    seen = [(name, path) for name, path in SECTIONS if path in first and reader.may(first[path].roles)]
    ordered = lens_of(reader.roles, lens).sections(seen, lambda section: section[1])
    return tuple((name, f"{current.base}/{path}", page is not None and path == page.section) for name, path in ordered)


def _failed(request: Request, error: LooplineError, *_: object) -> Response:
    """What went wrong, as a page or as JSON, with what to do about it; of a project only what the reader may see."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    changed = error.changed if isinstance(error, Stale) else ()
    said = {"what": error.what, "where": error.where, "remedy": error.remedy}
    if _wants_json(request):
        return JSONResponse({"error": {**said, **({"changed": list(changed)} if changed else {})}}, status)
    view = Trouble(error, HTTPStatus(status).phrase, changed, request.headers.get("referer", ""), request.url.netloc)
    site, reader, current = _site(request), None, None
    try:
        found = site.door.reader(request)
        name = request.path_params.get("project", "")
        if isinstance(found, Reader) and name in site.projects and status != 503:
            current = site.current(name)
            reader = site.door.known(found, current)
            if not reader.may(None):
                current = None
    except LooplineError:
        current = None
    return _html(request, "trouble.html.j2", view, reader, current, None, status)


class Trouble:
    """What went wrong, as a view."""

    def __init__(self, error: LooplineError, title: str, changed: tuple[str, ...], back: str, host: str) -> None:
        self.title, self.changed = title, changed
        self.what, self.where, self.remedy = error.what, error.where, error.remedy
        came = urlsplit(back)
        self.back = came.path if came.netloc == host else ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"what": self.what, "where": self.where, "remedy": self.remedy, "changed": list(self.changed)}
