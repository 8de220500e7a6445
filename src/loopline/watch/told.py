"""What was told to whom: a fold over the messages that were sent, or could not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from loopline.ledger.entry import Entry, digest
from loopline.watch.clock import long_since

KIND = "message"
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)
"""Between two tries of a channel that fails: twice as long each time."""
RENEWED, LASTING = timedelta(days=1), timedelta(days=2)
"""How often Alertmanager hears that an alert lasts, and how long it believes that."""

_Known = dict[tuple[str, str], datetime]


def address(channel: str) -> str:
    """A channel's name in the ledger: a URL may tell a token, its digest does not."""
    return digest(channel)[:12]


def is_alertmanager(channel: str) -> bool:
    """Whether a channel is an Alertmanager, which is told of alerts and not sent messages."""
    return channel.startswith(("alertmanager+http://", "alertmanager+https://"))


@dataclass
class _Line:
    """What went over one channel: its failures in a row, its last try, what it knows, for which purposes, and when it heard of it last."""

    failures: int = 0
    tried: datetime | None = None
    knows: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    last: _Known = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What each channel was told, by its address; alerts are known by their id and since when they last."""

    lines: dict[str, _Line]
    tries: _Known

    @classmethod
    def of(cls, messages: Iterable[Entry]) -> Told:
        """What the messages amount to, which come oldest first."""
        lines: dict[str, _Line] = {}
        tries: _Known = {}
        for entry in messages:
            line, at = lines.setdefault(entry.subject, _Line()), datetime.fromisoformat(entry.body["at"])
            line.tried = at
            line.failures = 0 if entry.body["done"] else line.failures + 1
            for item in entry.body["items"]:
                alert = item["alert"], item["since"]
                if item["purpose"] != "over":
                    tries.setdefault(alert, at)
                if entry.body["done"]:
                    _hear(line, alert, item["purpose"], at)
        return cls(lines, tries)

    def is_down(self, channel: str, now: datetime) -> bool:
        """Whether the last message to a channel did not get through, and it is too early for another try."""
        line = self.lines.get(address(channel))
        if line is None or line.tried is None or not line.failures:
            return False
        return not long_since(line.tried, now, min(LONGEST_WAIT, FIRST_WAIT * (1 << min(line.failures - 1, 20))))

    def knows(self, channel: str, alerts: Iterable[Entry], *, purpose: str | None = None) -> bool:
        """Whether a channel was told of one of the alerts, for a purpose or any."""
        line = self.lines.get(address(channel))
        heard = [line.knows[alert] for alert in map(_known_as, alerts) if alert in line.knows] if line is not None else []
        return any(purpose is None or purpose in purposes for purposes in heard)

    def last(self, channel: str, alerts: Iterable[Entry]) -> datetime | None:
        """When a channel was last told of one of the alerts, for whatever purpose; None where it never was."""
        line = self.lines.get(address(channel))
        return None if line is None else max((line.last[alert] for alert in map(_known_as, alerts) if alert in line.last), default=None)

    def first_try(self, alerts: Iterable[Entry]) -> datetime | None:
        """When somebody was first told of one of the alerts, or was to be; None before."""
        return min((self.tries[alert] for alert in map(_known_as, alerts) if alert in self.tries), default=None)

    def standing(self, channel: str) -> Iterator[tuple[str, str, datetime]]:
        """The alerts that a channel believes to last: id, since when, and when it heard of them last."""
        line = self.lines.get(address(channel))
        for (id, since), at in sorted(line.last.items()) if line is not None else ():
            yield id, since, at


def _known_as(alert: Entry) -> tuple[str, str]:
    return alert.subject, alert.key


def _hear(line: _Line, alert: tuple[str, str], purpose: str, at: datetime) -> None:
    if purpose == "over":
        line.knows.pop(alert, None)
        line.last.pop(alert, None)
    else:
        line.knows.setdefault(alert, set()).add(purpose)
        line.last[alert] = at


def outcome(messages: Sequence[Entry]) -> dict[str, Any] | None:
    """Whether one of the messages about an alert got through, when, and why none did; None of no messages."""
    if not messages:
        return None
    done = next((one for one in messages if one.body["done"]), None)
    last = messages[-1] if done is None else done
    return {"done": done is not None, "at": last.body["at"], "why": last.body["why"], "tries": len(messages)}
