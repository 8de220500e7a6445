"""The nearest neighbours of a row, for small data: what happened in the training rows that are most like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper
from threadpoolctl import threadpool_limits

from loopline.model.families import Choice, Features, FitFailed, Params, Problem
from loopline.model.graph import Piece, tensor
from loopline.model.prior import quantile
from loopline.model.standard import Standard

ROWS_AT_MOST = 3_000
"""Training rows: every one of them is in the package, and every score looks at all of them."""

STEPS = 2.0**16
"""Steps in one standard deviation. On such a grid every sum of squares is a whole number below 2**53, so that distances are exact, whatever
adds them up in whichever order, and rows equally far are equally far everywhere."""

WIDTH_AT_MOST = 2_000
"""Prepared features: 2000 x (2 x 10 x 2**16)**2 is still a whole number that a double holds."""

_CHUNK = 1_000


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Training rows, and what happened in them.

    Parameters
    ----------
    rows
        Shape (m, d + flags): whole numbers, the prepared features in steps.
    said
        Shape (m, w): what each row says, its class or value, times its weight, and the weight at the end.
    count
        Neighbours that are asked.
    by_distance
        Whether the nearer ones count more.
    shift
        What is added to a value.
    """

    standard: Standard
    rows: NDArray[np.float64]
    said: NDArray[np.float64]
    count: int
    by_distance: bool
    shift: float = 0.0

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        parts = [self._asked(_steps(self.standard, features[at : at + _CHUNK])) for at in range(0, len(features), _CHUNK)]
        scores = np.concatenate(parts) if parts else np.empty((0, self.said.shape[1] - 1))
        return scores if scores.shape[1] > 1 else scores[:, 0]

    def _asked(self, steps: NDArray[np.float64], itself: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """What the nearest rows say, shape (n, w - 1); `itself` names the row of each that is not asked."""
        far = _distances(steps, self.rows)
        if itself is not None:
            far[np.arange(len(far)), itself] = np.inf
        near = _nearest(far, self.count)
        counted = self.said[near]
        if self.by_distance:
            counted = counted / (np.sqrt(np.take_along_axis(far, near, axis=1)) + STEPS)[:, :, None]
        total = counted.sum(axis=1)
        return np.asarray(total[:, :-1] / total[:, -1:] + self.shift)

    def without_itself(self) -> NDArray[np.float64]:
        """What the other training rows say of each, shape (m, w - 1)."""
        every = np.arange(len(self.rows))
        return np.concatenate([self._asked(self.rows[every[at : at + _CHUNK]], every[at : at + _CHUNK]) for at in range(0, len(self.rows), _CHUNK)])

    def graph(self, features: str, scores: str) -> Piece:
        """The distances by one MatMul, TopK (the first of equals, as here), Gather, sums and a quotient."""
        prepared = self.standard.graph(features, "ready")
        width = self.said.shape[1] - 1
        steps = [
            ("Mul", ["ready", "steps"], "stepped"),
            ("Round", ["stepped"], "placed"),
            ("Mul", ["placed", "placed"], "squares"),
            ("ReduceSum", ["squares", "across"], "own"),
            ("MatMul", ["placed", "rows_doubled"], "product"),
            ("Sub", ["own", "product"], "partly"),
            ("Add", ["partly", "rows_squared"], "distance"),
        ]
        nodes = [*prepared.nodes, *(helper.make_node(kind, read, [made]) for kind, read, made in steps)]
        nodes.append(helper.make_node("TopK", ["distance", "count"], ["apart", "nearest"], axis=1, largest=0, sorted=1))
        nodes.append(helper.make_node("Gather", ["said", "nearest"], ["counted" if self.by_distance else "heard"], axis=0))
        if self.by_distance:
            nodes += [
                helper.make_node("Sqrt", ["apart"], ["root"]),
                helper.make_node("Add", ["root", "steps"], ["beyond"]),
                helper.make_node("Unsqueeze", ["beyond", "last"], ["divisor"]),
                helper.make_node("Div", ["counted", "divisor"], ["heard"]),
            ]
        nodes += [
            helper.make_node("ReduceSum", ["heard", "across"], ["total"], keepdims=0),
            helper.make_node("Split", ["total", "cut"], ["sums", "weight"], axis=1),
            helper.make_node("Div", ["sums", "weight"], ["mean"]),
            helper.make_node("Add", ["mean", "shift"], [scores]),
        ]
        whole = {"across": [1], "last": [2], "count": [self.count], "cut": [width, 1]}
        tensors = [
            *prepared.tensors,
            tensor("steps", STEPS),
            tensor("rows_doubled", 2 * self.rows.T),
            tensor("rows_squared", (self.rows**2).sum(axis=1)),
            tensor("said", self.said),
            tensor("shift", self.shift),
            *(tensor(name, np.array(values, dtype=np.int64)) for name, values in whole.items()),
        ]
        return Piece(nodes, tensors)

    def settled(self) -> dict[str, Any]:
        """Nothing beyond the parameters."""
        return {}

    def weights(self) -> NDArray[np.float64]:
        """Each feature's share of the mean squared distance between two training rows; a flag counts for its feature."""
        return self.standard.whole(self.rows.var(axis=0))


class Near:
    """Nearest neighbours among at most `ROWS_AT_MOST` rows; a regression's quantile is the mean moved by that quantile of its errors."""

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """Some neighbours, the nearer ones counting more; many, all alike."""
        settings: list[dict[str, Any]] = [{"neighbours": 15, "by": "distance"}, {"neighbours": 40, "by": "all alike"}]
        if problem.task == "regression":
            loss = "squared" if problem.quantile == 0.5 else "quantile"
            settings = [{**one, "loss": loss} for one in settings]
        return settings

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """How many neighbours, and whether the nearer ones count more."""
        params: dict[str, Any] = {"neighbours": choice.integer("neighbours", 3, 100, log=True), "by": choice.one_of("by", ["distance", "all alike"])}
        if problem.task == "regression":
            params["loss"] = choice.one_of("loss", ["squared", "quantile"])
        return params

    def fit(self, problem: Problem, params: Params) -> Neighbours:
        """The training rows, prepared and kept."""
        train = problem.train
        if len(train.target) > ROWS_AT_MOST:
            raise FitFailed(f"neighbours keeps all rows in the package, so that it takes at most {ROWS_AT_MOST:,}, and there are {len(train.target):,}")
        if any(problem.monotone):
            raise FitFailed("neighbours cannot hold a score to a direction; leave it out, or lift the constraint")
        standard, rows = self._ready(problem)
        if standard.width > WIDTH_AT_MOST:
            raise FitFailed(f"neighbours takes at most {WIDTH_AT_MOST:,} features, and there are {standard.width:,}")
        weights = np.ones(len(rows)) if train.weights is None else train.weights
        classes = np.arange(len(problem.classes))
        said = (train.target[:, None] == classes).astype(np.float64) if problem.task == "multiclass" else train.target[:, None]
        count = min(int(params["neighbours"]), len(rows))
        fitted = Neighbours(standard, rows, np.concatenate([said, np.ones((len(rows), 1))], axis=1) * weights[:, None], count, params["by"] == "distance")
        if params.get("loss") != "quantile" or count == len(rows):
            return fitted
        errors = train.target - fitted.without_itself()[:, 0]
        return Neighbours(standard, rows, fitted.said, count, fitted.by_distance, quantile(errors, train.weights, problem.quantile))

    def _ready(self, problem: Problem) -> tuple[Standard, NDArray[np.float64]]:
        """The prepared training rows, made once for all trials."""
        if "neighbours" not in problem.memo:
            standard = Standard.of(problem.train.features, problem.count_numbers)
            problem.memo["neighbours"] = (standard, _steps(standard, problem.train.features))
        made: tuple[Standard, NDArray[np.float64]] = problem.memo["neighbours"]
        return made


def _steps(standard: Standard, features: Features) -> NDArray[np.float64]:
    """The prepared features on the grid, shape (n, d + flags)."""
    return np.asarray(np.round(standard.apply(features) * STEPS))


def _distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances, shape (n, m): whole numbers, exact."""
    with threadpool_limits(1):
        return np.asarray((one**2).sum(axis=1)[:, None] - one @ (2 * other.T) + (other**2).sum(axis=1))


def _nearest(far: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The places of the nearest, shape (n, count), the first of those that are equally far; without a sort of all."""
    limit = np.partition(far, count - 1, axis=1)[:, count - 1 : count]
    within, level = far < limit, far == limit
    room = count - within.sum(axis=1, keepdims=True)
    chosen = within | (level & (np.cumsum(level, axis=1) <= room))
    return np.nonzero(chosen)[1].reshape(len(far), count)


def family() -> Near:
    """The nearest neighbours."""
    return Near()
