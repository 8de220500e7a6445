"""What decisions were worth, row by row, in the charter's currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task, WorthSpec
from loopline.expression.language import Expression, parse
from loopline.expression.on_numpy import evaluate

Columns = Mapping[str, Any]
Money = NDArray[np.float64]

_POINTS: Mapping[Task, Mapping[str, float]] = {
    "binary": {"act_right": 1.0, "act_wrong": -1.0, "miss": 0.0, "rest": 0.0},
    "multiclass": {"right": 1.0, "wrong": -1.0},
    "regression": {"over": -1.0, "under": -1.0},
}


def as_text(value: object) -> str:
    """A class label as text, the same for YAML, JSON, CSV and Parquet: ``True`` is ``true``, ``1.0`` is ``1``."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def columns_of(spec: WorthSpec) -> frozenset[str]:
    """The columns that a worth's expressions read, whatever the task."""
    said = [getattr(spec, name) for terms in _POINTS.values() for name in terms]
    return frozenset().union(*(parse(value).names for value in said if isinstance(value, str)))


@dataclass(frozen=True)
class Worth:
    """The charter's worth for one task: money per row from decisions and outcomes.

    Decisions and outcomes are arrays of n rows: booleans (binary: acted, happened), texts (multiclass) or floats (regression).
    """

    task: Task
    terms: Mapping[str, float | Expression]
    currency: str

    BINARY: ClassVar[tuple[str, ...]] = tuple(_POINTS["binary"])
    """The names of the terms of a binary task: acted and right, acted and wrong, missed, rightly rested."""

    @classmethod
    def of(cls, spec: WorthSpec, task: Task) -> Worth:
        """The worth of a task; what the charter does not say is a point won or lost."""
        said = {name: getattr(spec, name) for name in _POINTS[task] if getattr(spec, name) is not None}
        defaults = dict.fromkeys(_POINTS[task], 0.0) if said else dict(_POINTS[task])
        terms = {name: parse(value) if isinstance(value, str) else float(value) for name, value in {**defaults, **said}.items()}
        return cls(task, terms, spec.currency)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the expressions read."""
        return frozenset().union(*(term.names for term in self.terms.values() if isinstance(term, Expression)))

    def _term(self, name: str, rows: int, columns: Columns) -> Money:
        term = self.terms[name]
        value = evaluate(term, columns) if isinstance(term, Expression) else term
        return np.nan_to_num(np.broadcast_to(np.asarray(value, dtype=np.float64), (rows,)), nan=0.0, posinf=0.0, neginf=0.0)

    def per_row(
        self, decision: NDArray[Any], outcome: NDArray[Any], columns: Columns, *, asked: NDArray[np.bool_] | None = None, ask_costs: float = 0.0
    ) -> Money:
        """The money of each decision, shape (n,); a row whose worth cannot be computed (null, or not finite as after a division by 0) is worth nothing.

        Parameters
        ----------
        asked
            Shape (n,): the rows that a person decided instead, who is right and costs `ask_costs` for each.
        """
        if asked is not None and asked.any():
            return np.where(asked, self.perfect(outcome, columns) - ask_costs, self.per_row(decision, outcome, columns))
        rows = len(outcome)
        if self.task == "binary":
            act_right, act_wrong, miss, rest = (self._term(name, rows, columns) for name in _POINTS["binary"])
            return np.where(decision, np.where(outcome, act_right, act_wrong), np.where(outcome, miss, rest))
        if self.task == "multiclass":
            return np.where(decision == outcome, self._term("right", rows, columns), self._term("wrong", rows, columns))
        error = np.asarray(decision, dtype=np.float64) - np.asarray(outcome, dtype=np.float64)
        return np.where(error > 0, error * self._term("over", rows, columns), -error * self._term("under", rows, columns))

    def perfect(self, outcome: NDArray[Any], columns: Columns) -> Money:
        """The money of each decision, shape (n,), had the outcome been known."""
        if self.task != "binary":
            return self.per_row(outcome, outcome, columns)
        acted = self.per_row(np.ones(len(outcome), dtype=bool), outcome, columns)
        rested = self.per_row(np.zeros(len(outcome), dtype=bool), outcome, columns)
        return np.maximum(acted, rested)

    def without_model(self, outcome: NDArray[Any], columns: Columns, *, known: NDArray[Any] | None = None) -> Money:
        """The money of each decision, shape (n,), without a model: never act, the most frequent class, the median.

        Parameters
        ----------
        known
            Earlier outcomes that the most frequent class or the median is taken from; the outcomes themselves where None.
        """
        return self.per_row(self.constant(outcome if known is None else known, len(outcome)), outcome, columns)

    def constant(self, known: NDArray[Any], rows: int) -> NDArray[Any]:
        """The decision that is taken without a model, shape (rows,)."""
        if self.task == "binary":
            return np.zeros(rows, dtype=bool)
        if self.task == "multiclass":
            labels, counts = np.unique(known, return_counts=True)
            return np.full(rows, labels[np.argmax(counts)])
        return np.full(rows, np.median(np.asarray(known, dtype=np.float64)))

    def break_even(self) -> float | None:
        """The precision from which acting pays (binary, constant terms); None where it depends on the row or acting can never pay."""
        if self.task != "binary" or self.columns:
            return None
        act_right, act_wrong, miss, rest = (float(self.terms[name]) for name in _POINTS["binary"])  # type: ignore[arg-type]
        gain, loss = act_right - miss, rest - act_wrong
        if gain + loss <= 0 or gain <= 0:
            return None
        return max(0.0, loss / (gain + loss))
