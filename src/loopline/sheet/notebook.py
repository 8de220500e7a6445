"""Documents and the loop's status in a notebook: plain HTML and SVG without scripts, with a look of their own, for light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from markupsafe import Markup

from loopline import charts
from loopline.errors import Mistake
from loopline.sheet.document import Document
from loopline.sheet.html import ENVIRONMENT, html
from loopline.sheet.plain import markdown
from loopline.sheet.ring import place, ways

SIGNS: Mapping[str, str] = {"done": "✓", "failed": "✗", "waiting": "…", "stale": "·"}
"""How the states of stages are told beside their colours."""
_ROOT = ':root, :root[data-theme="light"]'
_DARK = ':root:not([data-theme="light"])'
_CHOSEN = ':root[data-theme="dark"]'


@dataclass(frozen=True)
class Shown:
    """A document that a notebook shows when a cell ends with it.

    Parameters
    ----------
    document
        What it says.
    """

    document: Document

    @property
    def html(self) -> str:
        """The document as a page that stands by itself."""
        return html(self.document)

    @property
    def markdown(self) -> str:
        """The document as Markdown."""
        return markdown(self.document)

    def __repr__(self) -> str:
        return f"{self.document.title}: {self.document.says}"

    def _repr_html_(self) -> str:
        return _render("notebook_document.html.j2", document=self.document)

    def _repr_markdown_(self) -> str:
        return self.markdown


def shown(document: Document | None) -> Shown:
    """A document for a notebook.

    Raises
    ------
    Mistake
        When there is none.
    """
    if document is None:
        raise Mistake("an earlier Loopline made it, and kept no document", remedy="loopline run")
    return Shown(document)


def of_status(project: str, stages: Sequence[Mapping[str, Any]], *, champion: str | None, waiting: str, next: str) -> str:
    """Where the loop stands as a part of a notebook: the ring, and the stages in words.

    Parameters
    ----------
    stages
        In the order of the loop, each with ``stage``, ``state`` and ``why``.
    """
    placed = [(stage, *place(turn)) for turn, stage in enumerate(stages)]
    return _render("notebook_status.html.j2", project=project, stages=placed, ways=ways(), signs=SIGNS, champion=champion or "", waiting=waiting, next=next)


def _render(template: str, **shown: Any) -> str:
    return ENVIRONMENT.get_template(template).render(**shown, look=Markup(_look()))


@cache
def _look() -> str:
    """The rules of documents, within the part and nowhere else: what surrounds it in a notebook keeps its own look."""
    rules = ENVIRONMENT.get_template("parts.css").render()
    own = "\n".join(line for line in rules.splitlines() if not line.startswith(_CHOSEN)).replace(_ROOT, "&").replace(_DARK, "&")
    return f".loopline {{\n{own}\n@media (prefers-color-scheme: dark) {{\n{charts.dark_css('figure')}\n}}\n}}"
