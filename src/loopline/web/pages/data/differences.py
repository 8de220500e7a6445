"""What differs between two versions of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from loopline.data.edits.diff import Difference, diff
from loopline.data.edits.rows import require_table
from loopline.lake.tables import Tables
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.kept import Kept
from loopline.web.page import Page
from loopline.web.pages.data.cells import Cell, cell, cells, plain
from loopline.web.pages.data.rows import COLUMNS
from loopline.web.pages.data.shown import ROWS, number_of, table_of

MOST_ROWS = 200_000
"""Of so many rows that may differ the difference is found while a reader waits."""
_SAMPLES = 20
_KNOWN: Kept[Difference] = Kept(32)


@dataclass(frozen=True)
class Change:
    """A row that changed: its key, and what its cells were and are."""

    key: tuple[tuple[str, Cell], ...]
    cells: tuple[tuple[str, Cell, Cell], ...]


@dataclass(frozen=True)
class Differences:
    """What the page shows; no difference where too many rows would have to be compared: `rows` says how many."""

    title: str
    table: str
    one: int
    other: int
    newest: int
    rows: int
    found: Difference | None
    sees_rows: bool = True

    @property
    def samples(self) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[Cell, ...], ...]], ...]:
        """The first rows that came and went, each kind with its columns."""
        if self.found is None:
            return ()
        frames = {"Rows that came": self.found.came, "Rows that went": self.found.went}
        return tuple(
            (name, tuple(frame.columns[:COLUMNS]), tuple(cells(row[:COLUMNS]) for row in frame.iter_rows())) for name, frame in frames.items() if frame.height
        )

    @property
    def changes(self) -> tuple[Change, ...]:
        """The first rows that changed."""
        told = () if self.found is None else self.found.changes
        return tuple(
            Change(
                tuple((name, cell(value)) for name, value in named.items()),
                tuple((column, cell(was), cell(now)) for column, (was, now) in list(pairs.items())[:COLUMNS]),
            )
            for named, pairs in told
        )

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, as the command gives them; long texts are cut."""
        if self.found is None:
            return {"table": self.table, "from": self.one, "to": self.other, "too_many": self.rows}
        said: dict[str, Any] = _cut(self.found.as_json())
        return said


def _cut(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _cut(part) for name, part in value.items()}
    return [_cut(part) for part in value] if isinstance(value, (list, tuple)) else plain(value)


def view(current: Current, asked: Asked) -> Differences:
    """What differs between two versions, the two newest ones where none are named."""
    table, tables = table_of(current, asked), Tables(current.workspace.lake)
    require_table(tables, table)
    at = tables.version(table)
    named = number_of(asked, "to")
    other = at.version if named is None else named
    named = number_of(asked, "from")
    one = max(0, other - 1) if named is None else named
    key = (at.id, one, other, current.project.declaration.data.key_of(table))
    found = _KNOWN.known(key)
    rows = 0 if found is not None else max(int(side.select(pl.len()).collect().item()) for side in tables.apart(table, one, other))
    if found is None and rows <= MOST_ROWS:
        found = _KNOWN.of(key, lambda: diff(tables, table, one, other, key=key[3], samples=_SAMPLES))
    return Differences(f"What differs in {table}", table, one, other, at.version, rows, found)


PAGES = (Page("data diff", "/data/tables/{table}/diff", view, "data/diff.html.j2", ROWS),)
