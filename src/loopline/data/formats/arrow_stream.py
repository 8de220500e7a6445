"""Arrow's stream of record batches, read some batches at a time: Polars alone would read all of it at once."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl

_CONTINUED = b"\xff\xff\xff\xff"
_END = _CONTINUED + b"\0\0\0\0"
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_PART = 32 << 20


def stream_schema(path: Path) -> pl.Schema:
    """The columns of a stream and their types.

    Raises
    ------
    ValueError
        When it is no stream of record batches, or broken off within its head.
    """
    with path.open("rb") as file:
        head = b"".join(message for kind, message in _head(file))
    return pl.read_ipc_stream(io.BytesIO(head + _END)).schema


def stream_frames(path: Path) -> Iterator[pl.DataFrame]:
    """The rows of a stream, some record batches at a time.

    Raises
    ------
    ValueError
        When it is damaged.
    """
    with path.open("rb") as file:
        head: list[bytes] = []
        batches: list[bytes] = []
        for kind, message in _messages(file):
            if kind == _BATCH:
                batches.append(message)
            elif batches:
                # A dictionary that is given anew holds for the batches after it alone.
                yield _frame(head, batches)
                batches = []
            if kind != _BATCH:
                head.append(message)
            if sum(map(len, batches)) >= _PART:
                yield _frame(head, batches)
                batches = []
        if batches:
            yield _frame(head, batches)


def _frame(head: list[bytes], batches: list[bytes]) -> pl.DataFrame:
    return pl.read_ipc_stream(io.BytesIO(b"".join([*head, *batches, _END])))


def _head(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The messages before the first batch."""
    for kind, message in _messages(file):
        if kind == _BATCH:
            return
        yield kind, message


def _messages(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The messages of a stream, each with its kind.

    References
    ----------
    The Arrow columnar format, "Encapsulated message format": a length, a flatbuffer that tells kind and length of the body, the body.
    """
    first = True
    while True:
        prefix = file.read(8)
        if not prefix or prefix == _END:
            if first:
                raise ValueError("no message")
            return
        if len(prefix) < 8 or not prefix.startswith(_CONTINUED):
            raise ValueError("no message where one should be")
        size = struct.unpack("<i", prefix[4:])[0]
        meta = file.read(max(size, 0))
        if size < 16 or len(meta) < size:
            raise ValueError("a message is broken off")
        kind, length = _described(meta)
        if kind not in (_SCHEMA, _DICTIONARY, _BATCH) or (first and kind != _SCHEMA) or length < 0:
            raise ValueError("a message of an unknown kind")
        body = file.read(length)
        if len(body) < length:
            raise ValueError("a message is broken off")
        first = False
        yield kind, prefix + meta + body


def _described(meta: bytes) -> tuple[int, int]:
    """The kind of a message and the length of its body: fields 1 and 3 of the flatbuffer's root table."""
    try:
        table = struct.unpack_from("<I", meta)[0]
        fields = table - struct.unpack_from("<i", meta, table)[0]
        size = struct.unpack_from("<H", meta, fields)[0]
        kind_at, length_at = (struct.unpack_from("<H", meta, fields + 4 + 2 * index)[0] if 4 + 2 * index < size else 0 for index in (1, 3))
        kind = meta[table + kind_at] if kind_at else 0
        return kind, struct.unpack_from("<q", meta, table + length_at)[0] if length_at else 0
    except (struct.error, IndexError):
        raise ValueError("a message is damaged") from None
