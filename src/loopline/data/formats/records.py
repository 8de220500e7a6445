"""From text to records: where each begins and ends, on which line, with how many fields; every line is accounted for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SEPARATORS = (",", ";", "\t", "|")
QUOTE = '"'
_NEWLINE, _RETURN = ord("\n"), ord("\r")
_HEAD_LINES = 1000
Counting = Literal["each", "all", "none"]
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


def sniff(data: bytes, quote: str = QUOTE) -> str:
    """The character that separates the fields: the one that cuts most lines of the beginning into one same number of fields."""
    head = data[: 1 << 18]
    mark = re.escape(quote.encode())
    lines = [line for line in re.sub(b"%b(?:[^%b]|%b%b)*%b" % (mark, mark, mark, mark, mark), b"", head).splitlines()[:_HEAD_LINES] if line.strip()]
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


def split(data: bytes, separator: str, quote: str = QUOTE) -> Records:
    """The records of a text at once; where quotes stand irregularly, `regular` is false and `walk` is to be asked.

    Every byte that means something is found in one pass; whether it stands in quotes is the parity of the quotes before it.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    kinds_of = np.zeros(256, dtype=np.uint8)
    kinds_of[[ord(separator), ord(quote), _NEWLINE, _RETURN]] = (1, 2, 3, 4)
    places = np.flatnonzero(kinds_of[text])
    kinds = kinds_of[text[places]]
    places, kinds = _without_pairs(text, places, kinds)
    is_quote, is_break = kinds == 2, kinds == 3
    inside = (np.cumsum(is_quote, dtype=np.int32) & 1).astype(bool)
    regular = not (len(inside) and inside[-1]) and _quotes_stand_right(text, places[is_quote], inside[is_quote], (ord(separator), ord(quote)))
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


def walk(data: bytes, separator: str, width: int, quote: str = QUOTE) -> Records:
    """The records of a text one by one, for irregular quotes.

    A quote means something only at the beginning of a field. A record whose quotes go wrong ends with its line, so that one
    stray quote never swallows what follows; so does one that goes over several lines and has not `width` fields.
    """
    mark, sign = separator.encode(), quote.encode()
    found: list[tuple[int, int, int, int, bool]] = []
    problem: dict[int, str] = {}
    rewritten: dict[int, bytes] = {}
    at, line = 0, 1
    while at < len(data):
        line_end, following = _line(data, at)
        end, said, fields = line_end, "", 0
        if sign not in data[at:line_end]:
            fields = data.count(mark, at, line_end) + 1
        else:
            end, cells, said, odd = _scan(data, at, mark, sign)
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
            line += breaks(data[at:end])
            _, following = _line(data, end)
        at, line = following, line + 1
    table = np.array(found, dtype=np.int64).reshape(-1, 5)
    return Records(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4].astype(bool), problem, rewritten, True)


def plain(data: bytes, separator: str, width: int, *, counting: Counting = "each") -> Records | None:
    """The records of a text without quotes, where each line is one and has `width` fields; None where that is not so.

    It is what nearly every block of a clean file is, at a fifth of the cost of `split`.

    Parameters
    ----------
    counting
        Whether the fields of each line are counted; those of all lines together, which is enough where somebody else finds the lines with too many; or none.
    """
    if not data.endswith(b"\n"):
        return None
    text = np.frombuffer(data, dtype=np.uint8)
    ends = text == _NEWLINE
    stop = _ends_of(text, ends, ord(separator), width) if counting == "each" else np.flatnonzero(ends)
    if stop is None or (counting == "all" and int(np.count_nonzero(text == ord(separator))) != (width - 1) * len(stop)):
        return None
    start = np.concatenate([[0], stop[:-1] + 1])
    end = stop
    if b"\r" in data:
        end = _without_return(text, start, stop)
        if int(np.count_nonzero(text == _RETURN)) != int((stop - end).sum()):
            return None
    if (end == start).any():
        return None
    count = len(stop)
    return Records(start, end, np.arange(1, count + 1), np.full(count, width), np.zeros(count, dtype=np.bool_), {}, {}, True)


