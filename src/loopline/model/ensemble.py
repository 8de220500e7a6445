"""The ensemble: a weighted mean of candidates, chosen greedily on the scores of the rows that were held out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopline.model.blocks import Blocks

MEMBERS = 6
"""Members at most: each costs time in every answer."""

CANDIDATES = 16
"""Candidates that the choice is made among, the best ones."""

_BAGS = 10
_STEPS = 12
_LEAST = 0.04

Scores = NDArray[np.float64]
Loss = Callable[[Scores, NDArray[np.int64]], float]
"""From scores of the judged rows and the places of some of them to a loss on these; less is better."""


@dataclass(frozen=True, slots=True)
class Member:
    """A candidate's place in the list, and its weight; the weights of an ensemble add up to 1."""

    place: int
    weight: float


def chosen(scores: Sequence[Scores], loss: Loss, blocks: Blocks, *, seed: int) -> tuple[Member, ...]:
    """The members whose weighted mean has the least loss, the heaviest first.

    Candidates are added one by one, each as often as it betters the mean. That is done anew on each of several samples of blocks of rows,
    and the weights are the mean: where the rows cannot tell candidates apart, they share the weight.

    Parameters
    ----------
    scores
        Each candidate's scores of the judged rows, (n,) or (n, k), the best candidate first.
    blocks
        Shape (n,): what rows are sampled by.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew, Ksikes (2004), Ensemble selection from libraries of models.
    """
    rng = np.random.default_rng(seed)
    _, codes = np.unique(blocks, return_inverse=True)
    codes = codes.reshape(-1)
    count = int(codes.max()) + 1
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes))])
    total = np.zeros(len(scores))
    for _ in range(_BAGS):
        drawn = rng.integers(0, count, count)
        rows = np.concatenate([order[starts[block] : starts[block + 1]] for block in drawn])
        total += _greedy(scores, loss, rows)
    return _few(total / total.sum())


def _greedy(scores: Sequence[Scores], loss: Loss, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each candidate was added, as shares, shape (m,)."""
    counts = np.zeros(len(scores))
    mean = np.zeros_like(scores[0])
    least = float("inf")
    for step in range(_STEPS):
        losses = [loss((mean * step + one) / (step + 1), rows) for one in scores]
        best = int(np.argmin(losses))
        if losses[best] >= least and step:
            break
        least = losses[best]
        mean = (mean * step + scores[best]) / (step + 1)
        counts[best] += 1
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _few(weights: NDArray[np.float64]) -> tuple[Member, ...]:
    """The heaviest few; a weight has two digits."""
    order = sorted(range(len(weights)), key=lambda place: (-weights[place], place))[:MEMBERS]
    kept = [place for place in order if weights[place] >= _LEAST] or order[:1]
    total = sum(weights[place] for place in kept)
    rounded = [max(1, round(100 * weights[place] / total)) for place in kept]
    rounded[0] += 100 - sum(rounded)
    return tuple(Member(place, hundredths / 100) for place, hundredths in zip(kept, rounded, strict=True))
