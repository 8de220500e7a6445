"""The course of a rollout: what happened to it so far and where it stands, folded from its entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry

KIND = "rollout"
STARTED, ADVANCED, PAUSED, RESUMED, ASKED = "started", "advanced", "paused", "resumed", "asked"
WITHDRAWN, PROMOTED = "withdrawn", "promoted"
ENDS = (WITHDRAWN, PROMOTED)


@dataclass(frozen=True, kw_only=True)
class Course:
    """One rollout of a package.

    Parameters
    ----------
    champion
        The package that decided when it began, and that it is compared with.
    began, since
        When the rollout and its present leg began; `leg_entry` is the entry that began the leg.
    leg
        The present leg's place in the plan, from 0.
    plan
        The plan as it was declared when the rollout began.
    salt
        What the keys are split by.
    asked
        Whether it has been said that a person's word is needed.
    end
        ``withdrawn`` or ``promoted``; empty while it goes on.
    why
        The reason of its newest move.
    entries
        Every entry on it, oldest first.
    """

    package: str
    champion: str
    began: datetime
    leg: int
    leg_entry: str
    since: datetime
    plan: Mapping[str, Any]
    salt: str
    paused: bool = False
    asked: bool = False
    end: str = ""
    why: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether the challenger is on trial still."""
        return not self.end

    @property
    def legs(self) -> tuple[dict[str, Any], ...]:
        """The legs that have begun: ``kind``, and ``leg``, the id of the entry that began it, which stands in each record of it."""
        began = [one for one in self.entries if one.body["action"] in (STARTED, ADVANCED)]
        return tuple({"kind": one.body["traffic"]["kind"], "leg": one.id} for one in began)

    def overlaps(self, since: datetime, until: datetime | None) -> bool:
        """Whether the challenger was on trial at any moment of a time; one without an end goes on."""
        over = self.entries[-1].time if self.end else None
        return (until is None or self.began < until) and (over is None or over > since)

    def as_json(self) -> dict[str, Any]:
        """What was on trial from when to when, with what it was given in turn and how it ended; times as ISO 8601 in UTC."""
        given = [
            {
                **{"at": one.time.isoformat(), "action": one.body["action"], "traffic": one.body["traffic"]},
                **{"by": one.actor, "why": one.body["why"], "entry": one.id},
            }
            for one in self.entries
        ]
        until = self.entries[-1].time.isoformat() if self.end else None
        return {"package": self.package, "since": self.began.isoformat(), "until": until, "end": self.end or None, "moves": given}

    @property
    def traffic(self) -> Mapping[str, Any] | None:
        """What the challenger is given now; None once the rollout has ended."""
        given: Mapping[str, Any] | None = self.entries[-1].body["traffic"]
        return given

    def moved(self, entry: Entry) -> Course:
        """The course after one more entry."""
        said, after = entry.body, replace(self, why=entry.body["why"], entries=(*self.entries, entry))
        match said["action"]:
            case "advanced":
                return replace(after, leg=said["leg"], leg_entry=entry.id, since=entry.time, asked=False)
            case "paused" | "resumed" as action:
                return replace(after, paused=action == PAUSED)
            case "asked":
                return replace(after, asked=True)
            case _:
                return replace(after, end=said["action"])


def courses(entries: Iterable[Entry]) -> tuple[Course, ...]:
    """Every rollout, oldest first, from the entries of its kind in the order of the ledger."""
    found: list[Course] = []
    for entry in entries:
        if entry.body["action"] == STARTED:
            found.append(_begun(entry))
        elif found and found[-1].is_live and entry.subject == found[-1].package:
            # What comes after an end was written by somebody who had not seen it, and moves nothing.
            found[-1] = found[-1].moved(entry)
    return tuple(found)


def newest(entries: Sequence[Entry]) -> Course | None:
    """The newest rollout, live or ended; None where there never was one."""
    found = courses(entries)
    return found[-1] if found else None


def live(entries: Sequence[Entry]) -> Course:
    """The rollout that runs.

    Raises
    ------
    Mistake
        When none does.
    """
    course = newest(entries)
    if course is None or not course.is_live:
        raise Mistake("no package is on trial", remedy="see what decides: loopline release status")
    return course


def _begun(entry: Entry) -> Course:
    said = entry.body
    return Course(
        package=entry.subject,
        champion=said["champion"],
        began=entry.time,
        leg=0,
        leg_entry=entry.id,
        since=entry.time,
        plan=said["plan"],
        salt=said["salt"],
        why=said["why"],
        entries=(entry,),
    )


def start(package: str, champion: str, plan: Mapping[str, Any], traffic: Mapping[str, Any], *, salt: str, why: str, parents: Sequence[str]) -> Draft:
    """The entry by which a rollout begins.

    Parameters
    ----------
    traffic
        What its first leg gives the challenger: ``kind`` and ``share``.
    """
    body = {"action": STARTED, "why": why, "champion": champion, "plan": plan, "salt": salt, "traffic": {**traffic, "salt": salt}}
    return Draft(kind=KIND, subject=package, body=body, parents=tuple(parents))


def move(course: Course, action: str, *, why: str, traffic: Mapping[str, Any] | None, leg: int | None = None, actor: str = "loopline", **more: Any) -> Draft:
    """The entry by which a rollout goes on, stops for a while or ends.

    Parameters
    ----------
    traffic
        What the challenger is given from now on; None where it is on trial no more.
    leg
        The leg that begins, where one does.
    more
        Figures that it rests on.
    """
    given = None if traffic is None else {**traffic, "salt": course.salt}
    body = {"action": action, "why": why, "leg": course.leg if leg is None else leg, "traffic": given, **more}
    return Draft(kind=KIND, subject=course.package, body=body, parents=(course.entries[-1].id,), actor=actor)
