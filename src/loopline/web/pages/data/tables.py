"""A table with its versions: what was delivered, who edited it and why; and an earlier version made the newest one again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.access.people import reason
from loopline.data.edits import edits
from loopline.data.edits.rows import require_table
from loopline.data.history import Version, history
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.kept import Kept
from loopline.web.page import Action, Form, Page, never
from loopline.web.pages.data.shown import ROWS, Part, about, is_there, moved, number_of, page_of, table_of, version_of
from loopline.web.tasks import restored
from loopline.web.work import Work

_RESTORES = frozenset({"data"})
_KNOWN: Kept[list[Version]] = Kept(32)


@dataclass(frozen=True)
class Table:
    """What the page of a table shows: one part of its versions, newest first."""

    title: str
    table: str
    version: int | None
    rows: int
    is_source: bool
    versions: tuple[Version, ...]
    part: Part
    sees_rows: bool
    restores: bool

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"table": self.table, "version": self.version, "rows": self.rows, "page": self.part.page, "versions": [one.as_json() for one in self.versions]}


def view(current: Current, asked: Asked) -> Table:
    """The versions of a table."""
    table = table_of(current, asked)
    tables = Tables(current.workspace.lake)
    is_source = table in current.project.declaration.data.sources
    rights = {"sees_rows": asked.reader.may(ROWS), "restores": is_source and asked.reader.may(_RESTORES)}
    if not is_there(current, table):
        return Table(table, table, None, 0, is_source, (), Part(1, 0), **rights)
    at = tables.version(table)
    part = Part(page_of(asked), at.version + 1)
    key = (current.workspace.ledger.url, at.id, at.version, moved(current), part)
    found = _KNOWN.of(key, lambda: history(current.workspace, table, limit=part.per_page, skip=part.skip))
    return Table(table, table, at.version, at.rows, is_source, tuple(found), part, **rights)


@dataclass(frozen=True)
class Restore:
    """What a restore would do, to be decided on; `seen` is the table as it is now."""

    title: str
    table: str
    done: edits.Restored
    seen: str
    sees_rows: bool

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return self.done.as_json()


def rehearsal(current: Current, asked: Asked) -> Restore:
    """What becomes of a table when an earlier version holds again."""
    table = table_of(current, asked, sources=True)
    require_table(Tables(current.workspace.lake), table)
    to = number_of(asked, "to")
    if to is None:
        raise Mistake("no version is named", remedy="choose one on the page of the table")
    would = edits.restore(current.workspace, current.project.declaration.data, table, asked=edits.Asked(asked.reader.name, rehearses=True), version=to)
    return Restore(f"Restore {table}", table, would, _seen(current, asked, {}), asked.reader.may(ROWS))


def _seen(current: Current, asked: Asked, form: Form) -> str:
    return seen_of(*version_of(current, table_of(current, asked, sources=True)))


def restore(current: Current, asked: Asked, form: Form) -> Work:
    """Make an earlier version the newest one again."""
    table = table_of(current, asked, sources=True)
    why, to = reason(form.get("why", "")), form.get("to", "")
    if not (to.isascii() and to.isdecimal() and len(to) < 12):
        raise Mistake("no version is named", remedy="choose one on the page of the table")
    return restored(table, why=why, version=int(to))


PAGES = (
    Page(
        "data table",
        "/data/tables/{table}",
        view,
        "data/table.html.j2",
        reported=lambda current: [{"table": name} for name in current.project.declaration.data.sources],
    ),
    Page("data restore", "/data/tables/{table}/restore", rehearsal, "data/restore.html.j2", _RESTORES, reported=never),
)
ACTIONS = (Action("/data/tables/{table}/restore", restore, _RESTORES, _seen, about),)
