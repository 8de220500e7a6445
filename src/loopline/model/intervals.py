"""Every metric of the task with its interval, and paired differences of two models on the same rows. Pure functions on NumPy.

The area under the ROC curve has DeLong's interval and shares have Wilson's; the others are resampled by whole blocks.

References
----------
Künsch, H. R. (1989). The jackknife and the bootstrap for general stationary observations. Efron, B., Tibshirani, R. J. (1993). An
Introduction to the Bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model import delong
from loopline.model.blocks import Blocks, numbered, stretch
from loopline.model.estimates import LEVEL, Estimate, of_share
from loopline.model.evaluate import TINY, Judged, given, metrics

DRAWS = 1000
DRAWS_OF_RANKS = 200
"""Draws of a metric that looks at the order of all rows anew in each."""

_CHUNK = 1_000_000
_Floats = NDArray[np.float64]


def measured(judged: Judged, blocks: Blocks, *, seed: int, level: float = LEVEL, draws: int = DRAWS) -> dict[str, Estimate | None]:
    """Every metric of the task with its interval; None where there is nothing to measure it on.

    Parameters
    ----------
    blocks
        Shape (n,): the block of each row, as `loopline.model.blocks` gives them.
    """
    values = metrics(judged)
    if not len(judged):
        return dict.fromkeys(values)
    spans = _spans(_drawn(judged, None, blocks, seed=seed, draws=draws), values, blocks, level)
    found = {name: spans.get(name) for name in values}
    if judged.task == "binary":
        found |= _shares(judged, blocks, level)
        found["roc_auc"] = delong.auc(judged.outcome, judged.score, blocks, level=level)
        ranks = {"average_precision": _precisions(judged, blocks, seed=seed, draws=min(draws, DRAWS_OF_RANKS))}
        found["average_precision"] = _spans(ranks, values, blocks, level).get("average_precision")
    if judged.task == "multiclass":
        found["accuracy"] = of_share(judged.decision == judged.outcome, blocks, level=level)
    return found


def differences(one: Judged, other: Judged, blocks: Blocks, *, seed: int, level: float = LEVEL, draws: int = DRAWS) -> dict[str, Estimate | None]:
    """By how much each metric of one model is greater than another's on the same rows, with its interval.

    Both are resampled by the same draws, so that what makes a row hard for both cancels out.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} rows cannot be paired with {len(other)}")
    first, second = metrics(one), metrics(other)
    values = {name: None if value is None or (less := second[name]) is None else value - less for name, value in first.items()}
    if not len(one):
        return dict.fromkeys(values)
    spans = _spans(_drawn(one, other, blocks, seed=seed, draws=draws), values, blocks, level)
    found = {name: spans.get(name) for name in values}
    if one.task == "binary":
        found["roc_auc"] = delong.difference(one.outcome, one.score, other.score, blocks, level=level)
        few = min(draws, DRAWS_OF_RANKS)
        ranks = _precisions(one, blocks, seed=seed, draws=few) - _precisions(other, blocks, seed=seed, draws=few)
        found["average_precision"] = _spans({"average_precision": ranks}, values, blocks, level).get("average_precision")
    return found


def _shares(judged: Judged, blocks: Blocks, level: float) -> dict[str, Estimate | None]:
    acted, happened = judged.decision, judged.outcome
    return {
        "precision": of_share(happened, blocks, among=acted, level=level),
        "recall": of_share(acted, blocks, among=happened, level=level),
        "accuracy": of_share(acted == happened, blocks, level=level),
        "act_share": of_share(acted, blocks, level=level),
    }


def _spans(drawn: Mapping[str, _Floats], values: Mapping[str, float | None], blocks: Blocks, level: float) -> dict[str, Estimate | None]:
    """Each metric with the stretched quantiles of its draws; draws that could not be measured are left out."""
    wider = stretch(numbered(blocks)[1], level)
    found: dict[str, Estimate | None] = {}
    for name, numbers in drawn.items():
        value, known = values[name], numbers[np.isfinite(numbers)]
        if value is None or not len(known):
            found[name] = None
            continue
        low, high = value + (np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) - value) * wider
        found[name] = Estimate(value, float(min(low, value)), float(max(high, value)))
    return found


