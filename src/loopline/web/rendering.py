"""Views laid out as HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from math import floor, isfinite, log10
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
from loopline.web.folding import parted, stacked
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
_TINY = 1e-8
_WHOLE = 1000
"""Where the largest number of a column is so large, its digits behind the point say nothing."""
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
    token
        The token of the forms.
    maker
        By what a form tells for whom it was made, once they are signed in no more; empty where nobody signs in.
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
    maker: str = ""
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
    return parted(stacked(_environment().get_template(template).render(view=view, page=setting)))


def inner(template: str, view: Any, setting: Setting) -> str:
    """What the view's page shows, without what stands around it."""
    return parted(stacked(_environment(bare=True).get_template(template).render(view=view, page=setting)))


@cache
def _environment(*, bare: bool = False) -> Environment:
    around = [DictLoader({"page.html.j2": "{% block main %}{% endblock %}"})] if bare else []
    found = ChoiceLoader([*around, PackageLoader("loopline.web"), PrefixLoader({"sheet": SHEETS})])
    made = Environment(loader=found, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"static": static, "tone": tone, "sign": SIGNS.__getitem__, "query": query, "rows_roles": SEE_ROWS}
    filters: dict[str, Callable[..., Any]] = {
        "number": number,
        "aligned": aligned,
        "money": money,
        "moment": moment,
        "stamp": stamp,
        "percent": percent,
        "sentence": sentence,
        "seen": seen_of,
    }
    made.filters |= filters
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
    """A number as people read it; a dash where it is not known.

    >>> number(4.823e-07), number(-1e-12), number(0.25), number(-0.0)
    ('0.00000048', 'almost 0', '0.25', '0')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    # Nought has no sign.
    said = figure(value + 0.0)
    if "e-" not in said:
        return said.replace("-", "−")
    # Nobody but those who reckon reads powers of ten.
    return f"{value:.{1 - int(said.partition('e')[2])}f}" if abs(value) >= _TINY else "almost 0"


def aligned(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows of plain values as people read them, each column of numbers with as many digits behind the point; texts stay what they are.

    >>> aligned([("a", 24.52, 3), ("b", -0.07867, 4000), ("c", 0.001, None)])
    [['a', '24.52', '3'], ['b', '−0.08', '4,000'], ['c', '0.001', '–']]
    """
    said = []
    for column in zip(*rows, strict=True):
        sizes = [abs(one) for one in column if isinstance(one, float) and isfinite(one)]
        digits = min(4, max(0 if max(sizes) >= _WHOLE else 2, 3 - floor(log10(max(sizes))))) if any(sizes) else 0
        said.append([_at(one, digits) for one in column])
    return [list(row) for row in zip(*said, strict=True)]


def _at(value: Any, digits: int) -> Any:
    if isinstance(value, str):
        return value
    # What would round to nothing is not nothing.
    if not isinstance(value, float) or not isfinite(value) or not round(value, digits):
        return number(value)
    return f"{value:,.{digits}f}".replace("-", "−")


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


def sentence(text: str) -> str:
    """A text with a capital at its beginning, unless it begins with what is written in its own way: an address, a field, a number.

    >>> sentence("it waits"), sentence("pete@hire.example may not")
    ('It waits', 'pete@hire.example may not')
    """
    return text[:1].upper() + text[1:] if text.partition(" ")[0].rstrip(",.:;").replace("-", "").isalpha() else text


def moment(value: datetime | str | None) -> str:
    """A moment in UTC to the minute; a dash where there is none."""
    return "–" if value is None else stamp(value)[:16].replace("T", " ")


def stamp(value: datetime | str) -> str:
    """A moment as ISO 8601 has it."""
    return value if isinstance(value, str) else value.isoformat()
