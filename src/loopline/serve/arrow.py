"""What an Arrow stream says of itself, read before anything is made of it: a few bytes may stand for more rows than there is memory."""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as StructError
from struct import unpack_from

from loopline.serve.answers import Refusal

_CONTINUES = b"\xff\xff\xff\xff"
_DICTIONARY, _RECORDS = 2, 3
_BODY_LENGTH, _HEADER_TYPE, _HEADER = 3, 1, 2
_ROWS, _COMPRESSION = 0, 3


def require_plain(body: bytes, most_rows: int) -> None:
    """Check that a stream is whole, not packed, and has no more rows than are taken.

    Raises
    ------
    Refusal
        When it is not so.

    References
    ----------
    Apache Arrow, "Encapsulated message format"; the tables are FlatBuffers.
    """
    try:
        rows = sum(_rows(body, at) for at in _messages(body))
    except (StructError, IndexError, ValueError):
        raise Refusal(400, "the body is no whole Arrow stream", where="body", remedy="send a stream of record batches, not a file") from None
    if rows > most_rows:
        what = f"there are {rows:,} rows, and at most {most_rows:,} are taken at once"
        raise Refusal(413, what, where="rows", remedy="send them in several requests, or use loopline score; serve.limits.rows is the limit")


def _messages(body: bytes) -> Iterator[int]:
    """Where the table of each message begins."""
    at = 0
    while at < len(body):
        if body[at : at + 4] != _CONTINUES:
            raise ValueError("no message begins here")
        (size,) = unpack_from("<i", body, at + 4)
        if size == 0:
            return
        start = at + 8
        table = start + unpack_from("<I", body, start)[0]
        length = _field(body, table, _BODY_LENGTH)
        body_bytes = unpack_from("<q", body, length)[0] if length else 0
        at = start + size + body_bytes
        if size < 0 or body_bytes < 0 or at > len(body):
            raise ValueError("the message is cut")
        yield table


def _rows(body: bytes, table: int) -> int:
    """The rows of a message that is a record batch, or the values of a dictionary."""
    kind = _field(body, table, _HEADER_TYPE)
    if not kind or body[kind] not in (_DICTIONARY, _RECORDS):
        return 0
    records = _below(body, table, _HEADER)
    if body[kind] == _DICTIONARY:
        # Its own table holds the id, and then the record batch with the values.
        records = _below(body, records, 1)
    if _field(body, records, _COMPRESSION):
        raise Refusal(415, "the Arrow stream is packed", where="body", remedy="send it without compression")
    rows = _field(body, records, _ROWS)
    count = unpack_from("<q", body, rows)[0] if rows else 0
    if count < 0:
        raise ValueError("less than no rows")
    return int(count)


def _below(body: bytes, table: int, field: int) -> int:
    """Where the table that a field points to begins."""
    at = _field(body, table, field)
    if not at:
        raise ValueError("there is no such table")
    return int(at + unpack_from("<I", body, at)[0])


def _field(body: bytes, table: int, field: int) -> int:
    """Where a field of a table lies; 0 where the table leaves it out."""
    dictionary = table - unpack_from("<i", body, table)[0]
    if dictionary < 0:
        raise ValueError("there is no such table")
    size = unpack_from("<H", body, dictionary)[0]
    place = 4 + 2 * field
    offset = unpack_from("<H", body, dictionary + place)[0] if place + 2 <= size else 0
    return table + offset if offset else 0
