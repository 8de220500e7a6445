"""Which keys come twice in a batch, or in a batch and its table, told before its rows are taken in; without holding its keys in memory.

Keys are compared by their 64-bit hashes first, which are spilled to disk and sorted a share at a time. Two different keys can have one
hash, so this only says which rows are worth a second look: nearly none of a clean batch, and among them every one that comes twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import IO

import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
_SHARES = 32
_IN_MEMORY = 8_000_000
_FIRST_BITS = 18
_MIX = np.uint64(0x9E3779B97F4A7C15)


def hashes(frame: pl.DataFrame, group: Sequence[str]) -> tuple[Hashes, NDArray[np.bool_]]:
    """A hash of each row's values in some columns, shape (n,), and whether all of them are there; the same for equal values in this process only."""
    first, *others = group
    found: Hashes = frame[first].hash(seed=1).to_numpy()
    for name in others:
        # Parts of a key must not cancel each other out where they are equal.
        found = (found ^ (found >> np.uint64(29))) * _MIX + frame[name].hash(seed=1).to_numpy()
    known = frame.select(pl.all_horizontal(pl.col(name).is_not_null() for name in group)).to_series().to_numpy()
    return found, known


class KeyHashes:
    """The hashes of a batch's keys; those beyond some millions lie on disk.

    Parameters
    ----------
    group
        The columns of the key.
    """

    def __init__(self, group: Sequence[str]) -> None:
        self.group = tuple(group)
        self._held: list[Hashes] = []
        self._count = 0
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> KeyHashes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in self._files:
            file.close()

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the keys of some rows; those with a null are no keys."""
        found, known = hashes(frame, self.group)
        self._held.append(found[known])
        self._count += len(self._held[-1])
        if self._count > _IN_MEMORY:
            self._spill()

    def suspects(self, table: Iterable[pl.DataFrame] | None = None) -> Hashes:
        """The hashes that come more than once, or that the table's keys have too, ascending.

        Parameters
        ----------
        table
            The key's columns of the table, some rows at a time.
        """
        twice: list[Hashes] = []
        every: list[Hashes] = []
        for share in self._shares():
            # Polars sorts with all cores.
            found = pl.Series(share).sort().to_numpy()
            twice.append(np.unique(found[1:][found[1:] == found[:-1]]))
            if table is not None:
                every.append(found)
        if table is not None:
            # Shares are cut by the highest bits, so that one after the other they ascend.
            batch = np.concatenate(every)
            for frame in table:
                there, known = hashes(frame, self.group)
                twice.append(there[known & is_among(there, batch)])
        return np.unique(np.concatenate(twice))

    def _shares(self) -> Iterator[Hashes]:
        """All hashes, each share by itself."""
        if not self._files:
            yield np.concatenate(self._held) if self._held else np.empty(0, dtype=np.uint64)
            return
        self._spill()
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), dtype=np.uint64)

    def _spill(self) -> None:
        """Write the hashes that are held to disk, each to its share."""
        if not self._files:
            # They are held for as long as the hashes are.
            self._files = [tempfile.TemporaryFile() for _ in range(_SHARES)]  # noqa: SIM115
        found = np.concatenate(self._held) if self._held else np.empty(0, dtype=np.uint64)
        shares = (found >> np.uint64(59)).astype(np.uint8)
        order = np.argsort(shares, kind="stable")
        ends = np.searchsorted(shares[order], np.arange(_SHARES + 1))
        for share, file in enumerate(self._files):
            file.seek(0, 2)
            file.write(found[order[ends[share] : ends[share + 1]]].tobytes())
        self._held, self._count = [], 0


def is_among(found: Hashes, ascending: Hashes) -> NDArray[np.bool_]:
    """Whether each hash is one of some that are sorted; shape of `found`."""
    among = np.zeros(len(found), dtype=np.bool_)
    if not len(ascending):
        return among
    # Most hashes are ruled out by their first bits.
    begins = np.zeros(1 << _FIRST_BITS, dtype=np.bool_)
    shift = np.uint64(64 - _FIRST_BITS)
    begins[ascending >> shift] = True
    likely = np.flatnonzero(begins[found >> shift])
    places = np.minimum(np.searchsorted(ascending, found[likely]), len(ascending) - 1)
    among[likely] = ascending[places] == found[likely]
    return among


class Foreseen:
    """For each group of columns whose values come once, which rows have values that perhaps come twice.

    Parameters
    ----------
    suspects
        For each group, the hashes that come twice, ascending.
    """

    is_whole = True

    def __init__(self, suspects: Mapping[tuple[str, ...], Hashes]) -> None:
        self.groups = tuple(suspects)
        self._suspects = suspects

    def look(self, frame: pl.DataFrame) -> NDArray[np.bool_] | None:
        """Whether each of some rows is suspect, shape (n,); None where none can be."""
        worth: NDArray[np.bool_] | None = None
        for group, ascending in self._suspects.items():
            if len(ascending):
                found, known = hashes(frame, group)
                mine = known & is_among(found, ascending)
                worth = mine if worth is None else worth | mine
        return worth

    def marked(self, looks: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """The same."""
        return looks
