"""JSON documents and JSON Lines as deliveries: every record is cut into columns, or refused with its reason."""

from __future__ import annotations

import codecs
import mmap
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.formats.json_columns import Columns, Survey
from loopline.data.formats.json_document import Document, Span, outline, segments
from loopline.data.formats.json_text import Broken, Flat, decoded, refusal
from loopline.data.formats.reading import Chunk, Refusal, require_names
from loopline.data.spec import LINE, ColumnType, SourceSpec
from loopline.errors import Fault, Mistake

BLOCK = 16 << 20
BLOCK_RECORDS = 200_000
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Block:
    """Some records as they are written, with their lines, and what is known already to be none."""

    lines: list[int]
    raws: list[bytes]
    refused: list[Refusal]


class JsonReading:
    """An opened delivery of JSON records.

    All of them are looked at once when it is opened, so that the columns hold whatever comes late.
    """

    def __init__(self, blocks: Callable[[], Iterator[Block]], about: Mapping[str, Any], *, where: str) -> None:
        self._blocks = blocks
        self._about = dict(about)
        self._where = where
        self.held = ExitStack()
        """What is let go of when it is closed."""
        self._columns = self._survey()

    def _survey(self) -> Columns:
        survey = Survey(where=self._where)
        first: Refusal | None = None
        for block in self._blocks():
            found = decoded(block.raws)
            survey.note([record for record in found if not isinstance(record, Broken)])
            if first is None:
                first = next(iter(_refusals(block, found)), None)
        self._whole = first is None
        columns = survey.columns()
        if not columns.types and first is not None:
            what = f"not one record can be read; line {first.line}: {first.reasons[0]}"
            raise Mistake(what, where=self._where, remedy="deliver it again, or say its format, encoding or records")
        if not columns.types:
            raise Mistake("no record has a field, so there are no columns", where=self._where, remedy="name another file, or say where its records stand")
        require_names(list(columns.types), self._where)
        return columns

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns in the order in which they first came, each with a type that holds all its values."""
        return self._columns.types

    @property
    def about(self) -> Mapping[str, Any]:
        """How it is written."""
        return self._about

    def chunks(self, *, typed: Mapping[str, ColumnType] | None = None, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The records, chunk by chunk."""
        for block in self._blocks():
            if (frame := self._at_once(block, only)) is not None:
                yield Chunk(frame, (), _texts(block.raws, range(len(block.raws))))
                continue
            found = decoded(block.raws, literal=self._columns.literal)
            kept = [place for place, record in enumerate(found) if not isinstance(record, Broken)]
            records: list[Flat] = [record for record in found if not isinstance(record, Broken)]
            frame = self._columns.frame(records, [block.lines[place] for place in kept], only)
            refused = sorted(_refusals(block, found), key=lambda item: item.line)
            yield Chunk(frame, tuple(refused), _texts(block.raws, kept))

    def _at_once(self, block: Block, only: Sequence[str] | None) -> pl.DataFrame | None:
        """The block's records as Polars reads them, five times as fast, where the look at them all said that it loses nothing."""
        if not (self._columns.plain and self._whole and block.raws):
            return None
        text = b"\n".join(block.raws)
        if text.count(b"\n") >= len(block.raws):
            return None
        types = self._columns.types if only is None else {name: self._columns.types[name] for name in only}
        try:
            frame = pl.read_ndjson(text, schema=types) if types else None
        except pl.exceptions.PolarsError:
            return None
        return frame.with_columns(pl.Series(LINE, block.lines, dtype=pl.Int64)) if frame is not None and frame.height == len(block.raws) else None

    def close(self) -> None:
        """Let go of the file."""
        self.held.close()


def _texts(raws: Sequence[bytes], kept: Sequence[int]) -> Callable[[Sequence[int]], list[str]]:
    return lambda places: [raws[kept[place]].decode("utf-8", errors="replace").strip() for place in places]


def _refusals(block: Block, found: Sequence[Flat | Broken]) -> list[Refusal]:
    broken = [refusal(block.lines[place], block.raws[place], str(record)) for place, record in enumerate(found) if isinstance(record, Broken)]
    return [*block.refused, *broken]


def json_lines(path: Path, source: SourceSpec, *, where: str) -> JsonReading:
    """An opened file with a JSON object in each line.

    Raises
    ------
    Mistake
        When not one line can be read, or a field is named as Loopline names its own columns.
    """
    with ExitStack() as stack:
        text, start = stack.enter_context(_utf8(path, source.encoding, where))
        reading = JsonReading(lambda: _lines(text, start), {"format": "jsonl"}, where=where)
        reading.held = stack.pop_all()
        return reading


