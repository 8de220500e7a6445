"""Every fact, newest first, filtered by what it is, whom it is of and when it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.paging import Question
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.moments import moment
from loopline.web.page import Page

EACH = 50
FILTERS = ("kind", "subject", "by", "text", "from", "until")
"""The words of the address by which entries are chosen."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A page of entries.

    Parameters
    ----------
    chosen
        The filters that are set.
    kinds
        The kinds that there are.
    older
        What the address of the next page says; empty where nothing is older.
    is_partial
        Whether more was to be looked through for the text than was looked through for this page.
    """

    entries: tuple[Entry, ...]
    chosen: dict[str, str]
    kinds: tuple[str, ...]
    older: str
    is_first: bool
    is_partial: bool
    title: str = "Ledger"

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """The kinds to choose from, with all of them first."""
        return (("", "every kind"), *((kind, kind) for kind in self.kinds))

    @property
    def newest(self) -> str:
        """What the address of the first page with the same filters says."""
        return f"?{urlencode(self.chosen)}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        before = None if not self.older else int(self.older.rpartition("=")[2])
        return {
            "entries": [entry.as_json() for entry in self.entries],
            "filters": self.chosen,
            "kinds": list(self.kinds),
            "before": before,
            "is_partial": self.is_partial,
        }


def view(current: Current, asked: Asked) -> Listing:
    """The newest entries that the reader asks for.

    Raises
    ------
    Mistake
        When a moment or a place is none.
    """
    chosen = {name: said for name in FILTERS if (said := asked.query.get(name, "").strip())}
    place = asked.query.get("before", "")
    if place and not (place.isascii() and place.isdecimal() and len(place) < 19):
        raise Mistake(f"{place[:40]!r} is no place in the ledger", where="before", remedy="leave it out to see the newest entries")
    question = Question(
        kinds=(chosen["kind"],) if "kind" in chosen else (),
        subject=chosen.get("subject"),
        actor=chosen.get("by"),
        text=chosen.get("text", ""),
        since=moment(chosen.get("from", ""), where="from"),
        until=moment(chosen.get("until", ""), where="until", ends=True),
    )
    ledger = current.workspace.ledger
    found = ledger.page(question, before=int(place) if place else None, limit=EACH)
    return Listing(
        entries=found.entries,
        chosen=chosen,
        kinds=tuple(ledger.kinds()),
        older="" if found.before is None else f"?{urlencode({**chosen, 'before': str(found.before)})}",
        is_first=not place,
        is_partial=found.is_partial,
    )


PAGES = (Page("ledger", "/ledger", view, "ledger.html.j2"),)
