"""The newest study of a charter with what must be seen beside it: who goes on in spite of it, and what nobody has answered yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from loopline.charter.asked import asked_of
from loopline.charter.binding import bound_once
from loopline.charter.override import SUBJECT, Override, no_go
from loopline.charter.report.report import report
from loopline.charter.spec import CharterSpec
from loopline.declaration import counted
from loopline.ledger.state import State
from loopline.sheet.document import Document


@dataclass(frozen=True)
class Standing:
    """The newest study.

    Parameters
    ----------
    facts
        Of the study's step.
    stops
        Whether it is a no-go that nobody has overridden.
    overridden
        Who goes on in spite of it; empty where nobody does.
    trouble
        Why the data could not be read; empty where they could, or nobody asked.
    """

    facts: Mapping[str, Any]
    made: datetime
    stops: bool
    overridden: str
    open_questions: int
    trouble: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be seen beside the study itself."""
        asked = f"{counted(self.open_questions, 'question is', 'questions are')} open: what is reckoned with in their place is a guess."
        unread = [f"The data could not be read: {self.trouble}."] if self.trouble else []
        return (*unread, *([f"{self.overridden[:1].upper()}{self.overridden[1:]}."] if self.overridden else []), *([asked] if self.open_questions else []))

    def document(self, project: str, charter: CharterSpec, *, next: str) -> Document:
        """The study as a document."""
        return report(project, charter, self.facts, made=f"{self.made:%Y-%m-%d}", next=next, notes=self.notes)


def standing(charter: CharterSpec, state: State, *, folder: Path, text: str, today: date, has_data: bool, trouble: str = "") -> Standing | None:
    """The newest study as it stands today; None before there is one.

    Parameters
    ----------
    folder
        Where the price book lies.
    text
        The declaration, which has the marks of questions that are open.
    has_data
        Whether there are data to look at.
    """
    entry = state.latest.get(("charter", "study"))
    if entry is None:
        return None
    facts = entry.body["facts"]
    said = Override.of(state.overrides.get(SUBJECT), facts["binds"], bound_once(charter))
    overridden = said.says(facts, today) if facts["verdict"] == "no-go" and said is not None and said.holds(facts, today) else ""
    open_questions = 0 if charter.template is None else sum(one.is_open for one in asked_of(charter, folder, text)[1])
    stops = bool(no_go(facts, said, today=today, has_data=has_data))
    return Standing(facts, entry.time, stops, overridden, open_questions, trouble)
