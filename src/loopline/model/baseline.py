"""The baseline as a family: the same score for every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from loopline.model.families import Choice, Features, Params, Problem
from loopline.model.graph import Piece, tensor
from loopline.model.prior import mean, quantile, shares


@dataclass(frozen=True, eq=False)
class Constant:
    """The same scores for every row, shape (1 or k,); it reads no feature."""

    scores: NDArray[np.float64]
    count_features: int

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        every = np.tile(self.scores, (len(features), 1))
        return every if every.shape[1] > 1 else every[:, 0]

    def graph(self, features: str, scores: str) -> Piece:
        """The scores, spread over as many rows as the features have."""
        nodes = [
            helper.make_node("Shape", [features], ["rows"], start=0, end=1),
            helper.make_node("Concat", ["rows", "one"], ["spread"], axis=0),
            helper.make_node("Expand", ["constant", "spread"], [scores]),
        ]
        return Piece(nodes, [tensor("one", np.array([1], dtype=np.int64)), tensor("constant", self.scores.reshape(1, -1))])

    def settled(self) -> dict[str, Any]:
        """Nothing beyond the parameters."""
        return {}

    def weights(self) -> NDArray[np.float64]:
        """Zeros: nothing is looked at."""
        return np.zeros(self.count_features)


class Baseline:
    """What happens without a model: the share of each class, or the median, as it was in the training part."""

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """No parameters."""
        return [{}]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """No parameters."""
        return {}

    def fit(self, problem: Problem, params: Params) -> Constant:
        """The constant scores."""
        train, width = problem.train, problem.train.features.shape[1]
        if problem.task == "binary":
            return Constant(np.array([mean(train)]), width)
        if problem.task == "regression":
            return Constant(np.array([quantile(train.target, train.weights, 0.5)]), width)
        return Constant(shares(train, len(problem.classes)), width)


def family() -> Baseline:
    """The baseline."""
    return Baseline()
