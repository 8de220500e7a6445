"""The statistics of a plan's tables, from the rows that it is made from. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from loopline.model.matrix import coded
from loopline.model.plan import Statistic, StatisticKind
from loopline.model.shrinkage import Sums, centred, shrunk

CLASSES_AT_MOST = 10
"""Classes that a table has statistics of, the most frequent ones."""

_NEAR_ZERO = 0.01


def places_of(target: NDArray[np.float64], classes: Sequence[str]) -> tuple[int, ...]:
    """The places of the classes that a table has statistics of, in the order of the classes."""
    counts = np.bincount(target.astype(np.int64), minlength=len(classes))[: len(classes)]
    frequent = np.argsort(-counts, kind="stable")[:CLASSES_AT_MOST]
    return tuple(sorted(int(place) for place in frequent if counts[place]))


def outcome_statistics(name: str, values: Sequence[str], texts: NDArray[np.object_], target: NDArray[np.float64], classes: Sequence[str]) -> list[Statistic]:
    """How far the outcome's mean lies from that of all rows by value: one statistic, or one for each class.

    Parameters
    ----------
    classes
        The class labels of a multiclass task; empty for other tasks.
    """
    codes = coded(values, texts)
    made: list[Statistic] = []
    for place in places_of(target, classes) if classes else (None,):
        outcome = target if place is None else (target == place).astype(np.float64)
        said = "the outcome" if place is None else str(classes[place])
        numbers = shrunk(Sums.of(codes, centred(outcome), len(values) + 1))
        made.append(Statistic(f"{name}: {said} against all", "outcome", narrowed(numbers), place=place))
    return made


def frequency(name: str, values: Sequence[str], texts: NDArray[np.object_]) -> Statistic:
    """How many rows have each value, as the logarithm of one more; nought for every other value."""
    counts = np.bincount(coded(values, texts), minlength=len(values) + 1)
    counts[-1] = 0
    return Statistic(f"{name}: frequency", "frequency", narrowed(np.log1p(counts)))


def compared(name: str, values: Sequence[str], texts: NDArray[np.object_], of: str, numbers: NDArray[np.float64], kind: StatisticKind) -> Statistic:
    """The mean of a number by value, which the row's own number is compared with; values that few rows have are near the mean of all."""
    known = numbers[np.isfinite(numbers)]
    means = (float(known.mean()) if len(known) else 0.0) + shrunk(Sums.of(coded(values, texts), centred(numbers), len(values) + 1))
    if kind == "over":
        # What is divided by a mean that is small beside the numbers themselves is noise.
        means = np.where(np.abs(means) > _NEAR_ZERO * float(np.abs(known).sum()) / max(1, len(known)), means, np.nan)
    sign = "-" if kind == "minus" else "/"
    return Statistic(f"{of} {sign} its mean by {name}", kind, narrowed(means), of=of)


def narrowed(numbers: NDArray[np.float64]) -> tuple[float | None, ...]:
    """The numbers as float32, what that cannot hold as None."""
    with np.errstate(over="ignore"):
        narrow = numbers.astype(np.float32)
    return tuple(number if isfinite(number) else None for number in narrow.tolist())
