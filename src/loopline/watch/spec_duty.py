"""Who is told of alerts, and when, as it is declared: channels, hours on duty, the digest, and who is told when nobody answers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from loopline.access.secrets import Address
from loopline.charter.spec import Role
from loopline.data.spec_source import ScheduleSpec
from loopline.declaration import Span, Spec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN = 24 * 60
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DAILY = re.compile(r"\s*(\d{1,2}:\d{2})(?:\s+(\S+))?\s*")
_HOURS = re.compile(r"\s*(?:([A-Za-z][A-Za-z,-]*)\s+)?(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})(?:\s+(\S+))?\s*")


class Hours(Spec):
    """Hours of the week in which somebody is on duty, as in ``Mon-Fri 08:00-18:00 Europe/Zurich``; every day and UTC where they are not said.

    Parameters
    ----------
    days
        Weekdays on which the hours begin, Monday is 0.
    begins, ends
        Minutes of the day by the clock on the wall; hours that end before they begin run into the next morning.
    """

    days: tuple[int, ...]
    begins: int
    ends: int
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{','.join(DAYS[day].title() for day in self.days)} {_clock(self.begins)}-{_clock(self.ends)} {self.zone}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(text: str, *, latest: int = _DAY_MIN - 1) -> int:
    match = _CLOCK.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match is not None and int(match[2]) < 60 else _DAY_MIN + 1
    if minute > latest:
        raise ValueError(f"{text!r} is no time of the day; write it as 08:00")
    return minute


def _zone(name: str | None) -> str:
    try:
        return ZoneInfo(name or "UTC").key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one such as Europe/Zurich or UTC") from None


def _days(text: str | None) -> tuple[int, ...]:
    if text is None:
        return tuple(range(7))
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        names = [name[:3] for name in (first, last or first)]
        if not all(name in DAYS for name in names):
            raise ValueError(f"{part!r} names no days; write them as Mon-Fri or Sat,Sun")
        begin, end = map(DAYS.index, names)
        found |= {day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)}
    return tuple(sorted(found))


def parse_hours(text: object) -> object:
    """Hours on duty from words such as ``Mon-Fri 08:00-18:00 Europe/Zurich``.

    Raises
    ------
    ValueError
        When the words name no days, times or zone.
    """
    if not isinstance(text, str):
        return text
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} are no hours; write them as 'Mon-Fri 08:00-18:00 Europe/Zurich'")
    begins, ends = _minute(match[2]), _minute(match[3], latest=_DAY_MIN)
    if begins == ends:
        raise ValueError(f"{text!r} end when they begin; write 00:00-24:00 for a whole day")
    return Hours(days=_days(match[1]), begins=begins, ends=ends, zone=_zone(match[4]))


def _daily(value: object) -> object:
    """A schedule from a time of the day; YAML reads an unquoted 10:30 as the number 630."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _DAY_MIN:
        value = _clock(value)
    match = _DAILY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    hour, minute = divmod(_minute(match[1]), 60)
    return ScheduleSpec(cron=f"{minute} {hour} * * *", zone=_zone(match[2]))


def _several(value: object) -> object:
    return [value] if isinstance(value, (str, Hours)) else value


_ONE_OR_MORE = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})


def _texts(values: tuple[Any, ...]) -> list[str]:
    return [str(value) for value in values]


HoursText = Annotated[Hours, BeforeValidator(parse_hours)]
HoursTexts = Annotated[tuple[HoursText, ...], BeforeValidator(_several), PlainSerializer(_texts, return_type=list[str]), _ONE_OR_MORE]
DailyText = Annotated[ScheduleSpec, BeforeValidator(_daily), PlainSerializer(str, return_type=str), WithJsonSchema({"type": ["string", "integer"]})]
Channels = Annotated[tuple[Address, ...], BeforeValidator(_several), Field(min_length=1), _ONE_OR_MORE]


class EscalateSpec(Spec):
    """Who else is told when nobody has taken an alert on so long after it was told; the digest does not escalate."""

    after: Span = Field(default=timedelta(hours=4), gt=timedelta())
    to: tuple[Role, ...] = Field(min_length=1)
