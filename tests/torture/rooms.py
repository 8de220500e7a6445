"""Broken deliveries through the whole intake, and the books afterwards: whatever came, every record of it is somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loopline.data.formats import delimited, json_document, json_reading
from loopline.data.formats.opening import open_reading
from loopline.data.intake import keys, rivals, seen
from loopline.data.intake.intake import Intake
from loopline.data.listing import File, listing
from loopline.data.quarantine.quarantine import QUARANTINE
from loopline.data.spec import BATCH, LINE
from loopline.data.spec_source import SourceSpec
from loopline.engine.step import Silence
from loopline.errors import LooplineError
from loopline.lake import staging
from tests.data.conftest import Room, opened

ROOM_BATCHES = 40
"""A quarantine that grows with every example would make the next ones slower."""


@dataclass
class Rooms:
    """Rooms, a new one now and then; each delivery gets a table of its own."""

    make: Any
    count: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _room: Room | None = None

    def room(self) -> tuple[Room, str]:
        """A room, and the name of a table that it does not have."""
        if self._room is None or self.count % ROOM_BATCHES == 0:
            self._stack.close()
            self._room = self._stack.enter_context(opened(self.make("room")))
        self.count += 1
        return self._room, f"t{self.count}"

    def close(self) -> None:
        """Let go of the last room."""
        self._stack.close()


@dataclass(frozen=True)
class Taken:
    """What became of a delivery: the entry of its batch, or what was said of it."""

    body: dict[str, Any] | None
    error: LooplineError | None


def take(rooms: Rooms, content: bytes, *, name: str, contract: dict[str, Any] | None = None, size: int | None = None, **said: Any) -> Taken:
    """A delivery through the intake, twice; checks the books.

    Parameters
    ----------
    size
        Bytes of a block, and much else in proportion; as it is where None.
    said
        What the source says of it.
    """
    room, table = rooms.room()
    ending = name.rpartition(".")[2]
    room.sources, room.contract = {table: {"path": f"{table}.{ending}", **said}}, contract or {}
    room.folder.mkdir(parents=True, exist_ok=True)
    path = room.folder / f"{table}.{ending}"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        if size is not None:
            shrink(patch, size)
        try:
            body = _enter(room, table)
        except LooplineError as error:
            assert error.what and error.remedy, error
            assert "defect" not in str(error) and "Traceback" not in str(error)
            assert not room.tables.exists(table)
            assert nothing_lies_about(room, table)
            return Taken(None, error)
        records = whole_records(path, room.data.sources[table], content)
        balanced(room, table, body, records)
        before = len(room.workspace.ledger.read())
        assert _enter(room, table) == body
        assert len(room.workspace.ledger.read()) == before
    return Taken(body, None)


def shrink(patch: pytest.MonkeyPatch, size: int) -> None:
    """Blocks, parts and what is held in memory so small that every seam is met."""
    patch.setattr(delimited, "BLOCK_BYTES", size)
    patch.setattr(delimited, "_LOOK_AHEAD_BYTES", 4 * size)
    patch.setattr(json_document, "BLOCK", size)
    patch.setattr(json_reading, "BLOCK", size)
    patch.setattr(json_reading, "BLOCK_RECORDS", max(3, size // 100))
    patch.setattr(staging, "PART_ROWS", max(4, size // 20))
    patch.setattr(keys, "_IN_MEMORY", 5)
    patch.setattr(rivals, "_IN_MEMORY_BYTES", 100)
    patch.setattr(seen, "FULL", 5)
    patch.setattr(seen, "_WORDS_BITS", 2)


def _enter(room: Room, table: str) -> dict[str, Any]:
    intake = Intake(room.workspace, room.data, table, Silence())
    files: Sequence[File] = listing(room.data.sources[table], room.folder)
    intake.take_all(files)
    (entry,) = intake.batches
    return dict(entry.body)


def balanced(room: Room, table: str, body: dict[str, Any], records: list[tuple[int, str]]) -> None:
    """The entry's counts are those of the tables, and those of the records that are in the file."""
    assert body["read"] == len(records) == body["accepted"] + body["quarantined"] + body["merged"]
    rows = room.tables.read(table).select(LINE, BATCH).collect()
    assert rows.height == body["accepted"]
    kept: list[tuple[int, str, str]] = []
    if room.tables.exists(QUARANTINE):
        frame = room.tables.read(QUARANTINE).collect()
        kept = frame.filter(frame["table"] == table).select("line", "raw", "state").rows()
        assert all(reasons for reasons in frame.filter(frame["table"] == table)["reasons"].to_list())
    assert sum(state == "merged" for *_, state in kept) == body["merged"]
    assert len(kept) == body["quarantined"] + body["merged"]
    assert sorted([*rows[LINE].to_list(), *(line for line, *_ in kept)]) == sorted(line for line, _ in records)
    raws = dict(records)
    assert all(raws[line] == raw for line, raw, _ in kept)


def nothing_lies_about(room: Room, table: str) -> bool:
    """Whether a delivery that was not taken left no file."""
    return not list(Path(room.workspace.lake.table(table)).glob("*.parquet"))


def whole_records(path: Path, source: SourceSpec, content: bytes) -> list[tuple[int, str]]:
    """The records that a reader finds in a file, with their lines; of a text of fields, each is held to the lines that stand there."""
    reading = open_reading(path, source, where=path.name)
    try:
        records = []
        for chunk in reading.chunks():
            lines = chunk.frame[LINE].to_list()
            raws = chunk.raw(range(chunk.frame.height))
            records += zip(lines, raws, strict=True)
            records += [(item.line, item.raw) for item in chunk.refused]
        if reading.about["format"] == "csv":
            every_line_is_there(content, reading.about["encoding"], sorted(records), source)
        return records
    finally:
        reading.close()


def every_line_is_there(content: bytes, encoding: str, records: list[tuple[int, str]], source: SourceSpec) -> None:
    """Records are lines of the text, each at most once; what is in none of them is blank, or the header."""
    lines = list(physical(content, encoding))
    covered = [False] * len(lines)
    for line, raw in records:
        said = re.split(r"\r\n|\n|\r", raw)
        there = lines[line - 1 : line - 1 + len(said)]
        assert said == there, (line, raw, there)
        for place in range(line - 1, line - 1 + len(said)):
            assert not covered[place], (line, raw)
            covered[place] = True
    left = [place for place, (text, is_covered) in enumerate(zip(lines, covered, strict=True)) if not is_covered and text and place >= source.skip]
    if source.header is False:
        assert not left, [lines[place] for place in left]
    else:
        assert left, "there is no header"
        between = range(left[0], left[-1] + 1)
        assert not any(covered[place] for place in between), [lines[place] for place in left]
        assert len(left) == 1 or '"' in "".join(lines[place] for place in left), [lines[place] for place in left]


def physical(content: bytes, encoding: str) -> Iterator[str]:
    """The lines of a file."""
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"\xff\xfe", b"\xfe\xff"):
        if content.startswith(mark) and encoding.startswith("utf"):
            content = content[len(mark) :]
            break
    yield from re.split(r"\r\n|\n|\r", content.decode(encoding, errors="replace"))
