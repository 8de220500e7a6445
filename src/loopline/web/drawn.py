"""Pictures that pages show: kept as Vega-Lite specs under their digests, and drawn when a browser asks for them."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from loopline import charts
from loopline.charts import Spec
from loopline.sheet.document import Picture

KEPT = 600
Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
WIDTHS = {"narrow": charts.NARROW, "half": charts.HALF}
"""What the address of a picture calls its widths; it is drawn for a desk where it names none."""
Drawable = Spec | Picture | Callable[[int], Spec]
Roles = frozenset[str] | None


@dataclass(frozen=True)
class Drawing:
    """A picture of a page, for those who may see the page."""

    digest: str
    name: str
    draw: Callable[[int], Spec]
    project: str
    roles: Roles


class Drawings:
    """The pictures of the pages that were looked at lately. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[str, Drawing] = OrderedDict()
        self._drawn: OrderedDict[tuple[str, int, Theme], bytes] = OrderedDict()

    def keep(self, what: Drawable, *, project: str, roles: Roles) -> Drawing:
        """The picture, to be asked for by its digest."""
        draw, name = _drawer(what)
        spec = draw(charts.WIDE)
        # The project is part of it: whoever may see one project's picture has not seen another's.
        digest = hashlib.sha256(f"{project}\n{sorted(roles or ())}\n{json.dumps(spec, sort_keys=True, default=str)}".encode()).hexdigest()[:40]
        made = Drawing(digest, name or str(spec.get("description", "")), draw, project, roles)
        with self._lock:
            self._kept[digest] = made
            self._kept.move_to_end(digest)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def find(self, project: str, digest: str) -> Drawing | None:
        """The picture with the digest; None where it is not known, or no longer."""
        with self._lock:
            found = self._kept.get(digest)
        return found if found is not None and found.project == project else None

    def svg(self, drawing: Drawing, width: int, theme: Theme) -> bytes:
        """The picture as SVG; one that was drawn lately is not drawn again."""
        key = (drawing.digest, width, theme)
        with self._lock:
            if (known := self._drawn.get(key)) is not None:
                self._drawn.move_to_end(key)
                return known
        made = themed(charts.svg(drawing.draw(width)), theme).encode()
        with self._lock:
            self._drawn[key] = made
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        return made


def themed(svg: str, theme: Theme) -> str:
    """A picture that stands by itself for light and dark pages."""
    if theme == "light":
        return svg
    rules = charts.dark_css(":root").replace(":root svg ", "")
    style = rules if theme == "dark" else f"@media (prefers-color-scheme: dark){{{rules}}}"
    head, _, rest = svg.partition(">")
    return f"{head}><style>{style}</style>{rest}"


def _drawer(what: Drawable) -> tuple[Callable[[int], Spec], str]:
    if isinstance(what, Picture):
        return what.draw, what.name
    if callable(what):
        return what, ""
    return lambda width: what if width == charts.WIDE else {**what, "width": width}, ""
