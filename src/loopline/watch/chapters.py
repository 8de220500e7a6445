"""The windows as they stand, kept from turn to turn: in chapters, each a blob, so that what has not changed is neither read nor written again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from loopline.lake.blobs import Blobs
from loopline.watch.alerts import Found
from loopline.watch.earned import Earned, Split, Sums
from loopline.watch.estimated import NEW, Estimated, Record
from loopline.watch.monitors.watched import breach_of
from loopline.watch.served import Days
from loopline.watch.spans import start_of
from loopline.watch.summary import Chapter
from loopline.watch.windows import LOOKBACK, SCORE, Window

SPANS = 100
"""So many windows a chapter has, but for those in which nothing was asked."""


@dataclass(frozen=True, eq=False)
class Held:
    """A window, what was found in it, and the days on which its rows arrived.

    Parameters
    ----------
    limits
        Those of drift, of each feature and of the score, where they were applied.
    due
        When it is to be judged anew though nothing comes, because its outcomes are overdue then; None where it never is.
    """

    window: Window
    days: Days = Days()
    found: Found | None = None
    limits: Mapping[str, float] | None = None
    due: datetime | None = None

    def body(self) -> dict[str, Any]:
        """The window as an entry's body, with what the monitors found."""
        breaches = sorted(name for looks in (self.found or {}).values() for breach in looks or () for name in breach.names)
        own = {name: limit for name, limit in (self.limits or {}).items() if name != SCORE}
        return {**self.window.as_json(), "drift_limits": own, "score_limit": (self.limits or {}).get(SCORE), "breaches": breaches}

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values: the entry's body, and what an entry does not say."""
        window = self.window
        found = None if self.found is None else {name: None if looks is None else [asdict(one) for one in looks] for name, looks in self.found.items()}
        more = {"counts": dict(window.counts), "outside": dict(window.outside), "loss": [*asdict(window.loss).values()], "found": found}
        due = None if self.due is None else self.due.isoformat()
        return {"body": self.body(), **more, "due": due, "days": sorted(day.isoformat() for day in self.days)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Held:
        """The inverse of `as_json`."""
        body = said["body"]
        scored = {} if body["score_drift"] is None else {SCORE: body["score_drift"]}
        window = Window(
            **{name: body[name] for name in ("package", "rows", "refused", "outcomes", "acted", "apart", "metrics", "told_after_s")},
            hidden=body.get("hidden", 0),
            start=datetime.fromisoformat(body["start"]),
            end=datetime.fromisoformat(body["end"]),
            counts={name: tuple(part) for name, part in said["counts"].items()},
            drift={**body["drift"], **scored},
            outside=said["outside"],
            earned=Earned.of_json(body["sums"]),
            split=Split.of_json(body["split"]),
            loss=Sums(*said["loss"]),
            estimated=None if body["estimated"] is None else _estimated(body["estimated"]),
        )
        found = said["found"]
        looks = None if found is None else {name: None if told is None else [breach_of(one) for one in told] for name, told in found.items()}
        limits = {**body["drift_limits"], **({} if body["score_limit"] is None else {SCORE: body["score_limit"]})}
        due = None if said["due"] is None else datetime.fromisoformat(said["due"])
        return cls(window, Days(date.fromisoformat(day) for day in said["days"]), looks, limits, due)


def _estimated(said: Mapping[str, Any]) -> Estimated:
    """An estimate with its records."""
    told = {**said["metrics"], **({} if said["worth"] is None else {"worth": said["worth"]})}
    records = {name: Record(**{part: one[part] for part in ("checked", "beyond", "widened", "silent")}) for name, one in told.items()}
    return replace(Estimated.of_json(said), records={name: record for name, record in records.items() if record != NEW})


@dataclass(frozen=True)
class Chapters:
    """A package's windows.

    Parameters
    ----------
    name
        Names all that they were measured and judged with, beside the log.
    closed
        Windows that end later than this were not over when they were judged.
    """

    name: str
    closed: datetime | None
    chapters: tuple[Chapter, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, with the blobs' digests."""
        closed = None if self.closed is None else self.closed.isoformat()
        return {"name": self.name, "closed": closed, "chapters": [chapter.as_json() for chapter in self.chapters]}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Chapters:
        """The inverse of `as_json`."""
        closed = None if said["closed"] is None else datetime.fromisoformat(said["closed"])
        return cls(said["name"], closed, tuple(Chapter.of_json(one) for one in said["chapters"]))

    def newest(self, blobs: Blobs, since: datetime) -> tuple[list[Held], int]:
        """The newest windows, in the order of time: so many whole chapters that what is found in a window since that moment depends on nothing earlier.

        And how many of them, at the beginning, are gaps after a window of an earlier chapter.
        """
        found: list[Held] = []
        for chapter in reversed(self.chapters):
            found = [*_read(blobs, chapter), *found]
            at = next((at for at, held in enumerate(found) if held.window.rows or held.window.refused), len(found))
            if chapter is not self.chapters[0] and sum(held.window.start < since for held in found[at:]) > LOOKBACK:
                return found, at
        return found, 0

    def with_newest(self, blobs: Blobs, held: Sequence[Held], span: timedelta) -> tuple[Chapter, ...]:
        """The chapters, with these windows in place of those of their chapters and of all later ones."""
        parts: dict[datetime, list[Held]] = {}
        for one in held:
            parts.setdefault(start_of(one.window.start, SPANS * span), []).append(one)
        first = min(parts, default=None)
        kept = tuple(chapter for chapter in self.chapters if first is not None and chapter.start < first)
        return kept + tuple(_written(blobs, start, own) for start, own in sorted(parts.items()))


def _read(blobs: Blobs, chapter: Chapter) -> list[Held]:
    return [Held.of_json(one) for one in json.loads(blobs.get(chapter.blob))]


def _written(blobs: Blobs, start: datetime, held: Sequence[Held]) -> Chapter:
    windows = [one.window for one in held]
    due = min((one.due for one in held if one.due is not None), default=None)
    blob = blobs.put(json.dumps([one.as_json() for one in held], sort_keys=True, ensure_ascii=False).encode())
    return Chapter(start, windows[-1].start, due, len(held), sum(one.rows for one in windows), sum(one.outcomes for one in windows), blob)
