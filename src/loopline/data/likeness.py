"""How far two sets of values lie apart: 0 for the same distribution, 1 for nothing in common; pure."""

from __future__ import annotations

import numpy as np
import polars as pl

_MOST_VALUES = 1000


def distance(one: pl.Series, other: pl.Series) -> float | None:
    """How far the distributions of two columns lie apart, between 0 and 1.

    Numbers, dates and times: the greatest difference between their cumulative shares (Kolmogorov and Smirnov). Texts and truths: the
    share of rows that would have to change their value (total variation). A difference in the share of missing values counts as such.
    None where it cannot be told: no rows, or texts that hardly ever come twice.
    """
    if not len(one) or not len(other):
        return None
    missing = abs(one.null_count() / len(one) - other.null_count() / len(other))
    first, second = one.drop_nulls(), other.drop_nulls()
    if not len(first) or not len(second):
        return missing if len(first) == len(second) else 1.0
    if _is_ordered(first.dtype) != _is_ordered(second.dtype):
        return 1.0
    apart = _between_numbers(first, second) if _is_ordered(first.dtype) else _between_texts(first.cast(pl.String), second.cast(pl.String))
    return None if apart is None else max(apart, missing)


def _is_ordered(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind.is_temporal()


def _between_numbers(one: pl.Series, other: pl.Series) -> float:
    first, second = (np.sort(values.to_physical().cast(pl.Float64).to_numpy()) for values in (one, other))
    points = np.concatenate([first, second])
    below = [np.searchsorted(values, points, side="right") / len(values) for values in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def _between_texts(one: pl.Series, other: pl.Series) -> float | None:
    counts = [values.value_counts(sort=True, name="count").head(_MOST_VALUES) for values in (one, other)]
    if any(values.n_unique() > 0.5 * len(values) and len(values) > _MOST_VALUES / 20 for values in (one, other)):
        return None
    shares = [
        dict(zip(part[part.columns[0]].to_list(), (part["count"] / len(values)).to_list(), strict=True))
        for part, values in zip(counts, (one, other), strict=True)
    ]
    return 1.0 - sum(min(share, shares[1].get(text, 0.0)) for text, share in shares[0].items())
