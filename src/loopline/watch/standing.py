"""Where each alert stands: its state, whom it was told, which cause it belongs to, and what keeps it silent; what lists and pages show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.declaration import counted
from loopline.ledger.entry import Entry
from loopline.watch.causes import LEVELS, Cause, Incident, Level, causes, explains, incidents, is_said_elsewhere, level, says, taker, urgency
from loopline.watch.duty import Known
from loopline.watch.silences import covering, lasts, state_of
from loopline.watch.spec import WAITING
from loopline.watch.told import outcome

_NAMES: Mapping[Level, str] = {"page": "page", "notice": "notice", "digest": "alert of the digest"}
_SEVERAL: Mapping[Level, str] = {"page": "pages", "notice": "notices", "digest": "alerts of the digest"}


@dataclass(frozen=True)
class Standing:
    """An alert and all that is known of it.

    Parameters
    ----------
    state
        ``open``, ``acknowledged``, ``silenced`` or ``resolved``.
    cause
        The id of the alert that is told for both; its own where it is that one. None once it is resolved, unless it explains one that lasts.
    explained_by
        The ids of the alerts that explain it.
    messages
        What was sent about it, or could not be, oldest first.
    incident
        The alerts that were about the same windows, with what they have cost; None where it belongs to none.
    taken_by
        Who took its cause on; empty where nobody did.
    is_told_with
        Whether it explains another one that somebody was told of.
    """

    entry: Entry
    state: str
    level: Level
    cause: str | None
    explained_by: tuple[str, ...]
    messages: Sequence[Entry]
    silence: Entry | None
    incident: Incident | None = None
    taken_by: str = ""
    is_told_with: bool = False

    @property
    def id(self) -> str:
        """The alert's id."""
        return self.entry.subject

    @property
    def is_told_apart(self) -> bool:
        """Whether it is told by itself, and not as the explanation of another one."""
        return self.cause in (None, self.id)

    @property
    def is_lasting(self) -> bool:
        """Whether it lasts and is told by itself; hand-offs are listed by themselves."""
        return self.state != "resolved" and self.cause is not None and self.is_told_apart and self.entry.body["monitor"] != WAITING

    @property
    def is_open(self) -> bool:
        """Whether it asks for somebody: it lasts, and nobody has taken it on or made it silent."""
        return self.is_lasting and self.state == "open"

    @property
    def says(self) -> str:
        """What it says: with what its incident has cost where that is said of it, and nowhere else."""
        # An alert that is over says it for those that last, which say that it does.
        is_head = self.incident is not None and self.incident.head is self.entry
        return says(self.entry, self.incident) if self.is_told_apart or is_head else explains(self.entry.body)

    @property
    def cost(self) -> Mapping[str, Any] | None:
        """What its incident has cost; None where nobody knows, or another alert says it."""
        if is_said_elsewhere(self.entry, self.incident):
            return None
        own: Mapping[str, Any] | None = self.entry.body.get("cost")
        return own if self.incident is None or self.incident.cost is None else self.incident.cost

    @property
    def body(self) -> dict[str, Any]:
        """What the ledger has of it, with what the incident has cost said once, and what became of the cause."""
        return {**self.entry.body, "state": self.state, "says": self.says, "cost": self.cost}

    @property
    def told(self) -> Mapping[str, Any] | None:
        """Whether it was told, when, and why not; None where nobody was to be told yet."""
        return outcome(self.messages)

    def as_json(self) -> dict[str, Any]:
        """Plain values; `docs/json.md` has the shape."""
        silence = None if self.silence is None else silence_as_json(self.silence)
        return {
            "id": self.id,
            **self.body,
            "level": self.level,
            "cause": self.cause,
            "costs_with": self.incident.head.subject if self.incident is not None and is_said_elsewhere(self.entry, self.incident) else None,
            "taken_by": self.taken_by,
            "explained_by": list(self.explained_by),
            "told": self.told,
            "silence": silence,
            "time": self.entry.time.isoformat(),
            "entry": self.entry.id,
        }


def silence_as_json(entry: Entry) -> dict[str, Any]:
    """A silence as plain values."""
    return {"of": entry.subject, "until": entry.body["until"], "by": entry.body["by"], "why": entry.body["why"], "entry": entry.id}


def lasting(known: Known, now: datetime) -> list[Standing]:
    """The alerts that are not over, by their causes: the most urgent first, each followed by what explains it."""
    return _Desk(known, now).lasting()


def open_now(known: Known, now: datetime) -> list[Standing]:
    """The alerts that are open, the most urgent first: what is counted wherever their number stands."""
    return [one for one in lasting(known, now) if one.is_open]


