"""Odd values among rows that were accepted: what a person who knows the subject should look at; pure.

References
----------
Tukey, Exploratory Data Analysis, 1977: the outer fences, three interquartile ranges beyond the quartiles. Iglewicz and Hoaglin, How to
Detect and Handle Outliers, 1993: distances from the median in units of the median absolute deviation, times 1.4826.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from loopline.charter.worth import as_text

_ENOUGH_ROWS = 100
_MANY_VALUES = 1000
_PER_COLUMN = 5
_FENCE, _FAR = 3.0, 6.0
_SPREAD = 1.4826
_OUTSIDE_SHARE = 0.01
_RARE_SHARE = 0.0005
_FEW_RARE = 0.2
_MINORITY = 0.1
_LONG_ENOUGH, _WORD = 5, 60
"""A text of fewer letters, or of more, is not looked at as a word that may be misspelt."""


@dataclass(frozen=True)
class Oddity:
    """Something odd in a column.

    Parameters
    ----------
    kind
        A value that is rare, new in the newest batch, spelt like another one (`like`), or numbers far from the rest.
    value
        The value; of numbers, the one that is farthest.
    rows
        How many rows have it, or are as far.
    like
        The usual value that it resembles.
    bound
        The fence beyond which numbers are far.
    """

    kind: Literal["rare", "new", "alike", "low", "high"]
    column: str
    value: str
    rows: int
    like: str | None = None
    bound: float | None = None


def outliers(name: str, values: pl.Series) -> Iterator[Oddity]:
    """Numbers far below and far above the rest: beyond the fences and by the median's measure, and as logarithms where all are positive."""
    known = values.drop_nulls().cast(pl.Float64)
    known = known.filter(known.is_finite())
    if len(known) < _ENOUGH_ROWS or known.n_unique() < 3:
        return
    far = _far(known)
    # What is far only because its column is skewed, as amounts are, is not odd.
    if float(known.min() or 0.0) > 0:  # type: ignore[arg-type]
        far &= _far(known.log())
    middle = float(known.median() or 0.0)  # type: ignore[arg-type]
    for kind, side in (("low", known < middle), ("high", known > middle)):
        beyond = known.filter(far & side)
        within = known.filter(~far)
        if beyond.is_empty() or len(beyond) > _OUTSIDE_SHARE * len(known):
            continue
        value = beyond.min() if kind == "low" else beyond.max()
        bound = within.min() if kind == "low" else within.max()
        yield Oddity(kind, name, as_text(float(value)), len(beyond), bound=float(bound))  # type: ignore[arg-type]


def _far(known: pl.Series) -> pl.Series:
    low, high = (float(known.quantile(share, "linear") or 0.0) for share in (0.25, 0.75))
    width, middle = high - low, float(known.median() or 0.0)  # type: ignore[arg-type]
    deviation = float((known - middle).abs().median() or 0.0) * _SPREAD  # type: ignore[arg-type]
    if width <= 0 or deviation <= 0:
        return pl.Series([False] * len(known), dtype=pl.Boolean)
    return ((known < low - _FENCE * width) | (known > high + _FENCE * width)) & ((known - middle).abs() > _FAR * deviation)


def alike(name: str, counts: Mapping[str, int]) -> Iterator[Oddity]:
    """Spellings of one word: those that are equal but for case, accents and signs, and rare ones that are one letter from a usual one."""
    if len(counts) > _MANY_VALUES:
        return
    usual = sorted(counts, key=lambda value: (-counts[value], value))
    first: dict[str, str] = {}
    near: dict[str, list[str]] = {}
    for value in usual:
        form = plain(value)
        like = first.get(form) if form else None
        if like is None and _LONG_ENOUGH <= len(form) <= _WORD and form.isalpha():
            found = [other for cut in _shortened(form) for other in near.get(cut, ()) if _one_letter(form, plain(other))]
            like = next((other for other in dict.fromkeys(found) if counts[value] <= _MINORITY * counts[other]), None)
            for cut in _shortened(form):
                near.setdefault(cut, []).append(value)
        first.setdefault(form, value)
        if like is not None:
            yield Oddity("alike", name, value, counts[value], like=like)


def plain(value: str) -> str:
    """A word's letters and digits without case and accents."""
    parts = unicodedata.normalize("NFKD", value.casefold())
    return "".join(sign for sign in parts if sign.isalnum())


def _shortened(word: str) -> list[str]:
    """The word, and the word without each of its letters: words that are one letter apart share one of these."""
    return [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]


def _one_letter(one: str, other: str) -> bool:
    """Whether one letter was changed, added, left out, or has changed places with its neighbour."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        apart = [at for at in range(len(one)) if one[at] != other[at]]
        swapped = len(apart) == 2 and apart[1] == apart[0] + 1 and one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]
        return len(apart) == 1 or swapped
    short, long = sorted((one, other), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def rare(name: str, counts: Mapping[str, int]) -> Iterator[Oddity]:
    """Categories of hardly any row, where most have many."""
    total = sum(counts.values())
    most = max(1, int(_RARE_SHARE * total))
    few = sorted((value for value, count in counts.items() if count <= most), key=lambda value: (counts[value], value))
    if total >= _ENOUGH_ROWS and len(counts) - len(few) >= 2 and len(few) <= max(1, _FEW_RARE * len(counts)):
        yield from (Oddity("rare", name, value, counts[value]) for value in few[:_PER_COLUMN])


def new(name: str, before: Mapping[str, int], newest: Mapping[str, int]) -> Iterator[Oddity]:
    """Categories that come for the first time in the newest batch."""
    if sum(before.values()) < _ENOUGH_ROWS or len(before) > _MANY_VALUES:
        return
    fresh = sorted((value for value in newest if value not in before), key=lambda value: (-newest[value], value))
    # Where hardly any value comes twice, a new one is no news.
    if len(fresh) <= max(_PER_COLUMN, _FEW_RARE * len(before)):
        yield from (Oddity("new", name, value, newest[value]) for value in fresh[:_PER_COLUMN])


def odd_values(name: str, before: Mapping[str, int], newest: Mapping[str, int]) -> list[Oddity]:
    """What is odd among a column's words, each value once: as a spelling first, then as new, then as rare."""
    counts = {value: before.get(value, 0) + newest.get(value, 0) for value in {**before, **newest}}
    found: dict[str, Oddity] = {}
    for oddity in (*alike(name, counts), *new(name, before, newest), *rare(name, counts)):
        found.setdefault(oddity.value, oddity)
    return list(found.values())


def is_worded(values: int, rows: int) -> bool:
    """Whether a column of texts has so few distinct values that each may be looked at."""
    return 2 <= values <= min(_MANY_VALUES, max(20, rows // 5))
