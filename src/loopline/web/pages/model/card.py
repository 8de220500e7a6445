"""A package's card for a business reader: as a page, and as a file to hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.model.card_text import Read, of_markdown
from loopline.model.package import written
from loopline.model.packages import named
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Download, File, Missing, Page
from loopline.web.pages.model.explain import OF_ROWS
from loopline.web.pages.model.kept import package_of, trusted
from loopline.web.pages.model.package import reported_of

_TYPES = {"card.md": "text/markdown; charset=utf-8", "card.html": "text/html; charset=utf-8"}


@dataclass(frozen=True, kw_only=True)
class CardPage:
    """A card, with who signed the package."""

    package: str
    card: Read
    text: str
    signed_by: str
    files: tuple[str, ...]
    reads_rows: bool

    @property
    def title(self) -> str:
        """Whose card it is."""
        return f"Card of package {self.package[:12]}"

    def as_json(self) -> dict[str, Any]:
        """The same as ``loopline model card --json`` has it."""
        return {"package": self.package, "signed_by": self.signed_by, "output": None, "card": self.text}


def card(current: Current, asked: Asked) -> CardPage:
    """The card of the package whose digest begins as the path says.

    Raises
    ------
    Mistake
        When there is no such package.
    """
    package = package_of(current, named(current.state, asked.path["digest"]))
    text = package.text("card.md")
    return CardPage(
        package=package.digest,
        card=of_markdown(text),
        text=text,
        signed_by=trusted(current).require(package.digest, written(package.manifest)),
        files=tuple(name for name in _TYPES if name in package.contents),
        reads_rows=asked.reader.may(OF_ROWS),
    )


def file(current: Current, asked: Asked) -> File:
    """The card as the package has it: ``card.md`` or ``card.html``."""
    name = asked.path["file"]
    package = package_of(current, named(current.state, asked.path["digest"]))
    if name not in _TYPES or name not in package.contents:
        raise Missing("the package has no such file to hand on", where=name[:40], remedy="its card names those that there are")
    stem, _, ending = name.partition(".")
    return File(f"{stem}-{package.digest[:12]}.{ending}", _TYPES[name], package.contents[name])


PAGES = (Page("card", "/model/packages/{digest}/card", card, "model_card.html.j2", reported=reported_of),)
DOWNLOADS = (Download("/model/packages/{digest}/files/{file}", file),)
