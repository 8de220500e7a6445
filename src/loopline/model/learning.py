"""The matrix of the rows that a plan was made from: what their outcomes say of categories is told from other rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from loopline.model.encode import Raw, encode
from loopline.model.matrix import coded, matrix
from loopline.model.plan import Plan, Statistic
from loopline.model.shrinkage import Codes, Floats, Sums, centred, shrunk

FOLDS = 5
"""Parts of rows in no order: the outcomes of each are told from the others."""

SPANS = 10
"""Spans of rows in the order of time: the outcomes of each are told from those before it."""


def learning_matrix(plan: Plan, columns: Raw, target: NDArray[np.float64], *, time: NDArray[np.generic] | None = None, seed: int) -> NDArray[np.float32]:
    """The features of the rows that the plan was made from, shape (n, d), in which no row's outcome has a part in its own features.

    A statistic of the outcome that a row's own outcome went into tells that outcome to whoever learns from it. So the rows are divided, and the
    outcomes of each part are told from the other parts, or, where rows have a time, from the earlier ones alone; the first span of time
    has nothing before it, and so nothing is known there. All else is as `matrix` makes it.

    Parameters
    ----------
    columns, target
        The rows that `make_plan` was given, and their outcomes, shape (n,).
    time
        Shape (n,): what the rows are ordered by, such as their moments or their places; None where they have no order. Nulls come first.
    seed
        Deals the rows to their parts.

    References
    ----------
    Prokhorenkova, L. et al. (2018). CatBoost: unbiased boosting with categorical features.
    """
    encoded = encode(plan, columns)
    features = matrix(plan, encoded)
    place = {key: index for index, key in enumerate(plan.keys)}
    parts = _parts(len(target), time, seed)
    at = plan.count_inputs
    for table in plan.tables:
        outcomes = table.of_kind("outcome")
        if outcomes:
            codes = coded(table.values, encoded.categories[:, place[table.key]])
            for number, one in enumerate(outcomes):
                features[:, at + number] = _unseen(codes, outcome_of(one, target), len(table.values) + 1, parts, in_time=time is not None)
        at += len(table.statistics)
    return features


def outcome_of(statistic: Statistic, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a statistic is the mean of, shape (n,): the outcome, or whether it is the statistic's class."""
    return target if statistic.place is None else (target == statistic.place).astype(np.float64)


def _parts(rows: int, time: NDArray[np.generic] | None, seed: int) -> NDArray[np.int64]:
    """The part of each row, shape (n,); rows of one moment are in one part."""
    if time is None:
        return np.random.default_rng(seed).permutation(rows) % FOLDS
    order = np.argsort(time, kind="stable")
    # Nulls sort last, and the parts of the rows (`loopline.model.split`) take them for the earliest.
    null = time[order] != time[order]
    order = np.concatenate([order[null], order[~null]])
    ranked = time[order]
    first = np.concatenate([[True], (ranked[1:] != ranked[:-1]) & (ranked[1:] == ranked[1:])]) if rows else np.zeros(0, dtype=bool)
    start = np.maximum.accumulate(np.where(first, np.arange(rows), 0))
    parts = np.empty(rows, dtype=np.int64)
    parts[order] = start * SPANS // max(rows, 1)
    return parts


def _unseen(codes: Codes, outcome: Floats, count: int, parts: NDArray[np.int64], *, in_time: bool) -> NDArray[np.float32]:
    """Each row's statistic by the outcomes of other parts, or of earlier ones, shape (n,)."""
    found = np.zeros(len(codes), dtype=np.float32)
    for rows, sums in _told_from(codes, outcome, count, parts, in_time=in_time):
        found[rows] = shrunk(sums)[codes[rows]]
    return found


def _told_from(codes: Codes, outcome: Floats, count: int, parts: NDArray[np.int64], *, in_time: bool) -> Iterator[tuple[NDArray[np.bool_], Sums]]:
    """The rows of each part, and what the rows add up to that tell of them."""
    outcome = centred(outcome)
    places = [parts == part for part in range(SPANS if in_time else FOLDS)]
    each = [Sums.of(codes[rows], outcome[rows], count) for rows in places]
    for part, rows in enumerate(places):
        others = each[:part] if in_time else each[:part] + each[part + 1 :]
        yield rows, sum(others, Sums.none(count))
