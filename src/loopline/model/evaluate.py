"""What decisions were good for: metrics by task, the worst slice, and the worth with its interval. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.metrics import LESS_IS_BETTER
from loopline.charter.spec import Task
from loopline.charter.worth import as_text
from loopline.model.blocks import Blocks, numbered, stretch

SUPPORT = 30
"""Rows that a slice's metric must rest on; with fewer the slice says nothing."""

TINY = 1e-15
"""The least probability that a loss is reckoned with."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Decisions beside their outcomes, for n rows.

    Parameters
    ----------
    outcome, decision
        Shape (n,): booleans (binary: happened, acted), texts (multiclass) or floats (regression).
    score
        Shape (n,) probability of the positive class or predicted value; shape (n, k) a probability for each class.
    money
        Shape (n,): what each decision was worth.
    columns
        Columns whose values make the slices, each of shape (n,).
    """

    task: Task
    classes: Sequence[str]
    outcome: NDArray[Any]
    decision: NDArray[Any]
    score: NDArray[np.float64]
    money: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.outcome)

    def where(self, rows: NDArray[Any]) -> Judged:
        """The same for some of the rows, by a mask or by indices."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        parts = (self.outcome[rows], self.decision[rows], self.score[rows], self.money[rows])
        return replace(self, outcome=parts[0], decision=parts[1], score=parts[2], money=parts[3], columns=columns)


Metric = Callable[[Judged], float | None]


def outcomes(task: Task, values: Sequence[Any] | NDArray[Any], positive: str | None = None) -> NDArray[Any]:
    """Known outcomes as `Judged` takes them, from raw values or from their texts: booleans, texts or floats."""
    if task == "regression":
        return np.asarray(values, dtype=np.float64)
    said = np.array([as_text(value) for value in values], dtype=object)
    return said == positive if task == "binary" else said


def metrics(judged: Judged) -> dict[str, float | None]:
    """Every metric of the task, and ``worth`` (money per decision); None where there is nothing to measure it on."""
    return {name: measured(metric, judged) for name, metric in METRICS[judged.task].items()}


def slices(judged: Judged, column: str, metric: str, *, support: int = SUPPORT) -> dict[str, float]:
    """The metric in each slice of a column (nulls are one slice), where at least `support` rows carry it."""
    measure, values = METRICS[judged.task][metric], judged.columns[column]
    said = np.array(["(missing)" if item is None or item != item else as_text(item) for item in values], dtype=object)
    found: dict[str, float] = {}
    labels, codes = np.unique(said.astype(str), return_inverse=True)
    for code, label in enumerate(labels):
        part = judged.where(codes == code)
        if _carrying(metric, part) >= support and (number := measured(measure, part)) is not None:
            found[str(label)] = number
    return found


def worst_slice(judged: Judged, column: str, metric: str, *, support: int = SUPPORT) -> tuple[str | None, float | None]:
    """The slice with the worst metric, and that metric: the least, or the greatest where less is better; None where no slice has support."""
    found = slices(judged, column, metric, support=support)
    if not found:
        return None, None
    pick = max if metric in LESS_IS_BETTER else min
    return pick(found.items(), key=lambda item: item[1])


def interval(money: NDArray[np.float64], blocks: Blocks, *, seed: int, level: float = 0.95, draws: int = 1000) -> tuple[float, float]:
    """The interval of the mean money per decision, from a bootstrap that draws whole blocks of rows.

    It is stretched where the blocks are few, as `loopline.model.blocks.stretch` says.

    Parameters
    ----------
    money
        Shape (n,).
    blocks
        Shape (n,): the block of each row, as `loopline.model.blocks` gives them; rows of one block stay together.

    References
    ----------
    Efron, B., Tibshirani, R. J. (1993). An Introduction to the Bootstrap.
    """
    codes, count = numbered(blocks)
    sums, sizes = np.bincount(codes, weights=money), np.bincount(codes)
    rng = np.random.default_rng(seed)
    # One draw at a time: all at once would hold a thousand numbers for each row.
    picks = (rng.integers(0, count, count) for _ in range(draws))
    means = np.array([sums[pick].sum() / sizes[pick].sum() for pick in picks])
    mean = sums.sum() / sizes.sum()
    low, high = mean + (np.quantile(means, [(1 - level) / 2, (1 + level) / 2]) - mean) * stretch(count, level)
    return float(low), float(high)


def measured(metric: Metric, judged: Judged) -> float | None:
    """A metric's number; None where there is nothing to measure it on, or it is not defined."""
    if len(judged) == 0:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        number = metric(judged)
    return None if number is None or not np.isfinite(number) else float(number)


