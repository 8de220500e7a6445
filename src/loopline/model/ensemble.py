"""The ensemble: a weighted mean of candidates, chosen greedily on the scores of the rows that were held out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopline.model.blocks import Blocks
from loopline.model.candidates import Trial
from loopline.model.noise import BLOCKS, within_noise

MEMBERS = 6
"""Members at most: each costs time in every answer."""

CANDIDATES = 12
"""Candidates that the choice is made among, the best ones."""

OF_EACH = 2
"""Candidates of each family that are always among them."""

_BAGS = 6
_STEPS = 8
_ROWS_AT_MOST = 20_000
_LEAST = 0.04

Scores = NDArray[np.float64]
Loss = Callable[[Scores, NDArray[np.int64]], float]
"""From scores of the judged rows and the places of some of them to a loss on these; less is better."""


@dataclass(frozen=True, slots=True)
class Member:
    """A candidate's place in the list, and its weight; the weights of an ensemble add up to 1."""

    place: int
    weight: float


def shortlist(ranked: Sequence[Trial]) -> list[Trial]:
    """The candidates that the choice is made among: the best few of each family and the best of all, the best first."""
    picked: list[Trial] = []
    for trial in ranked:
        if sum(one.family == trial.family for one in picked) < OF_EACH:
            picked.append(trial)
    more = [trial for trial in ranked if trial not in picked]
    chosen_ones = [*picked, *more][: max(CANDIDATES, len(picked))]
    return [trial for trial in ranked if trial in chosen_ones]


def chosen(
    scores: Sequence[Scores], loss: Loss, blocks: Blocks, *, kinds: Sequence[str], tried: int, seed: int, untuned: Collection[int] = ()
) -> tuple[Member, ...]:
    """The members whose weighted mean has the least loss, the heaviest first.

    It begins with the best candidate of each kind that the rows cannot tell from the best of all: what they cannot tell shares the weight, and
    kinds that err differently are worth more together. So do `untuned` ones that the rows cannot tell from the best. Then candidates are added
    one by one, each as often as it betters the mean. That is done anew on each of several samples of blocks of rows, and the weights are the mean.

    Parameters
    ----------
    scores
        Each candidate's scores of the judged rows, (n,) or (n, k), the best candidate first.
    blocks
        Shape (n,): what rows are sampled by.
    kinds
        The family of each candidate.
    tried
        How many candidates the best one is the best of.
    untuned
        The places of settings that were not tuned to these rows, where the rows to come may be unlike these. Measured on the bank data, split by
        time: of 203 candidates the tuned ones reached a ROC AUC of 0.60 on the judged rows and 0.66 on the test part, each family's first
        setting 0.53 and 0.72; with these among it the ensemble rose from 0.70 to 0.73.

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
    begun = _equals(scores, loss, kinds, tried, untuned)
    for _ in range(_BAGS):
        drawn = rng.integers(0, count, count)
        rows = np.concatenate([order[starts[block] : starts[block + 1]] for block in drawn])
        rows = rows[:: 1 + len(rows) // _ROWS_AT_MOST]
        total += _greedy(scores, loss, rows, begun)
    return _few(total / total.sum())


def is_worse(one: Scores, other: Scores, loss: Loss, *, tried: int) -> bool:
    """Whether one has a greater loss than the other, the best of so many, beyond what chance gives, by neighbouring blocks of rows."""
    return not within_noise(_gap(one, other, loss), among=tried)


def _gap(one: Scores, other: Scores, loss: Loss) -> NDArray[np.float64]:
    """By how much the loss of one is above that of the other in each block of neighbouring rows where both are defined."""
    pieces = np.array_split(np.arange(len(one)), min(BLOCKS, len(one)))
    gap = np.array([loss(one, rows) - loss(other, rows) for rows in pieces])
    known: NDArray[np.float64] = gap[np.isfinite(gap)]
    return known


def _equals(scores: Sequence[Scores], loss: Loss, kinds: Sequence[str], tried: int, untuned: Collection[int]) -> list[int]:
    """The best candidate of each kind and the untuned ones, where neighbouring blocks of rows cannot tell them from the best of all; the best first."""
    firsts = [kinds.index(kind) for kind in dict.fromkeys(kinds)]
    asked = dict.fromkeys((*firsts[1:], *sorted(untuned)))
    return [0, *(place for place in asked if place and not is_worse(scores[place], scores[0], loss, tried=tried))]


def _greedy(scores: Sequence[Scores], loss: Loss, rows: NDArray[np.int64], begun: Sequence[int]) -> NDArray[np.float64]:
    """How often each candidate was added, as shares, shape (m,)."""
    counts = np.zeros(len(scores))
    counts[list(begun)] = 1
    mean = np.mean([scores[place] for place in begun], axis=0)
    least = loss(mean, rows)
    for step in range(len(begun), _STEPS):
        losses = [loss((mean * step + one) / (step + 1), rows) for one in scores]
        best = int(np.argmin(losses))
        if losses[best] >= least:
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
