"""What a table was made from, down to files and batches: as a picture and as a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from loopline.data.lineage import lineage
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.kept import Kept
from loopline.web.page import Page
from loopline.web.pages.data.pictures import Node, flow
from loopline.web.pages.data.shown import ROWS, moved, table_of, tables_of, version_of

_BATCHES = 10
_KNOWN: Kept[dict[str, Any]] = Kept(16)


@dataclass(frozen=True)
class Made:
    """A table of the list: how deep it stands, and the newest of what was delivered into it."""

    depth: int
    said: Mapping[str, Any]

    @property
    def batches(self) -> tuple[Mapping[str, Any], ...]:
        """The newest batches, newest first."""
        return tuple(self.said["batches"][::-1][:_BATCHES])


@dataclass(frozen=True)
class Lineage:
    """What the page shows."""

    title: str
    table: str
    tables: tuple[str, ...]
    origin: Mapping[str, Any]
    sees_rows: bool

    @property
    def made(self) -> tuple[Made, ...]:
        """The table, and below it what it was made from."""
        return tuple(_walked(self.origin, 0))

    @property
    def picture(self) -> Markup:
        """The tables and files as boxes, from left to right as they are made."""
        return flow(_nodes(self.origin), f"What {self.table} was made from; the list below says the same")

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, as the command gives them."""
        return dict(self.origin)


def _walked(origin: Mapping[str, Any], depth: int) -> Iterator[Made]:
    yield Made(depth, origin)
    for child in origin["made_from"]:
        yield from _walked(child, depth + 1)


def _nodes(origin: Mapping[str, Any]) -> list[Node]:
    """Each table once, and one box for the files of each source."""
    found: dict[str, Node] = {}
    for one in _walked(origin, 0):
        said, name = one.said, one.said["table"]
        if name in found:
            continue
        version = "nothing yet" if said["version"] is None else f"version {said['version']}, {said['rows']:,} rows"
        files = f"files of {name}"
        from_ = tuple(child["table"] for child in said["made_from"]) or ((files,) if said["batches"] else ())
        found[name] = Node(name, name, version, from_)
        if said["batches"]:
            newest = said["batches"][-1]["file"]
            count = len(said["batches"])
            found[files] = Node(files, newest if count == 1 else f"{count:,} batches", "delivered" if count == 1 else f"the newest: {newest}", ())
    return list(found.values())


def view(current: Current, asked: Asked) -> Lineage:
    """What the newest version of a table was made from."""
    table = table_of(current, asked)
    key = (current.project, moved(current), table, version_of(current, table))
    origin = _KNOWN.of(key, lambda: lineage(current.workspace, current.project.declaration.data, table))
    return Lineage(f"Lineage of {table}", table, tuple(tables_of(current)), origin, asked.reader.may(ROWS))


PAGES = (Page("data lineage", "/data/lineage", view, "data/lineage.html.j2"),)
