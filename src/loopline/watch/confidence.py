"""How likely each outcome of a row is, given its score: the scores as the test part shows them to be. Pure functions on NumPy.

References
----------
Guo, C., Pleiss, G., Sun, Y., Weinberger, K. (2017). On calibration of modern neural networks. Zadrozny, B., Elkan, C. (2002). Transforming
classifier scores into accurate multiclass probability estimates: monotone maps of binned scores, one class against the rest. Boström, H.,
Johansson, U. (2020). Mondrian conformal regressors: the errors of predictions of a like size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.model.calibration import RARE_AT_LEAST
from loopline.model.evaluate import TINY

Floats = NDArray[np.float64]

ROWS_AT_LEAST = 100
"""With fewer rows of the test part, nothing is estimated."""

_OF_EQUAL_COUNT, _OF_EQUAL_WIDTH, _BIN_ROWS = 20, 50, 50
_FOLDS = 5
_SURE = 1.645
_SLICES = np.array([0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.94, 0.97, 0.99, 1])
"""A bin's errors are told by the means of these slices of them, in their order; the tails weigh in money."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A monotone map from a score to the chance that it happens: straight between the points."""

    scores: Floats
    chances: Floats

    def at(self, score: Floats) -> Floats:
        """The chance of each score, shape (n,)."""
        return np.interp(score, self.scores, self.chances)


@dataclass(frozen=True, eq=False)
class Confidence:
    """The chance of every outcome by the score.

    Parameters
    ----------
    curves
        One for each class (multiclass), or one for the positive class (binary); None where the scores stand as they are.
    cuts, rows
        The score's bins, and the rows of the test part in each: they say how sure the chances are.
    errors
        Shape (bins, k): outcome less predicted value, by slices of `shares` of a bin's rows each (regression).
    """

    task: Task
    curves: tuple[Curve | None, ...]
    cuts: Floats
    rows: NDArray[np.intp]
    errors: Floats
    shares: Floats

    def bins(self, score: Floats) -> NDArray[np.intp]:
        """The bin of each row, shape (n,), by the score: of the likeliest class for multiclass."""
        return np.searchsorted(self.cuts, score.max(axis=1) if self.task == "multiclass" else score, side="right")

    def possible(self, score: Floats) -> list[tuple[Any, Floats]]:
        """Every outcome and its chance, shape (n,), in each row: a boolean, the place of a class, or values of shape (n,).

        Parameters
        ----------
        score
            Shape (n,), or (n, classes) for multiclass.
        """
        if self.task == "binary":
            curve = self.curves[0]
            chance = np.clip(score if curve is None else curve.at(score), 0.0, 1.0)
            return [(False, 1 - chance), (True, chance)]
        if self.task == "multiclass":
            each = np.column_stack([score[:, at] if curve is None else curve.at(score[:, at]) for at, curve in enumerate(self.curves)])
            each = np.clip(each, TINY, 1.0)
            return list(enumerate((each / each.sum(axis=1, keepdims=True)).T))
        off = self.errors[self.bins(score)]
        return [(score + off[:, at], np.full(len(score), share)) for at, share in enumerate(self.shares)]


def confidence(task: Task, outcome: NDArray[Any], score: Floats) -> Confidence | str:
    """The chances by the score as the rows of the test part show them; in words why there are none where they are too few.

    Parameters
    ----------
    outcome
        Shape (n,): booleans, places of classes (-1 for an unknown one) or floats.
    score
        Shape (n,), or (n, classes) for multiclass.
    """
    if len(outcome) < ROWS_AT_LEAST:
        return f"the test part has only {len(outcome)} rows, {ROWS_AT_LEAST} are needed"
    if task == "regression":
        return _of_errors(outcome, score)
    happened = [outcome] if task == "binary" else [outcome == at for at in range(score.shape[1])]
    rarest = min(int(min(one.sum(), (~one).sum())) for one in happened)
    if task == "binary" and rarest < RARE_AT_LEAST:
        return f"only {rarest} rows of the test part had the rarer outcome, {RARE_AT_LEAST} are needed"
    each = [score] if task == "binary" else list(score.T)
    curves = tuple(_curve(one, own) for one, own in zip(each, happened, strict=True))
    top = score if task == "binary" else score.max(axis=1)
    edges = cuts(top)
    rows = np.bincount(np.searchsorted(edges, top, side="right"), minlength=len(edges) + 1)
    return Confidence(task, curves, edges, rows, np.empty((0, 0)), np.empty(0))


