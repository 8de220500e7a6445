"""Two packages on the same rows: which earns more, whether that is beyond chance, and their pictures side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.charts import HALF, NARROW, WIDE, Spec
from loopline.ledger.entry import Entry, digest
from loopline.model.assessment.pictures import HEADINGS
from loopline.model.comparing import compare as held_against
from loopline.model.comparing import picture
from loopline.model.packages import EVALUATION
from loopline.model.reported import Told, compared
from loopline.model.rivals import both, evidence_of, loaded
from loopline.sheet.document import Picture
from loopline.web.asked import Asked
from loopline.web.beside import BESIDE
from loopline.web.current import Current
from loopline.web.page import Page, never
from loopline.web.pages.model.kept import package_of
from loopline.web.pages.model.package import drawn
from loopline.workspace import Workspace


@dataclass(frozen=True, eq=False)
class _Found:
    """What a comparison found: plain values, and the picture of both by its width."""

    said: Mapping[str, Any]
    drawn: Mapping[int, Spec]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two packages side by side.

    Parameters
    ----------
    said
        As ``loopline model compare --json`` has it; None while it is being made.
    sides
        A heading, and the picture of each; None where one has none.
    lack
        Why there is nothing to compare; empty where there is.
    """

    one: str = ""
    other: str = ""
    said: Mapping[str, Any] | None = None
    differences: Told = Told()
    picture: Picture | None = None
    sides: tuple[tuple[str, Picture | None, Picture | None], ...] = ()
    lack: str = ""

    @property
    def title(self) -> str:
        """Whom it compares."""
        return "Two packages side by side" if self.lack else f"{self.one[:8]} against {self.other[:8]}"

    @property
    def tone(self) -> str:
        """Whether the first earns more: yes, no, or not to be told."""
        worth = None if self.said is None else self.said["differences"].get("worth")
        return "wait" if worth is None else "yes" if worth["low"] > 0 else "no" if worth["high"] < 0 else "wait"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; ``is_ready`` says whether there is an answer yet."""
        return {"one": self.one, "other": self.other, "is_ready": self.said is not None, "lack": self.lack, **(self.said or {})}


def compare(current: Current, asked: Asked) -> Comparison:
    """The packages ``one`` and ``other``, by the beginnings of their digests; by default the newest, and the one that decides or the one before it.

    Raises
    ------
    Mistake
        When there are no such packages, they do not predict the same, or the rows are no longer kept.
    """
    if len(current.state.packages) < 2 and not asked.query.get("other"):
        return Comparison(lack="There are no two packages yet: the next one that is made can be held against the one that is there.")
    first, second = both(current.state, asked.query.get("one") or None, asked.query.get("other") or None)
    found = _found(current, first, second)
    packages = [package_of(current, entry) for entry in (first, second)]
    one, other = ({} if EVALUATION not in package.contents else drawn(package.parsed(EVALUATION)) for package in packages)
    return Comparison(
        one=first.subject,
        other=second.subject,
        said=None if found is None else found.said,
        differences=Told() if found is None else compared(found.said),
        picture=None if found is None or not found.drawn else Picture("What each earns", found.drawn.__getitem__),
        sides=tuple((HEADINGS[name], one.get(name), other.get(name)) for name in HEADINGS if name in one or name in other),
    )


def _found(current: Current, first: Entry, second: Entry) -> _Found | None:
    """The comparison; None while it is being made."""
    charter, workspace = current.project.declaration.charter, current.workspace
    evidence = evidence_of(current.state, workspace.ledger, first, second)
    key = ("comparison", first.subject, second.subject, evidence, digest(charter.fields("worth", "acceptance")))
    return BESIDE.ask(key, lambda: _made(workspace, charter, first.subject, second.subject, evidence))[0]


def _made(workspace: Workspace, charter: CharterSpec, one: str, other: str, evidence: str) -> _Found:
    found = held_against(*loaded(workspace, charter, one, other, evidence))
    specs = {width: picture(found, (one[:8], other[:8]), width=width) for width in (WIDE, HALF, NARROW)}
    return _Found(dict(found.said), {width: spec for width, spec in specs.items() if spec is not None})


# A report does not wait for what is being made.
PAGES = (Page("compare", "/model/compare", compare, "model_compare.html.j2", reported=never),)
