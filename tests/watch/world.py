"""A world of alerts in which time is passed in: what is open, what is sent through channels that work or not, and what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import fold
from loopline.watch import silences as silence
from loopline.watch.duty import Letter, letters
from loopline.watch.spec import WatchSpec
from loopline.watch.told import KIND, address

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2024, 1, 1, 9, tzinfo=UTC)
"""A Monday at nine."""
ROLES = {"worth_baseline": "business", "worth_promised": "business", "performance": "ml", "volume": "devops", "refused_share": "data", "drift": "science"}


def entry_of(draft: Draft, seq: int, at: datetime) -> Entry:
    """The draft as the ledger would have it."""
    return Entry(
        kind=draft.kind,
        subject=draft.subject,
        key=draft.key,
        body=draft.body,
        parents=draft.parents,
        actor=draft.actor,
        seq=seq,
        id=f"{seq}-{seq:x}",
        project="shop",
        time=at,
        prev_hash="",
        hash="",
    )


@dataclass
class World:
    """Alerts, silences and messages, and channels of which some are down."""

    spec: WatchSpec
    now: datetime = MONDAY
    down: set[str] = field(default_factory=set)
    alerts: dict[str, Entry] = field(default_factory=dict)
    silences: dict[str, Entry] = field(default_factory=dict)
    messages: list[Entry] = field(default_factory=list)
    heard: list[tuple[datetime, str, tuple[tuple[str, str], ...]]] = field(default_factory=list)
    _seq: int = 0

    @property
    def messages_about(self) -> Mapping[tuple[str, str], tuple[Entry, ...]]:
        """As the ledger's fold has them."""
        return fold(self.messages).messages_about

    @classmethod
    def of(cls, **watch: Any) -> World:
        return cls(WatchSpec.model_validate(watch))

    def entry(self, draft: Draft) -> Entry:
        """The draft as the ledger would have it now."""
        self._seq += 1
        return entry_of(draft, self._seq, self.now)

    def enter(self, draft: Draft) -> None:
        """Enter what a watch or a person says of an alert."""
        self.alerts[draft.subject] = self.entry(draft)

    def open(self, monitor: str, feature: str = "", *, value: float = 1.0, package: str = "p") -> str:
        """A monitor opens an alert; its id, which is also its name here."""
        id = f"{monitor}:{feature}" if feature else monitor
        body = {
            "state": "open",
            "monitor": monitor,
            "feature": feature,
            "package": package,
            "role": ROLES.get(monitor, "devops"),
            "since": self.now.isoformat(),
            "last": self.now.isoformat(),
            "opened": self.now.isoformat(),
            "value": value,
            "limit": 0.0,
            "cost": None,
            "what": f"{id} is wrong",
            "says": f"{id} is wrong, and that costs 5 EUR",
        }
        self.alerts[id] = self.entry(Draft(kind="alert", subject=id, key=body["since"], body=body))
        return id

    def say(self, id: str, state: str, *, actor: str = "loopline", why: str = "") -> None:
        """A person, or three fine windows, move an alert to a state."""
        was = self.alerts[id]
        self.alerts[id] = self.entry(Draft(kind="alert", subject=id, key=was.key, body={**was.body, "state": state, "why": why}, actor=actor))

    def silence(self, subject: str, *, lasting: timedelta) -> None:
        draft = silence.silence(subject, until=self.now + lasting, now=self.now, by="ann", why="a test")
        self.silences[subject] = self.entry(draft)

    def due(self) -> list[Letter]:
        return letters(self, self.spec, self.now)

    def turn(self) -> None:
        """Send all that is due, as turns of the loop do until nothing is."""
        for _ in range(20):
            due = self.due()
            if not due:
                return
            for letter in due:
                self._send(letter)
        raise AssertionError("there is always something to be told")

    def _send(self, letter: Letter) -> None:
        items = [{"purpose": item.purpose, "alert": item.alert.subject, "since": item.alert.key} for item in letter.items]
        done = letter.channel not in self.down
        body = {"at": self.now.isoformat(), "items": items, "done": done, "why": "" if done else "it is down"}
        self.messages.append(self.entry(Draft(kind=KIND, subject=address(letter.channel), body=body)))
        if done:
            self.heard.append((self.now, letter.channel, tuple((item.purpose, item.alert.subject) for item in letter.items)))

    def wait(self, span: timedelta, *, every: timedelta = HOUR, meanwhile: Callable[[], None] | None = None) -> None:
        """Time goes by, with a turn now and then."""
        until = self.now + span
        while self.now < until:
            self.now = min(until, self.now + every)
            if meanwhile is not None:
                meanwhile()
            self.turn()

    def told(self, channel: str | None = None) -> list[tuple[str, str]]:
        """Purpose and alert of all that was heard, on one channel or any."""
        return [item for _, heard, items in self.heard if channel in (None, heard) for item in items]

    def when(self) -> Mapping[str, datetime]:
        """When each alert was first heard of."""
        found: dict[str, datetime] = {}
        for at, _, items in self.heard:
            for _, id in items:
                found.setdefault(id, at)
        return found