def cuts(score: Floats, *, widths: int = _OF_EQUAL_WIDTH) -> Floats:
    """The bounds of bins of equal count and, where scores are sparse, of equal width, none with fewer than 50 rows."""
    ordered = np.sort(score)
    wanted = np.unique([*np.quantile(ordered, np.arange(1, _OF_EQUAL_COUNT) / _OF_EQUAL_COUNT), *np.linspace(ordered[0], ordered[-1], widths + 1)[1:-1]])
    kept: list[float] = []
    below = 0
    for cut, place in zip(wanted, np.searchsorted(ordered, wanted), strict=True):
        if place - below >= _BIN_ROWS and len(ordered) - place >= _BIN_ROWS:
            kept.append(float(cut))
            below = place
    return np.array(kept)


def _curve(score: Floats, happened: NDArray[np.bool_]) -> Curve | None:
    """The map of a score that betters held-out rows by more than chance gives, in the logarithm of what was given to what happened; else None."""
    fold = np.arange(len(score)) % _FOLDS
    gain = np.empty(len(score))
    for part in range(_FOLDS):
        held = fold == part
        made = _monotone(score[~held], happened[~held])
        gain[held] = _given(made.at(score[held]), happened[held]) - _given(score[held], happened[held])
    is_better = gain.mean() > _SURE * gain.std() / np.sqrt(len(gain)) and gain.mean() > TINY
    return _monotone(score, happened) if is_better else None


def _given(chance: Floats, happened: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.log(np.clip(np.where(happened, chance, 1 - chance), 1e-4, 1.0)))


def _monotone(score: Floats, happened: NDArray[np.bool_]) -> Curve:
    edges = cuts(score)
    place = np.searchsorted(edges, score, side="right")
    rows = np.bincount(place, minlength=len(edges) + 1).astype(np.float64)
    return Curve(np.bincount(place, weights=score) / rows, pooled(np.bincount(place, weights=happened) / rows, rows))


def pooled(rates: Floats, rows: Floats) -> Floats:
    """The rates that never fall and are nearest to these in weighted squares, shape (bins,): neighbours in the wrong order are pooled.

    References
    ----------
    Ayer, M. et al. (1955). An empirical distribution function for sampling with incomplete information.
    """
    blocks: list[tuple[float, float, int]] = []
    for rate, weight in zip(rates.tolist(), rows.tolist(), strict=True):
        blocks.append((rate, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (low, few, ones), (high, many, others) = blocks.pop(), blocks.pop()
            blocks.append(((low * few + high * many) / (few + many), few + many, ones + others))
    return np.repeat([rate for rate, *_ in blocks], [ones for *_, ones in blocks])


def _of_errors(outcome: Floats, score: Floats) -> Confidence:
    """The errors of predictions of a like size: nothing is said of what shape they have."""
    edges = cuts(score, widths=1)
    place = np.searchsorted(edges, score, side="right")
    rows = np.bincount(place, minlength=len(edges) + 1)
    errors = np.stack([_slices((outcome - score)[place == at]) for at in range(len(rows))])
    return Confidence("regression", (), edges, rows, errors, np.diff(_SLICES))


def _slices(errors: Floats) -> Floats:
    """The mean of each slice of the sorted errors, shape (slices,); together they keep the mean of all."""
    steps = np.concatenate([[0.0], np.cumsum(np.sort(errors))]) / len(errors)
    return np.asarray(np.diff(np.interp(_SLICES, np.arange(len(errors) + 1) / len(errors), steps)) / np.diff(_SLICES))
