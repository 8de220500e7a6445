"""What a document says, whatever form it is given: a verdict, the numbers to decide from, answers, and the detail part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

from loopline import charts

BROAD = 8
"""The number of columns beyond which they stand closer together."""
Tone = Literal["yes", "wait", "no"]


@dataclass(frozen=True)
class Figure:
    """A number that matters, what it is, the interval it lies in, and what it is held against."""

    name: str
    value: str
    between: str
    note: str


@dataclass(frozen=True)
class Answer:
    """What is asked, and the sentences that answer it."""

    asked: str
    says: tuple[str, ...]


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


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    words
        So many columns are texts, the first ones; all others are numbers.
    widest
        The column of texts that takes the room that the others leave; None where none should.
    unbroken
        Columns whose cells stay on one line.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    widest: int | None = None
    unbroken: frozenset[int] = frozenset()

    @property
    def is_broad(self) -> bool:
        """Whether it has so many columns that they stand closer together."""
        return len(self.head) > BROAD


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the detail: sentences, lists under a heading each, a picture, a table, and words of customers that are quoted."""

    name: str
    says: tuple[str, ...] = ()
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    picture: Picture | None = None
    table: Table | None = None
    quotes: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document: its first page is what to decide from.

    Parameters
    ----------
    title
        For a list of files or tabs: the project and the verdict.
    project, kind, made
        Whose it is, what it is, and the day on which it was made.
    question
        What is decided with it, in the project's words.
    label, verdict, says
        The verdict with what stands above it and the sentence that gives its reason.
    next
        The command that comes next.
    notes
        What must be seen before anything else.
    scope
        What the numbers are about.
    first
        The picture to decide from.
    """

    title: str
    project: str
    kind: str
    made: str
    label: str
    verdict: str
    says: str
    tone: Tone
    next: str
    question: str = ""
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    scope: str = ""
    answers: tuple[Answer, ...] = ()
    first: Picture | None = None
    parts: tuple[Part, ...] = ()
