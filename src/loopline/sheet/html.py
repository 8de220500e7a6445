"""A document as one HTML page: no script, no link, every text escaped; light and dark, for a desk, a telephone and a printer."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loopline import charts
from loopline.sheet.document import Document

LOADER = ChoiceLoader([PackageLoader("loopline.sheet"), PackageLoader("loopline.sheet", "static")])
"""The parts of a document and their look, for pages that show one among other things."""
ENVIRONMENT = Environment(loader=LOADER, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def html(document: Document) -> str:
    """The document as a page; its first sheet of A4 is what to decide from."""
    return ENVIRONMENT.get_template("document.html.j2").render(document=document, dark=Markup(charts.dark_css("figure")))
