"""Whether the data is ready: what the charter and the model want of it, against what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.data.readiness.verdict import Verdict, verdict
from loopline.lake.tables import Tables
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.kept import Kept
from loopline.web.page import Page
from loopline.web.pages.data.shown import ROWS, is_there, version_of

_READ = ("predictions", "outcomes")
_FEW_ROWS = 100_000
"""Of so many rows the verdict is found while a reader waits for another page; of more, on the page that is about it."""
_KNOWN: Kept[Verdict] = Kept(8)


@dataclass(frozen=True)
class Readiness:
    """What the page shows; no verdict where nothing was taken in yet."""

    title: str
    verdict: Verdict | None
    sees_rows: bool

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, as the command gives them."""
        return {"ready": None, "findings": [], "next": "loopline run --until data"} if self.verdict is None else self.verdict.as_json()


def view(current: Current, asked: Asked) -> Readiness:
    """The verdict with each finding."""
    there = is_there(current, current.project.declaration.data.main)
    return Readiness("Is the data ready?", _KNOWN.of(_key(current), lambda: _found(current)) if there else None, asked.reader.may(ROWS))


def at_hand(current: Current) -> Verdict | None:
    """The verdict, where it is known already or quickly found."""
    tables = Tables(current.workspace.lake)
    names = (current.project.declaration.data.main, *_READ)
    if not is_there(current, names[0]):
        return None
    key = _key(current)
    if (known := _KNOWN.known(key)) is not None:
        return known
    rows = sum(tables.version(name).rows for name in names if is_there(current, name))
    return _KNOWN.of(key, lambda: _found(current)) if rows <= _FEW_ROWS else None


def _key(current: Current) -> tuple[Any, ...]:
    """What a verdict rests on: the declaration, the tables that are read, and the day, for it tells how old things are."""
    versions = [version_of(current, name) for name in (current.project.declaration.data.main, *_READ)]
    return current.project, current.at.date(), *versions


def _found(current: Current) -> Verdict:
    declared = current.project.declaration
    return verdict(declared.data, declared.charter, Tables(current.workspace.lake), test_share=declared.model.split.test)


PAGES = (Page("data ready", "/data/ready", view, "data/ready.html.j2"),)
