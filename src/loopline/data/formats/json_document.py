"""Where the records of a JSON document stand, found without reading it into memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loopline.errors import Mistake

BLOCK = 4 << 20
_DELTA = np.zeros(256, dtype=np.int8)
_DELTA[[ord("{"), ord("[")]] = 1
_DELTA[[ord("}"), ord("]")]] = -1
_IS_STRUCTURE = _DELTA != 0
_IS_STRUCTURE[[ord(","), ord(":")]] = True
_OPENED = {ord("}"): ord("{"), ord("]"): ord("[")}
_COMMA, _COLON, _LIST, _OBJECT, _BACKSLASH, _QUOTE = b',:[{\\"'
_EACH = re.compile(r"(.*)\[\*\]")
_ENDS_EARLY = "the document ends before it is closed"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a record stands: its first byte and the one after its last; `why` it is none, where that is known already."""

    start: int
    end: int
    why: str = ""


def segments(path: str, *, where: str) -> tuple[str | None, ...]:
    """A path to records as the keys to follow; None stands for each element of a list.

    Raises
    ------
    Mistake
        When it is no such path.

    Examples
    --------
    >>> segments("data.items[*]", where="")
    ('data', 'items', None)
    """
    found: list[str | None] = []
    for part in [] if path in (".", "$") else path.removeprefix("$.").removeprefix("$").split("."):
        stars = 0
        while each := _EACH.fullmatch(part):
            part, stars = each[1], stars + 1
        if "[" in part or "*" in part or (not part and not stars):
            raise Mistake(f"{path!r} is no path to records", where=where, remedy="write it as features[*], data.items[*], [*], or . for the whole document")
        found += [*([part] if part else []), *[None] * stars]
    return tuple(found)


def _blocks(text: npt.NDArray[np.uint8], start: int) -> Iterator[tuple[int, int]]:
    """Bounds of blocks; none ends after a backslash, whose next letter it concerns."""
    while start < len(text):
        end = min(start + BLOCK, len(text))
        while end < len(text) and text[end - 1] == _BACKSLASH:
            end += 1
        yield start, end
        start = end


