"""Training, validation and test: by time where there is a time column, by the order of the rows where that is time, else drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.errors import Mistake

Index = NDArray[np.int64]
_PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows of each part, as indices in ascending order of time (or of the rows); every row is in at most one of them.

    Parameters
    ----------
    early, late
        Rows between training and validation, and between validation and test, whose outcome was not known yet when the later part began:
        the later part is not judged by what was learned from them.
    """

    train: Index
    validation: Index
    test: Index
    early: Index = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    late: Index = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def learned(self) -> Index:
        """All rows that the last fit may learn from, in their order: those before the test part and its gap."""
        return np.concatenate([self.train, self.early, self.validation])


def by_time(time: NDArray[Any], *, validation: float, test: float) -> Parts:
    """Parts of which each is later than the one before; rows of one moment are never torn apart.

    Parameters
    ----------
    time
        Shape (n,): datetime64 or numbers. A row without a time (NaT, NaN) counts as the earliest.

    Raises
    ------
    Mistake
        When so many rows share a moment that a part would be empty.
    """
    unknown = np.isnan(time) if time.dtype.kind == "f" else np.isnat(time) if time.dtype.kind == "M" else np.zeros(len(time), dtype=bool)
    order = np.concatenate([np.flatnonzero(unknown), np.flatnonzero(~unknown)[np.argsort(time[~unknown], kind="stable")]])
    later = time[order[int(unknown.sum()) :]]
    if not len(later):
        raise Mistake("no row has a time", remedy="take away the source's time, or mend the column")
    rows, skipped = len(time), int(unknown.sum())

    def cut(at: int) -> int:
        """The first row of the moment that row `at` belongs to."""
        moment = later[min(max(at - skipped, 0), len(later) - 1)]
        return skipped + int(np.searchsorted(later, moment, side="left"))

    first, second = cut(round(rows * (1 - validation - test))), cut(round(rows * (1 - test)))
    if not 0 < first < second < rows:
        remedy = "take away the source's time (the split is stratified then), or give finer times"
        raise Mistake("too many rows share one moment to split them by time", remedy=remedy)
    return Parts(order[:first], order[first:second], order[second:])


def with_gap(parts: Parts, known: NDArray[Any], decided: NDArray[Any]) -> Parts:
    """The parts without the rows whose outcome came only after the later part's first decision.

    Parameters
    ----------
    known
        Shape (n,): the moment (datetime64) at which each row's outcome is known; NaT counts as known.
    decided
        Shape (n,): the moment at which each row is decided on.

    Raises
    ------
    Mistake
        When the gap leaves a part empty.
    """
    early = _too_late(parts.train, known, _first(decided, parts.validation))
    late = _too_late(parts.validation, known, _first(decided, parts.test))
    train, validation = parts.train[~early], parts.validation[~late]
    if not len(train) or not len(validation):
        what = "the outcomes come so late that the gap between the parts leaves nothing to learn from"
        raise Mistake(what, where="charter.outcome_known", remedy="give rows over a longer time, or say a shorter delay")
    return replace(parts, train=train, validation=validation, early=parts.train[early], late=parts.validation[late])


def _first(decided: NDArray[Any], rows: Index) -> Any:
    moments = decided[rows]
    known = moments[~np.isnat(moments)]
    return known.min() if len(known) else None


def _too_late(rows: Index, known: NDArray[Any], first: Any) -> NDArray[np.bool_]:
    if first is None:
        return np.zeros(len(rows), dtype=bool)
    late: NDArray[np.bool_] = known[rows] > first
    return late


def by_column(said: Sequence[str | None]) -> Parts:
    """The parts that a column names: ``train``, ``validation`` and ``test``.

    Raises
    ------
    Mistake
        When a row names none of them, or one of them has no row.
    """
    words = np.array([("" if word is None else word).strip().lower() for word in said], dtype=object)
    strange = sorted(set(words) - set(_PARTS))
    if strange:
        raise Mistake(f"{strange[0]!r} is no part of the rows", remedy=f"write one of: {', '.join(_PARTS)}")
    train, middle, last = (np.flatnonzero(words == name) for name in _PARTS)
    if not len(train) or not len(last):
        raise Mistake("the training or the test part has no row", remedy=f"let some rows say {_PARTS[0]}, and others {_PARTS[2]}")
    return Parts(train, middle, last)


