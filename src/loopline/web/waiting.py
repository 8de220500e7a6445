"""What waits for a person: what is decided, what it is worth, since when, and where it is done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from loopline.access.people import Stakeholders, holders, holds
from loopline.charter.override import GO_ON
from loopline.data.quarantine.waiting import Waiting
from loopline.declaration import counted, figure
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.packages import worth_of
from loopline.release.chartered import REVISE
from loopline.release.rollout.course import newest as newest_course
from loopline.watch.handoff import Handoff, since
from loopline.watch.standing import Standing
from loopline.web.ring import PAGES, compact, yearly

_OF_ROWS = ("/data/quarantine", "/data/review")
_LABELS: Mapping[str, str] = {
    "charter": "Read the charter and sign or refuse it",
    "data": "Look at the data",
    "model": "Look at the model",
    "release": "See the evidence and say yes or no",
    "rollout": "See both arms and say yes or no",
    "serve": "Look at what is served",
    "watch": "Look at the alerts",
    "value": "Read the review",
}
_OF_CHARTER: Mapping[str, str] = {
    GO_ON: "Read the study; go on in spite of it, or change the charter",
    REVISE: "Read why the charter is refused, and change it",
}
"""Where something else than a signature is asked for, by the command that does it."""
ALERT, QUARANTINE, MENDED, HELD, REVIEW = "alert", "refused rows", "mended rows", "held batch", "review"
QUESTIONS, EXPERIMENT = "questions", "experiment"
BESIDE_THE_STAGES = frozenset({ALERT, QUARANTINE, MENDED, HELD, REVIEW, QUESTIONS, EXPERIMENT})
"""What waits for somebody while no stage does."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Something that goes on only when a person speaks.

    Parameters
    ----------
    kind
        The stage that waits, ``rollout``, or what else is asked: ``alert``, ``refused rows``, ``mended rows``, ``held batch``, ``review``,
        ``questions``, ``experiment``.
    what
        What is decided.
    roles
        The roles that it waits for; any of them helps.
    people
        Who holds them; empty where nobody is listed.
    worth
        What it is worth, in words; empty where nobody knows.
    since
        Since when; None where that is not known.
    next
        The command that does it.
    to, label
        The page that does it, below the project's address, and what its link says.
    is_mine
        Whether the reader may do it.
    """

    kind: str
    what: str
    roles: tuple[str, ...]
    people: tuple[str, ...] = ()
    worth: str = ""
    since: datetime | None = None
    next: str = ""
    to: str
    label: str
    is_mine: bool = False

    @property
    def shows_rows(self) -> bool:
        """Whether single rows are seen where it is done."""
        return self.to.startswith(_OF_ROWS)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        since = None if self.since is None else self.since.isoformat()
        named = ("kind", "what", "worth", "next", "to", "label", "is_mine")
        return {**{name: getattr(self, name) for name in named}, "roles": list(self.roles), "people": list(self.people), "since": since}


@dataclass(frozen=True, kw_only=True)
class OfData:
    """What of the data waits.

    Parameters
    ----------
    held
        The entries that hold batches back.
    asked
        How many questions about odd values and inferred rules are open; refused rows are told by themselves.
    """

    refused: Waiting = Waiting()
    held: tuple[Entry, ...] = ()
    asked: int = 0


@dataclass(frozen=True, kw_only=True)
class Known:
    """What may wait.

    Parameters
    ----------
    alerts
        Where each alert stands.
    data
        What of the data waits.
    questions
        From a role to how many questions of the charter's template are open for it.
    ending
        The experiments that run on their last day or after it, each with that day.
    per_year
        Decisions in a year, as the charter says.
    """

    state: State
    handoffs: Sequence[Handoff]
    alerts: Sequence[Standing]
    stakeholders: Stakeholders
    currency: str
    per_year: float | None = None
    data: OfData = OfData()
    questions: Mapping[str, int] = field(default_factory=dict)
    ending: Mapping[str, date] = field(default_factory=dict)


def waits(known: Known, name: str) -> tuple[Wait, ...]:
    """All that waits, what the reader may do before what others must; each in the order of the loop, the alerts by their urgency.

    Parameters
    ----------
    name
        The reader's.
    """
    made = []
    for one in (*_handed(known), *_alerts(known), *_of_data(known), *_asked(known)):
        people = dict.fromkeys(person for role in one.roles for person in holders(role, known.stakeholders))
        mine = any(holds(name, role, known.stakeholders) for role in one.roles)
        made.append(replace(one, people=tuple(people), is_mine=mine))
    return tuple(sorted(made, key=lambda one: not one.is_mine))


def _handed(known: Known) -> Iterable[Wait]:
    """The hand-offs; what waits for several roles in the same place is one."""
    together: dict[tuple[str, str], list[Handoff]] = {}
    for one in known.handoffs:
        together.setdefault((one.stage, one.about), []).append(one)
    for (stage, _), turns in together.items():
        times = [moment for one in turns if (moment := since(known.state.alerts.get(one.id), one)) is not None]
        yield Wait(
            kind=stage,
            what=turns[0].says.partition(": ")[2] or turns[0].says,
            roles=tuple(one.role for one in turns),
            worth=_worth(known, turns[0]),
            since=datetime.fromisoformat(min(times)) if times else None,
            next=turns[0].next,
            to=PAGES.get(stage, "/release/rollout"),
            label=_OF_CHARTER.get(turns[0].next) or _LABELS.get(stage, "Look into it"),
        )


def _worth(known: Known, turn: Handoff) -> str:
    """What a word is worth a year."""
    if turn.stage == "charter":
        expected = yearly(known.state)
        return "" if expected is None else f"{compact(expected.value)} {known.currency} a year, as the study expects"
    worth = worth_of(known.state, _meant(known.state, turn)) if turn.stage in ("release", "rollout") else None
    if worth is None:
        return ""
    gain = float(worth["gain"]["mean"])
    per_year = "" if known.per_year is None else f", {compact(gain * known.per_year)} {known.currency} a year"
    return f"{figure(gain)} {known.currency} per decision above {worth['rule']}{per_year}"


def _meant(state: State, turn: Handoff) -> str | None:
    """The package that a hand-off is about: the one that it names by its first digits, as `loopline.release.stage.awaited` does."""
    words = {*turn.says.replace(":", " ").split()}
    if named := [package for package in state.packages if package[:8] in words]:
        return named[-1]
    course = newest_course(state.rollouts)
    if turn.stage == "rollout":
        return None if course is None else course.package
    judged: str | None = (state.facts("release", "gates") or {}).get("package")
    return judged


def _alerts(known: Known) -> Iterable[Wait]:
    """The alerts that nobody has taken on and that are told by themselves; what explains them is shown with them."""
    for one in known.alerts:
        if not one.is_open:
            continue
        body = one.entry.body
        cost = one.cost
        lost = "" if not cost or cost["lost"] <= 0 else f"{figure(cost['lost'])} {known.currency} lost so far"
        yield Wait(
            kind=ALERT,
            what=str(body["what"]),
            roles=(str(body["role"]),),
            worth=lost,
            since=datetime.fromisoformat(body["since"]),
            next=f"loopline alerts ack {one.id}",
            to=f"/live/alerts/{one.id}",
            label="Look into it and take it on",
        )


def _of_data(known: Known) -> Iterable[Wait]:
    """Refused rows, batches that are held back, and what the review asks."""
    refused, roles = known.data.refused, ("expert", "data")
    for kind, many, moment, says, command, label in (
        (QUARANTINE, refused.unsaid, refused.unsaid_since, "refused: are they wrong, or is the rule?", "loopline data review", "Review the refused rows"),
        (MENDED, refused.mended, refused.mended_since, "mended, and not in the table yet", "loopline data quarantine replay", "Replay what is mended"),
    ):
        if many:
            yield Wait(
                kind=kind,
                what=f"{counted(many)} {'is' if many == 1 else 'are'} {says}",
                roles=roles,
                since=moment,
                next=command,
                to="/data/quarantine",
                label=label,
            )
    for entry in known.data.held:
        yield Wait(
            kind=HELD,
            what=f"{entry.body['file']} is held back: {'; '.join(str(broken['says']) for broken in entry.body['broken'])}",
            roles=("data",),
            since=entry.time,
            next=f"loopline data admit {entry.key[:8]} --why '...'",
            to="/data",
            label="Mend the file, or let it in",
        )
    if (many := known.data.asked) > 0:
        yield Wait(
            kind=REVIEW,
            what=f"{counted(many, 'question')} about odd values and inferred rules {'is' if many == 1 else 'are'} open",
            roles=("expert",),
            next="loopline data review",
            to="/data/review",
            label="Answer what the review asks",
        )


def _asked(known: Known) -> Iterable[Wait]:
    """What the charter's template asks, and experiments whose time is up."""
    for role, many in known.questions.items():
        yield Wait(
            kind=QUESTIONS,
            what=f"{counted(many, 'question')} of the charter {'is' if many == 1 else 'are'} answered by a guess so far",
            roles=(role,),
            worth="the study is as good as the answers",
            next="loopline charter questions",
            to="/charter",
            label="Answer what the charter asks",
        )
    for name, day in known.ending.items():
        yield Wait(
            kind=EXPERIMENT,
            what=f"the experiment {name} has its last day on {day}: the turn after it ends it, unless somebody does",
            roles=("business",),
            since=datetime.combine(day, time(), UTC),
            next=f"loopline value experiment status {name}",
            to="/value/experiments",
            label="See what it has found",
        )
