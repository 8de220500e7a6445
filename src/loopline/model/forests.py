"""Extra trees and random forests by scikit-learn: many trees, each grown apart, whose leaves are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor

from loopline.model.families import Choice, Features, FitFailed, Params, Problem
from loopline.model.graph import Piece, tensor
from loopline.model.prior import quantile
from loopline.model.trees import Forest, Tree

TREES = 100
"""Trees of the last fit."""

PROVED = 40
"""Trees of a candidate with full effort: as many as tell it from others."""

FEWEST = 20

LEAVES_AT_MOST = 400_000
"""Of the whole graph: about 18 MB of ONNX."""

NUMBERS_AT_MOST = 4_000_000
"""Of all leaves together, one for each class: about 32 MB of ONNX."""

DRAWN_AT_MOST = 10_000
"""Rows that each tree is grown on: more take longer in proportion and tell little more, for the trees are many."""

_DEEPEST = 24
_CLASSES = {"extra_trees": (ExtraTreesClassifier, ExtraTreesRegressor), "random_forest": (RandomForestClassifier, RandomForestRegressor)}


@dataclass(frozen=True, eq=False)
class Averaged:
    """Grown trees and what their leaves say.

    Parameters
    ----------
    trees
        scikit-learn's trees, which say where a row ends.
    values
        For each tree what its m nodes say, shape (m, width): probabilities of the classes that are told apart, or values.
    gains
        Shape (d,): each feature's share of the gain.
    """

    trees: Sequence[Any]
    values: Sequence[NDArray[np.float64]]
    gains: NDArray[np.float64]

    def score(self, features: Features) -> NDArray[np.float64]:
        """The mean over the trees, added in their order, so that the last digits are always the same."""
        rows = np.ascontiguousarray(features, dtype=np.float32)
        total = np.zeros((len(rows), self.values[0].shape[1]))
        for tree, value in zip(self.trees, self.values, strict=True):
            total += value[tree.apply(rows)]
        total /= len(self.trees)
        return total if total.shape[1] > 1 else total[:, 0]

    def graph(self, features: str, scores: str) -> Piece:
        """One TreeEnsemble in double precision, whose sums are the scores, or with several classes the places of leaves that are looked up."""
        width, leaves = self.values[0].shape[1], [np.asarray(tree.children_left) < 0 for tree in self.trees]
        said = np.concatenate([value[ends] for value, ends in zip(self.values, leaves, strict=True)]) / len(self.trees)
        forest, first = Forest(), 0
        for number, (tree, ends) in enumerate(zip(self.trees, leaves, strict=True)):
            place = first + np.cumsum(ends) - 1
            value = said[np.maximum(place, 0), 0] if width == 1 else place.astype(np.float64)
            null_left = tree.missing_go_to_left.astype(bool)
            forest.plant(Tree(tree.feature, tree.threshold, tree.children_left, tree.children_right, null_left, value), 0 if width == 1 else number)
            first += int(ends.sum())
        if width == 1:
            return forest.graph(features, scores, 1)
        # A leaf of ONNX adds to one sum alone: a tree for each class takes as many times as long as looking its leaf up.
        found = forest.graph(features, "leaf", len(self.trees))
        nodes = [
            helper.make_node("Cast", ["leaf"], ["place"], to=TensorProto.INT64),
            helper.make_node("Gather", ["said", "place"], ["of_trees"], axis=0),
            helper.make_node("ReduceSum", ["of_trees", "trees"], [scores], keepdims=0),
        ]
        return Piece([*found.nodes, *nodes], [*found.tensors, tensor("said", said), tensor("trees", np.array([1], dtype=np.int64))])

    def settled(self) -> dict[str, Any]:
        """Nothing beyond the parameters."""
        return {}

    def weights(self) -> NDArray[np.float64]:
        """Each feature's share of the gain."""
        return self.gains


