"""What the windows' step says of all windows: which chapters there are, with their sums; the windows themselves are in blobs. Light."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import parse


@dataclass(frozen=True)
class Chapter:
    """What is known of a chapter without reading it.

    Parameters
    ----------
    until
        The start of its last window.
    due
        When the first of its windows is to be judged anew though nothing comes; None where none is.
    """

    start: datetime
    until: datetime
    due: datetime | None
    windows: int
    rows: int
    outcomes: int
    blob: str

    def as_json(self) -> list[Any]:
        """Plain values; the inverse of `of_json`."""
        due = None if self.due is None else self.due.isoformat()
        return [self.start.isoformat(), self.until.isoformat(), due, self.windows, self.rows, self.outcomes, self.blob]

    @classmethod
    def of_json(cls, said: Sequence[Any]) -> Chapter:
        """The inverse of `as_json`."""
        due = None if said[2] is None else datetime.fromisoformat(said[2])
        return cls(datetime.fromisoformat(said[0]), datetime.fromisoformat(said[1]), due, *said[3:])


def bodies(blobs: Blobs, summary: Mapping[str, Any] | str, *, package: str | None = None) -> list[dict[str, Any]]:
    """The bodies of all windows, in the order of time, by the fact ``summary`` of the step that computed them.

    Parameters
    ----------
    package
        Whose windows alone are read; by default everyone's.

    Raises
    ------
    Mistake
        When that is of a time before there were chapters.
    """
    told = [one["body"] for chapter in chapters(summary, package=package) for one in json.loads(blobs.get(chapter.blob))]
    return sorted(told, key=lambda body: (body["start"], body["package"]))


def chapters(summary: Mapping[str, Any] | str, *, package: str | None = None, since: datetime | None = None) -> list[Chapter]:
    """The chapters that the fact ``summary`` names.

    Parameters
    ----------
    package
        Whose chapters alone; by default everyone's.
    since
        Only chapters with a window that starts then or later.

    Raises
    ------
    Mistake
        When that is of a time before there were chapters.
    """
    if isinstance(summary, str):
        raise Mistake("the newest windows were made by an earlier Loopline", remedy="loopline run")
    told = [Chapter.of_json(chapter) for name, part in summary["packages"].items() if package in (None, name) for chapter in part["chapters"]]
    return [chapter for chapter in told if since is None or chapter.until >= since]


def newest(blobs: Blobs, summary: Mapping[str, Any] | str, most: int, *, package: str | None = None) -> list[dict[str, Any]]:
    """The newest windows, in the order of time, each as ``body`` and the ``counts`` of its bins; only the chapters that have them are read.

    Raises
    ------
    Mistake
        When they are of a time before there were chapters.
    """
    found: list[dict[str, Any]] = []
    for chapter in sorted(chapters(summary, package=package), key=lambda one: one.until, reverse=True):
        if len(found) >= most and chapter.until.isoformat() < found[-most]["body"]["start"]:
            break
        found = sorted([*found, *parse(blobs.get(chapter.blob).decode())], key=lambda one: (one["body"]["start"], one["body"]["package"]))
    return found[-most:]


def ranked(drift: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    """The features, those first that are farthest for their limits: every day is far from training in its weekday, and has a limit to match."""
    held = sorted(limits or drift, key=lambda name: -drift.get(name, 0.0) / (limits.get(name) or 1.0))
    return held + sorted((name for name in drift if name not in held), key=lambda name: -drift[name])
