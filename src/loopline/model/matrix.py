"""Encoded rows as the matrix that is learned from: what a package's graph computes, for whole tables at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from loopline.model.encode import Encoded
from loopline.model.plan import Plan, Table


def matrix(plan: Plan, encoded: Encoded) -> NDArray[np.float32]:
    """The features of n rows that the plan was not made from, shape (n, d).

    Numbers as they are, then what is looked up in each table, then a zero or one for each kept value of each category. For the rows that the
    plan was made from `loopline.model.learning.learning_matrix` is the one to use: their outcomes are in the tables.
    """
    rows, start = len(encoded.numbers), plan.count_inputs
    features = np.zeros((rows, len(plan.features)), dtype=np.float32)
    features[:, :start] = encoded.numbers
    place = {key: index for index, key in enumerate(plan.keys)}
    for table in plan.tables:
        found = coded(table.values, encoded.categories[:, place[table.key]])
        width = len(table.statistics)
        features[:, start : start + width] = _looked_up(plan, table, found, encoded.numbers)
        start += width
    every = np.arange(rows)
    for key, values in plan.kept:
        codes = coded(values, encoded.categories[:, place[key]])
        kept = codes < len(values)
        features[every[kept], start + codes[kept]] = 1.0
        start += len(values)
    return features


def coded(values: Sequence[str], texts: NDArray[np.object_]) -> NDArray[np.int64]:
    """The place of each text among the values, shape (n,); of one that is not among them their number."""
    place = {value: number for number, value in enumerate(values)}
    return np.fromiter(map(place.get, texts.tolist(), repeat(len(place))), dtype=np.int64, count=len(texts))


def _looked_up(plan: Plan, table: Table, codes: NDArray[np.int64], numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table's features, shape (n, w)."""
    found = np.empty((len(codes), len(table.statistics)), dtype=np.float32)
    for index, one in enumerate(table.statistics):
        by_value = np.array(one.numbers, dtype=np.float32)[codes]
        if one.kind in ("minus", "over"):
            of = numbers[:, plan.numbers.index(one.of)]
            with np.errstate(all="ignore"):
                by_value = of - by_value if one.kind == "minus" else of / by_value
            by_value[~np.isfinite(by_value)] = np.nan
        found[:, index] = by_value
    return found
