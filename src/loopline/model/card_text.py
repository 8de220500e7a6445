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


@dataclass(frozen=True)
class Read:
    """A card that was read back: its title, what stands before the first chapter, and the chapters, which have no drawings."""

    title: str
    lead: tuple[Block, ...]
    chapters: tuple[Chapter, ...]


def of_markdown(text: str) -> Read:
    """The card's words from its Markdown; the inverse of `as_markdown`. What is no part of a card's Markdown is read as plain words."""
    title, lead = "", list[Block]()
    chapters: list[tuple[str, list[Block]]] = []
    for part in text.strip().split("\n\n"):
        if part.startswith("## "):
            chapters.append((part[3:], []))
        elif part.startswith("# ") and not title:
            title = "".join(one for one, _ in _runs(part[2:]))
        else:
            (chapters[-1][1] if chapters else lead).append(_read(part))
    return Read(title, tuple(lead), tuple(Chapter(name, tuple(blocks)) for name, blocks in chapters))


def _read(part: str) -> Block:
    lines = part.split("\n")
    if all(line.startswith("- ") for line in lines):
        return Points(tuple("".join(one for one, _ in _runs(line[2:])) for line in lines))
    if len(lines) > 1 and all(line.startswith("| ") and line.endswith(" |") for line in lines):
        head, rule, *rows = (_cells(line) for line in lines)
        return Table(head, tuple(rows), tuple(place for place, cell in enumerate(rule) if not cell.endswith(":")))
    return Words(*(Strong(one) if is_strong else one for one, is_strong in _runs(part)))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(re.sub(r"\\(.)", r"\1", cell) for cell in line[2:-2].split(" | "))


def _runs(text: str) -> list[tuple[str, bool]]:
    """The words with whether they stand out, without their escapes."""
    runs, is_strong = [["", False]], False
    for mark in re.findall(r"\\.|\*\*|.", text, re.DOTALL):
        if mark == "**":
            is_strong = not is_strong
            runs.append(["", is_strong])
        else:
            runs[-1][0] += mark[1:] if len(mark) > 1 else mark
    return [(str(said), bool(strong)) for said, strong in runs if said]
