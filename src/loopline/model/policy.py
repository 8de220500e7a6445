"""The rule that turns a score into a decision, chosen to earn most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task

ACT, REST = "act", "rest"
NEVER = 2.0
"""A threshold that no probability reaches: never act."""

Policy = Mapping[str, Any]
"""Plain values: ``kind`` is ``threshold`` (with ``threshold``), ``most_likely`` or ``value``."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold on the probability, and the money that acting from it on earns above never acting, over all rows."""

    threshold: float
    earned: float


def best_threshold(score: NDArray[np.float64], gain: NDArray[np.float64]) -> Threshold:
    """The threshold that earns most: act where the score is at least that high.

    It lies in the middle between two neighbouring scores, so that a rounding of either changes no decision. Where several
    earn the same, it is the highest: what does not pay is not done.

    Parameters
    ----------
    score
        Probabilities, shape (n,).
    gain
        Money of acting minus money of resting, shape (n,).
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    earned = np.concatenate([[0.0], np.cumsum(gain[order])])
    # One can stop only between different scores: before all, after the last of each run, after all.
    stops = np.concatenate([[0], np.flatnonzero(np.diff(ranked) != 0) + 1, [len(ranked)]])
    best = int(stops[np.argmax(earned[stops])])
    if best == 0:
        return Threshold(NEVER, 0.0)
    if best == len(ranked):
        return Threshold(0.0, float(earned[best]))
    middle = (ranked[best - 1] + ranked[best]) / 2
    # Between neighbouring floats the middle may round down to the score that is left out.
    return Threshold(float(middle if middle > ranked[best] else ranked[best - 1]), float(earned[best]))


def break_even(happened: NDArray[np.bool_], gain: NDArray[np.float64]) -> float | None:
    """The probability from which acting pays, by the mean gain where it happened and the mean loss where it did not.

    None where one of the two is missing, or acting pays always or never.
    """
    if happened.all() or not happened.any():
        return None
    won, lost = float(gain[happened].mean()), -float(gain[~happened].mean())
    return lost / (won + lost) if won > 0 and lost > 0 else None


def decide(policy: Policy, scores: NDArray[np.float64], classes: Sequence[str]) -> NDArray[Any]:
    """The decisions for n rows, shape (n,): ``act`` or ``rest``, the text of a class, or a number.

    Parameters
    ----------
    scores
        Shape (n,): probability of the positive class or predicted value; shape (n, k): a probability for each class.
    """
    if policy["kind"] == "threshold":
        return np.where(scores >= policy["threshold"], ACT, REST)
    if policy["kind"] == "most_likely":
        labels: NDArray[Any] = np.asarray(classes, dtype=object)[np.argmax(scores, axis=1)]
        return labels
    return scores


def for_worth(task: Task, decision: NDArray[Any]) -> NDArray[Any]:
    """Decisions as `loopline.charter.worth.Worth` takes them: booleans (acted), texts or floats."""
    return np.asarray(decision == ACT) if task == "binary" else decision


def say(policy: Policy) -> str:
    """The policy in plain words."""
    if policy["kind"] == "most_likely":
        return "the most likely class"
    if policy["kind"] == "value":
        return "the predicted value"
    threshold = float(policy["threshold"])
    if threshold > 1:
        return "never act"
    return "always act" if threshold <= 0 else f"act where the probability is at least {threshold:.4g}"