def by_order(rows: int, *, validation: float, test: float) -> Parts:
    """Parts in the order of the rows, which is the order of time although no column says so."""
    first, second = round(rows * (1 - validation - test)), round(rows * (1 - test))
    every = np.arange(rows)
    return _filled(Parts(every[:first], every[first:second], every[second:]))


def stratified(strata: NDArray[Any], *, validation: float, test: float, seed: int) -> Parts:
    """Parts drawn at random within each stratum.

    Parameters
    ----------
    strata
        Shape (n,): the class of each row, or the outcome itself (floats), which is cut into tenths.
    """
    if strata.dtype.kind == "f":
        strata = np.searchsorted(np.quantile(strata, np.arange(1, 10) / 10), strata, side="right")
    _, codes = np.unique(strata, return_inverse=True)
    draw = np.random.default_rng(seed).permutation(len(codes))
    # A stable sort by class keeps the drawn order within each; the place within the class then says the part.
    order = draw[np.argsort(codes[draw], kind="stable")]
    counts = np.bincount(codes)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (place + 0.5) / np.repeat(counts, counts)
    train, rest = share < 1 - validation - test, share >= 1 - test
    return _filled(Parts(np.sort(order[train]), np.sort(order[~train & ~rest]), np.sort(order[rest])))


def by_identity(identities: Sequence[str], outcome: NDArray[Any], *, validation: float, test: float, seed: int) -> tuple[Parts, int]:
    """Parts by a hash of what each row is, and how many rows were drawn by `stratified` instead.

    A row's part hangs on nothing but its identity and the seed: it stays where it is when rows are added, so that a later model is never
    tested on rows that an earlier one learned from. The parts have their shares only about; where one has less than half of its share, all
    rows are drawn by `stratified`, and where one has no row of a class, the rows of that class are.

    Parameters
    ----------
    identities
        For each of n rows a text, such as its key.
    outcome
        Shape (n,): classes, or floats.
    """
    shares = np.array([1 - validation - test, validation, test])
    limits = np.cumsum(shares)[:2]
    hashes = (blake2b(f"{seed}\x1f{identity}".encode(), digest_size=8).digest() for identity in identities)
    place = np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.float64) / 2.0**64
    part = np.searchsorted(limits, place, side="right")
    drawn = _numbered(stratified(outcome, validation=validation, test=test, seed=seed))
    anew = np.zeros(len(part), dtype=bool)
    if np.any(np.bincount(part, minlength=3) < shares * len(part) / 2):
        anew[:] = True
    elif outcome.dtype.kind != "f":
        classes, codes = np.unique(outcome, return_inverse=True)
        having, could = (np.bincount(codes * 3 + which, minlength=3 * len(classes)).reshape(-1, 3) for which in (part, drawn))
        anew = np.any((having == 0) & (could > 0), axis=1)[codes]
    part = np.where(anew, drawn, part)
    train, middle, last = (np.flatnonzero(part == number) for number in range(3))
    return Parts(train, middle, last), int(anew.sum())


def _numbered(parts: Parts) -> Index:
    """The number of each row's part, shape (n,)."""
    number = np.zeros(len(parts.train) + len(parts.validation) + len(parts.test), dtype=np.int64)
    number[parts.validation], number[parts.test] = 1, 2
    return number


def _filled(parts: Parts) -> Parts:
    if min(len(parts.train), len(parts.validation), len(parts.test)) == 0:
        total = len(parts.train) + len(parts.validation) + len(parts.test)
        raise Mistake(f"{total} rows are too few for a training, a validation and a test part", remedy="give at least 50 rows with a known outcome")
    return parts
