"""Views laid out as HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import ChoiceLoader, DictLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

import loopline.sheet
from loopline.declaration import figure
from loopline.sheet.html import LOADER as SHEETS
from loopline.web.asked import SEE_ROWS
from loopline.web.drawn import Drawable, Drawing, Theme
from loopline.web.forms import seen_of

STATIC = Path(__file__).parent / "static"
SHEET = Path(loopline.sheet.__file__).parent / "static"
"""The look that pages share with documents."""
TONES = {
    **dict.fromkeys(("done", "passed", "pass", "yes", "go", "resolved", "ok", "full", "won"), "yes"),
    **dict.fromkeys(("failed", "fail", "no", "no-go", "refused", "lost", "open"), "no"),
    **dict.fromkeys(("waiting", "stale", "acknowledged", "running", "canary", "shadow"), "wait"),
}
"""From the words of states to the tones in which they are told; others are told plainly."""
SIGNS = {"yes": "✓", "no": "✗", "wait": "…", "plain": "·"}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What surrounds a view on its page: the reader, their forms, and where they are.

    Parameters
    ----------
    base
        What the addresses of the project's pages begin with; empty outside of a project.
    here
        The address of this page.
    nav
        The pages that the reader may go to: their names, addresses, and whether this is one.
    visit
        The token of the forms.
    events
        The address at which the page hears of moves; empty where it does not.
    doing
        The long work that runs; empty where none does, or it is not for the reader.
    keep
        Keeps a picture of the page.
    draw
        Draws a picture into a page that is kept as a file; None where it is served, and the browser asks for the picture. A kept page has no forms.
    said
        What the action before has done.
    is_live
        Whether its address gives the page again as it is then, so that it can follow what happens.
    """

    reader: Any
    project: str = ""
    base: str = ""
    here: str = "/"
    nav: tuple[tuple[str, str, bool], ...] = ()
    lens: str = ""
    token: str = ""
    seq: int = 0
    events: str = ""
    doing: str = ""
    at: datetime | None = None
    theme: Theme = "auto"
    said: str = ""
    is_live: bool = False
    mistake: Any = None
    keep: Callable[[Drawable], Drawing] | None = None
    draw: Callable[[Drawable, str], Markup] | None = None


def html(template: str, view: Any, setting: Setting) -> str:
    """The view as a whole page."""
    return _environment().get_template(template).render(view=view, page=setting)


def inner(template: str, view: Any, setting: Setting) -> str:
    """What the view's page shows, without what stands around it."""
    return _environment(bare=True).get_template(template).render(view=view, page=setting)


@cache
def _environment(*, bare: bool = False) -> Environment:
    around = [DictLoader({"page.html.j2": "{% block main %}{% endblock %}"})] if bare else []
    found = ChoiceLoader([*around, PackageLoader("loopline.web"), PrefixLoader({"sheet": SHEETS})])
    made = Environment(loader=found, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"static": static, "tone": tone, "sign": SIGNS.__getitem__, "query": query, "rows_roles": SEE_ROWS}
    made.filters |= {"number": number, "money": money, "moment": moment, "stamp": stamp, "percent": percent, "seen": seen_of}
    return made


@cache
def static(name: str) -> str:
    """The address of a file that pages need; it changes with the file, so that browsers may keep it for ever."""
    file = next(folder / name for folder in (STATIC, SHEET) if (folder / name).is_file())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"


def query(setting: Setting, **changed: object) -> str:
    """The address of this page with other words behind the question mark; None takes one away."""
    path, _, asked = setting.here.partition("?")
    words = dict(part.split("=", 1) for part in asked.split("&") if "=" in part)
    kept = {name: value for name, value in words.items() if name not in changed}
    more = urlencode({name: str(value) for name, value in changed.items() if value is not None}, quote_via=quote)
    joined = "&".join([*(f"{name}={value}" for name, value in kept.items()), *([more] if more else [])])
    return f"{path}?{joined}" if joined else path


def tone(word: object) -> str:
    """The tone in which a state is told: yes, no, wait or plain."""
    return TONES.get(str(word), "plain")


def number(value: Any) -> str:
    """A number as people read it; a dash where it is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return figure(value) if isinstance(value, float) else str(value)


def money(value: float | None, currency: str = "") -> str:
    """An amount of money; whole units from a hundred on.

    >>> money(-12345.6, "USD")
    '−12,346 USD'
    """
    if value is None:
        return "–"
    said = f"{abs(value):,.0f}" if abs(value) >= 100 else f"{abs(value):,.2f}"
    sign = "−" if value < 0 and said.strip("0.,") else ""
    return f"{sign}{said} {currency}".strip()


def percent(value: float | None, digits: int = 0) -> str:
    """A share in percent; a dash where it is not known."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def moment(value: datetime | str | None) -> str:
    """A moment in UTC to the minute; a dash where there is none."""
    return "–" if value is None else stamp(value)[:16].replace("T", " ")


def stamp(value: datetime | str) -> str:
    """A moment as ISO 8601 has it."""
    return value if isinstance(value, str) else value.isoformat()