def _ends_of(text: NDArray[np.uint8], ends: NDArray[np.bool_], separator: int, width: int) -> Ints | None:
    """Where the lines end; None where not each of them has so many fields."""
    marks = np.flatnonzero(ends | (text == separator))
    stop = marks[width - 1 :: width].copy()
    # Every line has its fields where each of these marks ends one, and no other does.
    return stop if len(stop) * width == len(marks) and int(np.count_nonzero(ends)) == len(stop) and bool(ends[stop].all()) else None


def complete(data: bytes, quote: str = QUOTE) -> int:
    """How many bytes of a text that goes on hold whole records, as far as its quotes tell; 0 where not even the first one ends."""
    if quote.encode() not in data:
        newline = data.rfind(b"\n")
        # A return that ends the text may be the first half of a line's end.
        return newline + 1 if newline >= 0 else data.rfind(b"\r", 0, len(data) - 1) + 1
    text = np.frombuffer(data, dtype=np.uint8)
    breaks = np.flatnonzero((text == _NEWLINE) | (text == _RETURN))
    breaks = breaks[breaks < len(data) - 1] if len(data) and data.endswith(b"\r") else breaks
    quotes = np.flatnonzero(text == ord(quote))
    outside = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def canonical(data: bytes, records: Records, chosen: Sequence[int] | Ints) -> bytes:
    """The chosen records as a text with one newline after each; neighbours are taken together."""
    places = np.asarray(chosen, dtype=np.int64)
    if not len(places):
        return b""
    start, end = records.start[places], records.end[places]
    text = np.frombuffer(data, dtype=np.uint8)
    gap = start[1:] - end[:-1]
    returned = (gap == 2) & (text[np.minimum(end[:-1], len(text) - 1)] == _RETURN)
    newline = (gap == 1) & (text[np.minimum(end[:-1], len(text) - 1)] == _NEWLINE)
    odd = np.isin(places, list(records.rewritten)) if records.rewritten else np.zeros(len(places), dtype=np.bool_)
    cuts = np.flatnonzero(~(returned | newline) | odd[1:] | odd[:-1]) + 1
    firsts, lasts = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(places)]]) - 1
    parts = [
        records.rewritten[int(places[first])] if odd[first] else data[start[first] : end[last]]
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]
    return b"\n".join(parts) + b"\n"


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


def _quotes_stand_right(text: NDArray[np.uint8], places: Ints, opens: NDArray[np.bool_], marks: tuple[int, int]) -> bool:
    if not len(places):
        return True
    last = len(text) - 1
    before = np.where(places > 0, text[np.maximum(places - 1, 0)], _NEWLINE)
    after = np.where(places < last, text[np.minimum(places + 1, last)], _NEWLINE)
    beside = np.where(opens, before, after)
    return bool(np.isin(beside, (*marks, _NEWLINE, _RETURN)).all())


def _line(data: bytes, at: int) -> tuple[int, int]:
    """Where the line ends, and where the next one begins."""
    newline, lone = data.find(b"\n", at), -1
    stop = len(data) if newline < 0 else newline
    lone = data.find(b"\r", at, stop)
    if lone >= 0 and lone + 1 < stop:
        return lone, lone + 1
    return (lone if lone >= 0 else stop), stop + 1


def breaks(data: bytes) -> int:
    """How many lines end in a text."""
    newlines = int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == _NEWLINE))
    return newlines if b"\r" not in data else newlines + data.count(b"\r") - data.count(b"\r\n")


def _scan(data: bytes, at: int, mark: bytes, sign: bytes) -> tuple[int, list[bytes], str, bool]:
    """One record: its end, its fields (quoted where they must be), what is wrong with it, and whether quotes stand irregularly."""
    cells: list[bytes] = []
    odd = False
    while True:
        if data[at : at + 1] == sign:
            close = _closing(data, at, sign)
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
            if sign in cell:
                cell, odd = sign + cell.replace(sign, 2 * sign) + sign, True
            cells.append(cell)
            at = stop
        if data[at : at + 1] != mark:
            return at, cells, "", odd
        at += 1


def _closing(data: bytes, at: int, sign: bytes) -> int:
    """The position of the quote that closes the one here, or -1."""
    close = data.find(sign, at + 1)
    while close >= 0 and data[close + 1 : close + 2] == sign:
        close = data.find(sign, close + 2)
    return close
