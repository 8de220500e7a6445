"""Gradient-boosted trees by LightGBM, the same on any number of threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from onnx import helper

from loopline.model.families import Choice, Features, FitFailed, Params, Problem
from loopline.model.graph import ML, Piece, link, tensor

ROUNDS = 800
"""Rounds at most; `PATIENCE` rounds that do not better the validation part end the fit earlier."""

PATIENCE = 30

_OBJECTIVES = {"squared": "regression", "quantile": "quantile", "log": "regression", "poisson": "poisson"}
"""Losses of a regression; ``log`` is the squared one of the logarithm of the value and one."""

_LINKS = {"log": "Expm1", "poisson": "Exp"}


@dataclass(frozen=True, eq=False)
class Trees:
    """A fitted booster, and the link from its sums to scores: ``Sigmoid``, ``Softmax``, ``Exp``, ``Expm1`` or none."""

    booster: lightgbm.Booster
    link: str
    rounds: int

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        scores = np.asarray(self.booster.predict(features), dtype=np.float64)
        return np.expm1(scores) if self.link == "Expm1" else scores

    def graph(self, features: str, scores: str) -> Piece:
        """One TreeEnsemble in double precision, and the link."""
        model = self.booster.dump_model()
        forest = _Forest()
        width = int(model["num_tree_per_iteration"])
        for index, tree in enumerate(model["tree_info"]):
            forest.plant(tree["tree_structure"], index % width)
        sums = "sums" if self.link else scores
        end = link(self.link, sums, scores) if self.link else Piece([])
        return Piece([forest.node(features, sums, width), *end.nodes], end.tensors)

    def settled(self) -> dict[str, Any]:
        """The number of rounds."""
        return {"rounds": self.rounds}

    def weights(self) -> NDArray[np.float64]:
        """Each feature's gain, as a share of all."""
        gain = np.asarray(self.booster.feature_importance("gain"), dtype=np.float64)
        return gain / gain.sum() if gain.sum() > 0 else gain


