"""Which rows of a batch have a key that came before, told as the rows come; many million keys take two bytes of memory each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.intake.keys import Hashes, hashes, is_among

_WORDS_BITS = 23
FULL = 32_000_000
"""How many keys a filter takes."""
_BIT = np.uint64(1) << np.arange(64, dtype=np.uint64)
_PAIRS = (_BIT[:, None] | _BIT).ravel()
"""A word for each value of twelve bits, in which the two bits are set that the first six and the last six of them say."""


@dataclass(frozen=True, eq=False)
class Look:
    """Where the keys of some rows stand in a filter.

    Parameters
    ----------
    words, bits
        The word of each key that is there, and its bits; shape (k,).
    known
        Whether a row's key is there; shape (n,).
    repeats
        Whether the key of one of them came in these rows before; shape (k,).
    """

    words: NDArray[np.int64]
    bits: NDArray[np.uint64]
    known: NDArray[np.bool_]
    repeats: NDArray[np.bool_]


def look(frame: pl.DataFrame, group: Sequence[str]) -> Look:
    """What can be told of some rows by themselves."""
    found, known = hashes(frame, group)
    found = found if known.all() else found[known]
    words = (found >> np.uint64(64 - _WORDS_BITS)).astype(np.int64)
    return Look(words, _PAIRS[found.astype(np.uint16) & np.uint16(len(_PAIRS) - 1)], known, _repeats(found))


def _repeats(found: Hashes) -> NDArray[np.bool_]:
    """Whether a hash came before among these."""
    again = np.zeros(len(found), dtype=np.bool_)
    # Polars sorts such numbers in a third of NumPy's time.
    ascending = pl.Series(found).sort().to_numpy()
    twice = ascending[1:][ascending[1:] == ascending[:-1]]
    if len(twice):
        places = np.flatnonzero(is_among(found, np.unique(twice)))
        _, first = np.unique(found[places], return_index=True)
        again[np.delete(places, first)] = True
    return again


class Seen:
    """The keys that came so far, as far as two bits of each tell: what did come is always known, and some others are mistaken for it.

    One in a thousand is among ten million keys, one in seventy when a filter is full, and as many more for each further filter.

    Parameters
    ----------
    group
        The columns of the key.
    table
        The key's columns of the rows that are there already, some at a time.

    References
    ----------
    F. Putze, P. Sanders, J. Singler, "Cache-, hash- and space-efficient Bloom filters", WEA 2007: all bits of a key stand in one word.
    """

    def __init__(self, group: Sequence[str], table: Iterable[pl.DataFrame] = ()) -> None:
        self.group = tuple(group)
        self._filters = [_empty()]
        self._held = 0
        for frame in table:
            self._keep(look(frame, self.group))

    def again(self, rows: Look) -> NDArray[np.bool_]:
        """Whether a row's key perhaps came before, in these rows or in those of an earlier call; shape (n,)."""
        came = rows.repeats | self._keep(rows)
        again = np.zeros(len(rows.known), dtype=np.bool_)
        again[rows.known] = came
        return again

    def _keep(self, rows: Look) -> NDArray[np.bool_]:
        """Enter keys; whether each was there before, perhaps, shape (k,)."""
        words, bits = rows.words, rows.bits
        there = [(held[words] & bits) == bits for held in self._filters[:-1]]
        filled = self._filters[-1]
        held = filled[words]
        there.append((held & bits) == bits)
        filled[words] = held | bits
        # Of several keys with one word only one was entered.
        left = np.flatnonzero((filled[words] & bits) != bits)
        np.bitwise_or.at(filled, words[left], bits[left])
        self._held += len(words)
        if self._held > FULL:
            self._filters.append(_empty())
            self._held = 0
        before: NDArray[np.bool_] = np.logical_or.reduce(there)
        return before


class Arrivals:
    """For each group of columns whose values come once, which rows have values that perhaps came before them.

    Parameters
    ----------
    tables
        For each group, its columns of the rows that are there already, some at a time.
    """

    is_whole = False

    def __init__(self, tables: Mapping[tuple[str, ...], Iterable[pl.DataFrame]]) -> None:
        self.groups = tuple(tables)
        self._seen = [Seen(group, table) for group, table in tables.items()]

    def look(self, frame: pl.DataFrame) -> Sequence[Look]:
        """What can be told of some rows by themselves; several may be looked at at once."""
        return [look(frame, group) for group in self.groups]

    def marked(self, looks: Sequence[Look]) -> NDArray[np.bool_] | None:
        """Whether each of these rows is suspect, asked in their order; None where there are no groups."""
        marks = [seen.again(rows) for seen, rows in zip(self._seen, looks, strict=True)]
        return np.logical_or.reduce(marks) if marks else None


def _empty() -> NDArray[np.uint64]:
    return np.zeros(1 << _WORDS_BITS, dtype=np.uint64)
