"""Duty: which message each channel is to be sent now, from what is open, what was told, and who is on duty. Pure: entries and a moment in, letters out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from loopline.charter.spec import Role
from loopline.data.schedule import passed
from loopline.ledger.entry import Entry
from loopline.watch.causes import Cause, Incident, causes, incidents
from loopline.watch.clock import long_since
from loopline.watch.silences import covering
from loopline.watch.spec import WatchSpec
from loopline.watch.spec_duty import Hours
from loopline.watch.told import RENEWED, Told, address, is_alertmanager

_AHEAD = timedelta(days=1)
Purpose = Literal["told", "elsewhere", "escalated", "lasts", "over"]
"""Why an alert is in a letter: its role is told, another is because the role's channels fail or nobody took it on; or Alertmanager is kept up to date."""


class Known(Protocol):
    """What the ledger knows of alerts; a `loopline.ledger.state.State` is one."""

    @property
    def alerts(self) -> Mapping[str, Entry]:
        """The newest entry of each alert."""

    @property
    def silences(self) -> Mapping[str, Entry]:
        """The newest word on each silence."""

    @property
    def messages(self) -> Sequence[Entry]:
        """What was sent, oldest first."""

    @property
    def messages_about(self) -> Mapping[tuple[str, str], Sequence[Entry]]:
        """From an alert's id and since when it lasts to what was sent about it, oldest first."""


@dataclass(frozen=True)
class Item:
    """An alert in a letter, with those that explain it, and its incident; None where there is none."""

    purpose: Purpose
    alert: Entry
    others: tuple[Entry, ...] = ()
    incident: Incident | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, which name the entries."""
        incident = [] if self.incident is None else [self.incident.head.id, *(entry.id for entry in self.incident.priced)]
        return {"purpose": self.purpose, "alert": self.alert.id, "others": [entry.id for entry in self.others], "incident": incident}


@dataclass(frozen=True)
class Letter:
    """All that one channel is to be told now, in one message.

    Parameters
    ----------
    roles
        Those whose channel it is, and that are spoken to.
    """

    channel: str
    roles: tuple[str, ...]
    items: tuple[Item, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values; the channel by its address alone, which tells no secret."""
        return {"to": address(self.channel), "roles": list(self.roles), "items": [item.as_json() for item in self.items]}


def is_on(hours: Sequence[Hours], now: datetime) -> bool:
    """Whether a role is on duty, by the clock on its wall; one without hours always is."""
    return not hours or any(_within(one, now.astimezone(ZoneInfo(one.zone))) for one in hours)


def _within(hours: Hours, local: datetime) -> bool:
    minute, day = local.hour * 60 + local.minute, local.weekday()
    if hours.begins < hours.ends:
        return day in hours.days and hours.begins <= minute < hours.ends
    return (day in hours.days and minute >= hours.begins) or ((day - 1) % 7 in hours.days and minute < hours.ends)


def letters(known: Known, spec: WatchSpec, now: datetime) -> list[Letter]:
    """The messages that are due: none to a channel that failed a moment ago, and nothing to one that knows it already."""
    return _Desk(known, spec, now).letters()


