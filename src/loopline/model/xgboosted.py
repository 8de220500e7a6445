"""Gradient-boosted trees by XGBoost, where its extra is installed: one thread, so that the sums are always cut alike."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model import prior
from loopline.model.families import Choice, Features, FitFailed, Params, Problem, Sample, extra
from loopline.model.graph import Piece, linked
from loopline.model.regret import Regret, Scale, is_offered
from loopline.model.rounds import last_rounds, settled
from loopline.model.trees import Forest, Tree

ROUNDS = 1_000
"""Rounds at most; `PATIENCE` rounds that do not better the validation part end the fit earlier."""

PATIENCE = 30

_OBJECTIVES = {"squared": "reg:squarederror", "quantile": "reg:quantileerror"}


@dataclass(frozen=True, eq=False)
class Exact:
    """XGBoost's trees, with their sums in double precision: XGBoost itself adds up in single, where the order changes the last digits.

    Parameters
    ----------
    start
        Shape (1 or k,): what the sums start from.
    scale
        What trees that learned the regret, and their start, are already multiplied by and moved by, so that the scores are probabilities.
    """

    booster: Any
    trees: tuple[Tree, ...]
    start: NDArray[np.float64]
    link: str
    rounds: int
    rows: int
    scale: Scale | None = None

    def score(self, features: Features) -> NDArray[np.float64]:
        """The scores of n rows, by the leaves that XGBoost finds."""
        scores = linked(self.link, self.margin(features))
        return scores if len(self.start) > 1 else scores[:, 0]

    def margin(self, features: Features) -> NDArray[np.float64]:
        """The sums of the trees on top of the start, shape (n, 1 or k)."""
        rows, width = np.ascontiguousarray(features, dtype=np.float32), len(self.start)
        leaves = self.booster.predict(extra("xgboost").DMatrix(rows, nthread=1), pred_leaf=True).reshape(len(rows), len(self.trees)).astype(np.int64)
        sums = np.zeros((len(rows), width))
        for index, tree in enumerate(self.trees):
            sums[:, index % width] += tree.value[leaves[:, index]]
        return np.asarray(sums + self.start)

    def scaled(self, problem: Problem, params: Params) -> Exact:
        """The same trees of a regret, on the scale on which their scores are probabilities."""
        held = problem.validation
        scale = Scale.of(problem, None if held is None else self.margin(held.features)[:, 0], params)
        trees = tuple(replace(tree, value=scale.slope * tree.value) for tree in self.trees)
        return replace(self, trees=trees, start=scale.slope * self.start + scale.offset, scale=scale)

    def graph(self, features: str, scores: str) -> Piece:
        """One TreeEnsemble in double precision: thresholds and leaves are single-precision numbers, which doubles hold exactly."""
        forest, width = Forest(strict=True), len(self.start)
        for index, tree in enumerate(self.trees):
            forest.plant(tree, index % width)
        return forest.graph(features, scores, width, start=self.start, through=self.link)

    def settled(self) -> dict[str, Any]:
        """The number of rounds and of the rows that they were settled on, and the scale where there is one."""
        return {**settled(self.rounds, self.rows), **({} if self.scale is None else self.scale.settled())}

    def weights(self) -> NDArray[np.float64]:
        """Each feature's gain, as a share of all."""
        gain = np.zeros(self.booster.num_features())
        for name, value in self.booster.get_score(importance_type="total_gain").items():
            gain[int(name[1:])] = value
        return np.asarray(gain / gain.sum()) if gain.sum() > 0 else gain


