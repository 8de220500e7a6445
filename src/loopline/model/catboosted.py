"""Gradient-boosted oblivious trees by CatBoost, where its extra is installed: one thread, so that the sums are always cut alike."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model import prior
from loopline.model.families import Choice, Features, FitFailed, Params, Problem, Sample, extra
from loopline.model.graph import Piece, linked
from loopline.model.rounds import last_rounds, settled
from loopline.model.trees import Forest, Tree

ROUNDS = 1_000
"""Rounds at most; `PATIENCE` rounds that do not better the validation part end the fit earlier."""

PATIENCE = 30

_LOWEST = np.finfo(np.float32).min
"""What a null becomes: the side of the small numbers, which is CatBoost's own way, also where training has seen no null."""


@dataclass(frozen=True, eq=False)
class Oblivious:
    """CatBoost's trees: every node of one depth asks the same.

    Parameters
    ----------
    start
        Shape (1 or k,): what the sums start from.
    seen
        The places of the sums that the trees add to: CatBoost takes no class that training has never seen.
    """

    model: Any
    start: NDArray[np.float64]
    seen: NDArray[np.int64]
    link: str
    rounds: int
    rows: int

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows."""
        if not len(features):
            return np.empty((0, len(self.start)) if len(self.start) > 1 else 0)
        raw = np.asarray(self.model.predict(_filled(features), prediction_type="RawFormulaVal", thread_count=1), dtype=np.float64)
        sums = np.tile(self.start, (len(features), 1))
        sums[:, self.seen] += raw.reshape(len(features), -1)
        scores = linked(self.link, sums)
        return scores if len(self.start) > 1 else scores[:, 0]

    def graph(self, features: str, scores: str) -> Piece:
        """One TreeEnsemble in double precision: borders are single-precision numbers, which doubles hold exactly."""
        said = _json(self.model)
        places = [one["flat_feature_index"] for one in said["features_info"]["float_features"]]
        scale, bias = said["scale_and_bias"]
        forest, start = Forest(), self.start.copy()
        start[self.seen] += np.asarray(bias, dtype=np.float64)
        for tree in said["oblivious_trees"]:
            values = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(-1, len(self.seen)) * scale
            for target, value in zip(self.seen.tolist(), values.T, strict=True):
                forest.plant(_grown(tree.get("splits") or [], places, value), target)
        return forest.graph(features, scores, len(start), start=start, through=self.link)

    def settled(self) -> dict[str, Any]:
        """The number of rounds and of the rows that they were settled on."""
        return settled(self.rounds, self.rows)

    def weights(self) -> NDArray[np.float64]:
        """How far each feature moves the sums, as a share of all."""
        moved = np.asarray(self.model.get_feature_importance(thread_count=1), dtype=np.float64)
        return np.asarray(moved / moved.sum()) if moved.sum() > 0 else moved


class CatBoosted:
    """CatBoost on the matrix of numbers, zeros and ones; the validation rows say after how many rounds to stop."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """CatBoost's own depth; shallow trees; deep ones with more held back."""
        base = {"learning_rate": 0.08, "depth": 6 if len(problem.train.target) >= 1000 else 4, "l2_leaf_reg": 3.0, "rsm": 1.0}
        shallow = {**base, "learning_rate": 0.1, "depth": 3}
        deep = {**base, "learning_rate": 0.05, "depth": 8 if len(problem.train.target) >= 5000 else 5, "l2_leaf_reg": 10.0, "rsm": 0.7}
        settings = [base, shallow, deep]
        if problem.task != "regression":
            return settings
        losses = _losses(problem)
        return [{**one, "loss": losses[turn % 2]} for turn, one in enumerate(settings)]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """Learning rate, depth of the trees, and how far they are held back."""
        params: dict[str, Any] = {
            "learning_rate": choice.number("learning_rate", 0.02, 0.3, log=True),
            "depth": choice.integer("depth", 2, 8),
            "l2_leaf_reg": choice.number("l2_leaf_reg", 0.5, 50, log=True),
            "rsm": choice.number("rsm", 0.3, 1.0),
        }
        if problem.task == "regression":
            params["loss"] = choice.one_of("loss", _losses(problem))
        return params

    def fit(self, problem: Problem, params: Params) -> Oblivious:
        """The trees up to the round that was best on the validation rows; without these, of the rounds that the parameters say."""
        if any(problem.monotone) and problem.task == "multiclass":
            raise FitFailed("catboost cannot hold several classes to a direction; leave it out, or lift the constraint")
        start = prior.start(problem, loss=str(params.get("loss", "squared")))
        seen = np.unique(problem.train.target).astype(np.int64) if problem.task == "multiclass" else np.array([0])
        train, held = self._pool(problem, problem.train, start, seen), problem.validation
        watched = None if held is None else self._pool(problem, held, start, seen)
        most = last_rounds(params, len(problem.train.target), otherwise=ROUNDS // 4) if watched is None else max(20, round(ROUNDS * problem.effort))
        settings = {**_settings(problem, params), "iterations": most}
        if watched is not None:
            settings |= {"od_type": "Iter", "od_wait": PATIENCE, "use_best_model": True}
        try:
            model = self._library.CatBoost(settings).fit(train, eval_set=watched)
        except self._library.CatBoostError as error:
            raise FitFailed(f"catboost: {str(error).splitlines()[0].rpartition(': ')[2]}") from error
        link = {"binary": "Sigmoid", "multiclass": "Softmax", "regression": ""}[problem.task]
        return Oblivious(model, start, seen, link, max(1, int(model.tree_count_)), len(problem.train.target))

    def _pool(self, problem: Problem, sample: Sample, start: NDArray[np.float64], seen: NDArray[np.int64]) -> Any:
        known = np.isin(sample.target, seen) if problem.task == "multiclass" else np.ones(len(sample.target), dtype=bool)
        features, target = _filled(sample.features)[known], sample.target[known]
        if problem.task == "multiclass":
            target = np.searchsorted(seen, target).astype(np.float64)
        weights = None if sample.weights is None else sample.weights[known]
        baseline = np.tile(start[seen], (len(target), 1))
        return self._library.Pool(features, target, weight=weights, baseline=baseline, thread_count=1)


def _losses(problem: Problem) -> list[str]:
    """The loss that suits the worth first."""
    return ["squared", "quantile"] if problem.quantile == 0.5 else ["quantile", "squared"]


def _settings(problem: Problem, params: Params) -> dict[str, Any]:
    settings = {name: value for name, value in params.items() if name not in ("loss", "rounds", "rows")}
    # It would write a folder of logs beside the project.
    settings |= {"random_seed": problem.seed, "thread_count": 1, "allow_writing_files": False, "logging_level": "Silent", "boost_from_average": False}
    if any(problem.monotone):
        settings["monotone_constraints"] = list(problem.monotone)
    if problem.task == "binary":
        return settings | {"loss_function": "Logloss"}
    if problem.task == "multiclass":
        return settings | {"loss_function": "MultiClass"}
    return settings | {"loss_function": "RMSE" if params["loss"] == "squared" else f"Quantile:alpha={problem.quantile:g}"}


def _filled(features: Features) -> Features:
    """The rows with nulls as the lowest number."""
    rows = np.asarray(features, dtype=np.float32)
    return np.ascontiguousarray(np.where(np.isnan(rows), np.float32(_LOWEST), rows))


def _json(model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save_model(str(file), format="json")
        said: dict[str, Any] = json.loads(file.read_bytes())
        return said


def _grown(splits: Sequence[Mapping[str, Any]], places: Sequence[int], values: NDArray[np.float64]) -> Tree:
    """An oblivious tree as a full one, in the order of depth: node p has the children 2 p + 1 and 2 p + 2.

    A leaf's number has a bit for each split, the first one lowest; the top of the full tree asks the last split, so that its leaves
    stand in the order of their numbers.
    """
    depth = len(splits)
    inner, leaves = 2**depth - 1, 2**depth
    level = np.floor(np.log2(np.arange(inner) + 1)).astype(np.int64)
    asked = [splits[depth - 1 - at] for at in level]
    every = np.arange(inner)
    none = np.full(leaves, -1, dtype=np.int64)
    return Tree(
        feature=np.concatenate([np.array([places[one["float_feature_index"]] for one in asked], dtype=np.int64), none * 0]),
        threshold=np.concatenate([np.array([float(np.float32(one["border"])) for one in asked]), none * 0.0]),
        left=np.concatenate([2 * every + 1, none]),
        right=np.concatenate([2 * every + 2, none]),
        null_left=np.ones(inner + leaves, dtype=bool),
        value=np.concatenate([np.zeros(inner), values]),
    )


def family() -> CatBoosted:
    """The boosted trees of CatBoost.

    Raises
    ------
    Mistake
        When the extra is not installed.
    """
    return CatBoosted(extra("catboost"))
