"""What was told to whom: a fold over the messages that were sent, or could not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from loopline.ledger.entry import Entry, digest

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
    """What went over one channel: its failures in a row, its last try, and what it knows, by purpose."""

    failures: int = 0
    tried: datetime | None = None
    knows: dict[str, _Known] = field(default_factory=dict)


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
                if item["purpose"] == "over":
                    if entry.body["done"]:
                        line.knows = {purpose: {one: when for one, when in known.items() if one != alert} for purpose, known in line.knows.items()}
                    continue
                tries.setdefault(alert, at)
                if entry.body["done"]:
                    line.knows.setdefault(item["purpose"], {})[alert] = at
        return cls(lines, tries)

    def fails(self, channel: str) -> bool:
        """Whether the last message to a channel did not get through."""
        line = self.lines.get(address(channel))
        return line is not None and line.failures > 0

    def may_try(self, channel: str, now: datetime) -> bool:
        """Whether a channel works, or failed long enough ago."""
        line = self.lines.get(address(channel))
        if line is None or line.tried is None or not line.failures:
            return True
        return now - line.tried >= min(LONGEST_WAIT, FIRST_WAIT * (1 << min(line.failures - 1, 20)))

    def knows(self, channel: str, alerts: Iterable[Entry], *, purpose: str | None = None) -> bool:
        """Whether a channel was told of one of the alerts, for a purpose or any."""
        line = self.lines.get(address(channel))
        if line is None:
            return False
        known = [line.knows.get(purpose, {})] if purpose is not None else list(line.knows.values())
        about = {(entry.subject, entry.key) for entry in alerts}
        return any(not about.isdisjoint(one) for one in known)

    def last(self, channel: str, alerts: Iterable[Entry]) -> datetime | None:
        """When a channel was last told of one of the alerts, for whatever purpose; None where it never was."""
        about = {(entry.subject, entry.key) for entry in alerts}
        return max((at for id, since, at in self.standing(channel) if (id, since) in about), default=None)

    def first_try(self, alerts: Iterable[Entry]) -> datetime | None:
        """When somebody was first told of one of the alerts, or was to be; None before."""
        return min((self.tries[entry.subject, entry.key] for entry in alerts if (entry.subject, entry.key) in self.tries), default=None)

    def standing(self, channel: str) -> Iterator[tuple[str, str, datetime]]:
        """The alerts that a channel believes to last: id, since when, and when it heard of them last."""
        line = self.lines.get(address(channel))
        last: _Known = {}
        for known in line.knows.values() if line is not None else ():
            for alert, at in known.items():
                last[alert] = max(at, last.get(alert, at))
        for (id, since), at in sorted(last.items()):
            yield id, since, at


def by_alert(messages: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """The messages about each alert, oldest first; alerts are known by their id and since when they last."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in messages:
        for item in entry.body["items"]:
            found.setdefault((item["alert"], item["since"]), []).append(entry)
    return found


def outcome(messages: Sequence[Entry]) -> dict[str, Any] | None:
    """Whether one of the messages about an alert got through, when, and why none did; None of no messages."""
    if not messages:
        return None
    done = next((one for one in messages if one.body["done"]), None)
    last = messages[-1] if done is None else done
    return {"done": done is not None, "at": last.body["at"], "why": last.body["why"], "tries": len(messages)}
