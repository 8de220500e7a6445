"""A text of separated fields (CSV, TSV and their kin) as records: block by block, every line accounted for."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.casting import absent
from loopline.data.formats.ahead import mapped
from loopline.data.formats.reading import Chunk, Refusal, require_names
from loopline.data.formats.records import Ints, Records, breaks, canonical, complete, plain, sniff, split, walk
from loopline.data.formats.text import TextFile
from loopline.data.spec import LINE, ColumnType, SourceSpec
from loopline.errors import Mistake

BLOCK_BYTES = 16 << 20
_LOOK_AHEAD_BYTES = 1 << 20
"""How far a quote is looked for that closes one, where quotes stand irregularly."""
_LONGEST_BYTES = 1 << 30
_HEAD_BYTES = 1 << 20
_TAIL_BYTES = 1 << 16
_HEAD_RECORDS = 1000
_TYPED: Mapping[str, pl.DataType] = {"integer": pl.Int64(), "number": pl.Float64()}
_MANY = 0.3
"""From this share of rows with a missing number, reading the column again as texts is cheaper than looking at the rows."""


@dataclass(frozen=True, eq=False)
class _Block:
    """Some bytes of the text that hold whole records, and these; where they are only likely, a line may have a field that another one lacks."""

    at: int
    data: bytes
    records: Records
    line: int
    likely: bool = False


class Delimited:
    """The records of a file of separated fields; separator, encoding, header and titles above it are found out where they are not declared.

    Parameters
    ----------
    path
        The file, unpacked.
    source
        What is declared of it.
    where
        The file's name, for what is said of it.

    Raises
    ------
    Mistake
        When it is no such text, has no header or no rows, or names a column twice.
    """

    def __init__(self, path: Path, source: SourceSpec, *, where: str) -> None:
        self._where = where
        self._nulls = source.nulls
        self._quote = source.quote
        self._text = TextFile(path, encoding=source.encoding, where=where)
        # Where blocks begin in which each line is a record with all its fields: a second reading need not count them.
        self._plain: set[int] = set()
        try:
            self._begin, self._first_line = self._skipped(source.skip)
            first = self._first_block(source)
            self._head = self._found_head(first.records, source)
            self._names = self._found_names(first, source)
            self._require_rows(first)
        except BaseException:
            self._text.close()
            raise

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns in their order: all of them texts."""
        return dict.fromkeys(self._names, pl.String())

    @property
    def about(self) -> Mapping[str, Any]:
        """The separator and the encoding."""
        return {"format": "csv", "separator": self._separator, "encoding": self._text.encoding}

    def close(self) -> None:
        """Let the file go."""
        self._text.close()

    def chunks(self, *, typed: Mapping[str, ColumnType] | None = None, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The records, a block of some megabytes at a time; see `Reading`."""
        wanted = [name for name in self._names if only is None or name in only]
        kinds = {name: _TYPED[kind] for name, kind in (typed or {}).items() if kind in _TYPED and name in wanted}
        # Where all fields of a line are cut, too many of them are found by that.
        cuts_all = len(wanted) == len(self._names) and not len(self._text.broken)
        yield from mapped(lambda block: self._chunk(block, wanted, kinds), self._blocks(cuts_all=cuts_all))

    def _blocks(self, *, cuts_all: bool) -> Iterator[Callable[[], _Block]]:
        """The blocks of the text, in their order; what can be done later, and beside other work, is left for the call."""
        at, line = self._begin, self._first_line
        while at < self._text.size:
            data = self._lines(at)
            if data is not None:
                yield partial(self._block_of, at, data, line, likely=cuts_all and at != self._begin)
            else:
                block = self._block(at, line, len(self._names))
                data = block.data
                yield partial(_same, block)
            at, line = at + len(data), line + breaks(data)

    def _lines(self, at: int) -> bytes | None:
        """The whole lines of a block without quotes, where each line is a record; None where quotes, or the length of a line, want a closer look."""
        end = self._line_end(at)
        data = self._text[at:end]
        return data if data and self._quote.encode() not in data else None

    def _line_end(self, at: int) -> int:
        """Where the last whole line of a block ends; the block's beginning where no line does."""
        end = min(at + BLOCK_BYTES, self._text.size)
        if end == self._text.size:
            return end
        # To cut megabytes would copy them: where they end is looked up before they are read.
        for first in (max(at, end - _TAIL_BYTES), at):
            cut = self._text[first:end].rfind(b"\n") + 1
            if cut:
                return first + cut
        return at

    def _block_of(self, at: int, data: bytes, line: int, *, likely: bool = False) -> _Block:
        """The block of some lines without quotes; `likely` where a line with too many fields is found later."""
        known = at in self._plain
        records = plain(data, self._separator, len(self._names), counting="none" if known else "all" if likely else "each")
        if records is None:
            return _Block(at, data, split(data, self._separator, self._quote), line)
        if not likely:
            self._plain.add(at)
        return _Block(at, data, records, line, likely=likely and not known)

    def _skipped(self, lines: int) -> tuple[int, int]:
        """Where the text begins once so many lines are passed over, and on which line."""
        at = 0
        for done in range(lines):
            piece = self._text[at : at + BLOCK_BYTES]
            ends = [place for place in (piece.find(b"\n"), piece.find(b"\r")) if place >= 0]
            if not ends:
                raise Mistake(f"the file has {done + 1} lines, and {lines} are to be skipped", where=self._where, remedy="say a smaller skip")
            end = min(ends)
            at += end + (2 if piece[end : end + 2] == b"\r\n" else 1)
        return at, lines + 1

    def _first_block(self, source: SourceSpec) -> _Block:
        """The block in which the first record stands, as far as there is one; those that hold nothing but blank lines are passed over."""
        while True:
            self._separator = source.separator or sniff(self._text[self._begin : self._begin + (1 << 18)], self._quote)
            first = self._block(self._begin, self._first_line, None)
            end = first.at + len(first.data)
            if len(first.records) or end >= self._text.size:
                return first
            self._begin, self._first_line = end, first.line + breaks(first.data)

    def _block(self, at: int, line: int, width: int | None) -> _Block:
        """The records from a position on that a block holds; `width` is the expected number of fields, None before it is known."""
        size = BLOCK_BYTES if width is not None else min(BLOCK_BYTES, _HEAD_BYTES)
        while True:
            data = self._text[at : at + size]
            is_last = at + len(data) >= self._text.size
            found = self._whole_records(data, width, is_last=is_last)
            if found is not None:
                data, records = found
                return _Block(at, data, records, line)
            if size >= _LONGEST_BYTES:
                raise Mistake("a record is longer than a gigabyte", where=self._where, remedy="mend its quotes or line ends, or say the encoding")
            size *= 2

    def _whole_records(self, data: bytes, width: int | None, *, is_last: bool) -> tuple[bytes, Records] | None:
        """The beginning of some bytes that holds whole records; None where they are too few to tell."""
        cut = len(data) if is_last else complete(data, self._quote)
        has_quotes = self._quote.encode() in data
        if cut:
            whole = data[:cut]
            records = split(whole, self._separator, self._quote)
            expected = width or (records.width[self._place_of_head(records)] if len(records) else 0)
            if records.regular and not (records.spans & (records.width != expected)).any():
                return whole, records
        if not has_quotes:
            return None
        usual = width or _usual_width(walk(data[: 1 << 20], self._separator, 0, self._quote))
        records = walk(data, self._separator, int(usual), self._quote)
        if is_last:
            return data, records
        sure = int(np.searchsorted(records.end, len(data) - _LOOK_AHEAD_BYTES))
        if not sure:
            return None
        end = int(records.start[sure]) if sure < len(records) else int(records.end[sure - 1])
        return data[:end], _first(records, sure)

    def _place_of_head(self, records: Records) -> int:
        """The index of the header: titles above it, which have fewer fields than the rows, are passed over.

        One field less is let pass, for files that give their first column no name.
        """
        usual = _usual_width(records)
        return int(np.flatnonzero((records.width >= usual - 1) & (records.width > min(1, usual - 1)))[0])

    def _found_head(self, records: Records, source: SourceSpec) -> int | None:
        if not len(records):
            raise Mistake("the file holds nothing but blank lines", where=self._where, remedy="give a file with a header and rows")
        return None if source.header is False else self._place_of_head(records)

    def _found_names(self, first: _Block, source: SourceSpec) -> list[str]:
        if self._head is None:
            width = _usual_width(first.records)
            names = list(source.names) or [f"column_{index}" for index in range(1, width + 1)]
        else:
            line = canonical(first.data, first.records, [self._head]).decode("utf-8", errors="replace")
            names = [" ".join(name.split()) for name in next(csv.reader(io.StringIO(line, newline=""), delimiter=self._separator, quotechar=self._quote))]
            names = [name or f"column_{index}" for index, name in enumerate(names, start=1)]
            width = int(first.records.width[self._head])
            if all(_is_number(name) for name in names) and self._head:
                raise self._unlike(int(first.records.width[0]), len(names))
            if all(_is_number(name) for name in names) and len(first.records) > 1:
                remedy = "put a line with the names above the rows, or say header: false"
                raise Mistake("the first line holds numbers, not the columns' names", where=self._where, remedy=remedy)
            names = list(source.names) or names
        if len(names) != width:
            remedy = "name as many columns as there are fields"
            raise Mistake(f"{len(names)} columns are named, and the rows have {width} fields", where=self._where, remedy=remedy)
        require_names(names, self._where)
        return names

    def _require_rows(self, first: _Block) -> None:
        """Check that there are rows, and that their width is the header's."""
        rows = len(first.records) - (0 if self._head is None else self._head + 1)
        if not rows and len(first.data) + first.at >= self._text.size:
            raise Mistake("the file has a header and no rows", where=self._where, remedy="give a file with rows, or take it away")
        width = len(self._names)
        after = slice(0 if self._head is None else self._head + 1, None)
        if rows and not (first.records.width[after] == width).any():
            raise self._unlike(width, _usual_width(first.records))

    def _unlike(self, names: int, fields: int) -> Mistake:
        return Mistake(f"the header has {names} names, and the rows have {fields} fields", where=self._where, remedy="mend the header, or say the separator")

    def _chunk(self, found: Callable[[], _Block], wanted: Sequence[str], kinds: Mapping[str, pl.DataType]) -> Chunk:
        block, frame = found(), None
        if block.likely:
            frame = self._cut(block.data, len(block.records), wanted, kinds)
            if frame is None:
                block = self._block_of(block.at, block.data, block.line)
            else:
                self._plain.add(block.at)
        records = block.records
        head = self._head if block.at == self._begin else None
        reasons = self._reasons(block, head)
        chosen = np.arange(len(records))
        if reasons or head is not None:
            good = np.ones(len(records), dtype=bool)
            good[[*reasons, *([] if head is None else [head])]] = False
            chosen = np.flatnonzero(good)
        frame = self._frame(block, chosen, wanted, kinds, cut=frame)
        lines = records.line + (block.line - 1)
        numbered = frame.with_columns(pl.Series(LINE, lines[chosen], dtype=pl.Int64))
        raw = _raw(block.data, records)
        refused = tuple(Refusal(int(lines[place]), said, tuple(why)) for (place, why), said in zip(reasons.items(), raw(list(reasons)), strict=True))

        def texts(wanted: Sequence[int]) -> pl.DataFrame:
            places = chosen[np.searchsorted(lines[chosen], list(wanted))]
            return self._frame(block, places, self._names, {}).with_columns(pl.Series(LINE, lines[places], dtype=pl.Int64))

        return Chunk(numbered, refused, lambda places: raw(chosen[list(places)]), texts if kinds else None)

    def _reasons(self, block: _Block, head: int | None) -> dict[int, list[str]]:
        """Why records cannot be cut into columns, by their index in ascending order."""
        records, width = block.records, len(self._names)
        found: dict[int, list[str]] = {place: ["it stands above the header"] for place in range(head or 0)}
        for place in np.flatnonzero(records.width != width).tolist():
            if place not in found and place != head and place not in records.problem:
                found[place] = [f"{'too many' if records.width[place] > width else 'too few'} fields for the header"]
        for place, problem in records.problem.items():
            found.setdefault(place, []).append(problem)
        if len(self._text.broken):
            first, last = np.searchsorted(self._text.broken, [block.at, block.at + len(block.data)])
            for position in self._text.broken[first:last] - block.at:
                why = found.setdefault(int(np.searchsorted(records.start, position, side="right")) - 1, [])
                if "some bytes are not UTF-8" not in why:
                    why.append("some bytes are not UTF-8")
        if head is not None:
            found.pop(head, None)
        return dict(sorted(found.items()))

    def _frame(self, block: _Block, chosen: Ints, wanted: Sequence[str], kinds: Mapping[str, pl.DataType], *, cut: pl.DataFrame | None = None) -> pl.DataFrame:
        """The chosen records as columns of texts, and of numbers where all of a column are; `cut` where this was tried."""
        text = canonical(block.data, block.records, chosen) if len(chosen) != len(block.records) or block.records.rewritten else block.data
        frame = self._cut(text, len(chosen), wanted, kinds) if cut is None else cut
        if frame is None and text is block.data:
            text = canonical(block.data, block.records, chosen)
            frame = self._cut(text, len(chosen), wanted, kinds)
        if frame is None:
            return self._singly(block, chosen).select(wanted)
        again = [name for name in kinds if not self._is_sound(frame[name], block, chosen)]
        if again:
            texts = self._cut(text, len(chosen), again, {})
            frame = self._singly(block, chosen).select(wanted) if texts is None else frame.with_columns(texts)
        return frame

    def _cut(self, text: bytes, rows: int, wanted: Sequence[str], kinds: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
        """The text as columns, cut many at once by Polars; None where it finds another number of records than we do: its rules differ in odd corners."""
        schema = {name: kinds.get(name, pl.String()) for name in self._names}
        places = [self._names.index(name) for name in wanted]
        if not rows:
            return pl.DataFrame(schema={name: schema[name] for name in wanted})
        try:
            frame = pl.read_csv(
                text,
                has_header=False,
                schema=schema,
                columns=None if len(wanted) == len(schema) else places,
                separator=self._separator,
                quote_char=self._quote,
                ignore_errors=bool(kinds),
            )
        except pl.exceptions.PolarsError:
            return None
        return frame.select(wanted) if frame.height == rows else None

    def _singly(self, block: _Block, chosen: Ints) -> pl.DataFrame:
        """The chosen records, each cut on its own."""
        texts = (canonical(block.data, block.records, [place]).decode("utf-8") for place in chosen)
        cells = [next(csv.reader(io.StringIO(text, newline=""), delimiter=self._separator, quotechar=self._quote)) for text in texts]
        return pl.DataFrame(cells, schema=dict.fromkeys(self._names, pl.String), orient="row")

    def _is_sound(self, values: pl.Series, block: _Block, chosen: Ints) -> bool:
        """Whether a column of numbers holds a number wherever its cell holds anything but a word for null."""
        if values.dtype == pl.Float64 and not bool(values.is_finite().all()):
            return False
        missing = values.null_count()
        if not missing:
            return True
        if missing > _MANY * len(values):
            return False
        places = chosen[values.is_null().arg_true().to_numpy()]
        texts = self._cut(canonical(block.data, block.records, places), len(places), [values.name], {})
        return texts is not None and bool(texts.select(absent(values.name, pl.String(), self._nulls).all()).item())


def _same(block: _Block) -> _Block:
    return block


def _raw(data: bytes, records: Records) -> Callable[[Sequence[int] | Ints], list[str]]:
    def raw(places: Sequence[int] | Ints) -> list[str]:
        return [data[records.start[place] : records.end[place]].decode("utf-8", errors="replace") for place in places]

    return raw


def _first(records: Records, count: int) -> Records:
    parts: list[NDArray[Any]] = [part[:count] for part in (records.start, records.end, records.line, records.width, records.spans)]
    problem = {place: said for place, said in records.problem.items() if place < count}
    rewritten = {place: said for place, said in records.rewritten.items() if place < count}
    return Records(parts[0], parts[1], parts[2], parts[3], parts[4], problem, rewritten, records.regular)


def _usual_width(records: Records) -> int:
    counts: Counter[int] = Counter(records.width[:_HEAD_RECORDS].tolist())
    return max(counts, key=lambda width: (counts[width], width)) if counts else 0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
