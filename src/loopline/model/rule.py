"""How a team decides without a model: its present rule over raw columns, or what was seen a season before. Pure functions on NumPy.

A rule reads raw columns, not features, and it decides: it is no family. It is a baseline that a model must beat in money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.charter.worth import as_text
from loopline.errors import Mistake
from loopline.expression.language import Expression, parse
from loopline.expression.on_numpy import evaluate
from loopline.model.candidates import Judge, Part

WHERE = "model.baseline"


@dataclass(frozen=True, eq=False)
class PresentRule:
    """The rule by which a team decides today, as an expression over raw columns: a condition, a class or a number.

    Parameters
    ----------
    expression
        For a binary task true means act; for several classes the text of one, as in ``'gold' if spent > 100 else 'basic'``; else a number.
    otherwise
        The decision of a row for which the rule gives null: the one decision for all that earned most on known rows (`Judge.unaided`);
        ``act`` or ``rest``, the text of a class, or a number. A comparison with a null gives no null: it does not hold.

    Examples
    --------
    >>> rule = PresentRule.of("dep_delay > 15", "binary", otherwise="rest")
    >>> rule.decide({"dep_delay": np.array([20.0, 3.0, np.nan])}).tolist()
    [True, False, False]
    """

    expression: Expression
    task: Task
    otherwise: str | float

    @classmethod
    def of(cls, text: str, task: Task, *, otherwise: str | float) -> PresentRule:
        """The rule from its text.

        Raises
        ------
        Mistake
            When the text is no expression.
        """
        try:
            return cls(parse(text), task, otherwise)
        except ValueError as error:
            raise Mistake(f"the rule is no expression: {error}", where=WHERE, remedy="write it as in dep_delay > 15") from None

    @property
    def columns(self) -> frozenset[str]:
        """The raw columns that it reads."""
        return self.expression.names

    def require(self, columns: Iterable[str]) -> None:
        """Check that every column that it reads is there.

        Raises
        ------
        Mistake
            Naming the first that is not, and the nearest that is.
        """
        self.expression.require(columns, where=WHERE)

    def decide(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The decisions for n rows, shape (n,): booleans (acted), texts or floats, as `loopline.charter.worth.Worth` takes them.

        Raises
        ------
        Mistake
            When the rule cannot be evaluated on these values, or says something that is no decision of the task.
        """
        rows = len(next(iter(columns.values()))) if columns else 0
        try:
            said = np.broadcast_to(np.asarray(evaluate(self.expression, {name: _plain(columns[name]) for name in self.expression.names})), (rows,))
        except KeyError as error:
            raise Mistake(f"the rule reads the column {error}, which is not there", where=WHERE, remedy="give it, or mend the rule") from None
        except (TypeError, ValueError) as error:
            remedy = "compare numbers with numbers and texts with texts"
            raise Mistake(f"the rule cannot be evaluated on these columns: {error}", where=WHERE, remedy=remedy) from None
        null = _is_null(said)
        if self.task == "multiclass":
            return np.array([self.otherwise if gone else as_text(value) for value, gone in zip(said.tolist(), null.tolist(), strict=True)], dtype=object)
        try:
            numbers = np.where(null, 0.0, np.where(null, 0, said).astype(np.float64))
        except (TypeError, ValueError):
            want = "a condition" if self.task == "binary" else "a number"
            raise Mistake(f"the rule says {said[~null][0]!r}", where=WHERE, remedy=f"write {want}: the task is {self.task}") from None
        if self.task == "regression":
            return np.where(null, float(self.otherwise), numbers)
        return np.where(null, self.otherwise == "act", numbers != 0)

    def money(self, judge: Judge, part: Part) -> NDArray[np.float64]:
        """The money of each decision of the rule on a part, shape (n,); the part's columns must hold those that the rule reads."""
        return judge.worth.per_row(self.decide(part.columns), part.outcome, part.columns)

    def say(self) -> str:
        """The rule in words, as ``the present rule (dep_delay > 15)``."""
        return f"the present rule ({self.expression.text})"


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """A column without objects where it holds no texts: a null among numbers is NaN, one among booleans is false."""
    column = np.asarray(values)
    if column.dtype != object:
        return column
    known = {type(item) for item in column.tolist() if item is not None}
    if known and known <= {bool}:
        return np.array([item is True for item in column.tolist()])
    return column.astype(np.float64) if known <= {bool, int, float} else column


def _is_null(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.array([item is None or item != item for item in values.tolist()], dtype=bool)
    return np.zeros(values.shape, dtype=bool)


def seasonal_naive(time: NDArray[Any], outcome: NDArray[np.float64], *, period: np.timedelta64 | float, gap: np.timedelta64 | float = 0) -> NDArray[np.float64]:
    """For each row the mean outcome of the latest time that lies whole periods before, shape (n,); NaN where there is none.

    At least as many periods are gone back as the gap is long, so that only outcomes that were known by then are looked at.

    Parameters
    ----------
    time
        Shape (n,): datetime64, or numbers.
    outcome
        Shape (n,): 0 or 1, or the value.
    period
        The season: a day, a week; more than nothing.
    gap
        Time from a row's decision to its outcome.

    Raises
    ------
    ValueError
        When the period is not more than nothing, or the gap is less.

    References
    ----------
    Hyndman and Athanasopoulos (2021), Forecasting: principles and practice, 5.2: the seasonal naive method.

    Examples
    --------
    >>> seasonal_naive(np.arange(6.0), np.array([1.0, 2, 3, 4, 5, 6]), period=2.0, gap=3.0).tolist()
    [nan, nan, nan, nan, 1.0, 2.0]
    """
    moments, span, delay = _whole(time, period, gap)
    if span <= 0 or delay < 0:
        raise ValueError("a season's period is more than nothing, and its gap is not less")
    null = np.isnat(time) if time.dtype.kind == "M" else np.isnan(moments)
    known = ~np.isnan(outcome) & ~null
    said = np.full(len(moments), np.nan)
    if not known.any():
        return said
    group = np.unique(moments % span, return_inverse=True)[1].reshape(-1)
    wanted = moments - max(1, int(np.ceil(delay / span))) * span
    rank = np.unique(np.concatenate([moments, wanted]), return_inverse=True)[1].reshape(-1)
    width = int(rank.max()) + 1
    own, asked = group * width + rank[: len(moments)], group * width + rank[len(moments) :]
    keys, at = np.unique(own[known], return_inverse=True)
    means = np.bincount(at.reshape(-1), weights=outcome[known]) / np.bincount(at.reshape(-1))
    place = np.searchsorted(keys, asked, side="right") - 1
    found = (place >= 0) & (keys[place] // width == group) & ~null
    said[found] = means[place[found]]
    return said


def _whole(time: NDArray[Any], period: np.timedelta64 | float, gap: np.timedelta64 | float) -> tuple[NDArray[Any], Any, Any]:
    """Time, period and gap as numbers of one unit: microseconds where they are moments."""
    if time.dtype.kind != "M":
        return np.asarray(time, dtype=np.float64), float(period), float(gap)
    stamps = time.astype("datetime64[us]").astype(np.int64)
    unit = np.timedelta64(1, "us")
    span, delay = (int(one / unit) if isinstance(one, np.timedelta64) else int(one) for one in (period, gap))
    return stamps, span, delay
