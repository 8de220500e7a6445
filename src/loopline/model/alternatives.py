"""Ways to decide, side by side on the same rows: how good each is, and how often each term of the worth falls due. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.worth import Worth
from loopline.model.blocks import Blocks, alikeness, numbered
from loopline.model.candidates import Judge, Part
from loopline.model.evaluate import METRICS, Judged, measured

Floats = NDArray[np.float64]

_QUALITY: Mapping[str, str] = {"acted": "act_share", "precision": "precision", "recall": "recall", "accuracy": "accuracy", "error": "mae"}
"""What is told of each way, and the metric that it is; null where it is none of the task's."""
_OF_CLASSES = frozenset({"accuracy"})


@dataclass(frozen=True, eq=False)
class Alternative:
    """A way to decide: its name, what it is in words, and its decision on each judged row, shape (n,), as `loopline.charter.worth.Worth` takes it."""

    name: str
    says: str
    decision: NDArray[Any]


def side_by_side(judge: Judge, part: Part, ways: Sequence[Alternative], blocks: Blocks, *, in_order: bool = False) -> dict[str, Any]:
    """How good each way is on the rows of a part, and how often, or by how much, each term of the worth falls due.

    Prices stay apart from what happened: with another price of a term the money of every way, and how sure it is, is told without the rows.

    Parameters
    ----------
    blocks
        Shape (n,): rows that are alike, as `loopline.model.blocks` gives them.
    in_order
        Whether the blocks are in the order of time, so that neighbours may be alike.

    Returns
    -------
    dict
        ``terms`` (K names) and ``is_money`` (K): whether the term's price is an expression over columns, so that its amount is money, and not how
        often it falls due (of a regression: by how many units). ``alternatives`` (A). ``means``, A x K: the amount of each term per decision.
        ``covariance``, (A K) x (A K), way by way: that of the means, of which the ways are paired.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, sections 6.3 and 9A: ratios of cluster totals.
    """
    worth = judge.worth
    amounts = np.concatenate([due(worth, way.decision, part) for way in ways], axis=1)
    means, covariance = of_means(amounts, blocks, in_order=in_order)
    return {
        "terms": list(worth.terms),
        "is_money": [not isinstance(term, float) for term in worth.terms.values()],
        "alternatives": [{"name": way.name, "says": way.says, **_quality(judge, part, way)} for way in ways],
        "means": means.reshape(len(ways), -1).tolist(),
        "covariance": covariance.tolist(),
    }


def due(worth: Worth, decision: NDArray[Any], part: Part) -> Floats:
    """The amount of each term that falls due by the decisions, shape (n, K): times its price, or 1 where it is money, they add up to `Worth.per_row`."""
    nothing = dict.fromkeys(worth.terms, 0.0)
    each = [replace(worth, terms={**nothing, name: 1.0 if isinstance(term, float) else term}) for name, term in worth.terms.items()]
    return np.stack([one.per_row(decision, part.outcome, part.columns) for one in each], axis=1)


def of_means(values: Floats, blocks: Blocks, *, in_order: bool = False) -> tuple[Floats, Floats]:
    """The means of the columns of n rows, and the covariance of these means from how the sums of the blocks scatter, wider where neighbours are alike."""
    codes, count = numbered(blocks)
    sums = np.stack([np.bincount(codes, weights=column, minlength=count) for column in values.T], axis=1)
    sizes = np.bincount(codes, minlength=count)
    means = sums.sum(axis=0) / len(values)
    off = sums - sizes[:, None] * means
    wider = alikeness(off) if in_order else 1.0
    return means, off.T @ off * (wider * count / max(count - 1, 1)) / len(values) ** 2


def _quality(judge: Judge, part: Part, way: Alternative) -> dict[str, float | None]:
    """How good the decisions are, by the metrics that belong to the task."""
    nothing = np.zeros(len(part.outcome))
    judged = Judged(judge.task, judge.classes, part.outcome, way.decision, nothing, nothing)
    known = {name: metric for name, metric in METRICS[judge.task].items() if judge.task == "multiclass" or name not in _OF_CLASSES}
    return {said: measured(known[name], judged) if name in known else None for said, name in _QUALITY.items()}
