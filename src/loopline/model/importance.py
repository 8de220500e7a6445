"""How much a model leans on each raw column: what is lost, in metric and in money, when the column's values are shuffled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.background import Score
from loopline.model.evaluate import LOSS, METRICS, Judged

REPEATS = 5
"""Shuffles of each column."""

SCORED_AT_MOST = 60_000
"""Rows that are scored for all columns together; with many columns fewer rows are looked at."""

ROWS_AT_MOST, ROWS_AT_LEAST = 2_000, 100

_STUDENT = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""The 0.975 quantiles of Student's distribution by the number of repeats."""


@dataclass(frozen=True, slots=True)
class Span:
    """A mean over repeats with the interval that the repeats leave open."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Span:
        """The mean of a few repeats, with Student's interval of 95 %."""
        mean = float(values.mean())
        half = _STUDENT[len(values)] * float(values.std(ddof=1)) / len(values) ** 0.5
        return cls(mean, mean - half, mean + half)

    def as_json(self) -> dict[str, float]:
        """The span as plain values."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Importance:
    """What shuffling one column costs: `loss`, by how much the metric of loss grows; `money`, what is earned less per decision."""

    column: str
    loss: Span
    money: Span

    @property
    def matters(self) -> bool:
        """Whether the loss grows beyond what the shuffles leave open."""
        return self.loss.low > 0

    def as_json(self) -> dict[str, Any]:
        """The importance as plain values."""
        return {"column": self.column, "loss": self.loss.as_json(), "money": self.money.as_json(), "matters": self.matters}


def rows_for(columns: int, *, repeats: int = REPEATS) -> int:
    """So many rows are shuffled and scored for so many columns."""
    return int(np.clip(SCORED_AT_MOST // max(1, columns * repeats), ROWS_AT_LEAST, ROWS_AT_MOST))


def importance(
    score: Score, columns: Mapping[str, NDArray[Any]], judged: Callable[[NDArray[np.float64]], Judged], *, seed: int, repeats: int = REPEATS
) -> list[Importance]:
    """What shuffling each raw column costs, the costliest first.

    A raw column is shuffled as a whole, with all the features that are made of it. What two columns both tell is
    not lost when one of them is shuffled: both may look unimportant.

    Parameters
    ----------
    columns
        The raw columns of n rows that the model has not learned from.
    judged
        Takes scores of the n rows to decisions beside their outcomes.
    repeats
        How often each column is shuffled, 2 to 10 times.

    References
    ----------
    Breiman, L. (2001). Random forests. Fisher, A., Rudin, C., Dominici, F. (2019). All models are wrong, but many are useful.
    """
    rows = len(next(iter(columns.values())))
    loss, money = _measured(judged(score(columns)))
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(rows) for _ in range(repeats)]
    tiled = {name: np.tile(values, repeats) for name, values in columns.items()}
    found = []
    for name, values in columns.items():
        scores = score({**tiled, name: np.concatenate([values[order] for order in orders])})
        shuffled = np.array([_measured(judged(part)) for part in np.split(scores, repeats)])
        found.append(Importance(name, Span.of(shuffled[:, 0] - loss), Span.of(money - shuffled[:, 1])))
    return sorted(found, key=lambda one: (-one.loss.mean, one.column))


def _measured(judged: Judged) -> tuple[float, float]:
    """The metric of loss, and the money per decision."""
    return float(METRICS[judged.task][LOSS[judged.task]](judged) or 0.0), float(judged.money.mean())
