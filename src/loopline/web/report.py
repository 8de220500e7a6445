"""The whole loop as one file: what its pages show, their pictures drawn into it, with nothing to be asked for from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loopline import charts
from loopline.engine.step import Progress
from loopline.errors import LooplineError
from loopline.sheet.document import Picture
from loopline.web import rendering
from loopline.web.asked import Asked, Reader
from loopline.web.beside import PATIENCE_S
from loopline.web.current import Current
from loopline.web.drawn import Drawable
from loopline.web.page import Page, Parameters, View
from loopline.web.register import PAGES, SECTIONS

_PATIENCE_S = 120.0
_FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)
_LINK = re.compile(r' (?:xlink:)?href="([^"]*)"')
_NAMED = re.compile(r' (id|for|aria-labelledby|aria-describedby)="([^"]*)"')
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_USED = re.compile(r"url\(#([^)]*)\)")

Place = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Sheet:
    """One page in the report.

    Parameters
    ----------
    id
        Where it is in the file.
    address
        Where it would be among the served pages.
    """

    id: str
    address: str
    title: str
    body: str


@dataclass(frozen=True)
class Report:
    """The report.

    Parameters
    ----------
    html
        The file.
    sheets
        The titles of the pages that are in it.
    pictures
        How many pictures are drawn in it.
    left_out
        The pages that could not be shown, with the reason.
    """

    html: str
    sheets: tuple[str, ...]
    pictures: int
    left_out: Mapping[str, str]


def report(current: Current, reader: Reader, progress: Progress) -> Report:
    """What the pages show a reader now, as one file for mail and archives."""
    drawn = 0

    def draw(what: Drawable, alt: str) -> Markup:
        nonlocal drawn
        drawn += 1
        return picture(what, alt)

    sheets: list[Sheet] = []
    left_out: dict[str, str] = {}
    wanted = list(_wanted(current, reader, PAGES, left_out))
    for number, (page, parameters) in enumerate(wanted):
        path, query = _asked(page, parameters)
        address = current.base + _address(page, path, query)
        progress.at(number, len(wanted), unit="pages", note=page.name)
        try:
            view = _waited_for(partial(page.view, current, Asked(reader, query, path)))
            setting = rendering.Setting(reader=reader, project=current.project.name, base=current.base, here=address, seq=current.seq, at=current.at, draw=draw)
            sheets.append(Sheet(f"page{number + 1}", address, view.title, rendering.inner(page.template, view, setting)))
        except LooplineError as error:
            left_out[page.name] = str(error)
    whole = (
        _environment()
        .get_template("report.html.j2")
        .render(
            project=current.project.name,
            at=current.at,
            reader=reader,
            sheets=[(sheet.id, sheet.title, Markup(body)) for sheet, body in zip(sheets, standing_alone(sheets), strict=True)],
            left_out=left_out,
            seq=current.seq,
            css=Markup("\n".join(_css())),
            dark=Markup(charts.dark_css("figure")),
        )
    )
    return Report(whole, tuple(sheet.title for sheet in sheets), drawn, left_out)


def _waited_for(view: Callable[[], View]) -> View:
    """What a page shows once all of it has been worked out: nobody looks at a report again a moment later."""
    token = PATIENCE_S.set(_PATIENCE_S)
    try:
        return view()
    finally:
        PATIENCE_S.reset(token)


def picture(what: Drawable, alt: str) -> Markup:
    """A picture as part of a page."""
    if isinstance(what, Picture):
        name, spec = what.name, what.draw(charts.WIDE)
    else:
        spec = what(charts.WIDE) if callable(what) else what
        name = str(spec.get("description", ""))
    # The SVG is made by our own renderer from values that it escapes: it is markup, not text.
    return Markup('<figure role="img" aria-label="{}">{}</figure>').format(alt or name, Markup(charts.svg(spec)))


def standing_alone(sheets: Sequence[Sheet]) -> list[str]:
    """The pages as parts of one file: there are no forms, links lead to where a page is in it, or nowhere, and no name is used twice."""
    places = {_place(sheet.address): sheet.id for sheet in sheets}
    return [_alone(sheet, places) for sheet in sheets]


def _alone(sheet: Sheet, places: Mapping[Place, str]) -> str:
    def led(found: re.Match[str]) -> str:
        if found[1].startswith("#"):
            return f' href="#{sheet.id}-{found[1][1:]}"'
        to = places.get(_place(unescape(found[1])))
        return "" if to is None else f' href="#{to}"'

    def named(found: re.Match[str]) -> str:
        return f' {found[1]}="{" ".join(f"{sheet.id}-{name}" for name in found[2].split())}"'

    # Of a text these find nothing: its quotation marks are escaped.
    text = _LINK.sub(led, _FORM.sub("", sheet.body))
    return _USED.sub(rf"url(#{sheet.id}-\1)", _NAMED.sub(named, text))


def _place(address: str) -> Place:
    """What the spellings of one address have in common."""
    parts = urlsplit(address)
    return f"{parts.scheme}:{parts.netloc}", unquote(parts.path).rstrip("/"), tuple(parse_qsl(parts.query))


def _wanted(current: Current, reader: Reader, pages: Sequence[Page], left_out: dict[str, str]) -> Iterator[tuple[Page, Parameters]]:
    """The pages that the reader may see, in the order of the navigation; of some it cannot be told of which things they are."""
    order = {path: place for place, (_, path) in enumerate(SECTIONS)}
    for page in sorted((page for page in pages if reader.may(page.roles)), key=lambda page: order.get(page.section, len(order))):
        try:
            each = page.in_report(current)
        except LooplineError as error:
            left_out[page.name] = str(error)
            continue
        for parameters in each:
            yield page, parameters


def _asked(page: Page, parameters: Parameters) -> tuple[Parameters, Parameters]:
    """The parameters of the page's path, and what stands behind the question mark."""
    names = {found[1] for found in _PARAMETER.finditer(page.path)}
    return {name: parameters[name] for name in names}, {name: value for name, value in parameters.items() if name not in names}


def _address(page: Page, path: Parameters, query: Parameters) -> str:
    at = _PARAMETER.sub(lambda found: quote(path[found[1]], safe=""), page.path)
    return f"{at}?{urlencode(query)}" if query else at


def _css() -> Iterator[str]:
    for folder, name in ((rendering.SHEET, "parts.css"), (rendering.STATIC, "loopline.css")):
        yield (folder / name).read_text(encoding="utf-8")


def _environment() -> Environment:
    made = Environment(loader=PackageLoader("loopline.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    filters: dict[str, Callable[[Any], str]] = {"moment": rendering.moment, "stamp": rendering.stamp, "number": rendering.number}
    made.filters |= filters
    return made


def file_name(project: str, at: datetime) -> str:
    """What a report is called where nobody says.

    >>> file_name("late trains", datetime(2026, 3, 2))
    'late-trains-2026-03-02.html'
    """
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', project)}-{at:%Y-%m-%d}.html"
