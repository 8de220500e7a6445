"""Encoded rows as the matrix that is learned from: what a package's graph computes, for whole tables at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loopline.model.encode import Encoded, Plan


def matrix(plan: Plan, encoded: Encoded) -> NDArray[np.float32]:
    """The features of n rows, shape (n, d): numbers as they are, then a zero or one for each kept value of each category."""
    rows, start = len(encoded.numbers), plan.count_numbers
    features = np.zeros((rows, len(plan.features)), dtype=np.float32)
    features[:, :start] = encoded.numbers
    every = np.arange(rows)
    for index, (_, values) in enumerate(plan.categories):
        place = {value: number for number, value in enumerate(values)}
        codes = np.fromiter((place.get(text, -1) for text in encoded.categories[:, index]), dtype=np.int64, count=rows)
        kept = codes >= 0
        features[every[kept], start + codes[kept]] = 1.0
        start += len(values)
    return features