def _counts(count: int, *, seed: int, draws: int) -> Iterator[_Floats]:
    """How often each block is drawn, shape (some draws, count), until all draws are done."""
    rng, each = np.random.default_rng(seed), max(1, _CHUNK // max(count, 1))
    for at in range(0, draws, each):
        rows = min(each, draws - at)
        picks = rng.integers(0, count, (rows, count)) + np.arange(rows)[:, None] * count
        yield np.bincount(picks.reshape(-1), minlength=rows * count).reshape(rows, count).astype(np.float64)


def _drawn(one: Judged, other: Judged | None, blocks: Blocks, *, seed: int, draws: int) -> dict[str, _Floats]:
    """Each metric that sums of terms tell, or its difference, shape (draws,)."""
    codes, count = numbered(blocks)
    labels = _labels(one, other)
    sums = [_sums(_terms(judged, labels), codes, count) for judged in (one, other) if judged is not None]
    parts: list[dict[str, _Floats]] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for counts in _counts(count, seed=seed, draws=draws):
            told = [_told(one.task, counts @ part) for part in sums]
            parts.append(told[0] if len(told) == 1 else {name: told[0][name] - told[1][name] for name in told[0]})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sums(terms: _Floats, codes: NDArray[np.intp], count: int) -> _Floats:
    """The terms of each block, added up: shape (count, k)."""
    return np.stack([np.bincount(codes, weights=term, minlength=count) for term in terms.T], axis=1)


def _labels(*judged: Judged | None) -> list[Any]:
    """The classes that happened or were decided, in order (multiclass)."""
    return sorted({label for part in judged if part is not None and part.task == "multiclass" for label in (*part.outcome, *part.decision)})


def _terms(judged: Judged, labels: list[Any]) -> _Floats:
    """For each row the terms whose sums tell the metrics, shape (n, k): first one, then the money."""
    terms: list[NDArray[Any]] = [np.ones(len(judged)), judged.money]
    outcome, decision = judged.outcome, judged.decision
    if judged.task == "regression":
        error, centred = decision - outcome, outcome - outcome.mean()
        terms += [np.abs(error), error**2, centred, centred**2]
    else:
        terms += [-np.log(np.clip(given(judged), TINY, 1.0)), decision == outcome]
    if judged.task == "binary":
        terms += [(judged.score - outcome) ** 2, decision, outcome, decision & outcome]
    for label in labels:
        terms += [(outcome == label) & (decision == label), (outcome == label).astype(np.float64) + (decision == label)]
    return np.stack([np.asarray(term, dtype=np.float64) for term in terms], axis=1)


def _told(task: str, sums: _Floats) -> dict[str, _Floats]:
    """The metrics that sums of terms tell, each of shape (draws,)."""
    rows = sums[:, 0]
    found = {"worth": sums[:, 1] / rows}
    if task == "regression":
        found |= {"mae": sums[:, 2] / rows, "rmse": np.sqrt(sums[:, 3] / rows)}
        return found | {"r2": 1 - sums[:, 3] / (sums[:, 5] - sums[:, 4] ** 2 / rows)}
    found |= {"log_loss": sums[:, 2] / rows, "accuracy": sums[:, 3] / rows}
    if task == "multiclass":
        right, either = sums[:, 4::2], sums[:, 5::2]
        # A class that a draw holds nowhere has no part in its mean.
        return found | {"macro_f1": np.where(either > 0, 2 * right / np.where(either > 0, either, 1.0), 0.0).sum(axis=1) / (either > 0).sum(axis=1)}
    acted, happened, both = sums[:, 5], sums[:, 6], sums[:, 7]
    return found | {"brier": sums[:, 4] / rows, "act_share": acted / rows, "precision": both / acted, "recall": both / happened}


def _precisions(judged: Judged, blocks: Blocks, *, seed: int, draws: int) -> _Floats:
    """The average precision of each draw, shape (draws,): the rows are ordered once, and each counts as often as its block is drawn."""
    codes, count = numbered(blocks)
    order = np.argsort(-judged.score, kind="stable")
    ranked, happened, placed = judged.score[order], judged.outcome[order], codes[order]
    last = np.concatenate([np.flatnonzero(np.diff(ranked) != 0), [len(ranked) - 1]])
    found = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for counts in _counts(count, seed=seed, draws=draws):
            for often in counts:
                weights = often[placed]
                caught, above = np.cumsum(weights * happened)[last], np.cumsum(weights)[last]
                gained = np.diff(caught, prepend=0)
                found.append(float(np.sum(np.where(gained > 0, gained * caught / above, 0.0)) / caught[-1]))
    return np.array(found)
