"""The study and the acceptance criteria, whole: each is a document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loopline.charter.standing import standing
from loopline.sheet.document import Document
from loopline.value.requirements.known import known
from loopline.value.requirements.report import report
from loopline.value.requirements.requirements import following, requirements, summary
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page


@dataclass(frozen=True, kw_only=True)
class Read:
    """A document on a page; where there is none yet, why, and the command by which it comes."""

    title: str
    document: Document | None
    plain: Callable[[], dict[str, Any]]
    lack: str = ""
    command: str = ""

    def as_json(self) -> dict[str, Any]:
        """What the document tells, as plain values."""
        return {"title": self.title, **self.plain()}


def study(current: Current, asked: Asked) -> Read:
    """The newest study."""
    declared, folder = current.project.declaration, current.project.folder
    text = current.project.text
    found = standing(declared.charter, current.state, folder=folder, text=text, today=current.at.date(), has_data=bool(declared.data.sources))
    if found is None:
        return Read(
            title="Study", document=None, plain=lambda: {"study": None}, lack="The charter has not been studied yet.", command="loopline run --until charter"
        )
    document = found.document(current.project.name, declared.charter, next=current.status.next)
    plain = {name: value for name, value in found.facts.items() if name != "binds"}
    return Read(title="Study", document=document, plain=lambda: {**plain, "made": found.made.isoformat(), "overridden": found.overridden or None})


def criteria(current: Current, asked: Asked) -> Read:
    """What the customer asked for, whole."""
    declared = current.project.declaration
    found = requirements(declared.charter, known(current.workspace, declared.charter, declared.release, current.state))
    after, made = following(found), f"{current.at:%Y-%m-%d}"
    document = report(current.project.name, declared.charter, found, made=made, window=declared.watch.window, next=after)
    return Read(
        title="Acceptance criteria",
        document=document,
        plain=lambda: {"says": summary(found), "criteria": [one.as_json() for one in found], "next": after},
    )


PAGES = (
    Page("study", "/charter/study", study, "charter_document.html.j2"),
    Page("criteria", "/charter/criteria", criteria, "charter_document.html.j2"),
)
