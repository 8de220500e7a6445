"""From bytes to UTF-8: which encoding a text file has, and which of its bytes are no text in it."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from loopline.errors import Mistake

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LEADS = range(0xC2, 0xF5)
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 27})


@dataclass(frozen=True)
class Guess:
    """How a text file is written.

    Parameters
    ----------
    encoding
        The name of the encoding; ``utf-8`` is to be confirmed by all of the file where it was not declared.
    mark
        How many bytes of a byte order mark stand at its beginning.
    declared
        Whether a person said so.
    """

    encoding: str
    mark: int = 0
    declared: bool = False


def guess(head: bytes, *, encoding: str | None = None, where: str = "") -> Guess:
    """How a file is written, by its beginning.

    A byte order mark decides. Without one it is UTF-8, or UTF-16 where every other byte is zero. What turns out to be no UTF-8 is
    Windows-1252, which contains Latin-1's letters.

    Raises
    ------
    Mistake
        When the file is not text, or there is no such encoding.
    """
    if encoding is not None:
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            raise Mistake(f"there is no encoding {encoding!r}", where=where, remedy="use a name such as utf-8, latin-1, cp1252 or utf-16") from None
        if name in ("utf-8", "utf-8-sig"):
            return Guess("utf-8", len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0, declared=True)
        return Guess(name, declared=True)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Guess(name, len(mark))
    if b"\0" in head:
        wide = _wide(head)
        if wide is None:
            raise _binary(where)
        return Guess(wide)
    if len(head.translate(None, _CONTROLS)) < 0.98 * len(head):
        raise _binary(where)
    return Guess("utf-8")


def broken_in(data: bytes) -> tuple[int, ...]:
    """Positions of the bytes that are not UTF-8."""
    try:
        data.decode("utf-8")
        return ()
    except UnicodeDecodeError:
        pass
    found: list[int] = []

    def note(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        found.append(error.start)
        return "?", error.end

    codecs.register_error("loopline-note", note)
    data.decode("utf-8", errors="loopline-note")
    return tuple(found)


def letters_in(data: bytes, broken: Sequence[int]) -> int:
    """How many letters beyond ASCII are whole in UTF-8."""
    return sum(data.count(bytes([lead])) for lead in _LEADS) - sum(data[position] in _LEADS for position in broken)


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: mostly ASCII, so that one of each two bytes is zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.1 * half else None


def _binary(where: str) -> Mistake:
    return Mistake("the file is binary, not text", where=where, remedy="give a CSV or a Parquet file; of a text in UTF-16 or the like, say its encoding")
