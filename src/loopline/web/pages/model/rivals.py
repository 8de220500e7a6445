"""Two candidates of the newest search, by what their trials measured on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.declaration import figure
from loopline.model.candidates import Trial, is_no_poorer
from loopline.model.reported import Told
from loopline.plots import Axis, Curve, curves
from loopline.sheet.document import Picture
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page, never
from loopline.web.pages.model.candidate import CandidatePage, candidate

_FIELDS = ("family", "weighting", "effort", "seconds", "worked_s", "scored_us")
"""What is told of a trial beside its metrics and its parameters."""


@dataclass(frozen=True, kw_only=True)
class Rivals:
    """Two candidates side by side.

    Parameters
    ----------
    says
        Which earns more, and whether that is beyond what chance gives.
    tone
        Whether the first earns more: yes, no, or not to be told.
    """

    one: CandidatePage
    other: CandidatePage
    says: str
    tone: str
    metrics: Told
    made_of: Told
    picture: Picture | None

    @property
    def title(self) -> str:
        """Whom it compares."""
        return f"Candidate {self.one.place} against candidate {self.other.place}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"one": self.one.as_json(), "other": self.other.as_json(), "says": self.says, "differences": _differences(self.one.said, self.other.said)}


def rivals(current: Current, asked: Asked) -> Rivals:
    """The candidates ``one`` and ``other``, by their keys.

    Raises
    ------
    Missing
        When the newest search has no such candidate.
    """
    one, other = (candidate(current, Asked(asked.reader, {}, {"key": asked.query.get(side, "")})) for side in ("one", "other"))
    says, tone = _verdict(one, other)
    return Rivals(one=one, other=other, says=says, tone=tone, metrics=_metrics(one, other), made_of=_made_of(one, other), picture=_picture(one, other))


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float | None]:
    """By how much each metric of the first is above the other's; None where one was not measured."""
    both = {name: (one["metrics"].get(name), other["metrics"].get(name)) for name in (*one["metrics"], *other["metrics"])}
    return {name: None if first is None or second is None else first - second for name, (first, second) in both.items()}


def _verdict(one: CandidatePage, other: CandidatePage) -> tuple[str, str]:
    first, second = Trial.of_json(one.trial), Trial.of_json(other.trial)
    if first.worth is None or second.worth is None:
        lacking = " and ".join(f"candidate {page.place}" for page in (one, other) if page.said["worth"] is None)
        return f"There is nothing to tell them apart by: {lacking} could not be measured.", "wait"
    gap = first.worth - second.worth
    richer, poorer = (first, second) if gap >= 0 else (second, first)
    is_sure = len(first.blocks) == len(second.blocks) and not is_no_poorer(poorer, richer)
    side = "more" if gap >= 0 else "less"
    chance = "beyond what chance gives" if is_sure else "which is within what chance gives"
    says = f"Candidate {one.place} earns {figure(abs(gap))} {one.currency} {side} per decision than candidate {other.place}, {chance}."
    return says, "wait" if not is_sure else "yes" if gap > 0 else "no"


def _metrics(one: CandidatePage, other: CandidatePage) -> Told:
    first, second = one.said["metrics"], other.said["metrics"]
    rows = tuple((name.replace("_", " "), first.get(name), second.get(name), gap) for name, gap in _differences(one.said, other.said).items())
    return Told(head=("measure", *_heads(one, other), "difference"), rows=rows)


def _made_of(one: CandidatePage, other: CandidatePage) -> Told:
    """In what they differ: how they were made, and what that took."""
    pairs = [*((name.replace("_", " "), one.trial[name], other.trial[name]) for name in _FIELDS), *_pairs(one.said["params"], other.said["params"])]
    rows = [(name, _plain(first), _plain(second)) for name, first, second in pairs if first != second]
    return Told(head=("", *_heads(one, other)), rows=tuple(rows), words=3)


def _pairs(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(name, one.get(name), other.get(name)) for name in dict.fromkeys((*one, *other))]


def _plain(value: Any) -> str:
    return "–" if value is None else figure(value) if isinstance(value, float) else str(value)


def _heads(one: CandidatePage, other: CandidatePage) -> Sequence[str]:
    return f"candidate {one.place}", f"candidate {other.place}"


def _picture(one: CandidatePage, other: CandidatePage) -> Picture | None:
    """What each block of neighbouring rows was worth to either."""
    drawn = [
        Curve(name=name, x=[float(at) for at in range(1, len(page.trial["blocks"]) + 1)], y=[float(block) for block in page.trial["blocks"]])
        for name, page in zip(_heads(one, other), (one, other), strict=True)
        if len(page.trial["blocks"]) > 1
    ]
    if len(drawn) < 2 or one.key == other.key:
        return None
    return Picture(
        "Worth by blocks of neighbouring rows",
        lambda width: curves(
            drawn,
            title=_verdict(one, other)[0],
            note="Two candidates are told apart by the differences of their blocks.",
            x=Axis(title="block of neighbouring rows that were judged"),
            y=Axis(title=f"{one.currency} per decision"),
            width=width,
        ),
    )


PAGES = (Page("compare candidates", "/model/compare/candidates", rivals, "model_rivals.html.j2", reported=never),)
