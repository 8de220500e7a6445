"""Gradient-boosted trees by LightGBM, the same on any number of threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from loopline.model.families import Choice, Features, FitFailed, Params, Problem
from loopline.model.graph import Piece, linked
from loopline.model.regret import Regret, Scale, is_offered
from loopline.model.rounds import last_rounds, settled
from loopline.model.trees import Forest, Tree

ROUNDS = 800
"""Rounds at most; `PATIENCE` rounds that do not better the validation part end the fit earlier."""

PATIENCE = 30

_OBJECTIVES = {"squared": "regression", "quantile": "quantile", "log": "regression", "poisson": "poisson"}
"""Losses of a regression; ``log`` is the squared one of the logarithm of the value and one."""

_LINKS = {"log": "Expm1", "poisson": "Exp"}

_OURS = ("loss", "rounds", "rows", "thresholds", "slope", "offset")
"""Parameters that LightGBM does not know."""


@dataclass(frozen=True, eq=False)
class Trees:
    """A fitted booster, and the link from its sums to scores: ``Sigmoid``, ``Softmax``, ``Exp``, ``Expm1`` or none.

    Where it learned the regret, `start` is the margin before its first tree, and `scale` the map to the margin of a probability.
    """

    booster: lightgbm.Booster
    link: str
    rounds: int
    rows: int
    start: float = 0.0
    scale: Scale | None = None

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        if self.scale is not None:
            return linked(self.link, self.scale.slope * self.margin(features) + self.scale.offset)
        scores = np.asarray(self.booster.predict(features), dtype=np.float64)
        return np.expm1(scores) if self.link == "Expm1" else scores

    def margin(self, features: Features) -> NDArray[np.float64]:
        """The sums of the trees on top of the start, shape (n,)."""
        return self.start + np.asarray(self.booster.predict(features, raw_score=True), dtype=np.float64)

    def graph(self, features: str, scores: str) -> Piece:
        """One TreeEnsemble in double precision, and the link."""
        scale = self.scale or Scale()
        model = self.booster.dump_model()
        forest = Forest()
        width = int(model["num_tree_per_iteration"])
        for index, tree in enumerate(model["tree_info"]):
            flat = _flat(tree["tree_structure"])
            forest.plant(replace(flat, value=scale.slope * flat.value), index % width)
        start = None if self.scale is None else np.array([scale.slope * self.start + scale.offset])
        return forest.graph(features, scores, width, start=start, through=self.link)

    def settled(self) -> dict[str, Any]:
        """The number of rounds and of the rows that they were settled on, and the scale where there is one."""
        return {**settled(self.rounds, self.rows), **({} if self.scale is None else self.scale.settled())}

    def weights(self) -> NDArray[np.float64]:
        """Each feature's gain, as a share of all."""
        gain = np.asarray(self.booster.feature_importance("gain"), dtype=np.float64)
        return gain / gain.sum() if gain.sum() > 0 else gain


def _flat(root: Mapping[str, Any]) -> Tree:
    """LightGBM's nested tree as flat arrays."""
    nodes: list[Mapping[str, Any]] = []
    left: list[int] = []
    right: list[int] = []
    waiting: list[tuple[Mapping[str, Any], list[int], int]] = [(root, [0], 0)]
    while waiting:
        node, refers, at = waiting.pop()
        place = refers[at] = len(nodes)
        nodes.append(node)
        left.append(-1)
        right.append(-1)
        if "split_feature" in node:
            waiting += [(node["right_child"], right, place), (node["left_child"], left, place)]
    threshold = np.array([float(node.get("threshold", 0.0)) for node in nodes])
    # Where training saw no null in a feature, LightGBM takes a null for zero.
    knows_nulls = np.array([node.get("missing_type") == "NaN" for node in nodes])
    default = np.array([bool(node.get("default_left")) for node in nodes])
    return Tree(
        feature=np.array([int(node.get("split_feature", 0)) for node in nodes]),
        threshold=threshold,
        left=np.array(left),
        right=np.array(right),
        null_left=np.where(knows_nulls, default, threshold >= 0),
        value=np.array([float(node.get("leaf_value", 0.0)) for node in nodes]),
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
        if is_offered(problem):
            return [*({**one, "loss": "logistic"} for one in settings), {**drawn, "thresholds": "best", "loss": "regret"}]
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
        if problem.task == "regression" or is_offered(problem):
            params["loss"] = choice.one_of("loss", ["logistic", "regret"] if problem.task == "binary" else _losses(problem))
        return params

    def fit(self, problem: Problem, params: Params) -> Trees:
        """The trees up to the round that was best on the validation rows; without these, of the rounds that the parameters say."""
        loss = params.get("loss", "")
        train, validations = _datasets(problem, loss == "log")
        most = max(20, round(ROUNDS * problem.effort)) if validations else last_rounds(params, len(problem.train.target), otherwise=ROUNDS // 4)
        stops: list[Callable[..., Any]] = [lightgbm.early_stopping(PATIENCE, verbose=False)] if validations else []
        regret = Regret.of(problem) if loss == "regret" else None
        settings = _settings(problem, params) | ({} if regret is None else {"objective": lambda sums, _: regret.slopes(regret.start + sums)})
        judge = None if regret is None else lambda sums, _: ("regret", regret.lost(regret.start + sums), False)
        try:
            booster = lightgbm.train(settings, train, most, valid_sets=validations, feval=judge, callbacks=stops)
        except lightgbm.basic.LightGBMError as error:
            raise FitFailed(str(error)) from error
        rounds = booster.best_iteration if validations else booster.current_iteration()
        # Only the rounds that are used are kept, so that what is exported is what scores here.
        kept = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
        link = {"binary": "Sigmoid", "multiclass": "Softmax", "regression": _LINKS.get(loss, "")}[problem.task]
        made = Trees(kept, link, max(1, rounds), len(problem.train.target))
        return made if regret is None else _scaled(replace(made, start=regret.start), problem, params)


def _scaled(trees: Trees, problem: Problem, params: Params) -> Trees:
    """The trees of a regret with the scale on which their scores are probabilities."""
    held = problem.validation
    return replace(trees, scale=Scale.of(problem, None if held is None else trees.margin(np.asarray(held.features)), params))


def _losses(problem: Problem) -> list[str]:
    """The losses that suit the values: those of amounts and counts only where none is below zero."""
    return ["squared", "quantile", *(("log", "poisson") if problem.train.target.min() >= 0 and problem.train.target.max() > 0 else ())]


def _settings(problem: Problem, params: Params) -> dict[str, Any]:
    settings: dict[str, Any] = {name: value for name, value in params.items() if name not in _OURS}
    settings |= {**_fixed(problem), "extra_trees": params.get("thresholds") == "drawn"}
    if any(problem.monotone):
        settings |= {"monotone_constraints": list(problem.monotone), "monotone_constraints_method": "intermediate"}
    if problem.task == "binary" and params.get("loss") == "regret":
        return settings | {"metric": "none"}
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