class Grown:
    """Extra trees or a random forest; nulls go to the side that the training rows' nulls ask for.

    A class that is rare keeps its share in the leaves. A regression's leaves say the mean, or the problem's quantile of their rows.

    Parameters
    ----------
    kind
        ``extra_trees`` or ``random_forest``.

    References
    ----------
    Breiman (2001), Random forests; Geurts, Ernst and Wehenkel (2006), Extremely randomized trees; Meinshausen (2006), Quantile regression
    forests, of which the mean of the leaves' quantiles is the simpler cousin that a graph can hold.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """Leaves of a few rows with the usual number of features at each split; smaller leaves with more; greater ones."""
        settings: list[dict[str, Any]] = [
            {"min_samples_leaf": 5, "max_features": 0.4},
            {"min_samples_leaf": 2, "max_features": 0.7},
            {"min_samples_leaf": 15, "max_features": 0.7},
        ]
        if problem.task != "regression":
            return settings
        losses = _losses(problem)
        return [{**one, "loss": losses[turn % len(losses)]} for turn, one in enumerate(settings)]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """The size of a leaf, and the share of the features that a split may look at."""
        params: dict[str, Any] = {
            "min_samples_leaf": choice.integer("min_samples_leaf", 1, 50, log=True),
            "max_features": choice.number("max_features", 0.1, 1.0),
        }
        if problem.task == "regression":
            params["loss"] = choice.one_of("loss", _losses(problem))
        return params

    def fit(self, problem: Problem, params: Params) -> Averaged:
        """The trees, with leaves that keep the graph below `LEAVES_AT_MOST`."""
        train = problem.train
        count = TREES if problem.validation is None else max(FEWEST, round(PROVED * problem.effort))
        width = len(problem.classes) if problem.task == "multiclass" else 1
        drawn = min(len(train.target), DRAWN_AT_MOST)
        settings: dict[str, Any] = {
            "n_estimators": count,
            "max_features": float(params["max_features"]),
            "min_samples_leaf": max(int(params["min_samples_leaf"]), -(-drawn * TREES // min(LEAVES_AT_MOST, NUMBERS_AT_MOST // width))),
            "max_depth": _DEEPEST,
            "random_state": problem.seed,
            "n_jobs": problem.threads,
        }
        if drawn < len(train.target):
            settings |= {"bootstrap": True, "max_samples": drawn}
        if any(problem.monotone):
            if problem.task == "multiclass":
                raise FitFailed(f"{self._kind} cannot hold several classes to a direction; leave it out, or lift the constraint")
            if params.get("loss") == "quantile":
                raise FitFailed(f"{self._kind} holds to a direction with the squared loss alone")
            settings["monotonic_cst"] = list(problem.monotone)
        features = np.ascontiguousarray(train.features, dtype=np.float32)
        outcome = train.target if problem.task == "regression" else train.target.astype(np.int64)
        try:
            grown = _CLASSES[self._kind][problem.task == "regression"](**settings).fit(features, outcome, sample_weight=train.weights)
        except ValueError as error:
            raise FitFailed(f"{self._kind}: {str(error).splitlines()[0]}") from error
        trees = [one.tree_ for one in grown.estimators_]
        gains = np.asarray(grown.feature_importances_, dtype=np.float64)
        if problem.task == "regression":
            return Averaged(trees, [_values(tree, problem, str(params["loss"]), features) for tree in trees], gains)
        return Averaged(trees, [_shares(tree, problem, grown.classes_) for tree in trees], gains)


def _losses(problem: Problem) -> list[str]:
    """The loss that suits the worth first; the quantile of a leaf's rows holds to no direction, as its mean does."""
    if any(problem.monotone):
        return ["squared"]
    return ["squared", "quantile"] if problem.quantile == 0.5 else ["quantile", "squared"]


def _shares(tree: Any, problem: Problem, seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each node says of the classes, shape (m, 1 or k); a class that training has never seen gets nothing."""
    every = np.zeros((tree.node_count, len(problem.classes)))
    every[:, seen] = tree.value[:, 0, :]
    every /= every.sum(axis=1, keepdims=True)
    return every[:, 1:2] if problem.task == "binary" else every


def _values(tree: Any, problem: Problem, loss: str, features: Features) -> NDArray[np.float64]:
    """What each node says of the value, shape (m, 1): the mean of the rows that grew it, or the quantile of all training rows in the leaf."""
    said = np.array(tree.value[:, 0, :1], dtype=np.float64)
    if loss == "squared":
        return said
    target, weights = problem.train.target, problem.train.weights
    ends = tree.apply(features)
    order = np.argsort(ends, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(ends[order])) + 1):
        said[ends[rows[0]], 0] = quantile(target[rows], None if weights is None else weights[rows], problem.quantile)
    return said


def extra_trees() -> Grown:
    """The extra trees."""
    return Grown("extra_trees")


def random_forest() -> Grown:
    """The random forest."""
    return Grown("random_forest")
