"""Logistic and ridge regression on standardised features, with nulls filled by the median and flagged."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from loopline.model.families import Choice, Features, FitFailed, Params, Problem
from loopline.model.graph import Piece, link, linked, tensor
from loopline.model.standard import Standard

CELLS_AT_MOST = 6_000_000
"""Rows times columns of the fit in double precision; a drawn sample stands for more: a line needs no more rows than that."""

_CHUNK = 50_000
_Weights = NDArray[np.float64] | None
_Ready = tuple[Standard, NDArray[np.float64], NDArray[np.float64], _Weights]


@dataclass(frozen=True, eq=False)
class Line:
    """Prepared features times coefficients, shape (d + flags, 1 or k), through the link: sigmoid, softmax or none."""

    standard: Standard
    coefficients: NDArray[np.float64]
    intercept: NDArray[np.float64]
    link: str

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        parts = [self._linked(features[start : start + _CHUNK]) for start in range(0, len(features), _CHUNK)]
        scores = np.concatenate(parts) if parts else np.empty((0, len(self.intercept)))
        return scores if scores.shape[1] > 1 else scores[:, 0]

    def _linked(self, features: Features) -> NDArray[np.float64]:
        return linked(self.link, np.asarray(self.standard.apply(features) @ self.coefficients + self.intercept))

    def graph(self, features: str, scores: str) -> Piece:
        """The preparation, MatMul, Add and the link."""
        prepared = self.standard.graph(features, "ready")
        end = link(self.link, "line", scores) if self.link else Piece([])
        nodes = [
            *prepared.nodes,
            helper.make_node("MatMul", ["ready", "coefficients"], ["product"]),
            helper.make_node("Add", ["product", "intercept"], ["line" if self.link else scores]),
            *end.nodes,
        ]
        return Piece(nodes, [*prepared.tensors, tensor("coefficients", self.coefficients), tensor("intercept", self.intercept), *end.tensors])

    def settled(self) -> dict[str, Any]:
        """Nothing beyond the parameters."""
        return {}

    def weights(self) -> NDArray[np.float64]:
        """Each feature's coefficient in standard deviations, as a share; a flag counts for its feature."""
        return self.standard.whole(np.abs(self.coefficients).sum(axis=1))


class Linear:
    """Logistic regression (binary, multiclass) or ridge regression."""

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """A mild penalty, and a strong one."""
        return [{"strength": 1.0}, {"strength": 0.01}]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """The inverse of the penalty."""
        return {"strength": choice.number("strength", 1e-4, 1e2, log=True)}

    def fit(self, problem: Problem, params: Params) -> Line:
        """A fitted line."""
        if any(problem.monotone):
            raise FitFailed("a line cannot be told to rise or fall with one column only; leave linear out, or the constraint")
        standard, ready, target, weights = self._ready(problem)
        strength = float(params["strength"])
        # One thread: how a product of matrices is cut among threads changes its last digits, and with them the package's digest.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                return self._fit(problem, standard, ready, target, weights, strength)
            except (ValueError, np.linalg.LinAlgError) as error:
                raise FitFailed(str(error)) from error

    def _ready(self, problem: Problem) -> _Ready:
        """The prepared training rows, made once for all trials."""
        if "linear" not in problem.memo:
            features, target, weights = problem.train.features, problem.train.target, problem.train.weights
            standard = Standard.of(features, problem.count_numbers)
            rows = CELLS_AT_MOST // max(1, features.shape[1])
            if len(features) > rows:
                chosen = np.sort(np.random.default_rng(problem.seed).choice(len(features), rows, replace=False))
                features, target, weights = features[chosen], target[chosen], None if weights is None else weights[chosen]
            problem.memo["linear"] = (standard, standard.apply(features), target, weights)
        made: _Ready = problem.memo["linear"]
        return made

    def _fit(self, problem: Problem, standard: Standard, ready: NDArray[np.float64], target: NDArray[np.float64], weights: _Weights, strength: float) -> Line:
        if problem.task == "regression":
            ridge = Ridge(alpha=1 / strength, solver="cholesky").fit(ready, target, sample_weight=weights)
            return Line(standard, ridge.coef_.reshape(-1, 1), np.array([float(ridge.intercept_)]), "")
        if problem.task == "binary":
            # Few columns and many rows: Newton's method needs 5 passes where L-BFGS needs 25.
            binary = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=100).fit(ready, target, sample_weight=weights)
            return Line(standard, binary.coef_.T, binary.intercept_, "Sigmoid")
        return self._multiclass(problem, standard, ready, target, weights, strength)

    def _multiclass(
        self, problem: Problem, standard: Standard, ready: NDArray[np.float64], target: NDArray[np.float64], weights: _Weights, strength: float
    ) -> Line:
        """One line for each class; a class that training has never seen gets none of the probability."""
        codes = target.astype(np.int64)
        seen = np.unique(codes)
        width, count = ready.shape[1], len(problem.classes)
        coefficients, intercept = np.zeros((width, count)), np.full(count, -1e3)
        fitted = LogisticRegression(C=strength, max_iter=200).fit(ready, codes, sample_weight=weights)
        if len(seen) == 2:
            # With two classes only one line is fitted; the other is its mirror.
            coefficients[:, seen] = np.stack([-fitted.coef_[0] / 2, fitted.coef_[0] / 2], axis=1)
            intercept[seen] = [-fitted.intercept_[0] / 2, fitted.intercept_[0] / 2]
        else:
            coefficients[:, seen], intercept[seen] = fitted.coef_.T, fitted.intercept_
        return Line(standard, coefficients, intercept, "Softmax")


def family() -> Linear:
    """The linear family."""
    return Linear()
