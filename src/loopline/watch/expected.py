"""A task's metrics over outcomes that count by a weight, each with what every one of them adds to it. Pure functions on NumPy.

Products are summed by NumPy itself: BLAS starts threads for vectors of 10,000, and waits for them longer than the sum takes.

The weights are either how likely an outcome is for a row whose own has not come, or how much a row of the test part stands for a
window's rows; either way a metric's error follows from its influence function.

References
----------
Hampel, F. R. (1974). The influence curve and its role in robust estimation. JASA 69.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.model.evaluate import TINY

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Weighed:
    """Decisions beside outcomes that count by a weight, for m of them.

    Parameters
    ----------
    outcome, decision
        Shape (m,): booleans (binary: happened, acted), places of classes (multiclass; -1 for an unknown one) or floats (regression).
    score
        Shape (m,): probability of the positive class, the probability given to this outcome (multiclass) or the predicted value.
    money
        Shape (m,): what the decision is worth with this outcome.
    weight
        Shape (m,), none below zero.
    """

    task: Task
    outcome: NDArray[Any]
    decision: NDArray[Any]
    score: Floats
    money: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class Measure:
    """A metric, and its influence: by how much it would move, times the whole weight, were one outcome to count a little more; shape (m,)."""

    value: float
    influence: Floats


NEVER = 1e-12
"""What is expected of a lesser share of the rows is not expected: a metric that divides by it would be noise, and in the end no number."""

_Metric = Callable[[Weighed], Measure | None]


def measures(weighed: Weighed) -> dict[str, Measure]:
    """Every metric of the task that is defined, by the names of `loopline.model.evaluate.METRICS`, ``worth`` among them.

    Average precision is left out: what a row adds to it depends on the ranks of all others.
    """
    if not weighed.weight.sum() > 0:
        return {}
    found = {name: metric(weighed) for name, metric in _METRICS[weighed.task].items()}
    return {name: measure for name, measure in found.items() if measure is not None and np.isfinite(measure.value)}


def losses(weighed: Weighed) -> Floats:
    """What each outcome's prediction is off by, shape (m,), as `loopline.watch.windows.loss` measures it."""
    if weighed.task == "binary":
        return np.asarray((weighed.score - weighed.outcome) ** 2)
    if weighed.task == "multiclass":
        return np.asarray(weighed.decision != weighed.outcome, dtype=np.float64)
    return np.asarray(np.abs(weighed.decision - weighed.outcome))


def _mean(weighed: Weighed, values: Floats) -> Measure:
    value = float(np.average(values, weights=weighed.weight))
    return Measure(value, values - value)


def _share(weighed: Weighed, part: Floats, whole: Floats) -> Measure | None:
    """The weight of a part, of the weight of the whole that it belongs to."""
    total = float((weighed.weight * whole).sum())
    if total <= NEVER * weighed.weight.sum():
        return None
    value = float((weighed.weight * part).sum()) / total
    return Measure(value, (part - value * whole) * (weighed.weight.sum() / total))


def _worth(weighed: Weighed) -> Measure:
    return _mean(weighed, weighed.money)


def _accuracy(weighed: Weighed) -> Measure:
    return _mean(weighed, np.asarray(weighed.decision == weighed.outcome, dtype=np.float64))


def _loss(weighed: Weighed) -> Measure:
    return _mean(weighed, losses(weighed))


def _log_loss(weighed: Weighed) -> Measure:
    given = np.where(weighed.outcome, weighed.score, 1 - weighed.score) if weighed.task == "binary" else weighed.score
    return _mean(weighed, np.asarray(-np.log(np.clip(given, TINY, 1.0))))


def _precision(weighed: Weighed) -> Measure | None:
    acted = weighed.decision.astype(np.float64)
    return _share(weighed, acted * weighed.outcome, acted)


def _recall(weighed: Weighed) -> Measure | None:
    happened = weighed.outcome.astype(np.float64)
    return _share(weighed, happened * weighed.decision, happened)


def _roc_auc(weighed: Weighed) -> Measure | None:
    """The weighted probability that a row where it happened scores above one where it did not; ties count half."""
    levels, place = np.unique(weighed.score, return_inverse=True)
    yes = np.bincount(place, weights=weighed.weight * weighed.outcome, minlength=len(levels))
    no = np.bincount(place, weights=weighed.weight * ~weighed.outcome, minlength=len(levels))
    whole = weighed.weight.sum()
    if min(yes.sum(), no.sum()) <= NEVER * whole:
        return None
    below_no, below_yes = (np.cumsum(no) - no / 2) / no.sum(), (np.cumsum(yes) - yes / 2) / yes.sum()
    value = float((yes * below_no).sum() / yes.sum())
    of_yes, of_no = (below_no - value) * (whole / yes.sum()), (1 - below_yes - value) * (whole / no.sum())
    return Measure(value, np.where(weighed.outcome, of_yes[place], of_no[place]))


def _macro_f1(weighed: Weighed) -> Measure | None:
    """The mean F1 of the classes that are likely or decided, as far as they have any weight."""
    each = []
    for label in np.union1d(weighed.outcome, weighed.decision):
        decided, happened = weighed.decision == label, weighed.outcome == label
        each.append(_share(weighed, 2.0 * (decided & happened), decided.astype(np.float64) + happened))
    known = [one for one in each if one is not None]
    return Measure(float(np.mean([one.value for one in known])), np.mean([one.influence for one in known], axis=0))


def _rmse(weighed: Weighed) -> Measure | None:
    squares = _mean(weighed, (weighed.decision - weighed.outcome) ** 2)
    root = float(np.sqrt(squares.value))
    return Measure(root, squares.influence / (2 * root)) if root > 0 else None


def _r2(weighed: Weighed) -> Measure | None:
    off = _mean(weighed, (weighed.decision - weighed.outcome) ** 2)
    spread = _mean(weighed, (weighed.outcome - np.average(weighed.outcome, weights=weighed.weight)) ** 2)
    if spread.value <= 0:
        return None
    return Measure(1 - off.value / spread.value, -off.influence / spread.value + spread.influence * (off.value / spread.value**2))


_METRICS: Mapping[Task, Mapping[str, _Metric]] = {
    "binary": {
        "worth": _worth,
        "roc_auc": _roc_auc,
        "log_loss": _log_loss,
        "brier": _loss,
        "precision": _precision,
        "recall": _recall,
        "accuracy": _accuracy,
    },
    "multiclass": {"worth": _worth, "accuracy": _accuracy, "log_loss": _log_loss, "macro_f1": _macro_f1},
    "regression": {"worth": _worth, "mae": _loss, "rmse": _rmse, "r2": _r2},
}
