"""From text to records: where each begins and ends, on which line, with how many fields; every line is accounted for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SEPARATORS = (",", ";", "\t", "|")
_QUOTE = ord('"')
_NEWLINE, _RETURN = ord("\n"), ord("\r")
_QUOTED = re.compile(rb'"(?:[^"]|"")*"')
_HEAD_LINES = 1000
UNCLOSED = "a quote is opened and never closed"
AFTER_QUOTE = "text stands after a closing quote"
SPREAD = "a quote goes over several lines, and then the fields are too many or too few"


@dataclass(frozen=True)
class Records:
    """The records of a text; blank lines are none.

    Parameters
    ----------
    start, end
        Positions of a record's first byte and of the one after its last, without the line's end; shape (n,).
    line
        The line on which it begins, from 1; shape (n,).
    width
        Its number of fields; shape (n,).
    spans
        Whether it goes over several lines; shape (n,).
    problem
        From a record's index to what is wrong with its quotes.
    rewritten
        From a record's index to the same record with its quotes as the rules want them.
    regular
        Whether all quotes stand as the rules want them: around whole fields, and doubled within.
    """

    start: Ints
    end: Ints
    line: Ints
    width: Ints
    spans: NDArray[np.bool_]
    problem: dict[int, str]
    rewritten: dict[int, bytes]
    regular: bool

    def __len__(self) -> int:
        return len(self.start)


def sniff(data: bytes) -> str:
    """The character that separates the fields: the one that cuts most lines of the beginning into one same number of fields."""
    head = data[: 1 << 18]
    lines = [line for line in _QUOTED.sub(b"", head).splitlines()[:_HEAD_LINES] if line.strip()]
    if len(head) < len(data):
        lines = lines[:-1] or lines
    best, best_score = SEPARATORS[0], (0.0, 0)
    for separator in SEPARATORS:
        counts = Counter(line.count(separator.encode()) for line in lines)
        width, often = max(((width, often) for width, often in counts.items() if width), key=lambda item: item[1], default=(0, 0))
        score = (often / len(lines) if lines else 0.0, width)
        if score > best_score:
            best, best_score = separator, score
    return best


def split(data: bytes, separator: str) -> Records:
    """The records of a text at once; where quotes stand irregularly, `regular` is false and `walk` is to be asked.

    Every byte that means something is found in one pass; whether it stands in quotes is the parity of the quotes before it.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    kinds_of = np.zeros(256, dtype=np.uint8)
    kinds_of[[ord(separator), _QUOTE, _NEWLINE, _RETURN]] = (1, 2, 3, 4)
    places = np.flatnonzero(kinds_of[text])
    kinds = kinds_of[text[places]]
    places, kinds = _without_pairs(text, places, kinds)
    is_quote, is_break = kinds == 2, kinds == 3
    inside = (np.cumsum(is_quote, dtype=np.int32) & 1).astype(bool)
    regular = not (len(inside) and inside[-1]) and _quotes_stand_right(text, places[is_quote], inside[is_quote], ord(separator))
    ends = np.flatnonzero(is_break & ~inside)
    stop = places[ends]
    separators = np.cumsum((kinds == 1) & ~inside, dtype=np.int64)
    breaks = np.cumsum(is_break, dtype=np.int64)
    fields, lines = separators[ends], breaks[ends]
    if not len(stop) or stop[-1] != len(text) - 1:
        stop = np.append(stop, len(text))
        fields = np.append(fields, separators[-1] if len(separators) else 0)
        lines = np.append(lines, (breaks[-1] if len(breaks) else 0) + 1)
    start = np.concatenate([[0], stop[:-1] + 1])
    first = np.concatenate([[1], lines[:-1] + 1])
    end = _without_return(text, start, stop)
    there = end > start
    width = np.diff(fields, prepend=0) + 1
    return Records(start[there], end[there], first[there], width[there], (lines - first)[there] > 0, {}, {}, regular)


