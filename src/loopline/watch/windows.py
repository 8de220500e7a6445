"""Windows of event time over what a package served: volume, drift, metrics and worth. Pure: frames in, frozen values out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.charter.worth import Worth
from loopline.expression.language import Expression
from loopline.model.columns import raw
from loopline.model.evaluate import Judged, metrics, outcomes
from loopline.model.policy import ACT, ASK, for_worth
from loopline.watch.drift import Bins, Counts, distance
from loopline.watch.earned import CONFIDENCE, Earned, Split, Sums, by_group, interval
from loopline.watch.estimated import Estimated
from loopline.watch.latency import LATENCY, counted, quantiles
from loopline.watch.spans import origin

SCORE = "(score)"
"""Stands for the score among the features' names; a column's name in a reference is never in brackets of its own."""

AWAITED = pl.col("decision").is_in([ACT, ASK]).fill_null(False)
"""The rows whose outcome is seen where acting shows it (binary)."""

LOOKBACK = 64
"""No verdict on a window looks back on more windows than these: how long it takes, and what it depends on, do not grow with the log."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Yardstick:
    """What a package's windows are measured with.

    Parameters
    ----------
    features
        The bins of each feature, and of the score under the name `SCORE`.
    positive
        The class that it is right to act on (binary).
    without_model
        The one decision that is taken for all rows without a model: whether to act, a class or a number.
    ask_costs
        Money of one row that the policy hands to a person.
    hides
        Whether a row's outcome is seen only where it was acted on (binary): what is told all the same of rows that were left alone is not counted.
    """

    package: str
    task: Task
    classes: tuple[str, ...]
    positive: str | None
    features: tuple[Bins, ...]
    worth: Worth
    without_model: bool | str | float
    ask_costs: float = 0.0
    hides: bool = False


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a package served in a span of event time.

    Parameters
    ----------
    start, end
        In UTC; the end belongs to the next window.
    rows, refused, outcomes
        Predictions, rows refused meanwhile, and predictions whose outcome has come.
    hidden
        How many of the rows have an outcome that nobody will see.
    acted
        Share of the model's decisions that were to act, or to ask a person who acts where it is right; None for other tasks than binary, and for no rows.
    counts
        Rows in each bin of each feature, of the score, and of how long answers took where that is known.
    drift
        Distance of each feature from training, 0 to 1, and of the score.
    outside
        Rows whose number is outside the range of training, of each feature that has such rows.
    apart
        How well a classifier tells the rows from those of the test part, by all features together: an area under the ROC curve, 0.5 where not at all;
        None where that was not tried.
    earned
        The money of the policy's decisions whose outcome has come: what chance took from it is no decision of its own.
    split
        How many rows chance took from it.
    loss
        The squared error of the probability (binary), whether the class was wrong (multiclass) or the absolute error (regression).
    metrics
        The task's metrics over the rows whose outcome has come.
    told_after_s
        How long after its end half of the outcomes had come that have; None before any has.
    estimated
        What all rows are expected to show; None where nobody estimated it.
    """

    package: str
    start: datetime
    end: datetime
    rows: int = 0
    refused: int = 0
    outcomes: int = 0
    hidden: int = 0
    acted: float | None = None
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    drift: Mapping[str, float] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)
    apart: float | None = None
    earned: Earned = Earned()
    split: Split = Split()
    loss: Sums = Sums()
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    told_after_s: float | None = None
    estimated: Estimated | None = None

    @property
    def awaited(self) -> int:
        """How many of the rows have an outcome that can come."""
        return self.rows - self.hidden

    @property
    def completeness(self) -> float | None:
        """The share of the outcomes that can come which has come; None where none can."""
        return self.outcomes / self.awaited if self.awaited else None

    def as_json(self) -> dict[str, Any]:
        """The window as an entry's body: no counts of bins, no row."""
        seen = interval([self.earned.money], CONFIDENCE)
        count = self.earned.outcomes
        worth = None
        if count:
            worth = {
                "total": self.earned.money.total,
                "per_decision": self.earned.money.total / count,
                "low": None if seen is None else seen[0],
                "high": None if seen is None else seen[1],
                "baseline": self.earned.baseline / count,
                "perfect": self.earned.perfect / count,
            }
        return {
            "package": self.package,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "rows": self.rows,
            "refused": self.refused,
            "outcomes": self.outcomes,
            "hidden": self.hidden,
            "completeness": self.completeness,
            "told_after_s": self.told_after_s,
            "acted": self.acted,
            "latency_ms": quantiles(self.counts.get(LATENCY)),
            "drift": {name: value for name, value in self.drift.items() if name != SCORE},
            "score_drift": self.drift.get(SCORE),
            "apart": self.apart,
            "outside": {name: count / self.rows for name, count in self.outside.items() if name != SCORE},
            "metrics": dict(self.metrics),
            "worth": worth,
            "estimated": None if self.estimated is None else self.estimated.as_json(),
            "sums": self.earned.as_json(),
            "split": self.split.as_json() if self.split.apart else None,
        }


