"""A card's words as values, and the same words as Markdown and as one HTML page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_MARKDOWN = re.compile(r"([\\`*\[\]<>|])")
_ENVIRONMENT = Environment(loader=PackageLoader("loopline.model"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@dataclass(frozen=True)
class Strong:
    """Words that stand out."""

    text: str


class Words:
    """A paragraph: plain words, and some that stand out."""

    kind = "words"

    def __init__(self, *parts: str | Strong) -> None:
        self.parts = tuple((part.text, True) if isinstance(part, Strong) else (part, False) for part in parts)


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    lines: tuple[str, ...]
    kind = "points"


@dataclass(frozen=True)
class Table:
    """A table; the columns at the places `words` are texts, all others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[int, ...] = (0,)
    kind = "table"


Block = Words | Points | Table


@dataclass(frozen=True)
class Figure:
    """A number that matters, with its name before it and what it is held against after it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Chapter:
    """A chapter with its drawing as SVG, which may be empty."""

    title: str
    blocks: tuple[Block, ...]
    picture: str = ""


@dataclass(frozen=True)
class Card:
    """A card as values: the decision, the one line for whoever reads no further, the numbers that matter, the chapters."""

    title: str
    decision: str
    verdict: str
    figures: tuple[Figure, ...]
    chapters: tuple[Chapter, ...]


def as_markdown(card: Card) -> str:
    """The card as Markdown; what comes from names and values is escaped. It has no drawings."""
    parts = [f"# {_md(card.title)}", f"**Decision:** {_md(card.decision)}", f"**{_md(card.verdict)}**"]
    for chapter in card.chapters:
        parts += [f"## {chapter.title}", *(_block(block) for block in chapter.blocks)]
    return "\n\n".join(parts) + "\n"


def as_html(card: Card) -> str:
    """The card as one HTML page without scripts, light and dark; what comes from names and values is escaped."""
    drawn = [(chapter, Markup(chapter.picture)) for chapter in card.chapters]
    return _ENVIRONMENT.get_template("card.html.j2").render(card=card, drawn=drawn)


def _block(block: Block) -> str:
    if isinstance(block, Words):
        return "".join(f"**{_md(text)}**" if is_strong else _md(text) for text, is_strong in block.parts)
    if isinstance(block, Points):
        return "\n".join(f"- {_md(line)}" for line in block.lines)
    rule = " | ".join("---" if place in block.words else "---:" for place in range(len(block.head)))
    rows = [" | ".join(map(_md, row)) for row in block.rows]
    return "\n".join(f"| {line} |" for line in [" | ".join(map(_md, block.head)), rule, *rows])


def _md(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text.replace("\n", " "))
