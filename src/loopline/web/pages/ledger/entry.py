"""One entry whole: what it says, what it follows from, what follows from it, and the charter under which it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.lineage import charter_of, nearest, parents
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Missing, Page
from loopline.web.rendering import money, number

DEPTH, DEEPEST = 2, 6
MOST = 16
"""So many entries are drawn to either side."""
LEAVES = 300
"""So many values of a body are laid out; the JSON of the page has all of them."""
WIDE, HIGH, GAP_X, GAP_Y = 190, 52, 16, 44
"""Of a box of the drawing, and of what lies between two."""
_ID = re.compile(r"\d{1,18}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Line:
    """A line of a body as it is laid out.

    Parameters
    ----------
    depth
        How far it is set in.
    to
        The id of the entry that the value names; empty where it names none.
    """

    depth: int
    name: str
    value: str
    to: str = ""


@dataclass(frozen=True)
class Box:
    """An entry in the drawing of its lineage."""

    entry: Entry
    x: float
    y: float
    is_here: bool = False


@dataclass(frozen=True)
class Graph:
    """A lineage to look at: what is followed from above, what follows below."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Whole:
    """An entry and what stands around it.

    Parameters
    ----------
    charter
        Id of the charter under which it was made; None where there was none.
    body
        Its body, line by line; `is_cut` where there are more lines than are shown.
    above, below
        How far away, the entry, and the id of the one through which it is near.
    depth
        How far away entries are looked for.
    """

    entry: Entry
    charter: str | None
    body: tuple[Line, ...]
    is_cut: bool
    above: tuple[tuple[int, Entry, str], ...]
    below: tuple[tuple[int, Entry, str], ...]
    depth: int

    @property
    def title(self) -> str:
        """The entry's kind and place."""
        return f"{self.entry.kind} {self.entry.seq}"

    @property
    def deeper(self) -> int:
        """How far away to look next; 0 where nothing more is found so."""
        found = [away for away, *_ in (*self.above, *self.below)]
        return self.depth + 2 if self.depth < DEEPEST and max(found, default=0) == self.depth else 0

    @property
    def graph(self) -> Graph:
        """The lineage as a drawing."""
        return drawn(self.entry, self.above, self.below)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""

        def near(found: Sequence[tuple[int, Entry, str]]) -> list[dict[str, Any]]:
            return [{"away": away, "through": through, **one.as_json()} for away, one, through in found]

        return {**self.entry.as_json(), "charter": self.charter, "above": near(self.above), "below": near(self.below)}


def view(current: Current, asked: Asked) -> Whole:
    """The entry with the id in the address; its place alone is enough.

    Raises
    ------
    Missing
        When there is none.
    """
    ledger, said = current.workspace.ledger, asked.query.get("depth", "")
    depth = min(DEEPEST, max(1, int(said))) if said.isascii() and said.isdecimal() and len(said) < 4 else DEPTH
    try:
        entry = ledger.get(asked.path["id"])
    except Mistake as mistake:
        raise Missing(mistake.what, remedy="the entries are listed on the page of the ledger") from None
    body = laid_out(entry.body)
    return Whole(
        entry=entry,
        charter=charter_of(current.state, entry),
        body=tuple(body[:LEAVES]),
        is_cut=len(body) > LEAVES,
        above=tuple(nearest(entry, partial(parents, ledger), depth=depth, most=MOST)),
        below=tuple(nearest(entry, partial(ledger.children, limit=MOST), depth=depth, most=MOST)),
        depth=depth,
    )


def laid_out(value: Any, name: str = "", depth: int = 0) -> list[Line]:
    """A plain value, line by line: what stands in something is set in below it."""
    if isinstance(value, Mapping) and value:
        head = [Line(depth, name, "")] if name else []
        return head + [line for key, one in value.items() for line in laid_out(one, str(key), depth + bool(name))]
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping | list | tuple) for one in value):
        return [Line(depth, name, "")] + [line for at, one in enumerate(value, 1) for line in laid_out(one, f"{at}.", depth + 1)]
    if isinstance(value, list | tuple):
        return [Line(depth, name, ", ".join(map(_said, value)) or "none")]
    said = _said(value)
    return [Line(depth, name, said, said if _ID.fullmatch(said) else "")]


def _said(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # As people read it; the page as JSON has every digit.
    if isinstance(value, float):
        return money(value) if abs(value) >= 1 else number(value)
    return str(value)


def drawn(entry: Entry, above: Sequence[tuple[int, Entry, str]], below: Sequence[tuple[int, Entry, str]]) -> Graph:
    """The drawing of a lineage: a row for each distance, the farthest ancestors at the top."""
    rows: dict[int, list[tuple[Entry, str]]] = {0: [(entry, "")]}
    for sign, found in ((-1, above), (1, below)):
        for away, one, through in found:
            rows.setdefault(sign * away, []).append((one, through))
    width = max(len(row) for row in rows.values()) * (WIDE + GAP_X) - GAP_X
    placed: dict[str, tuple[int, Box]] = {}
    for at, (row, entries) in enumerate(sorted(rows.items())):
        left = (width - len(entries) * (WIDE + GAP_X) + GAP_X) / 2
        for place, (one, _) in enumerate(entries):
            placed[one.id] = row, Box(one, left + place * (WIDE + GAP_X), at * (HIGH + GAP_Y), is_here=row == 0)
    lines = [_line(placed, one.id, through, row) for row, entries in rows.items() for one, through in entries if through]
    height = len(rows) * (HIGH + GAP_Y) - GAP_Y
    return Graph(tuple(box for _, box in placed.values()), tuple(lines), width, height)


def _line(placed: Mapping[str, tuple[int, Box]], id: str, through: str, row: int) -> tuple[float, float, float, float]:
    """From the foot of the one above to the head of the one below."""
    upper, lower = (id, through) if row < 0 else (through, id)
    (_, top), (_, bottom) = placed[upper], placed[lower]
    return top.x + WIDE / 2, top.y + HIGH, bottom.x + WIDE / 2, bottom.y


PAGES = (Page("entry", "/ledger/entries/{id}", view, "entry.html.j2"),)
