"""What servers have logged that no turn has collected yet: until then it is in no table, and no page counts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from loopline.declaration import counted
from loopline.serve.collect import FILE, Collected
from loopline.serve.segments import Kind, listing

MOST_BYTES = 8 << 20
"""So much of the log is counted at most: a page asks, and the next turn counts the rest."""
_TOLD: tuple[Kind, ...] = ("predictions", "outcomes")


@dataclass(frozen=True)
class Uncollected:
    """The records that wait for a turn.

    Parameters
    ----------
    records
        How many there are of each kind that is told.
    is_more
        Whether there are more of them than were counted.
    """

    records: dict[Kind, int] = field(default_factory=dict)
    is_more: bool = False

    def __str__(self) -> str:
        """What waits, in words; empty where nothing does."""
        rows, outcomes = (self.records.get(kind, 0) for kind in _TOLD)
        found = [*([f"{counted(rows, 'row')} answered"] if rows else []), *([counted(outcomes, "outcome")] if outcomes else [])]
        if not found:
            return ""
        is_one = sum(self.records.values()) == 1
        return f"{'more than ' if self.is_more else ''}{' and '.join(found)} {'is' if is_one else 'are'} not collected yet"


def uncollected(log: Path, *, was_collected: bool) -> Uncollected:
    """What the log's folder on this machine holds beyond what was collected; nothing where that cannot be told.

    Parameters
    ----------
    was_collected
        Whether a turn has collected before: how far is then told by a file beside the log, and by the tables alone where that is gone.
    """
    file = log / FILE
    if was_collected and not file.exists():
        return Uncollected()
    offsets, left, records = Collected.read(file).offsets, MOST_BYTES, dict[Kind, int]()
    for kind in _TOLD:
        for segment in listing(log, kind):
            after = offsets.get(segment.name, 0)
            if segment.size_bytes <= after:
                continue
            lines, read = _lines(segment.path, after, left)
            records[kind] = records.get(kind, 0) + lines
            left -= read
            if left <= 0:
                return Uncollected(records, is_more=True)
    return Uncollected(records)


def _lines(path: Path, after: int, most: int) -> tuple[int, int]:
    """The whole lines behind a byte, and how many bytes were read for them."""
    with path.open("rb") as file:
        file.seek(after)
        data = file.read(most)
    return data.count(b"\n"), len(data)
