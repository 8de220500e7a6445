"""An expert's rules as a model: the first rule that holds says the score, or each has points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loopline.model.families import Choice, Features, FitFailed, Params, Problem, Sample
from loopline.model.graph import Piece, tensor
from loopline.model.linear import Line, Linear
from loopline.model.prior import mean, quantile, shares
from loopline.model.spec_features import RULE
from loopline.model.trees import Forest, Tree

NONE = "none of them holds"
"""What stands in a list in the place of the rows of which no rule holds."""

_HALF = 0.5


@dataclass(frozen=True, eq=False)
class First:
    """A decision list: a row's score is that of the first rule that holds.

    Parameters
    ----------
    rules
        The places of r rules among the features, in their order.
    scores
        Shape (r + 1, 1 or k): what is said where a rule is the first that holds, and, last, where none does.
    rows
        Shape (r + 1,): the training rows of each.
    gains
        Shape (d,): each feature's share of how far the scores lie from that of all rows.

    References
    ----------
    Rivest, R. L. (1987). Learning decision lists.
    """

    rules: Sequence[int]
    scores: NDArray[np.float64]
    rows: NDArray[np.int64]
    gains: NDArray[np.float64]

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        scores = self.scores[_first(_held(features, self.rules))]
        return scores if scores.shape[1] > 1 else scores[:, 0]

    def graph(self, features: str, scores: str) -> Piece:
        """For each score a tree that asks one rule after the other."""
        forest = Forest()
        for target, values in enumerate(self.scores.T):
            forest.plant(_chain(self.rules, values), target)
        return forest.graph(features, scores, self.scores.shape[1])

    def settled(self) -> dict[str, Any]:
        """Nothing beyond the parameters."""
        return {}

    def weights(self) -> NDArray[np.float64]:
        """How far the rows of each rule are moved by it, as a share."""
        return self.gains

    def told(self, names: Sequence[str]) -> dict[str, Any]:
        """The list as plain values, from the d features' names: each rule with its training rows and its score."""
        return {"form": "first", "rules": _told(self.rules, names, self.rows, self.scores)}


@dataclass(frozen=True, eq=False)
class Points:
    """A line over the rules: each that holds adds its points.

    Parameters
    ----------
    rules
        The places of r rules among d features.
    line
        The line over r zeros and ones.
    rows
        Shape (r + 1,): the training rows in which each holds, and, last, those in which none does.
    count_features
        That is d.
    """

    rules: Sequence[int]
    line: Line
    rows: NDArray[np.int64]
    count_features: int

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        return self.line.score(_held(features, self.rules).astype(np.float32))

    def graph(self, features: str, scores: str) -> Piece:
        """Whether each rule holds, and the line."""
        line = self.line.graph("points", scores)
        nodes = [
            helper.make_node("Gather", [features, "rules"], ["ruled"], axis=1),
            helper.make_node("Greater", ["ruled", "half"], ["held"]),
            helper.make_node("Cast", ["held"], ["points"], to=TensorProto.DOUBLE),
        ]
        return Piece([*nodes, *line.nodes], [tensor("rules", np.array(self.rules, dtype=np.int64)), tensor("half", _HALF), *line.tensors])

    def settled(self) -> dict[str, Any]:
        """Nothing beyond the parameters."""
        return {}

    def weights(self) -> NDArray[np.float64]:
        """Each rule's points, as a share."""
        weights = np.zeros(self.count_features)
        weights[list(self.rules)] = self.line.weights()
        return weights

    def told(self, names: Sequence[str]) -> dict[str, Any]:
        """The rules as plain values, from the d features' names: each with its training rows and its points, and, last, what the points are added to."""
        return {"form": "points", "rules": _told(self.rules, names, self.rows, np.vstack([self.line.coefficients, self.line.intercept]))}