class _Desk:
    """Who is to be told what at one moment."""

    def __init__(self, known: Known, spec: WatchSpec, now: datetime) -> None:
        self._known, self._spec, self._now = known, spec, now
        self._told = Told.of(known.messages)
        self._causes = causes(known.alerts.values(), self._is_silenced)
        self._incidents = incidents(known.alerts.values(), self._is_silenced)

    @cached_property
    def _digest(self) -> datetime | None:
        """The newest moment at which a digest was due."""
        return passed(self._spec.digest, self._now)

    def letters(self) -> list[Letter]:
        made: dict[str, Letter] = {}
        for role, channel, item in self._items():
            if self._told.is_down(channel, self._now):
                continue
            letter = made.get(channel, Letter(channel, (), ()))
            roles = letter.roles if role in letter.roles else (*letter.roles, role)
            alerts = {one.alert.subject for one in letter.items}
            made[channel] = replace(letter, roles=roles, items=letter.items if item.alert.subject in alerts else (*letter.items, item))
        return list(made.values())

    def _items(self) -> Iterator[tuple[Role, str, Item]]:
        """The role, its channel and what it is to be told, the most urgent first."""
        for cause in self._causes:
            if not self._is_silenced(cause.head) and cause.taken is None:
                yield from self._first(cause)
                yield from self._elsewhere(cause)
                yield from self._escalated(cause)
        yield from self._kept_up_to_date()

    def _first(self, cause: Cause) -> Iterator[tuple[Role, str, Item]]:
        """To the channels of the alert's role that do not know it yet."""
        opened = datetime.fromisoformat(cause.head.body.get("opened", cause.head.body["since"]))
        # An alert from far ahead was opened before the clock was set back: rather too early than never.
        if cause.level == "digest" and opened <= self._now + _AHEAD and (self._digest is None or self._digest < opened):
            return
        role = self._answering(cause.head.body["role"])
        if role is not None and self._hears(role, cause):
            for channel in self._spec.tell[role]:
                if not self._told.knows(channel, cause.as_loud):
                    yield role, channel, self._item("told", cause)

    def _elsewhere(self, cause: Cause) -> Iterator[tuple[Role, str, Item]]:
        """To the next channel that works, while all those of the alert's role are down."""
        role = self._answering(cause.head.body["role"])
        if cause.level == "digest" or role is None or not self._hears(role, cause):
            return
        mine = self._spec.tell[role]
        if not all(self._told.is_down(channel, self._now) for channel in mine):
            return
        others = [(other, channel) for other, channels in self._spec.tell.items() for channel in channels if channel not in mine]
        if any(self._told.knows(channel, cause.as_loud) for _, channel in others):
            return
        next_one = next(((other, channel) for other, channel in others if self._hears(other, cause) and not self._told.is_down(channel, self._now)), None)
        if next_one is not None:
            yield *next_one, self._item("elsewhere", cause)

    def _escalated(self, cause: Cause) -> Iterator[tuple[Role, str, Item]]:
        """To those who are told when nobody has taken it on."""
        escalate, first = self._spec.escalate, self._told.first_try(cause.as_loud)
        if escalate is None or cause.level == "digest" or first is None or not long_since(first, self._now, escalate.after):
            return
        for role in escalate.to:
            heard = self._answering(role)
            if heard is not None and self._hears(heard, cause):
                for channel in self._spec.tell[heard]:
                    last = self._told.last(channel, cause.as_loud)
                    if not self._told.knows(channel, cause.as_loud, purpose="escalated") and (last is None or long_since(last, self._now, escalate.after)):
                        yield heard, channel, self._item("escalated", cause)

    def _kept_up_to_date(self) -> Iterator[tuple[Role, str, Item]]:
        """To Alertmanager, which forgets what it does not hear of: that an alert lasts, and that it is over."""
        for role, channels in self._spec.tell.items():
            for channel in filter(is_alertmanager, channels):
                for id, since, last in self._told.standing(channel):
                    entry = self._known.alerts.get(id)
                    if entry is None or entry.key != since:
                        continue
                    if entry.body["state"] == "resolved" or self._is_silenced(entry):
                        yield role, channel, Item("over", entry)
                    elif long_since(last, self._now, RENEWED):
                        yield role, channel, Item("lasts", entry)

    def _item(self, purpose: Purpose, cause: Cause) -> Item:
        return Item(purpose, cause.head, cause.explaining, self._incidents.get(cause.head.subject))

    def _is_silenced(self, entry: Entry) -> bool:
        return covering(entry.subject, entry.body, self._known.silences, self._now) is not None

    def _hears(self, role: Role, cause: Cause) -> bool:
        """Whether the role may be told of the cause now: of a page at any hour, of anything else on duty."""
        return cause.level == "page" or is_on(self._spec.hours.get(role, ()), self._now)

    def _answering(self, role: str) -> Role | None:
        """The role that is spoken to: the role itself, or the first with a channel, so that no alert is lost; None where there is no channel at all."""
        return next((one for one in self._spec.tell if one == role), next(iter(self._spec.tell), None))
