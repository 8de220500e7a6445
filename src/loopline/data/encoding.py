"""From bytes to UTF-8: which encoding a text file has, and which of its bytes are no text in it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from loopline.errors import Mistake

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 65_536
_LEADS = range(0xC2, 0xF5)
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 27})


@dataclass(frozen=True)
class Text:
    """A file's text.

    Parameters
    ----------
    data
        The text in UTF-8, without a byte order mark; where bytes are no text they stand as they were.
    encoding
        How the file was written.
    broken
        Positions in `data` of bytes that are not UTF-8.
    """

    data: bytes
    encoding: str
    broken: tuple[int, ...] = ()


def as_utf8(data: bytes, *, encoding: str | None = None, where: str = "") -> Text:
    """The text of a file; its encoding is found out where it is not declared.

    A byte order mark decides. Without one it is UTF-8 where that fits, or nearly fits; UTF-16 where every other byte is zero;
    else Windows-1252, which contains Latin-1's letters.

    Raises
    ------
    Mistake
        When the file is not text, or not text in the declared encoding.
    """
    if encoding is not None:
        return _declared(data, encoding, where)
    for mark, name in _MARKS:
        if data.startswith(mark):
            rest = data[len(mark) :]
            return _utf8(rest, where) if name == "utf-8" else Text(_decoded(rest, name, where), name)
    head = data[:_SAMPLE]
    if b"\0" in head:
        wide = _wide(head)
        if wide is None:
            raise _binary(where)
        return Text(_decoded(data, wide, where), wide)
    if len(head.translate(None, _CONTROLS)) < 0.98 * len(head):
        raise _binary(where)
    return _utf8(data, where)


def _declared(data: bytes, encoding: str, where: str) -> Text:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise Mistake(f"there is no encoding {encoding!r}", where=where, remedy="use a name such as utf-8, latin-1, cp1252 or utf-16") from None
    if name in ("utf-8", "utf-8-sig"):
        return Text(data.removeprefix(codecs.BOM_UTF8), "utf-8", _broken(data.removeprefix(codecs.BOM_UTF8)))
    return Text(_decoded(data, name, where).removeprefix(codecs.BOM_UTF8), name)


def _decoded(data: bytes, name: str, where: str) -> bytes:
    try:
        return data.decode(name).encode("utf-8")
    except UnicodeError as error:
        at = f" at byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
        raise Mistake(f"the file is not {name} text{at}", where=where, remedy="say its encoding under data.sources") from None


def _utf8(data: bytes, where: str) -> Text:
    broken = _broken(data)
    if not broken:
        return Text(data, "utf-8")
    # Letters beyond ASCII that do form UTF-8 are no accident: then only the bytes that do not are damaged.
    whole = sum(data.count(bytes([lead])) for lead in _LEADS) - sum(data[position] in _LEADS for position in broken)
    if whole > len(broken):
        return Text(data, "utf-8", broken)
    return Text(data.decode("cp1252", errors="replace").encode("utf-8"), "cp1252")


def _broken(data: bytes) -> tuple[int, ...]:
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


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: mostly ASCII, so that one of each two bytes is zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.1 * half else None


def _binary(where: str) -> Mistake:
    return Mistake("the file is binary, not text", where=where, remedy="give a CSV or a Parquet file; of a text in UTF-16 or the like, say its encoding")