def _lines(path: Path, start: int) -> Iterator[Block]:
    number, pieces = 0, list[bytes]()
    with path.open("rb") as file:
        file.seek(start)
        while part := file.read(BLOCK):
            pieces.append(part)
            if b"\n" in part:
                *lines, rest = b"".join(pieces).split(b"\n")
                if len(part) < BLOCK:
                    lines.append(rest)
                    rest = b""
                yield _block(lines, number)
                number, pieces = number + len(lines), [rest]
    if last := b"".join(pieces):
        yield _block([last], number)


def _block(lines: Sequence[bytes], before: int) -> Block:
    told = [(number, line) for number, line in enumerate(lines, start=before + 1) if line and not line.isspace()]
    return Block([number for number, _ in told], [line for _, line in told], [])


def json_document(path: Path, source: SourceSpec, *, where: str) -> JsonReading:
    """An opened JSON document; its records are where `source.records` says, or where a look at it finds them.

    Raises
    ------
    Mistake
        When there are no records there, not one can be read, or a field is named as Loopline names its own columns.
    """
    with ExitStack() as stack:
        text, start = stack.enter_context(_utf8(path, source.encoding, where))
        # It lives as long as what looks into it.
        with text.open("rb") as file:
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        found = outline(buffer, start)
        records = source.records or found.path()
        path_to = segments(records, where=where)
        beside = [name for name in found.members if path_to and name != path_to[0]]

        def blocks() -> Iterator[Block]:
            document = Document(buffer, start, path_to)
            yield from _blocks(document.spans(), buffer)
            if not document.found:
                has = f"; the document has {', '.join(found.members[:12])}" if found.members else ""
                raise Mistake(f"there are no records at {records}{has}", where=where, remedy="say where they are, as in records: features[*]")

        reading = JsonReading(blocks, {"format": "json", "records": records, "beside": beside}, where=where)
        reading.held = stack.pop_all()
        return reading


def _blocks(spans: Iterator[Span], buffer: mmap.mmap) -> Iterator[Block]:
    block, size, line = Block([], [], []), 0, 0
    for line, span in enumerate(spans, start=1):
        if span.why:
            block.refused.append(refusal(line, buffer[span.start : span.end], span.why))
        else:
            block.lines.append(line)
            block.raws.append(buffer[span.start : span.end])
        size += span.end - span.start
        if size >= BLOCK or line % BLOCK_RECORDS == 0:
            yield block
            block, size = Block([], [], []), 0
    if block.lines or block.refused:
        yield block


@contextmanager
def _utf8(path: Path, encoding: str | None, where: str) -> Iterator[tuple[Path, int]]:
    """A file with the same text in UTF-8, and where the text begins in it."""
    with path.open("rb") as file:
        head = file.read(4)
    mark, name = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", encoding or _wide(head)))
    try:
        known = codecs.lookup(name).name
    except LookupError:
        raise Mistake(f"there is no encoding {name!r}", where=where, remedy="use a name such as utf-8, latin-1, cp1252 or utf-16") from None
    if known in ("utf-8", "utf-8-sig", "ascii"):
        yield path, len(mark)
        return
    with tempfile.TemporaryDirectory(prefix="loopline-", ignore_cleanup_errors=True) as folder:
        into = Path(folder) / path.name
        _transcode(path, into, known, len(mark), where)
        yield into, 0


def _wide(head: bytes) -> str:
    """The encoding of a JSON text without a mark: it begins with two characters of ASCII (RFC 4627, section 3)."""
    zeros = "".join("0" if byte == 0 else "x" for byte in head)
    found = {"000x": "utf-32-be", "x000": "utf-32-le"}.get(zeros)
    return found or {"0x": "utf-16-be", "x0": "utf-16-le"}.get(zeros[:2], "utf-8")


def _transcode(path: Path, into: Path, encoding: str, skip: int, where: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file, into.open("w", encoding="utf-8", newline="") as out:
            file.seek(skip)
            while part := file.read(1 << 20):
                out.write(decoder.decode(part))
            out.write(decoder.decode(b"", final=True))
    except UnicodeError:
        raise Mistake(f"the file is not {encoding} text", where=where, remedy="say its encoding under data.sources") from None
    except OSError as error:
        raise Fault(f"its text cannot be spooled ({error.strerror})", where=where, remedy="free some space, or set TMPDIR to another folder") from None
