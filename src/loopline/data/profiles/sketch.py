"""A sketch of a distribution: bounded in size, mergeable, and the same bytes for the same data."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SIZE = 1024
_HEAD = struct.Struct("<BIQQddIB")
_LEVEL = struct.Struct("<IB")
_FORMAT = 2


class QuantileSketch:
    """Quantiles and ranks of many numbers from few kept ones.

    While there are few distinct numbers, each is kept with its count, and every answer is exact. Beyond that, kept numbers stand in
    levels; one of level h stands for ``2**h`` seen ones. A level that is too full is sorted, and of each two neighbours one goes up a level.
    Whether it is the lower or the upper one alternates instead of being drawn, so that the same numbers in the same parts give the same
    bytes, and no rank is off to one side. Many numbers that come at once are sorted once, and those in the middle of equally many go to their level directly.

    Parameters
    ----------
    size
        How many numbers a level keeps at most, and how many distinct ones are counted exactly.

    References
    ----------
    G. S. Manku, S. Rajagopalan, B. G. Lindsay, "Approximate medians and other quantiles in one pass and with limited
    memory", SIGMOD 1998.
    """

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self.count = 0
        self.min = float("inf")
        self.max = float("-inf")
        self._error = 0
        self._values: Floats = np.empty(0)
        self._counts: Ints = np.empty(0, dtype=np.int64)
        self._levels: list[Floats] = []
        self._turns: list[int] = []

    @property
    def rank_error(self) -> float:
        """The share of all numbers by which a rank is wrong at most; a bound that is proved, and seldom reached."""
        return self._error / self.count if self.count else 0.0

    @property
    def is_exact(self) -> bool:
        """Whether every distinct number is kept with its count."""
        return not self._levels

    def tally(self) -> tuple[Floats, Ints]:
        """The kept numbers in ascending order, and for how many seen ones each stands."""
        if self.is_exact:
            return self._values, self._counts
        numbers = np.concatenate(self._levels)
        weights = np.repeat(1 << np.arange(len(self._levels)), [len(kept) for kept in self._levels])
        order = np.argsort(numbers, kind="stable")
        return numbers[order], weights[order]

    def update(self, values: ArrayLike) -> None:
        """Take in numbers; NaN and infinities are passed over."""
        numbers = np.asarray(values, dtype=np.float64).ravel()
        self.add(*np.unique(numbers[np.isfinite(numbers)], return_counts=True))

    def add(self, values: Floats, counts: Ints) -> None:
        """Take in distinct finite numbers in ascending order, each as often as it is counted."""
        if not len(values):
            return
        self.count += int(counts.sum())
        self.min, self.max = min(self.min, float(values[0])), max(self.max, float(values[-1]))
        if self.is_exact:
            if len(self._values):
                values, counts = _summed([self._values, values], [self._counts, counts])
            if len(values) <= self.size:
                self._values, self._counts = values, counts
                return
            self._values, self._counts = np.empty(0), np.empty(0, dtype=np.int64)
        self._thin(values, counts)
        self._shrink()

    def merge(self, *others: QuantileSketch) -> None:
        """Take in all that other sketches have seen; many are merged better at once than one by one, for a level is then thinned once."""
        seen = [other for other in others if other.count]
        exact = [other for other in seen if other.is_exact]
        if exact:
            self.add(*_summed([other._values for other in exact], [other._counts for other in exact]))
        rough = [other for other in seen if not other.is_exact]
        if not rough:
            return
        self._spread()
        self.count += sum(other.count for other in rough)
        self.min, self.max = min(self.min, *(other.min for other in rough)), max(self.max, *(other.max for other in rough))
        self._error += sum(other._error for other in rough)
        self._reach(max(len(other._levels) for other in rough) - 1)
        for level in range(len(self._levels)):
            reaching = [other for other in rough if len(other._levels) > level]
            self._levels[level] = np.concatenate([self._levels[level], *(other._levels[level] for other in reaching)])
            self._turns[level] = (self._turns[level] + sum(other._turns[level] for other in reaching)) % 2
        self._shrink()

    def _spread(self) -> None:
        """Put counted numbers into levels, each as often as its count says: nothing is lost by it."""
        values, counts = self._values, self._counts
        self._values, self._counts = np.empty(0), np.empty(0, dtype=np.int64)
        for level in range(int(counts.max(initial=0)).bit_length()):
            self._reach(level)
            self._levels[level] = np.concatenate([self._levels[level], values[(counts >> level) & 1 == 1]])

    def _thin(self, values: Floats, counts: Ints) -> None:
        """Put numbers into levels: whole groups that stand together are told by the one in their middle, what is left over goes further down."""
        ends = np.cumsum(counts)
        total = int(ends[-1])
        top = next(level for level in range(64) if total >> level <= self.size)
        start = 0
        for level in range(top, -1, -1):
            group = 1 << level
            number = (total - start) >> level
            if not number:
                continue
            self._reach(level)
            middle = (group - 1 + self._turns[level]) // 2
            ranks = start + middle + group * np.arange(number)
            self._levels[level] = np.concatenate([self._levels[level], values[np.searchsorted(ends, ranks, side="right")]])
            self._turns[level] ^= 1
            start += number * group
        self._error += (1 << top) // 2

    def _reach(self, level: int) -> None:
        while len(self._levels) <= level:
            self._levels.append(np.empty(0))
            self._turns.append(0)

    def _shrink(self) -> None:
        level = 0
        while level < len(self._levels):
            numbers = self._levels[level]
            if len(numbers) > self.size:
                self._reach(level + 1)
                numbers = np.sort(numbers)
                left, pairs = numbers[: len(numbers) % 2], numbers[len(numbers) % 2 :].reshape(-1, 2)
                places = np.arange(len(pairs))
                self._levels[level + 1] = np.concatenate([self._levels[level + 1], pairs[places, (places + self._turns[level]) % 2]])
                self._levels[level] = left
                self._turns[level] ^= 1
                self._error += 1 << level
            level += 1

    def quantiles(self, shares: ArrayLike) -> Floats:
        """The numbers below or at which the shares (between 0 and 1) of all numbers lie; NaN where none was seen."""
        wanted = np.asarray(shares, dtype=np.float64)
        if not self.count:
            return np.full(wanted.shape, np.nan)
        numbers, weights = self.tally()
        found = numbers[np.minimum(np.searchsorted(np.cumsum(weights), np.ceil(wanted * self.count)), len(numbers) - 1)]
        return np.where(wanted <= 0, self.min, np.where(wanted >= 1, self.max, found))

    def ranks(self, values: ArrayLike) -> Floats:
        """The shares of all numbers that are below or at the values; NaN where none was seen."""
        at = np.asarray(values, dtype=np.float64)
        if not self.count:
            return np.full(at.shape, np.nan)
        numbers, weights = self.tally()
        shares = np.concatenate([[0], np.cumsum(weights)])[np.searchsorted(numbers, at, side="right")] / self.count
        return np.where(at >= self.max, 1.0, np.where(at < self.min, 0.0, shares))

    def to_bytes(self) -> bytes:
        """The sketch as bytes; equal for equal histories."""
        head = _HEAD.pack(_FORMAT, self.size, self.count, self._error, self.min, self.max, len(self._levels), len(self._values) > 0)
        exact = [_LEVEL.pack(len(self._values), 0), self._values.astype("<f8").tobytes(), self._counts.astype("<i8").tobytes()]
        levels = [_LEVEL.pack(len(kept), turn) + kept.astype("<f8").tobytes() for kept, turn in zip(self._levels, self._turns, strict=True)]
        return b"".join([head, *(exact if len(self._values) else levels)])

    @classmethod
    def from_bytes(cls, data: bytes) -> QuantileSketch:
        """The sketch that `to_bytes` wrote.

        Raises
        ------
        ValueError
            When the bytes are none.
        """
        try:
            form, size, count, error, low, high, levels, exact = _HEAD.unpack_from(data)
            if form != _FORMAT:
                raise ValueError(f"a sketch of format {form} is not known here")
            sketch = cls(size)
            sketch.count, sketch._error, sketch.min, sketch.max = count, error, low, high
            at = _HEAD.size
            if exact:
                kept, _ = _LEVEL.unpack_from(data, at)
                at += _LEVEL.size
                sketch._values = np.frombuffer(data, dtype="<f8", count=kept, offset=at).astype(np.float64)
                sketch._counts = np.frombuffer(data, dtype="<i8", count=kept, offset=at + 8 * kept).astype(np.int64)
            for _ in range(levels):
                kept, turn = _LEVEL.unpack_from(data, at)
                at += _LEVEL.size
                sketch._levels.append(np.frombuffer(data, dtype="<f8", count=kept, offset=at).astype(np.float64))
                sketch._turns.append(turn)
                at += 8 * kept
        except struct.error as problem:
            raise ValueError("the bytes are no quantile sketch") from problem
        return sketch


def merged(sketches: Sequence[QuantileSketch]) -> QuantileSketch:
    """One sketch of all that the sketches have seen; they stay as they are."""
    whole = QuantileSketch(sketches[0].size if sketches else SIZE)
    whole.merge(*sketches)
    return whole


def _summed(values: Sequence[Floats], counts: Sequence[Ints]) -> tuple[Floats, Ints]:
    """Counted numbers put together."""
    distinct, place = np.unique(np.concatenate(values), return_inverse=True)
    sums = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(sums, place, np.concatenate(counts))
    return distinct, sums
