"""The value's first page: what was earned against what was promised, what is recommended, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.errors import Mistake
from loopline.sheet.document import Document, Figure, Part
from loopline.value.newest import document_of, made_in_words, newer, newest, windows_of
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page
from loopline.web.pages.value.experiments import Compared, compared

_SHOWN = ("What the model causes", "Worth by segment", "What customers said")
"""The parts of the review that are read here; all of them are on its own page."""
_WINDOWS = 14


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """What is not known yet, why, and what makes it known."""

    what: str
    why: str
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Value:
    """The value's page.

    Parameters
    ----------
    facts
        Of the newest review; None before there is one.
    document
        The same as a document.
    windows
        What each of the newest windows earned, newest first.
    made
        When the review was made, and from what.
    newer
        What has come since.
    unknown
        What is not known yet, and why.
    cost
        What a month costs, in words; empty where nothing tells.
    """

    title: str
    facts: Mapping[str, Any] | None
    document: Document | None
    windows: tuple[Mapping[str, Any], ...]
    made: str
    newer: tuple[str, ...]
    unknown: tuple[Unknown, ...]
    cost: tuple[str, ...]
    experiments: tuple[Compared, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The numbers to decide from."""
        return () if self.document is None else self.document.figures

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the review that are read here."""
        return () if self.document is None else tuple(part for part in self.document.parts if part.name in _SHOWN)

    @property
    def rows(self) -> tuple[tuple[str | int | float | None, ...], ...]:
        """The newest windows as rows."""
        return tuple(map(earned, self.windows))

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "title": self.title,
            "review": None if self.facts is None else dict(self.facts),
            "windows": [dict(one) for one in self.windows],
            "newer": list(self.newer),
            "unknown": [{"what": one.what, "why": one.why, "next": one.command} for one in self.unknown],
            "cost": list(self.cost),
            "experiments": [one.as_json() for one in self.experiments],
        }


def value(current: Current, asked: Asked) -> Value:
    """What was earned, as the newest review tells it."""
    lake, state, charter = current.workspace.lake, current.state, current.project.declaration.charter
    lacks, facts = [], None
    try:
        facts = newest(state)
    except Mistake as mistake:
        lacks.append(Unknown(what="What was earned", why=f"{mistake.what}: {_stands(current)}", command=current.status.next or mistake.remedy))
    if facts is not None and facts["realised"] is None:
        known = "" if charter.outcome_known is None else f"; what happened is known {charter.outcome_known}"
        lacks.append(Unknown(what="What was earned", why=f"no outcome of a served decision has come yet{known}", command=facts["next"]))
    if charter.target is None:
        lacks.append(Unknown(what="Whether it is enough", why="the charter has no target, such as target: 400000 per year"))
    if not charter.worth.is_priced:
        lacks.append(Unknown(what="What it is worth in money", why="the charter has no prices yet, and points are counted: charter.worth"))
    cost = state.facts("value", "cost")
    if cost is None:
        lacks.append(Unknown(what="What it costs", why="the charter names no prices of machines and people, or nothing has been reckoned yet: charter.prices"))
    return Value(
        title="Value",
        facts=facts,
        document=None if facts is None else document_of(lake, facts),
        windows=() if facts is None else tuple(windows_of(lake, facts)[-_WINDOWS:][::-1]),
        made="" if facts is None else made_in_words(facts["made_from"], state.latest["value", "review"].time),
        newer=tuple(newer((one.stage, one.state, one.why) for one in current.status.stages)),
        unknown=tuple(lacks),
        cost=() if cost is None else (cost["says"], *cost["profit"]["says"]),
        experiments=compared(current),
    )


def _stands(current: Current) -> str:
    """Where the loop stands, for somebody who waits for its end."""
    at = next((one for one in current.status.stages if one.state != "done"), None)
    return "the loop is through" if at is None else f"the loop stands at {at.stage}, {at.why}"


def earned(window: Mapping[str, Any]) -> tuple[str | int | float | None, ...]:
    """A window as a row: when, how many, what each earned between which ends, and what it is held against."""
    start = str(window["start"])[:16].removesuffix("T00:00").replace("T", " ")
    return start, *(window[name] for name in ("rows", "outcomes", "per_decision", "low", "high", "target", "baseline", "perfect"))


PAGES = (Page("value", "/value", value, "value.html.j2"),)
