"""A file's bytes without somebody's records: each other record stays where it is, so that its line still names it; pure.

What cannot be written anew in its own format is given up as a whole.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable
from typing import Any

import polars as pl

from loopline.data.forget.sought import Sought
from loopline.data.formats.opening import read_bytes
from loopline.data.spec import LINE, SourceSpec
from loopline.errors import LooplineError

_GZIP, _ZSTD, _PARQUET, _ARROW, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"ARROW1", b"PK\x03\x04"
_BREAK = re.compile(r"(\r\n|\n|\r)")


def without(data: bytes, source: SourceSpec, sought: Sought, *, file: str = "") -> tuple[bytes | None, int]:
    """The bytes of a delivery without somebody's records, and how many these were; no bytes where its format cannot be written anew.

    Of a text the lines of a record are left blank, in a JSON document its object is left empty, in a Parquet file its cells. A text that
    was packed is packed with gzip again.

    Parameters
    ----------
    source
        How the file is written.
    file
        Its name, for what is said of it.
    """
    if data.startswith(_GZIP):
        kept, count = without(gzip.decompress(data), source, sought, file=file)
        return (data if not count else None if kept is None else gzip.compress(kept, mtime=0)), count
    if data.startswith(_ZSTD):
        kept, count = without("\n".join(pl.read_lines(io.BytesIO(data))["line"]).encode(), source, sought, file=file)
        return (data if not count else None if kept is None else gzip.compress(kept, mtime=0)), count
    if data.startswith(_PARQUET):
        return _frame(data, sought, lambda rows, target: rows.write_parquet(target))
    if data.startswith(_ARROW):
        return _frame(data, sought, lambda rows, target: rows.write_ipc(target))
    if data.startswith(_ZIP):
        count = len(_lines_of(data, source, sought, file)[0])
        return (None, count) if count else (data, 0)
    return _document(data, sought) or _lines(data, sought) or _delimited(data, source, sought, file)


def _frame(data: bytes, sought: Sought, write: Callable[[pl.DataFrame, io.BytesIO], object]) -> tuple[bytes | None, int]:
    frame = pl.read_parquet(io.BytesIO(data)) if data.startswith(_PARQUET) else pl.read_ipc(io.BytesIO(data))
    theirs = sought.rows(frame)
    count = int(theirs.sum())
    if not count:
        return data, 0
    target = io.BytesIO()
    write(frame.with_columns(pl.when(~theirs).then(pl.col(name)).alias(name) for name in frame.columns), target)
    return target.getvalue(), count


def _document(data: bytes, sought: Sought) -> tuple[bytes | None, int] | None:
    """As `without`, of one JSON text; None where it is none."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        value = json.loads(data)
    except ValueError:
        return None
    found = emptied(value, sought)
    return (json.dumps(found[0], ensure_ascii=False).encode(), found[1]) if found[1] else (data, 0)


def emptied(value: Any, sought: Sought) -> tuple[Any, int]:
    """A JSON value in which somebody's objects are empty, and how many these were; the outermost of several is emptied.

    Examples
    --------
    >>> from loopline.data.forget.sought import Keys
    >>> emptied({"people": [{"id": 5, "name": "Ann"}, {"id": 6}]}, Keys(("id",), frozenset({("5",)})))
    ({'people': [{}, {'id': 6}]}, 1)
    """
    if isinstance(value, dict):
        if sought.has(value):
            return {}, 1
        parts = {name: emptied(item, sought) for name, item in value.items()}
        return {name: part for name, (part, _) in parts.items()}, sum(count for _, count in parts.values())
    if isinstance(value, list):
        items = [emptied(item, sought) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    return value, 0


def _lines(data: bytes, sought: Sought) -> tuple[bytes | None, int] | None:
    """As `without`, of JSON Lines; None where the first line is no object."""
    text = data.decode("utf-8", errors="surrogateescape")
    parts = _BREAK.split(text)
    first = next((part for part in parts[::2] if part.strip("\ufeff \t")), "")
    if _object(first) is None:
        return None
    count = 0
    for place in range(0, len(parts), 2):
        record = _object(parts[place]) if parts[place].strip() else None
        theirs = sought.has(record) if record is not None else bool(parts[place].strip()) and sought.in_text(parts[place])
        if theirs:
            parts[place] = ""
            count += 1
    return ("".join(parts).encode("utf-8", errors="surrogateescape"), count) if count else (data, 0)


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line.strip("\ufeff"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _delimited(data: bytes, source: SourceSpec, sought: Sought, file: str) -> tuple[bytes | None, int]:
    """As `without`, of lines with separators."""
    theirs, starts, written = _lines_of(data, source, sought, file)
    if not theirs:
        return data, 0
    following = dict(zip(starts, [*starts[1:], None], strict=True))
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else data[:2] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else b""
    parts = _BREAK.split(data[len(mark) :].decode(written, errors="surrogateescape"))
    for line in theirs:
        end = following[line] or len(parts) // 2 + 2
        for place in range(2 * (line - 1), min(2 * (end - 1), len(parts)), 2):
            parts[place] = ""
    return mark + "".join(parts).encode(written, errors="surrogateescape"), len(theirs)


def _lines_of(data: bytes, source: SourceSpec, sought: Sought, file: str) -> tuple[set[int], list[int], str]:
    """The lines at which somebody's records begin, those of all records, and the encoding."""
    try:
        batch, about = read_bytes(data, source.as_file, where=file)
    except LooplineError:
        # Nobody can read it, so that nothing of it is in a table either.
        return set(), [], "utf-8"
    theirs = {*batch.frame[LINE].filter(sought.rows(batch.frame)).to_list(), *(item.line for item in batch.refused if sought.in_text(item.raw))}
    return theirs, sorted({*batch.frame[LINE].to_list(), *(item.line for item in batch.refused)}), about.get("encoding", "utf-8")
