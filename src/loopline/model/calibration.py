"""Recalibration: a small map from a model's scores to honest ones, as plain JSON that is applied outside the graph. NumPy alone.

The kinds, each a dict with ``kind`` and its numbers:

- ``none``: the scores stand.
- ``platt`` (binary): ``slope`` and ``offset`` on the logit.
- ``beta`` (binary): ``a``, ``b`` and ``offset``: the logit becomes ``a log p - b log(1 - p) + offset``.
- ``temperature`` (multiclass): ``slope`` on the logarithms of the probabilities.
- ``vector`` (multiclass): the same, and an offset for each class.
- ``shift`` and ``scale`` (regression): ``offset``, and ``slope`` times the value.

The maps of the binary and the regression task never turn the order of two scores.

References
----------
Platt, J. (1999). Probabilistic outputs for support vector machines. Kull, M., Silva Filho, T., Flach, P. (2017). Beta calibration. Guo,
C., Pleiss, G., Sun, Y., Weinberger, K. (2017). On calibration of modern neural networks (temperature and vector scaling).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.errors import Mistake
from loopline.model.blocks import Blocks, numbered, student

Calibration = Mapping[str, Any]
Floats = NDArray[np.float64]

NONE: Calibration = {"kind": "none"}
FOLDS = 5
ROWS_AT_LEAST = 50
"""Rows below which no map is sought."""

RARE_AT_LEAST = 10
"""Rows that each outcome needs before a map is sought."""

SURE = 0.95
"""A map is taken where chance alone gives so great a betterment at most half of (1 - SURE) of the time."""

_TINY = 1e-15
_RIDGE = 1.0
_STEPS = 50
_DIGITS = 12


def apply(calibration: Calibration, scores: Floats) -> Floats:
    """The scores as they are after the map, in their shape: (n,), or (n, k) for multiclass.

    Raises
    ------
    Mistake
        When there is no such kind of map.
    """
    kind = calibration["kind"]
    if kind == "none":
        return scores
    if kind == "platt":
        return _sigmoid(calibration["slope"] * _logit(scores) + calibration["offset"])
    if kind == "beta":
        low, high = _logs(scores)
        return _sigmoid(calibration["a"] * low - calibration["b"] * high + calibration["offset"])
    if kind in ("temperature", "vector"):
        return _softmax(calibration["slope"] * _safe_log(scores) + np.asarray(calibration.get("offsets", 0.0)))
    if kind in ("shift", "scale"):
        mapped: Floats = calibration.get("slope", 1.0) * scores + calibration["offset"]
        return mapped
    raise Mistake(f"there is no calibration of the kind {kind!r}", where="scoring.json", remedy="use the Loopline that made the package")


def fit(task: Task, outcome: NDArray[Any], scores: Floats, blocks: Blocks, seed: int, *, classes: Sequence[str] = (), quantile: float = 0.5) -> dict[str, Any]:
    """The map that betters held-out scores by more than chance gives, or ``{"kind": "none"}``.

    Each kind is fitted to some blocks and judged on the others; the richer one must better the simpler one too.

    Parameters
    ----------
    outcome
        Shape (n,): booleans (or 0 and 1), texts of classes, or floats.
    scores
        Scores of rows that the model did not learn from, as `apply` takes them.
    blocks
        Shape (n,): rows of a block stay in one fold.
    classes
        The classes in the order of the scores' columns (multiclass).
    quantile
        The quantile of the outcome that the score must meet (regression), which the worth says.
    """
    if len(outcome) < ROWS_AT_LEAST:
        return dict(NONE)
    target, loss, kinds = _kinds(task, outcome, classes, quantile)
    if task != "regression" and _rarest(target, 2 if task == "binary" else len(classes)) < RARE_AT_LEAST:
        return dict(NONE)
    fold, count = _folds(blocks, seed)
    codes, held = numbered(blocks)
    if count < 2:
        return dict(NONE)
    best, least = None, loss(target, scores)
    for made in kinds:
        after = np.empty(len(target))
        for part in range(count):
            rows = fold == part
            after[rows] = loss(target[rows], apply(made(target[~rows], scores[~rows]), scores[rows]))
        if _is_better(least - after, codes, held):
            best, least = made, after
    if best is None:
        return dict(NONE)
    return {name: _rounded(value) for name, value in best(target, scores).items()}


def platt(target: NDArray[Any], margin: Floats) -> tuple[float, float]:
    """Slope and offset of the map from margins to those of probabilities; the slope is above zero, for a map that turns the order is none.

    Parameters
    ----------
    target
        Shape (n,): 0 or 1.
    margin
        Shape (n,): what the sigmoid is taken of.
    """
    slope, offset = _logistic(target, margin[:, None], np.array([1.0]))
    return float(max(slope, _TINY)), float(offset)


def say(calibration: Calibration) -> str:
    """The map in plain words."""
    kind = calibration["kind"]
    if kind == "none":
        return "The scores stand as the model gives them."
    if kind == "shift":
        return f"{calibration['offset']:+.4g} is added to each predicted value."
    if kind == "scale":
        return f"Each predicted value is multiplied by {calibration['slope']:.4g}, and {calibration['offset']:+.4g} is added."
    if kind == "beta":
        return "The probabilities are bent by a curve of three numbers, so that they hold as they are said."
    nearer = "nearer to what is usual" if calibration["slope"] < 1 else "further from what is usual"
    return f"The probabilities are moved {nearer}, so that they hold as they are said."


_Loss = Callable[[NDArray[Any], Floats], Floats]
_Maker = Callable[[NDArray[Any], Floats], dict[str, Any]]


def _kinds(task: Task, outcome: NDArray[Any], classes: Sequence[str], quantile: float) -> tuple[NDArray[Any], _Loss, list[_Maker]]:
    """The outcome as numbers, the loss of each row, and how each kind is fitted, the simplest first."""
    if task == "regression":
        makers: list[_Maker] = [lambda target, scores: _shift(target, scores, quantile), lambda target, scores: _scale(target, scores, quantile)]
        return np.asarray(outcome, dtype=np.float64), lambda target, scores: _pinball(target, scores, quantile), makers
    if task == "binary":
        return np.asarray(outcome, dtype=np.float64), _binary_loss, [_platt, _beta]
    place = {label: index for index, label in enumerate(classes)}
    codes = np.array([place[label] for label in outcome], dtype=np.int64)
    return codes, _class_loss, [_temperature, _vector]


def _rarest(target: NDArray[Any], count: int) -> int:
    return int(np.bincount(target.astype(np.int64), minlength=count).min())


def _folds(blocks: Blocks, seed: int) -> tuple[NDArray[np.int64], int]:
    """The fold of each row: whole blocks, dealt in an order drawn by the seed."""
    codes, held = numbered(blocks)
    count = min(FOLDS, held)
    dealt = np.empty(held, dtype=np.int64)
    dealt[np.random.default_rng(seed).permutation(held)] = np.arange(held) % count
    return dealt[codes], count


def _is_better(gain: Floats, codes: NDArray[np.intp], held: int) -> bool:
    """Whether the mean gain is more than the scatter of the blocks gives."""
    mean = float(gain.mean())
    sums = np.bincount(codes, weights=gain - mean, minlength=held)
    error = float(np.sqrt(np.sum(sums**2) * held / max(held - 1, 1))) / len(gain)
    return bool(mean > student(held, SURE) * error and mean > _TINY)


def _binary_loss(target: NDArray[Any], scores: Floats) -> Floats:
    return np.asarray(-np.log(np.clip(np.where(target > 0, scores, 1 - scores), _TINY, 1.0)))


def _class_loss(target: NDArray[Any], scores: Floats) -> Floats:
    return np.asarray(-np.log(np.clip(scores[np.arange(len(target)), target], _TINY, 1.0)))


def _pinball(target: NDArray[Any], scores: Floats, quantile: float) -> Floats:
    off = target - scores
    return np.asarray(np.where(off > 0, quantile * off, (quantile - 1) * off))


def _platt(target: NDArray[Any], scores: Floats) -> dict[str, Any]:
    slope, offset = platt(target, _logit(scores))
    return {"kind": "platt", "slope": slope, "offset": offset}


def _beta(target: NDArray[Any], scores: Floats) -> dict[str, Any]:
    """The map of three numbers; where one of the two slopes would be negative it is nought, and the other is fitted anew."""
    low, high = _logs(scores)
    a, b, offset = _logistic(target, np.stack([low, -high], axis=1), np.array([1.0, 1.0]))
    if a < 0:
        a, (b, offset) = 0.0, _logistic(target, -high[:, None], np.array([1.0]))
    elif b < 0:
        b, (a, offset) = 0.0, _logistic(target, low[:, None], np.array([1.0]))
    return {"kind": "beta", "a": float(max(a, 0.0)), "b": float(max(b, 0.0)), "offset": float(offset)}


def _logistic(target: NDArray[Any], features: Floats, start: Floats) -> Floats:
    """Slopes and offset of a logistic regression whose slopes are held lightly to where they start, by Newton's steps."""
    design = np.column_stack([features, np.ones(len(target))])
    prior, weights = np.append(start, 0.0), np.append(np.full(len(start), _RIDGE), 1e-6)

    def cost(point: Floats) -> float:
        margin = design @ point
        return float(np.sum(np.logaddexp(0.0, margin) - target * margin) + 0.5 * np.sum(weights * (point - prior) ** 2))

    def step(point: Floats) -> Floats:
        said = _sigmoid(design @ point)
        slope = design.T @ (said - target) + weights * (point - prior)
        curve = (design * (said * (1 - said))[:, None]).T @ design + np.diag(weights)
        return np.asarray(np.linalg.solve(curve, slope))

    return _descend(prior, cost, step)


