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

ROUNDS = 400
"""Rounds at most; `PATIENCE` rounds that do not better the validation part end the fit earlier."""

PATIENCE = 25

_OBJECTIVES = {"squared": "regression", "quantile": "quantile"}


@dataclass(frozen=True, eq=False)
class Trees:
    """A fitted booster, and the link that makes its sums probabilities: sigmoid, softmax or none."""

    booster: lightgbm.Booster
    link: str
    rounds: int

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        return np.asarray(self.booster.predict(features), dtype=np.float64)

    def graph(self, features: str, scores: str) -> Piece:
        """One TreeEnsemble in double precision, and the link."""
        model = self.booster.dump_model()
        forest = _Forest()
        width = int(model["num_tree_per_iteration"])
        for index, tree in enumerate(model["tree_info"]):
            forest.plant(tree["tree_structure"], index % width)
        sums = "sums" if self.link else scores
        nodes = [forest.node(features, sums, width)]
        if self.link:
            nodes.append(link(self.link, sums, scores))
        return Piece(nodes)

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
        """LightGBM's own defaults, a little slower and with smaller trees where there are few rows."""
        rows = len(problem.train.target)
        params = {"learning_rate": 0.1, "num_leaves": 31 if rows >= 5000 else 8, "min_data_in_leaf": 20, "feature_fraction": 0.8, "lambda_l2": 1.0}
        return [params | ({"loss": "squared"} if problem.task == "regression" else {})]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """Learning rate, size of the trees, and how far they are held back."""
        rows = len(problem.train.target)
        params: dict[str, Any] = {
            "learning_rate": choice.number("learning_rate", 0.03, 0.3, log=True),
            "num_leaves": choice.integer("num_leaves", 4, 128 if rows >= 5000 else 32, log=True),
            "min_data_in_leaf": choice.integer("min_data_in_leaf", 5, max(20, min(500, rows // 20)), log=True),
            "feature_fraction": choice.number("feature_fraction", 0.4, 1.0),
            "lambda_l2": choice.number("lambda_l2", 1e-2, 1e2, log=True),
        }
        if problem.task == "regression":
            params["loss"] = choice.one_of("loss", list(_OBJECTIVES))
        return params

    def fit(self, problem: Problem, params: Params) -> Trees:
        """The trees up to the round that was best on the validation rows; without these, of the rounds that the parameters say."""
        settings: dict[str, Any] = {name: value for name, value in params.items() if name not in ("loss", "rounds")}
        settings |= _fixed(problem)
        if problem.task == "binary":
            settings |= {"objective": "binary"}
        elif problem.task == "multiclass":
            settings |= {"objective": "multiclass", "num_class": len(problem.classes)}
        else:
            settings |= {"objective": _OBJECTIVES[params["loss"]], "alpha": problem.quantile}
        train, validations = _datasets(problem)
        stops: list[Callable[..., Any]] = [lightgbm.early_stopping(PATIENCE, verbose=False)] if validations else []
        try:
            booster = lightgbm.train(settings, train, int(params.get("rounds", ROUNDS)), valid_sets=validations, callbacks=stops)
        except lightgbm.basic.LightGBMError as error:
            raise FitFailed(str(error)) from error
        rounds = booster.best_iteration if validations else booster.current_iteration()
        # Only the rounds that are used are kept, so that what is exported is what scores here.
        kept = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
        return Trees(kept, {"binary": "Sigmoid", "multiclass": "Softmax", "regression": ""}[problem.task], max(1, rounds))


def _datasets(problem: Problem) -> tuple[lightgbm.Dataset, list[lightgbm.Dataset]]:
    """The rows cut into bins, once for all trials: those to learn from, and those that say when to stop."""
    if "lightgbm" not in problem.memo:
        fixed, held = _fixed(problem), problem.validation
        train = lightgbm.Dataset(problem.train.features, problem.train.target, params=fixed).construct()
        problem.memo["lightgbm"] = (train, [] if held is None else [train.create_valid(held.features, held.target, params=fixed).construct()])
    made: tuple[lightgbm.Dataset, list[lightgbm.Dataset]] = problem.memo["lightgbm"]
    return made


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
