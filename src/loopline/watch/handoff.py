"""Hand-offs: whose turn it is where the loop stands, each an alert by which the role is told once; it is over when nobody waits any more. Light."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from loopline.engine.step import Facts, Halt
from loopline.ledger.entry import Draft, Entry, digest, now
from loopline.ledger.state import State
from loopline.watch.spec import WAITING
from loopline.workspace import Job

KIND = "alert"
Body = Mapping[str, Any]
Waits = Mapping[str, Halt | None]
"""From a stage that was asked to where it halted; None where it came through. A stage that was not asked is not in it: what waited there may wait still."""


@dataclass(frozen=True)
class Handoff:
    """A role's turn.

    Parameters
    ----------
    about
        What waits, by which it is known again though it reads otherwise.
    says
        What waits, and why.
    next
        The exact command that takes the loop on.
    """

    stage: str
    role: str
    about: str
    says: str
    next: str

    @property
    def id(self) -> str:
        """The id of its alert: one for each stage and role, whatever waits there."""
        return digest([WAITING, self.feature])[:12]

    @property
    def feature(self) -> str:
        """What the alert is of, as a silence names it."""
        return f"{self.stage} {self.role}"


def handoffs(waits: Waits) -> Iterator[Handoff]:
    """Whose turn it is: a role's where a stage waits for it, or was stopped for a reason that the role decides on."""
    for stage, halt in waits.items():
        if halt is not None and halt.role is not None:
            about = digest([halt.state, halt.about or halt.why])[:16]
            for role in (halt.role, *halt.besides):
                yield Handoff(stage, role, about, f"{stage}: {halt.why}", halt.commands.get(role, halt.next))


def recorded(alerts: Mapping[str, Entry]) -> dict[str, Entry]:
    """The newest entry of each hand-off, by its id."""
    return {id: entry for id, entry in alerts.items() if entry.body["monitor"] == WAITING}


def without(state: State) -> State:
    """The state with no hand-off in it: of what was open when a turn begins nobody knows yet whether it waits still."""
    return replace(state, alerts={id: entry for id, entry in state.alerts.items() if entry.body["monitor"] != WAITING})


def since(entry: Entry | None, handoff: Handoff) -> str | None:
    """Since when it waits; None where nobody has been handed it."""
    return entry.body["since"] if entry is not None and entry.body["state"] != "resolved" and entry.body["about"] == handoff.about else None


def drafts(wanted: Mapping[str, Handoff], asked: frozenset[str], known: Mapping[str, Body], moment: datetime) -> list[Draft]:
    """The entries that bring the hand-offs up to date; none where they are.

    What a person took on stays so, and what they closed stays closed, as long as the same thing waits.

    Parameters
    ----------
    wanted
        Whose turn it is, by id.
    asked
        The stages that were asked.
    known
        The newest body of each hand-off, by id.
    """
    made: list[Draft] = []
    for id, body in known.items():
        one = wanted.get(id)
        is_over = one is None or body["about"] != one.about
        if body["stage"] in asked and is_over and (body["state"] != "resolved" or "by" in body):
            made.append(_draft(id, {**_unsaid(body), "state": "resolved", "last": moment.isoformat(), "why": "it waits no more"}))
    for id, one in wanted.items():
        body = known.get(id, {})
        is_same = body.get("about") == one.about and (body["state"] != "resolved" or "by" in body)
        if not is_same:
            made.append(_draft(id, _opened(one, moment)))
        elif body["state"] != "resolved" and (body["says"], body["next"]) != (one.says, one.next):
            made.append(_draft(id, {**body, "says": one.says, "what": one.says, "next": one.next}))
    return made


def _unsaid(body: Body) -> dict[str, Any]:
    """A body without what a person said of it."""
    return {name: value for name, value in body.items() if name != "by"}


def _opened(one: Handoff, moment: datetime) -> dict[str, Any]:
    at = moment.isoformat()
    return {
        "state": "open",
        "monitor": WAITING,
        "feature": one.feature,
        "package": "",
        "role": one.role,
        "since": at,
        "last": at,
        "opened": at,
        "value": 1.0,
        "limit": 0.0,
        "cost": None,
        "what": one.says,
        "says": one.says,
        "stage": one.stage,
        "about": one.about,
        "next": one.next,
    }


def _draft(id: str, body: Body) -> Draft:
    return Draft(kind=KIND, subject=id, key=body["since"], body=body)


def run(job: Job) -> Facts:
    """Enter whose turn it has come to be, and what waits no more."""
    ledger, inputs = job.workspace.ledger, job.step.inputs
    wanted = {one.id: one for one in (Handoff(**plain) for plain in inputs["handoffs"])}
    # What a person has said of one since it was asked.
    said = {entry.subject: entry for entry in ledger.read(kinds=(KIND,), after=inputs["after"])}
    known = {**inputs["known"], **{id: entry.body for id, entry in recorded(said).items()}}
    ledger.append(*(replace(draft, parents=(job.attempt,)) for draft in drafts(wanted, frozenset(inputs["asked"]), known, now())))
    says = "; ".join(f"{one.role} for {one.stage}" for one in wanted.values())
    return {"says": f"it waits for {says}" if says else "it waits for nobody"}


def inputs(waits: Waits, alerts: Mapping[str, Entry]) -> dict[str, Any] | None:
    """What `run` works on; None where the hand-offs are up to date."""
    wanted = {one.id: one for one in handoffs(waits)}
    known = recorded(alerts)
    if not drafts(wanted, frozenset(waits), {id: entry.body for id, entry in known.items()}, now()):
        return None
    return {
        "handoffs": [asdict(one) for one in wanted.values()],
        "asked": list(waits),
        "known": {id: entry.body for id, entry in known.items()},
        # It makes each time one of its own.
        "after": max((entry.seq for entry in alerts.values()), default=0),
    }