def open_in_words(known: Known, now: datetime) -> str:
    """How many alerts are open, and what the most urgent of them says; empty where none is."""
    found = open_now(known, now)
    return f"{counted(len(found), 'alert is', 'alerts are')} open: {found[0].says}" if found else ""


def standings(known: Known, now: datetime) -> list[Standing]:
    """Every alert: those that last, then those that are resolved, newest first."""
    desk = _Desk(known, now)
    found = desk.lasting()
    told = {one.id for one in found}
    resolved = [entry for entry in known.alerts.values() if entry.body["state"] == "resolved" and entry.subject not in told]
    return found + [desk.standing(entry, None) for entry in sorted(resolved, key=lambda entry: (urgency(entry.body), -entry.seq))]


class _Desk:
    """Where alerts stand at one moment."""

    def __init__(self, known: Known, now: datetime) -> None:
        self._known, self._now = known, now
        self._incidents = incidents(known.alerts.values(), self._is_silenced)

    def lasting(self) -> list[Standing]:
        found = causes(self._known.alerts.values(), self._is_silenced)
        return [self.standing(entry, cause) for cause in found for entry in (cause.head, *cause.explaining)]

    def standing(self, entry: Entry, cause: Cause | None) -> Standing:
        known, others = self._known, tuple[str, ...]()
        if cause is not None and cause.head is entry:
            others = tuple(other.subject for other in cause.explaining)
        state = state_of(entry.subject, entry.body, known.silences, self._now)
        taken = taker(entry) or (taker(cause.taken) if cause is not None and cause.taken is not None else "")
        return Standing(
            entry=entry,
            # Who took a cause on has taken on whatever stands for it.
            state="acknowledged" if state == "open" and taken else state,
            level=level(entry.body),
            cause=None if cause is None else cause.head.subject,
            explained_by=others,
            messages=known.messages_about.get((entry.subject, entry.key), ()),
            silence=covering(entry.subject, entry.body, known.silences, self._now) if cause is not None else None,
            incident=self._incidents.get(entry.subject),
            taken_by=taken,
            is_told_with=cause is not None and cause.head is not entry and _was_told(cause.head, known),
        )

    def _is_silenced(self, entry: Entry) -> bool:
        return covering(entry.subject, entry.body, self._known.silences, self._now) is not None


def _was_told(head: Entry, known: Known) -> bool:
    said = outcome(known.messages_about.get((head.subject, head.key), ()))
    return said is not None and bool(said["done"])


@dataclass(frozen=True)
class Alerts:
    """The alerts that are shown, how many are resolved, and the silences that last."""

    shown: Sequence[Standing]
    resolved: int
    silences: Sequence[Entry]

    @property
    def counts(self) -> str:
        """How many are open and how many somebody has taken on or made silent, each with how many more explain them; as the first page counts them."""
        lasting = [one for one in self.shown if one.is_lasting]
        parts = ((sum(one.is_open for one in lasting), "open"), (sum(not one.is_open for one in lasting), "taken on or silenced"))
        more = sum(not one.is_told_apart and one.state != "resolved" for one in self.shown)
        told = [f"{counted(many, 'alert')} {'is' if many == 1 else 'are'} {what}" for many, what in parts if many]
        return "; ".join([*told, *([f"{more:,} more {'explains' if more == 1 else 'explain'} them"] if told and more else [])])

    @property
    def next(self) -> str:
        """The command that comes next."""
        first = next((one for one in self.shown if one.state == "open" and one.is_told_apart), None)
        return f"loopline alerts ack {first.id}" if first is not None else "loopline watch show"

    def as_json(self) -> dict[str, Any]:
        """Plain values; `docs/json.md` has the shape."""
        silences = [silence_as_json(entry) for entry in self.silences]
        return {"alerts": [one.as_json() for one in self.shown], "resolved": self.resolved, "silences": silences, "next": self.next}


def listed(known: Known, now: datetime, *, everything: bool = False) -> Alerts:
    """The alerts that last, as `standings` orders them, and what is silent; with `everything` the resolved ones as well."""
    found = standings(known, now)
    shown = [one for one in found if everything or one.cause is not None]
    return Alerts(shown, sum(one.cause is None for one in found), [entry for entry in known.silences.values() if lasts(entry, now)])


def unheard(known: Known, now: datetime) -> str:
    """What is open and reached nobody although it was sent, and why, in words; empty where there is nothing of the kind."""
    told = [(one, one.told) for one in lasting(known, now) if one.state == "open" and one.is_told_apart]
    lost = [(one.level, said["why"]) for one, said in told if said is not None and not said["done"]]
    many = Counter(level for level, _ in lost)
    what = " and ".join(counted(many[level], _NAMES[level], _SEVERAL[level]) for level in LEVELS if many[level])
    return f"{what} reached nobody: {lost[0][1]}" if lost else ""