def starts(moments: pl.Expr, span: timedelta) -> pl.Expr:
    """`start_of` for a column of moments in UTC."""
    span_us, origin_us = span // timedelta(microseconds=1), (origin(span) - _EPOCH) // timedelta(microseconds=1)
    whole = (moments.dt.epoch("us") - origin_us) // span_us
    return (whole * span_us + origin_us).cast(pl.Datetime("us", "UTC"))


def windows(frame: pl.DataFrame, yardstick: Yardstick, *, span: timedelta) -> list[Window]:
    """A window for every span that has a row, in the order of time.

    Parameters
    ----------
    frame
        ``when`` (moment in UTC), ``decision`` (text), ``score``, ``scores`` (multiclass: struct with a probability for each class),
        ``outcome`` (text; null where none has come), ``row`` (struct: the columns of the request) and, where chance took rows from the policy,
        ``holdout`` (whether it was held out from the model) and ``tried`` (whether another arm of an experiment than the control decided it);
        ``ms`` (how long the answer took), where that is known.
    """
    if frame.is_empty():
        return []
    frame = frame.with_columns((pl.col(name).fill_null(False) if name in frame.columns else pl.lit(False)).alias(name) for name in ("holdout", "tried"))
    if "ms" not in frame.columns:
        frame = frame.with_columns(ms=pl.lit(None, dtype=pl.Float64))
    frame = frame.with_columns(start=starts(pl.col("when"), span))
    first = frame["start"].unique().sort()
    group = frame["start"].to_physical().to_numpy()
    group = np.searchsorted(first.to_physical().to_numpy(), group)
    many = len(first)
    rows = np.bincount(group, minlength=many)
    counts, outside = _counts(frame, yardstick, group, many)
    counts |= {LATENCY: counted(frame["ms"].to_numpy(), group, many)} if frame["ms"].is_not_null().any() else {}
    distances = {bins.name: distance(counts[bins.name], np.asarray(bins.counts)) for bins in yardstick.features}
    made = [
        Window(
            package=yardstick.package,
            start=start,
            end=start + span,
            rows=int(rows[at]),
            acted=None,
            counts={name: tuple(part[at].tolist()) for name, part in counts.items()},
            drift={name: float(part[at]) for name, part in distances.items() if not math.isnan(part[at])},
            outside={name: int(part[at]) for name, part in outside.items() if part[at]},
        )
        for at, start in enumerate(first)
    ]
    if yardstick.hides:
        frame = frame.with_columns(outcome=pl.when(AWAITED).then("outcome"))
        left = np.bincount(group, weights=~frame.select(AWAITED).to_series().to_numpy(), minlength=many)
        made = [replace(window, hidden=int(part)) for window, part in zip(made, left, strict=True)]
    own = _own(frame)
    if yardstick.task == "binary":
        acted, decided = (np.bincount(group[own], weights=weights, minlength=many) for weights in (frame.select(AWAITED).to_series().to_numpy()[own], None))
        made = [replace(window, acted=float(part / all) if all else None) for window, part, all in zip(made, acted, decided, strict=True)]
    if not own.all():
        held, tried = (np.bincount(group[frame[name].to_numpy()], minlength=many).tolist() for name in ("holdout", "tried"))
        made = [replace(window, split=Split(held=held[at], tried=tried[at])) for at, window in enumerate(made)]
    return _with_outcomes(made, frame, yardstick, group)


def columns_of(frame: pl.DataFrame, features: Sequence[Bins]) -> dict[str, pl.Series]:
    """The values of each feature, and of the score under its name; null throughout where no request has the column."""
    row = frame["row"].struct.unnest() if frame["row"].dtype.base_type() == pl.Struct else pl.DataFrame()
    there = {name: row[name] for name in row.columns} | {SCORE: frame["score"]}
    return {bins.name: there.get(bins.name, pl.Series(bins.name, [None], dtype=pl.String).new_from_index(0, frame.height)) for bins in features}


def _counts(frame: pl.DataFrame, yardstick: Yardstick, group: NDArray[np.intp], many: int) -> tuple[dict[str, Counts], dict[str, Counts]]:
    """The rows in each bin, shape (windows, bins), of each feature, and those outside its range, shape (windows,)."""
    columns = columns_of(frame, yardstick.features)
    found: dict[str, Counts] = {}
    beyond: dict[str, Counts] = {}
    for bins in yardstick.features:
        width, values = len(bins.counts), columns[bins.name]
        found[bins.name] = np.bincount(group * width + bins.places(values), minlength=many * width).reshape(many, width)
        if bins.seen is not None:
            beyond[bins.name] = np.bincount(group[bins.outside_of(values)], minlength=many)
    return found, beyond


