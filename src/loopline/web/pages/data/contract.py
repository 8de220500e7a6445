"""The contract with its results: each rule, where it is declared, and how many of the delivered rows broke it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loopline.data.keeping import Rule, rules_kept
from loopline.data.quarantine.quarantine import QUARANTINE
from loopline.project import FILE, line_of
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.kept import Kept
from loopline.web.page import Page
from loopline.web.pages.data.shown import ROWS, Part, moved, page_of, table_of, version_of

_PER_PAGE = 100
_ORDER = {"stop": 0, "refuse": 1, "warn": 2}
_KNOWN: Kept[tuple[Rule, ...]] = Kept(8)


@dataclass(frozen=True)
class Ruled:
    """A rule, and the line of the declaration on which it stands; None where no line says it."""

    rule: Rule
    line: int | None

    @property
    def reason(self) -> str:
        """What to look for in the quarantine."""
        return " and ".join(self.rule.columns)


@dataclass(frozen=True)
class Contract:
    """What the page shows: the rules of one table, broken ones first."""

    title: str
    table: str
    tables: tuple[str, ...]
    rules: tuple[Ruled, ...]
    total: int
    broken: int
    only: str
    part: Part
    sees_rows: bool

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        rules = [{**one.rule.as_json(), "file": FILE, "line": one.line} for one in self.rules]
        return {"table": self.table, "tables": list(self.tables), "total": self.total, "broken": self.broken, "page": self.part.page, "rules": rules}


def view(current: Current, asked: Asked) -> Contract:
    """The rules of the table that is asked for."""
    data, table = current.project.declaration.data, table_of(current, asked, sources=True)
    key = (current.project, moved(current), table, version_of(current, QUARANTINE))
    rules = _KNOWN.of(key, lambda: tuple(rules_kept(current.workspace, data, table)))
    broken = sum(not rule.is_kept for rule in rules)
    only = "broken" if asked.query.get("only") == "broken" else ""
    meant = [rule for rule in rules if not only or not rule.is_kept]
    # The order of the declaration stays among rules that fare alike.
    ordered = sorted(meant, key=lambda rule: (rule.is_kept, _ORDER[rule.severity] if not rule.is_kept else 0))
    part = Part(page_of(asked), len(ordered), _PER_PAGE)
    lines = _lines(current)
    shown = tuple(Ruled(rule, lines(rule.where) if rule.where else None) for rule in ordered[part.skip : part.skip + _PER_PAGE])
    return Contract("Contract", table, tuple(data.sources), shown, len(rules), broken, only, part, asked.reader.may(ROWS))


def _lines(current: Current) -> Callable[[str], int]:
    """From a field of the declaration to its line."""
    text = current.project.text
    return lambda where: line_of(text, where)


PAGES = (Page("data contract", "/data/contract", view, "data/contract.html.j2"),)
