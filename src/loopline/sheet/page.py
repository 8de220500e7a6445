"""A page as one HTML file: no script, no link, every text escaped; light and dark, for a desk, a telephone and a printer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loopline import charts


@dataclass(frozen=True)
class Picture:
    """A chart that is drawn when somebody looks: `draw` gives it at a width."""

    name: str
    draw: Callable[[int], charts.Spec]

    @property
    def wide(self) -> Markup:
        """For a desk."""
        return self._at(charts.WIDE)

    @property
    def narrow(self) -> Markup:
        """For a telephone."""
        return self._at(charts.NARROW)

    def _at(self, width: int) -> Markup:
        # The SVG is made by our own renderer from values that it escapes: it is markup, not text.
        return Markup(charts.svg(self.draw(width)))


def rendered(room: str, template: str, **values: Any) -> str:
    """A page from a room's template, which extends ``sheet.html.j2`` and may use the parts of ``parts.html.j2``.

    Parameters
    ----------
    room
        The package in whose folder ``templates`` it lies.
    """
    loader = ChoiceLoader([PackageLoader(room), PackageLoader("loopline.sheet")])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template).render(dark=Markup(charts.dark_css("figure")), **values)
