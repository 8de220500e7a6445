"""A sketch of a distribution: bounded in size, mergeable, and the same bytes for the same data."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_HEAD = struct.Struct("<BIQQddI")
_FORMAT = 1


class QuantileSketch:
    """Quantiles and ranks of many numbers from few kept ones.

    Kept numbers stand in levels; one of level h stands for ``2**h`` seen ones. A level that is full is sorted, and every
    second number of it goes up a level. Whether the odd or the even ones go up alternates instead of being drawn, so that
    the same numbers in the same order give the same bytes: a package's digest depends on it, and KLL, which draws, gives
    other bytes in each run.

    Parameters
    ----------
    size
        How many numbers a level keeps at most.

    References
    ----------
    G. S. Manku, S. Rajagopalan, B. G. Lindsay, "Approximate medians and other quantiles in one pass and with limited
    memory", SIGMOD 1998.
    """

    def __init__(self, size: int = 512) -> None:
        self.size = size
        self.count = 0
        self.min = float("inf")
        self.max = float("-inf")
        self._error = 0
        self._levels: list[Floats] = [np.empty(0)]
        self._turns: list[int] = [0]

    @property
    def rank_error(self) -> float:
        """The share of all numbers by which a rank is wrong at most; a bound that is proved, and seldom reached."""
        return self._error / self.count if self.count else 0.0

    def update(self, values: ArrayLike) -> None:
        """Take in numbers; NaN and infinities are passed over."""
        numbers = np.asarray(values, dtype=np.float64).ravel()
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            return
        self.count += len(numbers)
        self.min, self.max = min(self.min, float(numbers.min())), max(self.max, float(numbers.max()))
        self._levels[0] = np.concatenate([self._levels[0], numbers])
        self._shrink()

    def merge(self, other: QuantileSketch) -> None:
        """Take in all that another sketch has seen."""
        self.count += other.count
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        self._error += other._error
        while len(self._levels) < len(other._levels):
            self._rise()
        for level, numbers in enumerate(other._levels):
            self._levels[level] = np.concatenate([self._levels[level], numbers])
        self._shrink()

    def _rise(self) -> None:
        self._levels.append(np.empty(0))
        self._turns.append(0)

    def _shrink(self) -> None:
        level = 0
        while level < len(self._levels):
            numbers = self._levels[level]
            if len(numbers) > self.size:
                if level + 1 == len(self._levels):
                    self._rise()
                numbers = np.sort(numbers)
                left, pairs = numbers[: len(numbers) % 2], numbers[len(numbers) % 2 :]
                self._levels[level + 1] = np.concatenate([self._levels[level + 1], pairs[self._turns[level] :: 2]])
                self._levels[level] = left
                self._turns[level] ^= 1
                self._error += 1 << level
            level += 1

    def _weighted(self) -> tuple[Floats, NDArray[np.int64]]:
        """The kept numbers in order, and how many numbers were seen up to and with each."""
        numbers = np.concatenate(self._levels)
        weights = np.repeat([1 << level for level in range(len(self._levels))], [len(kept) for kept in self._levels])
        order = np.argsort(numbers, kind="stable")
        return numbers[order], np.cumsum(weights[order])

    def quantiles(self, shares: ArrayLike) -> Floats:
        """The numbers below or at which the shares (between 0 and 1) of all numbers lie; NaN where none was seen."""
        wanted = np.asarray(shares, dtype=np.float64)
        if not self.count:
            return np.full(wanted.shape, np.nan)
        numbers, below = self._weighted()
        found = numbers[np.minimum(np.searchsorted(below, np.ceil(wanted * self.count)), len(numbers) - 1)]
        return np.where(wanted <= 0, self.min, np.where(wanted >= 1, self.max, found))

    def ranks(self, values: ArrayLike) -> Floats:
        """The shares of all numbers that are below or at the values; NaN where none was seen."""
        at = np.asarray(values, dtype=np.float64)
        if not self.count:
            return np.full(at.shape, np.nan)
        numbers, below = self._weighted()
        shares = np.concatenate([[0], below])[np.searchsorted(numbers, at, side="right")] / self.count
        return np.where(at >= self.max, 1.0, np.where(at < self.min, 0.0, shares))

    def to_bytes(self) -> bytes:
        """The sketch as bytes; equal for equal histories."""
        head = _HEAD.pack(_FORMAT, self.size, self.count, self._error, self.min, self.max, len(self._levels))
        levels = [struct.pack("<IB", len(kept), turn) + kept.astype("<f8").tobytes() for kept, turn in zip(self._levels, self._turns, strict=True)]
        return head + b"".join(levels)

    @classmethod
    def from_bytes(cls, data: bytes) -> QuantileSketch:
        """The sketch that `to_bytes` wrote.

        Raises
        ------
        ValueError
            When the bytes are none.
        """
        try:
            form, size, count, error, low, high, levels = _HEAD.unpack_from(data)
            if form != _FORMAT:
                raise ValueError(f"a sketch of format {form} is not known here")
            sketch = cls(size)
            sketch.count, sketch._error, sketch.min, sketch.max = count, error, low, high
            sketch._levels, sketch._turns = [], []
            at = _HEAD.size
            for _ in range(levels):
                kept, turn = struct.unpack_from("<IB", data, at)
                at += struct.calcsize("<IB")
                sketch._levels.append(np.frombuffer(data, dtype="<f8", count=kept, offset=at).astype(np.float64))
                sketch._turns.append(turn)
                at += 8 * kept
        except struct.error as problem:
            raise ValueError("the bytes are no quantile sketch") from problem
        return sketch


def merged(sketches: Sequence[QuantileSketch]) -> QuantileSketch:
    """One sketch of all that the sketches have seen; they stay as they are."""
    whole = QuantileSketch(sketches[0].size if sketches else 512)
    for sketch in sketches:
        whole.merge(sketch)
    return whole
