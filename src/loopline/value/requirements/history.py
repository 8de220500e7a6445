"""What happened to an acceptance criterion: packages judged by it, reviews in which it turned, changes of what it asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from loopline.charter.spec import Criterion

Body = Mapping[str, Any]
ACCEPTANCE = "acceptance "
"""What the name of a criterion's gate begins with; its id follows."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a criterion.

    Parameters
    ----------
    kind
        ``package``: one was judged by it before a release. ``review``: it turned on what really happened. ``charter``: what is asked for changed.
    says
        What was found, or what changed.
    check
        What was asked for then; None where nothing checked it.
    value, limit
        The number and what it was held to; None where it was not one number.
    passed
        Whether it held; None where nothing was judged.
    package
        Which one was judged; empty elsewhere.
    waived
        By whom a package was let through in spite of it, and why; empty where it was not.
    """

    at: datetime
    kind: Literal["package", "review", "charter"]
    says: str
    check: str | None
    value: float | None = None
    limit: float | None = None
    passed: bool | None = None
    package: str = ""
    waived: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        # All are plain: `asdict` copies each deeply, which takes 0.1 s of a thousand.
        return {**vars(self), "at": self.at.isoformat()}


def gate_of(criterion: Criterion, facts: Body) -> Body | None:
    """The gate's verdict on a package; None where nothing was asked of it."""
    name = f"{ACCEPTANCE}{criterion.id}"
    return next((gate for gate in facts["gates"] if gate["name"] == name and gate.get("asked")), None)


def kept_in(criterion: Criterion, review: Body) -> Body | None:
    """What a review says of a criterion; None where it did not know it."""
    return next((one for one in review.get("criteria", ()) if one["id"] == criterion.id), None)


def finding(says: str, criterion: Criterion) -> str:
    """What was found, without the words that stand beside it."""
    return says.removeprefix(f"{criterion.says}: ").partition("; asked for ")[0]


def history(
    criterion: Criterion,
    *,
    judged: Sequence[tuple[datetime, Body]],
    reviews: Sequence[tuple[datetime, Body]],
    charters: Sequence[tuple[datetime, Sequence[Body]]],
) -> list[Event]:
    """All of it, oldest first; what each is, `loopline.value.requirements.requirements.Known` says."""
    events = (*_packages(criterion, judged), *_turns(criterion, reviews), *_moves(criterion, charters))
    return sorted(events, key=lambda event: event.at)


def _packages(criterion: Criterion, judged: Sequence[tuple[datetime, Body]]) -> Iterator[Event]:
    for at, facts in judged:
        if (gate := gate_of(criterion, facts)) is not None:
            waived = f"{gate['waived']['by']}: {gate['waived']['why']}" if gate.get("waived") else ""
            yield Event(
                at=at,
                kind="package",
                says=finding(gate["says"], criterion),
                check=gate["asked"],
                value=gate["value"],
                limit=gate["threshold"],
                passed=gate["passed"],
                package=facts["package"],
                waived=waived,
            )


def _turns(criterion: Criterion, reviews: Sequence[tuple[datetime, Body]]) -> Iterator[Event]:
    """The reviews in which it was told for the first time, or otherwise than in the one before."""
    before: bool | None = None
    for at, review in reviews:
        kept = kept_in(criterion, review)
        if kept is None or kept["passed"] is None or kept["passed"] is before:
            continue
        before = kept["passed"]
        says = finding(kept["says"], criterion)
        yield Event(at=at, kind="review", says=says, check=kept["check"], value=kept["value"], limit=kept["threshold"], passed=before)


def _moves(criterion: Criterion, charters: Sequence[tuple[datetime, Sequence[Body]]]) -> Iterator[Event]:
    """The charters that asked for it for the first time but one, for something else, or no more."""
    absent = object()
    before: object = absent
    for place, (at, criteria) in enumerate(charters):
        now = next((one.get("check") for one in criteria if one["id"] == criterion.id), absent)
        if place and now != before:
            says = "it is asked for no more" if now is absent else "nothing checks it any more" if now is None else f"{now} is asked for"
            was = f", {before} was before" if isinstance(before, str) else ""
            yield Event(at=at, kind="charter", says=f"{says}{was}", check=now if isinstance(now, str) else None)
        before = now