def _temperature(target: NDArray[Any], scores: Floats) -> dict[str, Any]:
    return {"kind": "temperature", "slope": float(max(_scaled(target, scores, offsets=False)[0], _TINY))}


def _vector(target: NDArray[Any], scores: Floats) -> dict[str, Any]:
    slope, *offsets = _scaled(target, scores, offsets=True)
    return {"kind": "vector", "slope": float(max(slope, _TINY)), "offsets": [float(value) for value in offsets]}


def _scaled(target: NDArray[Any], scores: Floats, *, offsets: bool) -> Floats:
    """A slope on the logarithms and an offset for each class (noughts where they are not sought), by Newton's steps."""
    logs, hit = _safe_log(scores), np.eye(scores.shape[1])[target]
    size = 1 + scores.shape[1]
    prior, weights = np.eye(size)[0], np.full(size, _RIDGE)
    free = slice(0, size if offsets else 1)

    def cost(point: Floats) -> float:
        said = point[0] * logs + point[1:]
        top = said.max(axis=1)
        whole = top + np.log(np.exp(said - top[:, None]).sum(axis=1))
        return float(np.sum(whole - (said * hit).sum(axis=1)) + 0.5 * np.sum(weights * (point - prior) ** 2))

    def step(point: Floats) -> Floats:
        said = _softmax(point[0] * logs + point[1:])
        middle = (said * logs).sum(axis=1)
        slope = np.concatenate([[((said - hit) * logs).sum()], (said - hit).sum(axis=0)]) + weights * (point - prior)
        curve = np.diag(weights)
        curve[0, 0] += ((said * logs**2).sum(axis=1) - middle**2).sum()
        curve[0, 1:] = curve[1:, 0] = (said * (logs - middle[:, None])).sum(axis=0)
        curve[1:, 1:] += np.diag(said.sum(axis=0)) - said.T @ said
        move = np.zeros(size)
        move[free] = np.linalg.solve(curve[free, free], slope[free])
        return move

    return _descend(prior, cost, step)


