"""Segments of the prediction log whose records are all in their table: the table is the truth then, and the segment may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from loopline.lake.tables import Tables
from loopline.serve.segments import KINDS, Segment, listing

_CHUNK_BYTES = 1 << 20
_MIDNIGHT = timedelta(minutes=10)
"""A record that is written when a day ends may be a little late."""


def collected(tables: Tables, folder: Path, *, before: datetime, now: datetime) -> list[Segment]:
    """The segments that were last written before a moment, on a day that is over, and are in their tables to the last whole line.

    A server writes a segment only on the day that it is named by. A line that is torn, because its writer was killed, was never
    answered; it is in no table.
    """
    today = f"{now - _MIDNIGHT:%Y%m%d}"
    found = [segment for kind in KINDS for segment in listing(folder, kind) if segment.name[:8] < today]
    return [segment for segment in found if datetime.fromtimestamp(segment.path.stat().st_mtime, UTC) <= before and _is_collected(tables, segment)]


def _is_collected(tables: Tables, segment: Segment) -> bool:
    done = (tables.batch_version(segment.kind, segment.name) or 0) if tables.exists(segment.kind) else 0
    with segment.path.open("rb") as file:
        file.seek(done)
        while chunk := file.read(_CHUNK_BYTES):
            if b"\n" in chunk:
                return False
    return True
