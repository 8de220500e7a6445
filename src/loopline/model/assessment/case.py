"""What an assessment is made of: judged rows, what scores them, and what fits the model anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.errors import Mistake
from loopline.model.blocks import Blocks
from loopline.model.evaluate import METRICS, Judged

Columns = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]

HEADLINE: Mapping[Task, str] = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "mae"}
"""The metric that stands beside the money."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Judged rows with what tells how they belong together.

    Parameters
    ----------
    judged
        Rows with all raw columns that slices and the scorer look at.
    blocks
        Shape (n,): the block of each row (`loopline.model.blocks`).
    time
        Shape (n,): datetime64, or None where no column says when.
    """

    judged: Judged
    blocks: Blocks
    time: NDArray[Any] | None = None


@dataclass(frozen=True, eq=False)
class Lessons:
    """What tells whether more rows would pay.

    Parameters
    ----------
    rows
        The rows that may be learned from.
    fit_on
        From places among those rows, ascending, and a seed to the scores of the held rows.
    held
        The rows that are scored; their own scores and decisions are not looked at.
    """

    rows: int
    fit_on: Callable[[NDArray[np.int64], int], Floats]
    held: Seen


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A model to be assessed; what is None is left out of the assessment, which says so.

    Parameters
    ----------
    decide
        From scores and raw columns to decisions as `Judged` takes them.
    earn
        From decisions, outcomes and raw columns to the money of each row: `loopline.charter.worth.Worth.per_row`.
    perfect, unaided
        Shape (n,): the money of each test row had the outcome been known, and without a model.
    rule
        What is done without a model, in words.
    volume_per_year
        Decisions in a year.
    quantile
        The quantile of the outcome that the worth says (regression).
    score
        From raw columns to scores as `Judged` takes them.
    refit
        From a seed to the scores that the model, fitted with that seed, gives the test rows.
    cost
        What `loopline.model.assessment.cost` measured. Leave it out of what must be the same bytes each time.
    """

    test: Seen
    decide: Callable[[Floats, Columns], NDArray[Any]]
    earn: Callable[[NDArray[Any], NDArray[Any], Columns], Floats]
    perfect: Floats
    unaided: Floats
    rule: str
    currency: str
    seed: int = 0
    volume_per_year: float | None = None
    quantile: float = 0.5
    validation: Seen | None = None
    fairness: tuple[str, ...] = ()
    score: Callable[[Columns], Floats] | None = None
    refit: Callable[[int], Floats] | None = None
    lessons: Lessons | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.test.judged)
        for name in ("perfect", "unaided"):
            if len(getattr(self, name)) != rows:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, the test part {rows}")
        if missing := [name for name in self.fairness if name not in self.test.judged.columns]:
            there = ", ".join(sorted(self.test.judged.columns))
            raise Mistake(f"the column {missing[0]!r} is not in the table", where="model.fairness", remedy=f"there are: {there}")

    def rejudge(self, judged: Judged, score: Floats, columns: Columns | None = None) -> Judged:
        """The same rows with other scores, and so with other decisions and money.

        Parameters
        ----------
        columns
            The columns that the decisions look at, where they are not the rows' own; the money is always that of the rows' own.
        """
        decision = self.decide(score, judged.columns if columns is None else columns)
        return replace(judged, score=score, decision=decision, money=self.earn(decision, judged.outcome, judged.columns))

    def for_all(self, *, acted: bool) -> Floats:
        """The money of each test row when acting on all, or on none (binary)."""
        judged = self.test.judged
        return self.earn(np.full(len(judged), acted), judged.outcome, judged.columns)

    def foretold(self) -> Floats | None:
        """What each test row would lose against perfect foresight were its own scores honest, shape (n,); None for a regression."""
        judged = self.test.judged
        if judged.task == "regression":
            return None
        if judged.task == "multiclass":
            places = np.argmax(np.asarray(judged.classes, dtype=object)[None, :] == judged.decision[:, None], axis=1)
            right = self.earn(judged.decision, judged.decision, judged.columns)
            wrong = self.earn(judged.decision, np.full(len(judged), None, dtype=object), judged.columns)
            return np.asarray((1 - judged.score[np.arange(len(judged)), places]) * (right - wrong))
        lost = np.zeros(len(judged))
        for happened, chance in ((True, judged.score), (False, 1 - judged.score)):
            outcome = np.full(len(judged), happened)
            acted, rested = (self.earn(np.full(len(judged), act), outcome, judged.columns) for act in (True, False))
            lost += chance * (np.maximum(acted, rested) - np.where(judged.decision, acted, rested))
        return lost

    def headline(self, judged: Judged) -> float | None:
        """The metric that stands beside the money (`HEADLINE`)."""
        number = METRICS[judged.task][HEADLINE[judged.task]](judged) if len(judged) else None
        return None if number is None or not np.isfinite(number) else float(number)
