"""What is known of an outcome before any feature is looked at. Pure functions on NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loopline.model.families import Problem, Sample

RAREST = 1e-9
"""The share of a class that training has never seen: its logarithm stays finite."""


def shares(sample: Sample, classes: int) -> NDArray[np.float64]:
    """The weighted share of each class, shape (classes,)."""
    counts = np.bincount(sample.target.astype(np.int64), weights=sample.weights, minlength=classes)
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def mean(sample: Sample) -> float:
    """The weighted mean of the target."""
    return float(sample.target.mean() if sample.weights is None else np.average(sample.target, weights=sample.weights))


def quantile(values: NDArray[np.float64], weights: NDArray[np.float64] | None, share: float) -> float:
    """The value below which a share of the weight lies; halfway between two where the share ends between them, as the median does.

    >>> quantile(np.array([3.0, 1.0]), None, 0.5), quantile(np.array([3.0, 1.0]), np.array([2.0, 1.0]), 0.5)
    (2.0, 3.0)
    """
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    below = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    wanted = share * below[-1]
    first = int(np.searchsorted(below, wanted * (1 - 1e-12)))
    last = int(np.searchsorted(below, wanted * (1 + 1e-12), side="right"))
    return float((ranked[min(first, len(ranked) - 1)] + ranked[min(last, len(ranked) - 1)]) / 2)


def start(problem: Problem, *, loss: str = "squared") -> NDArray[np.float64]:
    """What the sums of a boosted model start from, before the link, shape (1 or k,).

    Parameters
    ----------
    loss
        ``squared`` starts a regression at the mean, ``quantile`` at the problem's quantile.
    """
    train = problem.train
    if problem.task == "regression":
        return np.array([mean(train) if loss == "squared" else quantile(train.target, train.weights, problem.quantile)])
    if problem.task == "binary":
        share = float(np.clip(mean(train), RAREST, 1 - RAREST))
        return np.array([np.log(share / (1 - share))])
    return np.asarray(np.log(np.maximum(shares(train, len(problem.classes)), RAREST)))