def _quotes(block: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where quotes stand that no backslash makes part of a text."""
    quotes = np.flatnonzero(block == _QUOTE)
    after = quotes[(quotes > 0) & (block[quotes - 1] == _BACKSLASH)]
    if not len(after):
        return quotes
    other = np.where(block != _BACKSLASH, np.arange(len(block)), -1)
    run = after - 1 - np.maximum.accumulate(other)[after - 1]
    return np.setdiff1d(quotes, after[run % 2 == 1], assume_unique=True)


def _structure(text: npt.NDArray[np.uint8], start: int, deepest: int) -> Iterator[tuple[int, int, int]]:
    """Brackets, commas and colons that stand outside texts at a level of at most `deepest`: place, sign, level.

    The level of a bracket is that of the value that it opens or closes; that of a comma or colon, the number of containers around it.
    """
    depth, inside = 0, 0
    for low, high in _blocks(text, start):
        block = text[low:high]
        quotes = _quotes(block)
        places = np.flatnonzero(_IS_STRUCTURE[block])
        outside = (np.searchsorted(quotes, places) + inside) % 2 == 0
        places = places[outside]
        signs = block[places]
        deltas = _DELTA[signs].astype(np.int64)
        after = depth + np.cumsum(deltas)
        levels = after - (deltas > 0)
        shallow = np.flatnonzero(levels <= deepest)
        yield from zip((places[shallow] + low).tolist(), signs[shallow].tolist(), levels[shallow].tolist(), strict=True)
        inside = (inside + len(quotes)) % 2
        depth = int(after[-1]) if len(after) else depth


@dataclass(slots=True)
class _Container:
    """A container that is open: its bracket, where its present value begins, under which key, and whether that value has been told."""

    sign: int
    start: int
    matches: bool
    key: str | None = None
    told: bool = False
    leads: bool | None = None


class Document:
    """A JSON document in a buffer (several in a row are read as one).

    Parameters
    ----------
    buffer
        Its bytes, in UTF-8.
    start
        Where it begins, after a byte order mark.
    path
        The keys to the records, from `segments`.
    """

    def __init__(self, buffer: Any, start: int, path: Sequence[str | None]) -> None:
        self._buffer = buffer
        self._text = np.frombuffer(buffer, dtype=np.uint8)
        self._start = start
        self._path = tuple(path)
        self.found = not self._path
        """Whether the path led somewhere in what was read."""

    def spans(self) -> Iterator[Span]:
        """The records in their order; what cannot be told apart any more is one last span."""
        level = len(self._path)
        stack = [_Container(0, self._start, True)]
        opened = -1
        for place, sign, at in _structure(self._text, self._start, level):
            top = stack[-1]
            if at < 0 or (sign in _OPENED and at == len(stack) - 2 and _OPENED[sign] != top.sign):
                yield Span(place, len(self._text), f"the document is broken at byte {place + 1:,}: this bracket closes nothing")
                return
            if sign in (_LIST, _OBJECT):
                opened, stray = self._open(stack, place, sign, at, level)
                if stray:
                    yield stray
            elif sign == _COLON:
                if top.sign == _OBJECT and at == len(stack) - 1:
                    top.key, top.start = _key(self._bytes(top.start, place)), place + 1
                    top.matches = self._leads(stack)
            else:
                if sign != _COMMA and at == level:
                    if opened >= 0 and top.matches:
                        yield Span(opened, place + 1)
                    opened, top.start, top.told = -1, place + 1, True
                    continue
                yield from self._rest(stack, place, level)
                if sign == _COMMA:
                    top.start, top.told = place + 1, False
                    top.key = None if top.sign == _OBJECT else top.key
                else:
                    stack.pop()
                    stack[-1].start, stack[-1].told = place + 1, True
        yield from self._end(stack, opened, level)

    def _open(self, stack: list[_Container], place: int, sign: int, at: int, level: int) -> tuple[int, Span | None]:
        """A value begins: a container on the way to the records, or a record."""
        top = stack[-1]
        matches = self._leads(stack)
        if at < level:
            stack.append(_Container(sign, place + 1, matches))
            if matches and sign == _LIST and at == level - 1:
                self.found = True
            return -1, None
        top.matches = matches
        self.found |= matches
        between = self._bytes(top.start, place)
        return place, Span(top.start, place, "text stands between the records") if matches and between.strip() else None

    def _leads(self, stack: list[_Container]) -> bool:
        """Whether the value that stands now in the innermost container is on the path."""
        top, place = stack[-1], len(stack) - 2
        if place < 0:
            return True
        if top.sign == _LIST and top.leads is not None:
            return top.leads
        top.leads = self._on_path(stack, place)
        return top.leads

    def _on_path(self, stack: list[_Container], place: int) -> bool:
        top = stack[-1]
        if not all(container.matches for container in stack[:-1]) or place >= len(self._path):
            return False
        wanted = self._path[place]
        return top.sign == _LIST if wanted is None else top.sign == _OBJECT and top.key == wanted

    def _rest(self, stack: list[_Container], place: int, level: int) -> Iterator[Span]:
        """What stands before a comma or the end of a container of records and is neither object nor list."""
        top = stack[-1]
        if len(stack) - 1 != level or not self._leads(stack):
            return
        between = self._bytes(top.start, place)
        if between.strip():
            self.found = True
            yield Span(top.start, place, "text stands between the records" if top.told else "")

    def _end(self, stack: list[_Container], opened: int, level: int) -> Iterator[Span]:
        size = len(self._text)
        top = stack[-1]
        if opened >= 0 and top.matches:
            yield Span(opened, size, _ENDS_EARLY)
        elif len(stack) > 1 or opened >= 0:
            yield Span(top.start if opened < 0 and len(stack) - 1 == level else size, size, _ENDS_EARLY)
        elif self._bytes(top.start, size).strip():
            yield Span(top.start, size, "text stands after the document" if self._path else "")

    def _bytes(self, start: int, end: int) -> bytes:
        return bytes(self._buffer[start:end])


def _key(text: bytes) -> str | None:
    try:
        key = json.loads(text)
    except ValueError:
        return None
    return key if isinstance(key, str) else None


@dataclass(frozen=True)
class Outline:
    """What a document consists of: a list, or an object with these members, and those that are lists of objects."""

    is_list: bool
    members: tuple[str, ...]
    lists: tuple[str, ...]

    def path(self) -> str:
        """The path to the records where nobody says it: the elements of a list, those of the only list of objects, or the document itself."""
        if self.is_list:
            return "[*]"
        return f"{self.lists[0]}[*]" if len(self.lists) == 1 and not set(self.lists[0]) & set(".[]*$") else "."


def outline(buffer: Any, start: int) -> Outline:
    """What the document at the beginning of a buffer consists of."""
    members: dict[str, None] = {}
    lists: dict[str, None] = {}
    kind = key = None
    began, inner = start, 0
    for place, sign, at in _structure(np.frombuffer(buffer, dtype=np.uint8), start, 2):
        if kind is None:
            kind = sign
            if sign == _LIST:
                break
        if at == 0 and sign == ord("}"):
            break
        if at == 1:
            if sign == _COLON:
                key = _key(bytes(buffer[began:place]))
                if key is not None:
                    members[key] = None
            inner = sign if sign in (_LIST, _OBJECT) else 0
        elif at == 2 and sign == _OBJECT and inner == _LIST and key is not None:
            lists[key] = None
        if sign in (_COMMA, _OBJECT) and at <= 1:
            began = place + 1
    return Outline(kind == _LIST, tuple(members), tuple(lists))
