"""Whether the data is ready: what the charter and the model want of it, against what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.data.readiness.verdict import Verdict, verdict
from loopline.lake.tables import Tables
from loopline.web.asked import Asked
from loopline.web.beside import BESIDE
from loopline.web.current import Current
from loopline.web.page import Page
from loopline.web.pages.data.shown import ROWS, is_there, version_of

_READ = ("predictions", "outcomes")


@dataclass(frozen=True)
class Readiness:
    """What the page shows.

    Parameters
    ----------
    verdict
        None where nothing was taken in yet, or it is not known yet.
    """

    title: str
    verdict: Verdict | None
    is_known: bool
    sees_rows: bool

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, as the command gives them, and whether they are known yet."""
        unknown: dict[str, Any] = {"ready": None, "findings": [], "next": "loopline run --until data" if self.is_known else "loopline data ready"}
        return {**(unknown if self.verdict is None else self.verdict.as_json()), "is_known": self.is_known}


def view(current: Current, asked: Asked) -> Readiness:
    """The verdict with each finding."""
    return Readiness("Is the data ready?", *judged(current), asked.reader.may(ROWS))


def judged(current: Current) -> tuple[Verdict | None, bool]:
    """The verdict, and whether it is known yet: of a large log of predictions it takes seconds, and is worked out beside the page."""
    if not is_there(current, current.project.declaration.data.main):
        return None, True
    # It rests on the declaration, the tables that are read, and the day, for it tells how old things are.
    versions = [version_of(current, name) for name in (current.project.declaration.data.main, *_READ)]
    return BESIDE.ask(("ready", current.project, current.at.date(), *versions), lambda: _found(current))


def _found(current: Current) -> Verdict:
    declared = current.project.declaration
    return verdict(declared.data, declared.charter, Tables(current.workspace.lake), test_share=declared.model.split.test)


PAGES = (Page("data ready", "/data/ready", view, "data/ready.html.j2"),)
