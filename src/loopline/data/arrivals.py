"""What has come for the sources since the last turn: moments of schedules, and files in watched folders that have settled; light."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from loopline.data.schedule import due, next_due
from loopline.data.spec_source import SourceSpec

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".upload", ".uploading", ".swp", ".lock", ".lck", "~")
"""How the names of files end that somebody is still writing."""
PATIENCE_LOOKS = 20
"""After so many looks in which some file still grew, those that have settled are taken without it."""

Seen = Mapping[str, tuple[int, int]]
"""From a file's name in its folder to its size and its time of change in nanoseconds."""


def is_unfinished(name: str) -> bool:
    """Whether a name says that its file is not there yet, or no delivery."""
    return name.startswith((".", "_", "~$")) or name.lower().endswith(UNFINISHED)


def look(folder: Path) -> dict[str, tuple[int, int]]:
    """The files of a folder and of those in it; none where it is not there, or cannot be read."""
    seen: dict[str, tuple[int, int]] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_unfinished(name)]
        for name in names:
            if is_unfinished(name):
                continue
            path = os.path.join(place, name)
            try:
                stat = os.stat(path)
            except OSError:
                # It went away between the two calls.
                continue
            seen[os.path.relpath(path, folder)] = (stat.st_size, stat.st_mtime_ns)
    return seen


@dataclass
class Inbox:
    """What a watched folder held when files were last taken from it, and at the last look.

    A file has settled when two looks see the same size and the same time of change. Nothing is taken as long as one still grows, for a while:
    most often it belongs to the same delivery.
    """

    taken: Seen = field(default_factory=dict)
    seen: Seen = field(default_factory=dict)
    looks: int = 0

    def settled(self, now: Seen) -> int:
        """How many new or changed files may be taken after this look; the look is remembered."""
        new = {name: state for name, state in now.items() if self.taken.get(name) != state}
        still = {name for name, state in new.items() if self.seen.get(name) == state and state[0] > 0}
        self.seen = now
        self.looks = self.looks + 1 if new else 0
        return len(still) if len(still) == len(new) or self.looks > PATIENCE_LOOKS else 0

    def take(self) -> None:
        """All that the last look saw is taken now."""
        self.taken, self.looks = self.seen, 0


@dataclass
class Arrivals:
    """What has come for a project's sources, from one turn to the next.

    Parameters
    ----------
    asked
        When the sources were last asked: when the last turn began.
    """

    asked: datetime
    inboxes: dict[str, Inbox] = field(default_factory=dict)

    def come(self, sources: Mapping[str, SourceSpec], folder: Path, now: datetime) -> list[str]:
        """Why a turn is due now, one reason for each source; none where nothing has come."""
        reasons = []
        for name, source in sources.items():
            moment = due(source.schedule, self.asked, now) if source.schedule is not None else None
            if moment is not None:
                reasons.append(f"{name} is due since {moment:%Y-%m-%d %H:%M} UTC")
            if source.watch is not None:
                inbox = self.inboxes.setdefault(f"{name} {source.watch}", Inbox())
                if count := inbox.settled(look(folder / source.watch)):
                    reasons.append(f"{count} new {'file' if count == 1 else 'files'} for {name} in {source.watch}")
        return reasons

    def take(self, now: datetime) -> None:
        """A turn begins: what has come is taken by it."""
        self.asked = now
        for inbox in self.inboxes.values():
            inbox.take()


def next_moment(sources: Mapping[str, SourceSpec], now: datetime) -> datetime | None:
    """When the next schedule of any source is due; None where none has one."""
    found = [moment for source in sources.values() if source.schedule is not None and (moment := next_due(source.schedule, now)) is not None]
    return min(found, default=None)