def _carrying(metric: str, judged: Judged) -> int:
    """The rows that a metric rests on: those acted on for precision, those where it happened for recall."""
    if metric == "precision":
        return int(judged.decision.sum())
    return int(judged.outcome.sum()) if metric == "recall" else len(judged)


def roc_auc(judged: Judged) -> float | None:
    """The probability that a row where it happened scores above one where it did not; ties count half."""
    happened = judged.outcome
    yes = int(happened.sum())
    no = len(happened) - yes
    if yes == 0 or no == 0:
        return None
    ordered = np.sort(judged.score)
    ranks = (np.searchsorted(ordered, judged.score, "left") + np.searchsorted(ordered, judged.score, "right") + 1) / 2
    return float((ranks[happened].sum() - yes * (yes + 1) / 2) / (yes * no))


def average_precision(judged: Judged) -> float | None:
    """The precision at each threshold, weighted by the recall that it adds."""
    yes = int(judged.outcome.sum())
    if yes == 0:
        return None
    order = np.argsort(-judged.score, kind="stable")
    ranked = judged.score[order]
    last = np.concatenate([np.flatnonzero(np.diff(ranked) != 0), [len(ranked) - 1]])
    caught = np.cumsum(judged.outcome[order])[last]
    return float(np.sum(np.diff(caught, prepend=0) / yes * (caught / (last + 1))))


def log_loss(judged: Judged) -> float:
    """Minus the mean logarithm of the probability that was given to what happened."""
    return float(-np.mean(np.log(np.clip(given(judged), TINY, 1.0))))


def given(judged: Judged) -> NDArray[np.float64]:
    """The probability given to what happened, shape (n,); an outcome of an unknown class was given none."""
    if judged.task == "binary":
        return np.where(judged.outcome, judged.score, 1 - judged.score)
    place = {label: index for index, label in enumerate(judged.classes)}
    codes = np.array([place.get(label, -1) for label in judged.outcome])
    return np.where(codes < 0, 0.0, judged.score[np.arange(len(codes)), codes])


def _brier(judged: Judged) -> float:
    return float(np.mean((judged.score - judged.outcome) ** 2))


def _precision(judged: Judged) -> float | None:
    return float(judged.outcome[judged.decision].mean()) if judged.decision.any() else None


def _recall(judged: Judged) -> float | None:
    return float(judged.decision[judged.outcome].mean()) if judged.outcome.any() else None


def _accuracy(judged: Judged) -> float:
    return float(np.mean(judged.decision == judged.outcome))


def _act_share(judged: Judged) -> float:
    return float(judged.decision.mean())


def macro_f1(judged: Judged) -> float | None:
    """The mean F1 of the classes that happened or were predicted."""
    outcome, decision = judged.outcome, judged.decision
    right = outcome == decision
    scores = []
    for label in set(outcome) | set(decision):
        both = float(np.sum(right & (outcome == label)))
        scores.append(2 * both / float(np.sum(outcome == label) + np.sum(decision == label)))
    return float(np.mean(sorted(scores)))


def _mae(judged: Judged) -> float:
    return float(np.mean(np.abs(judged.decision - judged.outcome)))


def _rmse(judged: Judged) -> float:
    return float(np.sqrt(np.mean((judged.decision - judged.outcome) ** 2)))


def _r2(judged: Judged) -> float | None:
    spread = float(np.sum((judged.outcome - judged.outcome.mean()) ** 2))
    return None if spread == 0 else 1 - float(np.sum((judged.decision - judged.outcome) ** 2)) / spread


def _worth(judged: Judged) -> float:
    return float(judged.money.mean())


METRICS: Mapping[Task, Mapping[str, Metric]] = {
    "binary": {
        "worth": _worth,
        "roc_auc": roc_auc,
        "average_precision": average_precision,
        "log_loss": log_loss,
        "brier": _brier,
        "precision": _precision,
        "recall": _recall,
        "accuracy": _accuracy,
        "act_share": _act_share,
    },
    "multiclass": {"worth": _worth, "accuracy": _accuracy, "log_loss": log_loss, "macro_f1": macro_f1},
    "regression": {"worth": _worth, "mae": _mae, "rmse": _rmse, "r2": _r2},
}
LOSS: Mapping[Task, str] = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}
"""The metric that ranks candidates whose worth cannot be told apart."""
