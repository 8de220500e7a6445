"""The rows of a version of a table: page by page, and one by itself with all of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.data.edits import pages
from loopline.data.spec import HIDDEN
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Missing, Page
from loopline.web.pages.data.cells import WHOLE, Cell, cell, cells, plain
from loopline.web.pages.data.shown import PER_PAGE, ROWS, Part, is_there, number_of, page_of, table_of

COLUMNS = 24
"""So many columns stand beside each other."""


@dataclass(frozen=True)
class Rows:
    """What the page shows: a part of the rows with a part of the columns; `places` names the rows."""

    title: str
    table: str
    version: int
    newest: int
    columns: Mapping[str, str]
    sort: str
    descending: bool
    part: Part
    across: Part
    head: tuple[str, ...]
    found: pages.Page
    sees_rows: bool = True

    @property
    def rows(self) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
        """Each row's place and its cells."""
        return tuple(zip(self.found.places, (cells(row) for row in self.found.rows.iter_rows()), strict=True))

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; long texts are cut."""
        rows = [{name: plain(value) for name, value in row.items()} for row in self.found.rows.iter_rows(named=True)]
        where = {"sort": self.sort, "descending": self.descending, "page": self.part.page, "columns_page": self.across.page}
        return {"table": self.table, "version": self.version, "total": self.found.total, "columns": dict(self.columns), **where, "rows": rows}


def view(current: Current, asked: Asked) -> Rows:
    """A page of the rows of a version, the newest one where none is named."""
    table, tables = table_of(current, asked), Tables(current.workspace.lake)
    if not is_there(current, table):
        raise Missing(f"there is nothing in {table} yet", remedy="take something in first: loopline run --until data")
    newest = tables.version(table).version
    version = number_of(asked, "version")
    sort, descending = asked.query.get("sort", ""), asked.query.get("order") == "down"
    across, page = Part(page_of(asked, "columns"), 0, COLUMNS), page_of(asked)
    found = pages.page(
        tables,
        table,
        version=version,
        sort=sort,
        descending=descending,
        skip=(page - 1) * PER_PAGE,
        limit=PER_PAGE,
        columns=slice(across.skip, across.skip + COLUMNS),
    )
    across = Part(across.page, len(found.columns), COLUMNS)
    return Rows(
        f"Rows of {table}", table, found.version, newest, found.columns, sort, descending, Part(page, found.total), across, tuple(found.rows.columns), found
    )


@dataclass(frozen=True)
class Row:
    """One row with all of its cells, and where it came from."""

    title: str
    table: str
    version: int
    place: int
    values: Mapping[str, Any]
    origin: Mapping[str, Any]
    sees_rows: bool = True

    @property
    def cells(self) -> tuple[tuple[str, Cell], ...]:
        """Each column with its cell, of which all is shown that a page can bear."""
        return tuple((name, cell(value, WHOLE)) for name, value in self.values.items())

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        cells = {name: plain(value, WHOLE) for name, value in self.values.items()}
        return {"table": self.table, "version": self.version, "place": self.place, **self.origin, "cells": cells}


def one(current: Current, asked: Asked) -> Row:
    """One row of a version."""
    table, tables = table_of(current, asked), Tables(current.workspace.lake)
    said = asked.path["place"]
    if not (said.isascii() and said.isdecimal() and len(said) < 16):
        raise Missing(f"there is no row {said[:40]!r}", remedy="choose it on the page of the rows")
    version = number_of(asked, "version")
    if not is_there(current, table):
        raise Missing(f"there is nothing in {table} yet", remedy="take something in first: loopline run --until data")
    at = tables.version(table).version if version is None else version
    try:
        found = pages.row(tables, table, version=at, place=int(said))
    except Mistake as mistake:
        raise Missing(mistake.what, where=mistake.where, remedy=mistake.remedy) from None
    values = {name: value for name, value in found.items() if name not in HIDDEN}
    origin = {name.strip("_"): found[name] for name in ("__batch", "__line") if name in found}
    return Row(f"A row of {table}", table, at, int(said), values, origin)


PAGES = (
    Page("data rows", "/data/tables/{table}/rows", view, "data/rows.html.j2", ROWS),
    Page("data row", "/data/tables/{table}/rows/{place}", one, "data/row.html.j2", ROWS),
)
