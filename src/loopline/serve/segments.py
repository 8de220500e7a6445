"""Segments of the prediction log: JSON Lines files that only grow, and what a reader may take from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Kind = Literal["predictions", "outcomes", "feedback", "refused", "shadows", "assignments", "measures"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Mode = Literal["durable", "async"]
"""Whether an answer leaves once its record is durable, or may leave before, within a bound that is stated."""
SLICE_BYTES = 32 << 20
_PART_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the log; its name begins with the day and the server that wrote it."""

    kind: Kind
    name: str
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Whole lines of a segment, from the byte `start` up to the byte `end`.

    A line that is torn, because its writer was killed or is still writing, is in no slice.
    """

    segment: str
    start: int
    end: int
    lines: tuple[bytes, ...]


def listing(folder: Path, kind: Kind) -> list[Segment]:
    """The segments of one kind in a log's folder, in the order of their names; empty where nothing was ever logged."""
    place = folder / kind
    if not place.is_dir():
        return []
    return [Segment(kind, path.name, path, path.stat().st_size) for path in sorted(place.glob("*.jsonl"))]


def slices(segment: Segment, *, after: int = 0, slice_bytes: int = SLICE_BYTES) -> Iterator[Slice]:
    """The whole lines after a byte offset, in slices of about `slice_bytes`, so that memory does not grow with the segment.

    What was appended after the segment was listed is left for the next time.
    """
    with segment.path.open("rb") as file:
        file.seek(after)
        start, rest = after, b""
        while chunk := file.read(max(0, min(slice_bytes, segment.size_bytes - start - len(rest)))):
            rest += chunk
            whole = rest.rfind(b"\n") + 1
            if whole:
                yield Slice(segment.name, start, start + whole, tuple(rest[: whole - 1].split(b"\n")))
                start, rest = start + whole, rest[whole:]


def records(folder: Path, kind: Kind, after: Mapping[str, int] | None = None) -> Iterator[Slice]:
    """The whole lines of every segment of a kind, each segment from its own offset on.

    Parameters
    ----------
    after
        From a segment's name to the byte up to which it has been read; 0 where it is not named.
    """
    offsets = after or {}
    for segment in listing(folder, kind):
        if segment.size_bytes > offsets.get(segment.name, 0):
            yield from slices(segment, after=offsets.get(segment.name, 0))


def count_lines(folder: Path, kind: Kind, servers: Collection[str]) -> int:
    """How many whole lines of a kind some servers have logged, by the ids in their segments' names."""
    return sum(_lines_of(segment.path) for segment in listing(folder, kind) if segment.name.split("-")[1] in servers)


def _lines_of(path: Path) -> int:
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(_PART_BYTES), b""))
