"""The customers' page: read-only but for the words that they leave there, and their signature where the charter asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from loopline.value.requirements.known import known, windows_of
from loopline.value.requirements.requirements import Known, requirements
from loopline.web import links
from loopline.web.asked import CUSTOMER, STAKEHOLDERS, Asked
from loopline.web.current import Current
from loopline.web.page import Missing, Page, never
from loopline.web.pages.customer.signing import Signing, signing_of
from loopline.web.pages.customer.told import Quality, Told, quality, told, when_wrong

EVERYBODY = STAKEHOLDERS | {CUSTOMER}
_SPOKEN = "criterion"
"""The monitor that tells people of a criterion that holds no more."""


@dataclass(frozen=True, kw_only=True)
class Customer:
    """What a customer sees.

    Parameters
    ----------
    place
        The address of the page below the project's: the forms on it lie below that.
    since
        Since when the present model decides; None before one does.
    quality
        How good its decisions are; None where too few outcomes tell.
    wrong
        What is done when it is wrong.
    signing
        What they are asked to sign; None where they are not.
    """

    title: str
    place: str
    problem: str
    decision: str
    since: datetime | None
    criteria: tuple[Told, ...]
    quality: Quality | None
    wrong: tuple[str, ...]
    signing: Signing | None

    @property
    def held(self) -> str:
        """How many of what was asked for holds, in words."""
        judged = [one for one in self.criteria if one.standing in ("holds", "does not hold")]
        held = sum(one.standing == "holds" for one in judged)
        if not judged:
            return "It is not known yet whether what was asked for holds."
        return f"{held} of {len(judged)} hold" + ("." if len(judged) == len(self.criteria) else "; of the others it is not known yet.")

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "title": self.title,
            "problem": self.problem,
            "decision": self.decision,
            "since": None if self.since is None else self.since.isoformat(),
            "criteria": [one.as_json() for one in self.criteria],
            "quality": None if self.quality is None else self.quality.as_json(),
            "when_wrong": list(self.wrong),
            "signing": None if self.signing is None else self.signing.as_json(),
        }


def place_of(current: Current, asked: Asked) -> str:
    """The address of the page below the project's.

    Raises
    ------
    Missing
        When it is that of a link that leads nowhere, or does so no more.
    """
    if (link := asked.path.get("link")) is None:
        return "/customer"
    if links.opened(current.workspace.ledger, link, current.at) is None:
        raise Missing("this link leads nowhere, or does so no more", remedy="ask who gave it to you for a new one")
    return links.path_of(link)


def customer(current: Current, asked: Asked) -> Customer:
    """What a customer is told of the product now.

    Raises
    ------
    Missing
        As `place_of`.
    """
    place = place_of(current, asked)
    declared, state = current.project.declaration, current.state
    charter = declared.charter
    known_now = known(current.workspace, charter, declared.release, state)
    spoken = {entry.body["feature"] for entry in state.open_alerts() if entry.body["monitor"] == _SPOKEN}
    return Customer(
        title="What you asked for",
        place=place,
        problem=charter.problem,
        decision=charter.decision,
        since=state.champions[-1].time if state.champions and state.champion is not None else None,
        criteria=tuple(told(one, charter) for one in requirements(charter, known_now)),
        quality=_quality(current, known_now),
        wrong=tuple(
            when_wrong(
                charter,
                broken=[one.says or one.id for one in charter.acceptance if one.id in spoken],
                has_earlier=len({entry.subject for entry in state.champions}) > 1,
            )
        ),
        signing=signing_of(current, asked),
    )


def _quality(current: Current, known_now: Known) -> Quality | None:
    """How good the decisions are of the model that decides, or of the one before it where too little is known of that yet."""
    charter, state = current.project.declaration.charter, current.state
    task = charter.task or known_now.task
    if (now := quality(known_now.windows, charter, task)) is not None:
        return now
    before = next((entry.subject for entry in reversed(state.champions) if entry.subject != state.champion), None)
    earlier = quality(windows_of(current.workspace, state, before), charter, task)
    return None if earlier is None else replace(earlier, is_earlier=True)


PAGES = (
    Page("customer", "/customer", customer, "customer.html.j2", EVERYBODY),
    Page("customer-link", "/c/{link}", customer, "customer.html.j2", EVERYBODY, by_link=True, reported=never),
)
