"""What becomes of a column of texts: features of its frequent values, statistics by value, the words in it, or nothing. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from loopline.model.plan import MISSING, SHARED_BY

KEPT_AT_MOST = 30
"""Values of one category that have a feature of their own; the rarer ones have none, and a category with more values has statistics too."""

FEATURES_AT_MOST = 400
"""Features that all categories have together: a matrix of 300,000 rows stays below half a gigabyte."""

COVERED_AT_LEAST = 0.5
"""The share of a category's rows that its kept values must cover; below it they have no features of their own."""

SHARED_AT_LEAST = 0.2
"""The share of a column's rows whose value so many rows share; below it the column is more a name than a category."""

VALUES_AT_MOST = 50_000
"""Values of one category that have statistics, the most frequent ones."""

_NULLS = 0.02
_LOOKED_AT = 200
_WORDY, _WORDY_CATEGORY = 2.0, 3.0
_WORD = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True)
class Sorted:
    """What becomes of the columns of texts; each column with its reason in `left_out` has no feature.

    Parameters
    ----------
    kept
        The values that have a feature of their own, by column.
    tabled
        The values that statistics are made of, by column.
    words
        Columns whose words count.
    missing
        Columns of which only counts whether they are null.
    """

    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tabled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def sort_out(counted: Mapping[str, Counter[str]], rows: int, *, free: frozenset[str] = frozenset(), tables: bool = True) -> Sorted:
    """What becomes of each column, by how many rows have its values.

    Parameters
    ----------
    counted
        The rows of each value, by column.
    free
        Columns that the contract calls texts rather than categories.
    tables
        Whether there is an outcome to make statistics of.
    """
    most = max(2, min(KEPT_AT_MOST, FEATURES_AT_MOST // max(1, len(counted))))
    kept, tabled, left_out = {}, {}, {}
    words, missing = [], []
    for name, counts in sorted(counted.items()):
        known = rows - counts[MISSING]
        often, shared = covering(counts, rows, most=most)
        if often:
            kept[name] = often
        if tables and len(counts) > KEPT_AT_MOST and sum(counts[value] for value in shared if value != MISSING) >= SHARED_AT_LEAST * known:
            tabled[name] = shared
        if (
            len(counts) > KEPT_AT_MOST
            and (name in free or not (name in kept or name in tabled))
            and _word_count(counts) >= (_WORDY if name in free else _WORDY_CATEGORY)
        ):
            words.append(name)
        elif name in kept or name in tabled:
            continue
        elif max(SHARED_BY, _NULLS * rows) <= known <= rows - max(SHARED_BY, _NULLS * rows):
            missing.append(name)
        else:
            left_out[name] = f"too many values ({len(counts):,} in {rows:,} rows)"
    return Sorted(kept, tabled, tuple(words), tuple(missing), left_out)


def covering(counts: Counter[str], rows: int, *, most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The values that have a feature of their own, at most so many and each in enough rows, or none where they cover too little; and the shared ones."""
    seldom = max(3, rows // 2000)
    often = [value for value, count in _ranked(counts) if count >= seldom][:most]
    covered = sum(counts[value] for value in often if value != MISSING)
    return tuple(often) if covered >= COVERED_AT_LEAST * (rows - counts[MISSING]) else (), shared_values(counts)


def shared_values(counts: Counter[str]) -> tuple[str, ...]:
    """The values that statistics are made of: those that enough rows share."""
    return tuple(sorted([value for value, count in _ranked(counts) if count >= SHARED_BY][:VALUES_AT_MOST]))


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """The values, the most frequent first; ties are ordered by the text, so that the order of the rows does not matter."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _word_count(counts: Counter[str]) -> float:
    """How many words the values have on average, of some of them; what has no two letters together is none, such as the numbers of an identifier."""
    texts = sorted(value for value in counts if value != MISSING)
    looked_at = texts[:: max(1, len(texts) // _LOOKED_AT)]
    return sum(len([piece for piece in text.split() if _WORD.search(piece)]) for text in looked_at) / max(1, len(looked_at))