def walk(data: bytes, separator: str, width: int) -> Records:
    """The records of a text one by one, for irregular quotes.

    A quote means something only at the beginning of a field. A record whose quotes go wrong ends with its line, so that one
    stray quote never swallows what follows; so does one that goes over several lines and has not `width` fields.
    """
    mark = separator.encode()
    found: list[tuple[int, int, int, int, bool]] = []
    problem: dict[int, str] = {}
    rewritten: dict[int, bytes] = {}
    at, line = 0, 1
    while at < len(data):
        line_end, following = _line(data, at)
        end, said, fields = line_end, "", 0
        if b'"' not in data[at:line_end]:
            fields = data.count(mark, at, line_end) + 1
        else:
            end, cells, said, odd = _scan(data, at, mark)
            fields = len(cells)
            if end > line_end and fields != width:
                said = said or SPREAD
            if said:
                end, fields = line_end, data.count(mark, at, line_end) + 1
            elif odd:
                rewritten[len(found)] = mark.join(cells)
        if said:
            problem[len(found)] = said
        if end > at:
            found.append((at, end, line, fields, end > line_end))
        if end > line_end:
            line += _breaks(data[at:end])
            _, following = _line(data, end)
        at, line = following, line + 1
    table = np.array(found, dtype=np.int64).reshape(-1, 5)
    return Records(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4].astype(bool), problem, rewritten, True)


def canonical(data: bytes, records: Records, chosen: Sequence[int]) -> bytes:
    """The chosen records as a text with one newline after each."""
    starts, ends = records.start.tolist(), records.end.tolist()
    if not records.rewritten:
        return b"\n".join(data[starts[index] : ends[index]] for index in chosen) + b"\n"
    return b"\n".join(records.rewritten.get(index, data[starts[index] : ends[index]]) for index in chosen) + b"\n"


def _without_pairs(text: NDArray[np.uint8], places: Ints, kinds: NDArray[np.uint8]) -> tuple[Ints, NDArray[np.uint8]]:
    """Without the returns that a newline follows; a lone return breaks a line."""
    returns = kinds == 4
    if not returns.any():
        return places, kinds
    following = text[np.minimum(places + 1, len(text) - 1)]
    kept = ~(returns & (following == _NEWLINE))
    kinds = np.where(returns, np.uint8(3), kinds)
    return places[kept], kinds[kept]


def _without_return(text: NDArray[np.uint8], start: Ints, stop: Ints) -> Ints:
    """The ends of records without the return before their newline."""
    if not len(text):
        return stop
    newline = text[np.minimum(stop, len(text) - 1)] == _NEWLINE
    returned = (stop > start) & (text[np.maximum(stop - 1, 0)] == _RETURN) & (newline | (stop == len(text)))
    ends: Ints = stop - returned
    return ends


def _quotes_stand_right(text: NDArray[np.uint8], places: Ints, opens: NDArray[np.bool_], separator: int) -> bool:
    if not len(places):
        return True
    last = len(text) - 1
    before = np.where(places > 0, text[np.maximum(places - 1, 0)], _NEWLINE)
    after = np.where(places < last, text[np.minimum(places + 1, last)], _NEWLINE)
    beside = np.where(opens, before, after)
    return bool(np.isin(beside, (separator, _NEWLINE, _RETURN, _QUOTE)).all())


def _line(data: bytes, at: int) -> tuple[int, int]:
    """Where the line ends, and where the next one begins."""
    newline, lone = data.find(b"\n", at), -1
    stop = len(data) if newline < 0 else newline
    lone = data.find(b"\r", at, stop)
    if lone >= 0 and lone + 1 < stop:
        return lone, lone + 1
    return (lone if lone >= 0 else stop), stop + 1


def _breaks(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _scan(data: bytes, at: int, mark: bytes) -> tuple[int, list[bytes], str, bool]:
    """One record: its end, its fields (quoted where they must be), what is wrong with it, and whether quotes stand irregularly."""
    cells: list[bytes] = []
    odd = False
    while True:
        if data[at : at + 1] == b'"':
            close = _closing(data, at)
            if close < 0:
                return at, cells, UNCLOSED, odd
            cells.append(data[at : close + 1])
            at = close + 1
            if at < len(data) and data[at : at + 1] not in (mark, b"\n", b"\r"):
                return at, cells, AFTER_QUOTE, odd
        else:
            line_end, _ = _line(data, at)
            stop = data.find(mark, at, line_end)
            stop = line_end if stop < 0 else stop
            cell = data[at:stop]
            if b'"' in cell:
                cell, odd = b'"' + cell.replace(b'"', b'""') + b'"', True
            cells.append(cell)
            at = stop
        if data[at : at + 1] != mark:
            return at, cells, "", odd
        at += 1


def _closing(data: bytes, at: int) -> int:
    """The position of the quote that closes the one here, or -1."""
    close = data.find(b'"', at + 1)
    while close >= 0 and data[close + 1 : close + 2] == b'"':
        close = data.find(b'"', close + 2)
    return close
