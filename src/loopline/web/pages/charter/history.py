"""The charters that were in force, newest first, with what changed; and the overrides that were said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.charter.statement import changed as changed_fields
from loopline.charter.statement import entered, leaves
from loopline.ledger.entry import Entry
from loopline.release.chartered import signed
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page

SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Version:
    """A charter that was in force.

    Parameters
    ----------
    changes
        Each field that differs from the charter before, with what it said and what it says.
    """

    entry: str
    at: datetime
    is_signed: bool
    changes: tuple[tuple[str, str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """The version as plain values."""
        changes = [{"field": field, "before": before, "after": after} for field, before, after in self.changes]
        return {"entry": self.entry, "at": self.at.isoformat(), "signed": self.is_signed, "changes": changes}


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """An override that was said: of a no-go, or of a spent budget."""

    entry: str
    at: datetime
    what: str
    by: str
    why: str
    until: str

    def as_json(self) -> dict[str, Any]:
        """The override as plain values."""
        return {"entry": self.entry, "at": self.at.isoformat(), "what": self.what, "by": self.by, "why": self.why, "until": self.until or None}


@dataclass(frozen=True, kw_only=True)
class History:
    """The history of the charter."""

    title: str
    versions: tuple[Version, ...]
    overrides: tuple[Spoken, ...]
    newer: int | None
    older: int | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "title": self.title,
            "charters": [one.as_json() for one in self.versions],
            "overrides": [one.as_json() for one in self.overrides],
            "older": self.older,
        }


def history(current: Current, asked: Asked) -> History:
    """The charters that were in force, a page of them."""
    charters = current.state.charters[::-1]
    start = int(text) if (text := asked.query.get("from", "")).isdecimal() and len(text) < 9 else 0
    newest_signed = signed(current.state)
    shown = charters[start : start + SHOWN]
    before = [*charters[start + 1 : start + SHOWN + 1], None]
    versions = tuple(_version(one, other, newest_signed) for one, other in zip(shown, before, strict=False))
    spoken = current.workspace.ledger.read(kinds=("override",), newest_first=True, limit=SHOWN)
    return History(
        title="History of the charter",
        versions=versions,
        overrides=tuple(_spoken(one) for one in spoken),
        newer=max(0, start - SHOWN) if start else None,
        older=start + SHOWN if start + SHOWN < len(charters) else None,
    )


def _version(entry: Entry, before: Entry | None, newest_signed: Entry | None) -> Version:
    is_signed = newest_signed is not None and newest_signed.id == entry.id
    if before is None:
        return Version(entry=entry.id, at=entry.time, is_signed=is_signed, changes=())
    old, new = entered(before), entered(entry)
    was, now = leaves(old), leaves(new)
    changes = tuple((field, _said(was.get(field)), _said(now.get(field))) for field in changed_fields(old, new))
    return Version(entry=entry.id, at=entry.time, is_signed=is_signed, changes=changes)


def _said(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        # A criterion: its words and its check.
        return "; ".join(str(value[part]) for part in ("says", "check") if value.get(part))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _spoken(entry: Entry) -> Spoken:
    what = "a spent budget" if entry.subject == "budget" else "a no-go"
    return Spoken(entry=entry.id, at=entry.time, what=what, by=entry.actor, why=str(entry.body["why"]), until=str(entry.body.get("until") or ""))


PAGES = (Page("charter-history", "/charter/history", history, "charter_history.html.j2"),)