class XGBoosted:
    """XGBoost; the validation rows say after how many rounds to stop."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """Middling trees on a share of rows and columns, shallower where there are few rows; shallow and slow ones; deep and slow ones."""
        many = len(problem.train.target) >= 5000
        base = {
            "learning_rate": 0.1,
            "max_depth": 6 if many else 3,
            "min_child_weight": 5.0 if many else 2.0,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "reg_lambda": 1.0,
        }
        shallow = {**base, "learning_rate": 0.05, "max_depth": 3 if many else 2, "reg_lambda": 10.0}
        deep = {**base, "learning_rate": 0.04, "max_depth": 9 if many else 5, "colsample_bytree": 0.5}
        settings = [base, shallow, deep]
        if is_offered(problem):
            return [{**one, "loss": "logistic"} for one in settings]
        if problem.task != "regression":
            return settings
        losses = _losses(problem)
        return [{**one, "loss": losses[turn % 2]} for turn, one in enumerate(settings)]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """Learning rate, depth of the trees, and how far they are held back."""
        params: dict[str, Any] = {
            "learning_rate": choice.number("learning_rate", 0.02, 0.3, log=True),
            "max_depth": choice.integer("max_depth", 2, 10 if len(problem.train.target) >= 5000 else 6),
            "min_child_weight": choice.number("min_child_weight", 0.5, 50, log=True),
            "subsample": choice.number("subsample", 0.5, 1.0),
            "colsample_bytree": choice.number("colsample_bytree", 0.3, 1.0),
            "reg_lambda": choice.number("reg_lambda", 1e-2, 1e2, log=True),
        }
        if problem.task == "regression" or is_offered(problem):
            params["loss"] = choice.one_of("loss", ["logistic", "regret"] if problem.task == "binary" else _losses(problem))
        return params

    def fit(self, problem: Problem, params: Params) -> Exact:
        """The trees up to the round that was best on the validation rows; without these, of the rounds that the parameters say."""
        if any(problem.monotone) and problem.task == "multiclass":
            raise FitFailed("xgboost cannot hold several classes to a direction; leave it out, or lift the constraint")
        start = prior.start(problem, loss=str(params.get("loss", "squared")))
        held = problem.validation
        regret = Regret.of(problem) if params.get("loss") == "regret" else None
        own: dict[str, Any] = {} if regret is None else {"obj": lambda margin, _: regret.slopes(margin)}
        own |= {} if regret is None or held is None else {"custom_metric": lambda margin, _: ("regret", regret.lost(margin))}
        rows = len(problem.train.target)
        most = last_rounds(params, rows, otherwise=ROUNDS // 4) if held is None else max(20, round(ROUNDS * problem.effort))
        try:
            train = self._matrix(problem.train, start)
            watched = [] if held is None else [(self._matrix(held, start), "held")]
            booster = self._library.train(
                _settings(problem, params), train, most, evals=watched, early_stopping_rounds=PATIENCE if watched else None, verbose_eval=False, **own
            )
        except (self._library.core.XGBoostError, ValueError) as error:
            raise FitFailed(f"xgboost: {_reason(str(error))}") from error
        rounds = booster.best_iteration + 1 if watched else booster.num_boosted_rounds()
        kept = booster[:rounds]
        made = json.loads(bytes(kept.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"]
        link = {"binary": "Sigmoid", "multiclass": "Softmax", "regression": ""}[problem.task]
        exact = Exact(kept, tuple(_flat(tree) for tree in made), start, link, rounds, rows)
        return exact if regret is None else exact.scaled(problem, params)

    def _matrix(self, sample: Sample, start: NDArray[np.float64]) -> Any:
        margin = np.tile(start, (len(sample.target), 1))
        rows = np.ascontiguousarray(sample.features, dtype=np.float32)
        return self._library.DMatrix(rows, sample.target, weight=sample.weights, base_margin=margin if len(start) > 1 else margin[:, 0], nthread=1)


def _losses(problem: Problem) -> list[str]:
    """The loss that suits the worth first."""
    return ["squared", "quantile"] if problem.quantile == 0.5 else ["quantile", "squared"]


def _settings(problem: Problem, params: Params) -> dict[str, Any]:
    settings = {name: value for name, value in params.items() if name not in ("loss", "rounds", "rows", "slope", "offset")}
    settings |= {"seed": problem.seed, "nthread": 1, "tree_method": "hist", "verbosity": 0}
    if any(problem.monotone):
        settings["monotone_constraints"] = f"({','.join(str(sign) for sign in problem.monotone)})"
    if problem.task == "binary" and params.get("loss") == "regret":
        return settings | {"disable_default_eval_metric": True}
    if problem.task == "binary":
        return settings | {"objective": "binary:logistic", "eval_metric": "logloss"}
    if problem.task == "multiclass":
        return settings | {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": len(problem.classes)}
    settings["objective"] = _OBJECTIVES[params["loss"]]
    return settings | ({"quantile_alpha": problem.quantile} if params["loss"] == "quantile" else {})


def _flat(tree: dict[str, Any]) -> Tree:
    """A tree from XGBoost's JSON: its numbers are written as the shortest text that gives the single-precision number again."""
    numbers = np.asarray(tree["split_conditions"], dtype=np.float32).astype(np.float64)
    left = np.asarray(tree["left_children"], dtype=np.int64)
    return Tree(
        feature=np.asarray(tree["split_indices"], dtype=np.int64),
        threshold=numbers,
        left=left,
        right=np.asarray(tree["right_children"], dtype=np.int64),
        null_left=np.asarray(tree["default_left"], dtype=bool),
        value=np.where(left < 0, numbers, 0.0),
    )


def _reason(said: str) -> str:
    """The sentence of XGBoost's message that says why, without its stack."""
    first = next((line for line in said.splitlines() if line.strip()), "it failed")
    return first.rpartition("Check failed: ")[2].strip()


def family() -> XGBoosted:
    """The boosted trees of XGBoost.

    Raises
    ------
    Mistake
        When the extra is not installed.
    """
    return XGBoosted(extra("xgboost"))