def _descend(start: Floats, cost: Callable[[Floats], float], step: Callable[[Floats], Floats]) -> Floats:
    """The point of the least cost: Newton's steps, each halved until it betters."""
    point, least = start.copy(), cost(start)
    for _ in range(_STEPS):
        move, share = step(point), 1.0
        while share > 1e-6 and not cost(point - share * move) < least:
            share /= 2
        if share <= 1e-6:
            break
        point = point - share * move
        before, least = least, cost(point)
        if before - least < 1e-10 * max(1.0, abs(least)):
            break
    return point


def _shift(target: NDArray[Any], scores: Floats, quantile: float) -> dict[str, Any]:
    return {"kind": "shift", "offset": float(np.quantile(target - scores, quantile))}


def _scale(target: NDArray[Any], scores: Floats, quantile: float) -> dict[str, Any]:
    centred = scores - scores.mean()
    spread = float(centred @ centred)
    slope = max(float(centred @ target) / spread, _TINY) if spread > 0 else 1.0
    return {"kind": "scale", "slope": slope, "offset": float(np.quantile(target - slope * scores, quantile))}


def _safe_log(scores: Floats) -> Floats:
    return np.asarray(np.log(np.clip(scores, _TINY, 1.0)))


def _logs(scores: Floats) -> tuple[Floats, Floats]:
    """The logarithms of the probability and of its complement."""
    return _safe_log(scores), _safe_log(1 - np.asarray(scores))


def _logit(scores: Floats) -> Floats:
    low, high = _logs(scores)
    return low - high


def _sigmoid(margin: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)))


def _softmax(margin: Floats) -> Floats:
    raised = np.exp(margin - margin.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