class _Forest:
    """The flat lists in which ONNX's TreeEnsemble holds trees."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.null_left: list[int] = []
        self.left: list[int] = []
        self.left_is_leaf: list[int] = []
        self.right: list[int] = []
        self.right_is_leaf: list[int] = []
        self.leaf_target: list[int] = []
        self.leaf_value: list[float] = []

    def plant(self, root: Mapping[str, Any], target: int) -> None:
        """Adds a tree whose leaves add to one of the sums; a tree that is one leaf becomes a node with two leaves alike."""
        self.roots.append(len(self.feature))
        if "split_feature" not in root:
            root = {"split_feature": 0, "threshold": 0.0, "default_left": True, "missing_type": "NaN", "left_child": root, "right_child": root}
        waiting: list[tuple[Mapping[str, Any], list[int] | None, int]] = [(root, None, 0)]
        while waiting:
            node, refers, at = waiting.pop()
            place = self._split(node)
            if refers is not None:
                refers[at] = place
            for child, side, is_leaf in (("right_child", self.right, self.right_is_leaf), ("left_child", self.left, self.left_is_leaf)):
                below = node[child]
                if "split_feature" in below:
                    waiting.append((below, side, place))
                else:
                    side[place], is_leaf[place] = self._leaf(below, target), 1

    def _split(self, node: Mapping[str, Any]) -> int:
        threshold = float(node["threshold"])
        self.feature.append(int(node["split_feature"]))
        self.threshold.append(threshold)
        # Where training saw no null in a feature, LightGBM takes a null for zero.
        self.null_left.append(int(node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0))
        for side in (self.left, self.left_is_leaf, self.right, self.right_is_leaf):
            side.append(0)
        return len(self.feature) - 1

    def _leaf(self, leaf: Mapping[str, Any], target: int) -> int:
        self.leaf_target.append(target)
        self.leaf_value.append(float(leaf["leaf_value"]))
        return len(self.leaf_value) - 1

    def node(self, features: str, sums: str, width: int) -> Any:
        """The forest as a node of the graph."""
        return helper.make_node(
            "TreeEnsemble",
            [features],
            [sums],
            domain=ML,
            n_targets=width,
            aggregate_function=1,
            post_transform=0,
            tree_roots=self.roots,
            nodes_featureids=self.feature,
            nodes_splits=tensor("", self.threshold),
            nodes_modes=tensor("", np.zeros(len(self.feature), dtype=np.uint8)),
            nodes_missing_value_tracks_true=self.null_left,
            nodes_truenodeids=self.left,
            nodes_trueleafs=self.left_is_leaf,
            nodes_falsenodeids=self.right,
            nodes_falseleafs=self.right_is_leaf,
            leaf_targetids=self.leaf_target,
            leaf_weights=tensor("", self.leaf_value),
        )


class Boosted:
    """LightGBM; the validation rows say after how many rounds to stop."""

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """LightGBM's own defaults with smaller trees where there are few rows; slow ones with drawn thresholds; small ones; deep ones."""
        many = len(problem.train.target) >= 5000
        base = {"learning_rate": 0.1, "num_leaves": 31 if many else 8, "min_data_in_leaf": 20, "feature_fraction": 0.8, "lambda_l2": 1.0, "thresholds": "best"}
        drawn = {**base, "learning_rate": 0.05, "num_leaves": 63 if many else 16, "thresholds": "drawn"}
        small = {**base, "learning_rate": 0.05, "num_leaves": 6 if many else 4, "feature_fraction": 0.5, "lambda_l2": 10.0}
        deep = {**base, "learning_rate": 0.06, "num_leaves": 64 if many else 16, "min_data_in_leaf": 10, "feature_fraction": 0.6}
        settings = [base, drawn, small, deep]
        if problem.task != "regression":
            return settings
        losses = _losses(problem)
        lossy = [{**one, "loss": losses[turn % len(losses)]} for turn, one in enumerate(settings)]
        return [*lossy, *({**drawn, "loss": loss} for loss in losses if loss != lossy[1]["loss"])]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """Learning rate, size of the trees, and how far they are held back."""
        rows = len(problem.train.target)
        params: dict[str, Any] = {
            "learning_rate": choice.number("learning_rate", 0.03, 0.3, log=True),
            "num_leaves": choice.integer("num_leaves", 4, 96 if rows >= 5000 else 32, log=True),
            "min_data_in_leaf": choice.integer("min_data_in_leaf", 5, max(20, min(500, rows // 20)), log=True),
            "feature_fraction": choice.number("feature_fraction", 0.3, 1.0),
            "lambda_l2": choice.number("lambda_l2", 1e-2, 1e2, log=True),
            "thresholds": choice.one_of("thresholds", ["best", "drawn"]),
        }
        if problem.task == "regression":
            params["loss"] = choice.one_of("loss", _losses(problem))
        return params

    def fit(self, problem: Problem, params: Params) -> Trees:
        """The trees up to the round that was best on the validation rows; without these, of the rounds that the parameters say."""
        loss = params.get("loss", "")
        train, validations = _datasets(problem, loss == "log")
        most = max(20, round(ROUNDS * problem.effort)) if validations else int(params.get("rounds", ROUNDS // 4))
        stops: list[Callable[..., Any]] = [lightgbm.early_stopping(PATIENCE, verbose=False)] if validations else []
        try:
            booster = lightgbm.train(_settings(problem, params), train, most, valid_sets=validations, callbacks=stops)
        except lightgbm.basic.LightGBMError as error:
            raise FitFailed(str(error)) from error
        rounds = booster.best_iteration if validations else booster.current_iteration()
        # Only the rounds that are used are kept, so that what is exported is what scores here.
        kept = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
        link = {"binary": "Sigmoid", "multiclass": "Softmax", "regression": _LINKS.get(loss, "")}[problem.task]
        return Trees(kept, link, max(1, rounds))


def _losses(problem: Problem) -> list[str]:
    """The losses that suit the values: those of amounts and counts only where none is below zero."""
    return ["squared", "quantile", *(("log", "poisson") if problem.train.target.min() >= 0 and problem.train.target.max() > 0 else ())]


def _settings(problem: Problem, params: Params) -> dict[str, Any]:
    settings: dict[str, Any] = {name: value for name, value in params.items() if name not in ("loss", "rounds", "thresholds")}
    settings |= {**_fixed(problem), "extra_trees": params.get("thresholds") == "drawn"}
    if any(problem.monotone):
        settings |= {"monotone_constraints": list(problem.monotone), "monotone_constraints_method": "intermediate"}
    if problem.task == "binary":
        return settings | {"objective": "binary", **({"metric": "auc"} if problem.by == "order" else {})}
    if problem.task == "multiclass":
        return settings | {"objective": "multiclass", "num_class": len(problem.classes)}
    return settings | {"objective": _OBJECTIVES[params["loss"]], "alpha": problem.quantile}


def _datasets(problem: Problem, as_log: bool) -> tuple[lightgbm.Dataset, list[lightgbm.Dataset]]:
    """The rows cut into bins, once for all trials: those to learn from, and those that say when to stop."""
    name = f"lightgbm{' log' if as_log else ''}"
    if name not in problem.memo:
        fixed, held, train = _fixed(problem), problem.validation, problem.train
        shaped = np.log1p if as_log else np.asarray
        features = np.asarray(train.features)
        made = lightgbm.Dataset(features, shaped(train.target), weight=train.weights, params=fixed).construct()
        held_out = (
            []
            if held is None
            else [made.create_valid(np.asarray(held.features), shaped(np.maximum(held.target, 0) if as_log else held.target), params=fixed).construct()]
        )
        problem.memo[name] = (made, held_out)
    known: tuple[lightgbm.Dataset, list[lightgbm.Dataset]] = problem.memo[name]
    return known


def _fixed(problem: Problem) -> dict[str, Any]:
    """What is the same in every trial; measured: with these, one and two threads give the same trees to the last digit."""
    return {
        "seed": problem.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": problem.threads,
        # The bins are cut once for all trials, so no feature may be dropped for one trial's size of leaf.
        "feature_pre_filter": False,
        "verbosity": -1,
    }


def family() -> Boosted:
    """The boosted trees."""
    return Boosted()