class Rules:
    """The rules that are declared, and no other feature. They read no column that is held to a direction, so every direction is held to."""

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """A list whose rules are believed from a few rows on, points, and a list that wants more rows."""
        return [{"form": "first", "rows": 10.0}, {"form": "points", "strength": 1.0}, {"form": "first", "rows": 100.0}]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """The form; how many rows what is said of all rows counts for, or the inverse of the penalty on points."""
        if choice.one_of("form", ["first", "points"]) == "first":
            return {"form": "first", "rows": choice.number("rows", 1, 1000, log=True)}
        return {"form": "points", "strength": choice.number("strength", 1e-4, 1e2, log=True)}

    def fit(self, problem: Problem, params: Params) -> First | Points:
        """A fitted list, or points."""
        if not problem.rules:
            raise FitFailed("there is no rule that holds in some training rows and not in others")
        if params["form"] == "points":
            return _points(problem, float(params["strength"]))
        return _list(problem, float(params["rows"]))


def _points(problem: Problem, strength: float) -> Points:
    held = _held(problem.train.features, problem.rules)
    asked = replace(
        problem,
        train=replace(problem.train, features=held.astype(np.float32)),
        validation=None,
        count_numbers=0,
        # A rule reads no column that is held to a direction: nothing is made of one.
        monotone=(),
        memo=problem.memo.setdefault("rules", {}),
    )
    rows = np.append(held.sum(axis=0), (~held.any(axis=1)).sum())
    return Points(problem.rules, Linear().fit(asked, {"strength": strength}), rows, problem.train.features.shape[1])


def _list(problem: Problem, rows: float) -> First:
    """The list; what is said of all rows counts for so many rows beside those of each rule."""
    train, count = problem.train, len(problem.rules)
    first = _first(_held(train.features, problem.rules))
    weighed = np.bincount(first, weights=train.weights, minlength=count + 1)
    everywhere = _said(problem, train, np.arange(len(first)))
    scores = np.tile(everywhere, (count + 1, 1))
    for place in np.flatnonzero(weighed > 0):
        said = _said(problem, train, np.flatnonzero(first == place))
        scores[place] += (said - everywhere) * weighed[place] / (weighed[place] + rows)
    gains = np.zeros(train.features.shape[1])
    gains[list(problem.rules)] = (weighed * np.abs(scores - everywhere).sum(axis=1))[:-1]
    return First(problem.rules, scores, np.bincount(first, minlength=count + 1), gains / (gains.sum() or 1.0))


def _said(problem: Problem, train: Sample, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """What some rows say, shape (1 or k,): the outcome's share, each class's, or the quantile that earns most."""
    sample = Sample(train.features[rows], train.target[rows], None if train.weights is None else train.weights[rows])
    if problem.task == "binary":
        return np.array([mean(sample)])
    if problem.task == "multiclass":
        return shares(sample, len(problem.classes))
    return np.array([quantile(sample.target, sample.weights, problem.quantile)])


def _held(features: Features, rules: Sequence[int]) -> NDArray[np.bool_]:
    """Whether each rule holds, shape (n, r); one that is null does not."""
    return np.asarray(features[:, list(rules)] > _HALF)


def _first(held: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place of the first rule that holds, shape (n,); their number where none does."""
    return np.asarray(np.where(held.any(axis=1), held.argmax(axis=1), held.shape[1]))


def _chain(rules: Sequence[int], values: NDArray[np.float64]) -> Tree:
    """A tree of r questions, each of which leads to a leaf of its own where its rule holds, and else to the next."""
    count = len(rules)
    leaves = np.full(count + 1, -1)
    return Tree(
        feature=np.concatenate([rules, np.zeros(count + 1)]).astype(np.int64),
        threshold=np.full(2 * count + 1, _HALF),
        left=np.concatenate([np.arange(1, count), [2 * count], leaves]),
        right=np.concatenate([np.arange(count, 2 * count), leaves]),
        null_left=np.ones(2 * count + 1, dtype=bool),
        value=np.concatenate([np.zeros(count), values]),
    )


def _told(rules: Sequence[int], names: Sequence[str], rows: NDArray[np.int64], said: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Each rule's text, its training rows and what it says, a number for each class."""
    texts = [*(names[place].removeprefix(RULE) for place in rules), NONE]
    return [{"rule": text, "rows": int(count), "says": numbers.tolist()} for text, count, numbers in zip(texts, rows, said, strict=True)]


def family() -> Rules:
    """The family of rules."""
    return Rules()