def _with_outcomes(made: Sequence[Window], frame: pl.DataFrame, yardstick: Yardstick, group: NDArray[np.intp]) -> list[Window]:
    """The windows with what the rows earned whose outcome has come."""
    known = frame["outcome"].is_not_null().to_numpy()
    if not known.any():
        return list(made)
    frame, group, many = frame.filter(pl.col("outcome").is_not_null()), group[known], len(made)
    judged, gain, perfect = judge(frame, yardstick)
    came = np.bincount(group, minlength=many)
    made = [replace(window, outcomes=int(came[at])) for at, window in enumerate(made)]
    if not (own := _own(frame)).all():
        judged, gain, perfect, group = judged.where(own), gain[own], perfect[own], group[own]
    money, above = by_group(judged.money, group, many), by_group(gain, group, many)
    best = np.bincount(group, weights=perfect, minlength=many)
    lost = by_group(loss(judged), group, many)
    # The rows of one window lie together, so that a slice of the order is a window's rows.
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(many + 1))
    return [
        replace(
            window,
            earned=Earned(money[at], above[at], float(best[at])),
            loss=lost[at],
            metrics=metrics(judged.where(order[edges[at] : edges[at + 1]])) if money[at].count else {},
        )
        for at, window in enumerate(made)
    ]


def _own(frame: pl.DataFrame) -> NDArray[np.bool_]:
    """The rows that the package's policy decided, shape (n,)."""
    return np.asarray(~(frame["holdout"] | frame["tried"]).to_numpy())


@dataclass(frozen=True, eq=False)
class Said:
    """What a package said of n rows, and the columns that their worth reads.

    Parameters
    ----------
    decision
        Shape (n,): booleans (acted), texts or floats.
    score
        Shape (n,), or (n, classes) for multiclass.
    asked
        Shape (n,): the rows that a person was asked about (binary).
    """

    decision: NDArray[Any]
    score: NDArray[np.float64]
    asked: NDArray[np.bool_] | None
    columns: Mapping[str, NDArray[Any]]

    def where(self, rows: NDArray[np.int64]) -> Said:
        """The same for some of the rows."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Said(self.decision[rows], self.score[rows], None if self.asked is None else self.asked[rows], columns)


def said(frame: pl.DataFrame, yardstick: Yardstick) -> Said:
    """Decisions, scores and the columns of worth as arrays; outcomes are not looked at.

    Raises
    ------
    Mistake
        When the worth reads a column that no request carries.
    """
    task, worth = yardstick.task, yardstick.worth
    told = np.array(frame["decision"].to_list(), dtype=object)
    asked = np.asarray(told == ASK) if task == "binary" else None
    decision = for_worth(task, told).astype({"binary": bool, "multiclass": object, "regression": np.float64}[task])
    score = frame["score"].to_numpy()
    if task == "multiclass":
        score = frame["scores"].struct.unnest().select(yardstick.classes).to_numpy()
    carried = frame["row"].struct.fields if worth.columns else ()
    for name, term in worth.terms.items():
        if isinstance(term, Expression):
            term.require(carried, where=f"charter.worth.{name}")
    columns = raw(frame["row"].struct.unnest(), sorted(worth.columns)) if worth.columns else {}
    return Said(decision, score, asked, columns)


def judge(frame: pl.DataFrame, yardstick: Yardstick) -> tuple[Judged, NDArray[np.float64], NDArray[np.float64]]:
    """Decisions beside outcomes, the money above the baseline and the money of a perfect model, each of shape (n,)."""
    outcome = outcomes(yardstick.task, frame["outcome"].to_list(), yardstick.positive)
    return priced(said(frame, yardstick), outcome.astype(bool) if yardstick.task == "binary" else outcome, yardstick)


def earns(told: Said, outcome: NDArray[Any], yardstick: Yardstick) -> NDArray[np.float64]:
    """The money of each decision with an outcome, shape (n,)."""
    return yardstick.worth.per_row(told.decision, outcome, told.columns, asked=told.asked, ask_costs=yardstick.ask_costs)


def priced(told: Said, outcome: NDArray[Any], yardstick: Yardstick) -> tuple[Judged, NDArray[np.float64], NDArray[np.float64]]:
    """What `judge` gives, for decisions and outcomes as arrays: booleans, texts or floats."""
    worth, money = yardstick.worth, earns(told, outcome, yardstick)
    constant = np.full(len(outcome), yardstick.without_model, dtype=told.decision.dtype)
    gain = money - worth.per_row(constant, outcome, told.columns)
    judged = Judged(yardstick.task, yardstick.classes, outcome, told.decision, told.score, money)
    return judged, gain, worth.perfect(outcome, told.columns)


def loss(judged: Judged) -> NDArray[np.float64]:
    """What each row's prediction was off by, shape (n,): squared probability, wrong or right, or absolute error."""
    if judged.task == "binary":
        return np.asarray((judged.score - judged.outcome) ** 2)
    if judged.task == "multiclass":
        return np.asarray(judged.decision != judged.outcome, dtype=np.float64)
    return np.asarray(np.abs(judged.decision - judged.outcome))


LOSS: Mapping[Task, str] = {"binary": "brier", "multiclass": "accuracy", "regression": "mae"}
"""The package's metric whose value on the test part is the mean of `loss` there; of the accuracy, what is missing to 1."""
