"""How much traffic the rule needs to see a difference, and how small a one it sees: to be asked before a rollout begins."""

from __future__ import annotations

from math import ceil, log, sqrt

import numpy as np
from scipy.special import ndtr, ndtri

from loopline.release.rollout.sequences import BURN_IN, DIFFERING, ODDS, boundary, evidence_of_errors, log_of_mixture


def power(difference: float, sd: float, requests: int, *, alpha: float, tightest: float, split: float | None = None, differ: float = 1.0) -> float:
    """The chance that a difference is surely seen by then, at least: that it is seen at the last look, however many there were.

    Parameters
    ----------
    difference
        The true difference of the means beyond the margin, in size.
    sd
        The standard deviation of a value, or of a difference where pairs are compared.
    requests
        Requests whose outcome has come.
    alpha, tightest
        As for `boundary`.
    split
        The challenger's share of the requests; None where pairs are compared.
    differ
        The share of the pairs whose decisions differ.
    """
    pairs = requests * (1.0 if split is None else split * (1 - split))
    if requests < _first(split, differ):
        return 0.0
    return float(ndtr(difference * sqrt(pairs) / sd - boundary(pairs, alpha, tightest=tightest)))


def detects(requests: int, sd: float, *, alpha: float, tightest: float, split: float | None = None, differ: float = 1.0, sure: float = 0.9) -> float:
    """The smallest difference that is surely seen within so many requests, with a chance of `sure`; infinite where they are too few to judge."""
    if requests < _first(split, differ):
        return float("inf")
    pairs = requests * (1.0 if split is None else split * (1 - split))
    return float((boundary(pairs, alpha, tightest=tightest) + ndtri(sure)) * sd / sqrt(pairs))


def needed(difference: float, sd: float, *, alpha: float, tightest: float, split: float | None = None, differ: float = 1.0, sure: float = 0.9) -> int:
    """The requests until a difference is surely seen with a chance of `sure`; parameters as of `power`."""
    few, many = _first(split, differ) - 1, _first(split, differ)
    while detects(many, sd, alpha=alpha, tightest=tightest, split=split, differ=differ, sure=sure) > difference:
        few, many = many, many * 2
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if detects(middle, sd, alpha=alpha, tightest=tightest, split=split, differ=differ, sure=sure) > difference else (few, middle)
    return many


def _first(split: float | None, differ: float) -> int:
    """The first request at which means are judged, where what they wait for comes as often as it should."""
    return ceil(DIFFERING / differ if split is None else BURN_IN / min(split, 1 - split))


def failures_needed(split: float, alpha: float) -> int:
    """The challenger's failures in a row, none of the champion's beside them, after which the test of errors is sure.

    Examples
    --------
    >>> failures_needed(0.05, 0.05 / 3), failures_needed(0.5, 0.05 / 3)
    (2, 7)
    """
    failures = np.arange(1, 1000)
    sure = log_of_mixture(evidence_of_errors(failures, np.zeros_like(failures), split)) >= -log(alpha)
    return int(failures[int(np.argmax(sure))])


def needed_for_errors(rate: float, champion: float, *, split: float, alpha: float, sure: float = 0.9) -> int:
    """The requests until a challenger's higher rate of errors is seen with a chance of `sure`, where errors come independently; by the normal law.

    Raises
    ------
    ValueError
        When the challenger's rate is not the higher one.
    """
    if rate <= champion:
        raise ValueError("the challenger's rate of errors is not the higher one")
    asked = np.array([split * rate, (1 - split) * champion])
    steps = np.array([evidence_of_errors(1, 0, split), evidence_of_errors(0, 1, split)])
    gain, noise = asked @ steps, np.sqrt(asked @ steps**2) * ndtri(sure)
    goal = log(len(ODDS) / alpha)
    with np.errstate(invalid="ignore"):
        root = (noise + np.sqrt(noise**2 + 4 * gain * goal)) / (2 * gain)
    return ceil(float((root[gain > 0] ** 2).min()))
