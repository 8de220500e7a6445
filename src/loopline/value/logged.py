"""Decisions as the log has them, as arrays: how each came about, what it earned, and what the score let expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth
from loopline.data.spec import ColumnType
from loopline.lake.tables import Tables
from loopline.model.columns import raw
from loopline.model.package import Package
from loopline.model.policy import ACT, ASK, Policy, columns_of, decide, for_worth
from loopline.serve.collect import latest
from loopline.serve.split import CONTROL
from loopline.watch.gauge import Gauge, gauge
from loopline.watch.served import SLICE_ROWS, decoded
from loopline.watch.windows import judge

Floats = NDArray[np.float64]
_OPTIONAL: Mapping[str, Any] = {"holdout": pl.Boolean, "instead_of": pl.String, "experiment": pl.String, "arm": pl.String, "leg": pl.String, "ms": pl.Float64}


@dataclass(frozen=True, kw_only=True, eq=False)
class Logged:
    """Decisions of one package, each array of shape (n,) but for the scores of several classes.

    Parameters
    ----------
    id, unit, when
        The prediction's id, its key as JSON text (its id where it has none), and the moment that it is about.
    decision
        What was decided, as text.
    own
        What the package's policy decided, also where that was not done.
    split, held
        Whether chance could hold it out from the model, and whether it did.
    arm
        Its arm in the experiment; None where it took part in none.
    scores
        Shape (n,), or (n, k) for several classes.
    known, outcome
        Whether its outcome has come, and the outcome as text.
    money
        What it earned; NaN where its outcome has not come.
    ms
        Milliseconds that it took; NaN where that was not told.
    """

    id: NDArray[Any]
    unit: NDArray[Any]
    when: NDArray[np.datetime64]
    decision: NDArray[Any]
    own: NDArray[Any]
    split: NDArray[np.bool_]
    held: NDArray[np.bool_]
    arm: NDArray[Any]
    scores: Floats
    known: NDArray[np.bool_]
    outcome: NDArray[Any]
    money: Floats
    ms: Floats
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def owned(self) -> NDArray[np.bool_]:
        """Whether no arm of an experiment but the control decided it, shape (n,): those of the others are not the package's policy."""
        return np.array([arm is None or arm == CONTROL for arm in self.arm], dtype=bool)

    def where(self, rows: NDArray[np.bool_]) -> Logged:
        """The same for some of the rows."""
        arrays = {one.name: getattr(self, one.name)[rows] for one in fields(self) if one.name != "columns"}
        return replace(self, **arrays, columns={name: values[rows] for name, values in self.columns.items()})


@dataclass(frozen=True, eq=False)
class Measured:
    """A package, and what its decisions are measured with."""

    package: Package
    gauge: Gauge
    worth: Worth
    policy: Policy

    @classmethod
    def of(cls, package: Package, worth: WorthSpec) -> Measured:
        """The measure of a package by the charter's worth."""
        measured = gauge(package, worth, timedelta(days=1))
        return cls(package, measured, measured.yardstick.worth, package.parsed("policy.json"))

    @property
    def task(self) -> Task:
        """The package's task."""
        return self.gauge.yardstick.task

    @property
    def acts_without(self) -> bool:
        """Whether one always acts without the model (binary)."""
        return self.task == "binary" and self.gauge.yardstick.without_model is True

    def decide(self, policy: Policy, logged: Logged) -> NDArray[Any]:
        """What a policy decides of logged rows, each alone; shape (n,)."""
        return decide(policy, logged.scores, self.gauge.yardstick.classes, logged.columns)

    def expected(self, policy: Policy, logged: Logged) -> Floats:
        """The money that a policy's decisions let expect by the scores, shape (n,); of numbers, which have no chances, the predicted value itself.

        It is known before anything is done, whichever arm a row belongs to: a covariate of what the row earns.
        """
        if self.task == "regression":
            return logged.scores
        said = for_worth(self.task, self.decide(policy, logged))
        if self.task == "multiclass":
            right, wrong = (self._money(said, said if hits else np.full(len(said), None), logged) for hits in (True, False))
            chance = logged.scores.max(axis=1)
        else:
            right, wrong = (self._money(said.astype(bool), np.full(len(said), happens), logged) for happens in (True, False))
            chance = logged.scores
        return np.asarray(chance * right + (1 - chance) * wrong)

    def _money(self, decision: NDArray[Any], outcome: NDArray[Any], logged: Logged) -> Floats:
        return self.worth.per_row(decision, outcome, logged.columns)

    def of_resting(self, logged: Logged) -> Floats:
        """The money of resting, shape (n,), given the outcome; of a row without one as if nothing had happened (binary)."""
        happened = np.asarray(logged.outcome == self.gauge.yardstick.positive)
        return self._money(np.zeros(len(logged), dtype=bool), happened, logged)

    def of_own(self, logged: Logged) -> Floats:
        """The money of the policy's own decisions, done or not, shape (n,), given the outcome; of a row without one as if nothing had happened (binary)."""
        yardstick = self.gauge.yardstick
        happened = np.asarray(logged.outcome == yardstick.positive)
        asked = np.asarray(logged.own == ASK)
        return self.worth.per_row(for_worth(self.task, logged.own), happened, logged.columns, asked=asked, ask_costs=yardstick.ask_costs)

    def of_acting(self, logged: Logged, *, happens: bool) -> Floats:
        """The money of acting above that of resting, shape (n,), given the outcome (binary)."""
        rows = len(logged)
        outcome = np.full(rows, happens)
        return self._money(np.ones(rows, dtype=bool), outcome, logged) - self._money(np.zeros(rows, dtype=bool), outcome, logged)


def read(
    tables: Tables, versions: Mapping[str, int], measured: Measured, *, where: pl.Expr | None = None, since: date | None = None, newest: int | None = None
) -> Logged:
    """The decisions of a package in the log's tables.

    Parameters
    ----------
    versions
        The tables' versions.
    where
        Which of them, over the columns of the table ``predictions``; all by default.
    since
        Only those that were made on this day or later: files of earlier days are not read.
    newest
        At most so many, those of the latest moments among the last days that have so many.
    """
    parts = list(_slices(tables, versions, measured, where, since, newest))
    joined = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Logged) if one.name != "columns"}
    return Logged(**joined, columns={name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns})


def _slices(tables: Tables, versions: Mapping[str, int], measured: Measured, where: pl.Expr | None, since: date | None, newest: int | None) -> Iterator[Logged]:
    yardstick, policy_reads = measured.gauge.yardstick, columns_of(measured.policy)
    types = {column["name"]: column["type"] for column in measured.package.parsed("signature.json")["columns"]}
    read = {name: types[name] for name in sorted({*yardstick.worth.columns, *policy_reads}) if name in types}
    frame = _frame(tables, versions, measured.package.digest, where, since, newest)
    yield _arrays(frame.head(0), measured, read)
    for part in frame.iter_slices(SLICE_ROWS):
        yield _arrays(part, measured, read)


def _frame(tables: Tables, versions: Mapping[str, int], package: str, where: pl.Expr | None, since: date | None, newest: int | None) -> pl.DataFrame:
    if "predictions" not in versions:
        texts = dict.fromkeys(("prediction_id", "key", "row", "scores", "decision", "outcome"), pl.String)
        return pl.DataFrame(schema={**texts, **_OPTIONAL, "when": pl.Datetime("us"), "score": pl.Float64})
    made = tables.read("predictions", version=versions["predictions"])
    there = made.collect_schema()
    made = made.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in {"key": pl.String, **_OPTIONAL}.items() if name not in there)
    own = made.filter((pl.col("package") == package) & (pl.lit(True) if where is None else where))
    first = since if newest is None else _last_days(own, newest)
    if first is not None:
        own = own.filter(pl.col("day") >= first)
    own = own.with_columns(when=pl.coalesce("event_time", "time").dt.cast_time_unit("us").dt.replace_time_zone(None)).sort("when", "prediction_id")
    own = (own if newest is None else own.tail(newest)).select("prediction_id", "when", "key", "row", "score", "scores", "decision", *_OPTIONAL)
    if "outcomes" not in versions:
        return own.with_columns(outcome=pl.lit(None, dtype=pl.String)).collect(engine="streaming")
    said = tables.read("outcomes", version=versions["outcomes"])
    # An outcome lies on the day of its prediction; of several the last one is looked for among those that are wanted alone.
    said = said if since is None else said.filter(pl.col("day") >= since)
    if newest is not None:
        own = own.collect(engine="streaming").lazy()
        said = said.join(own.select("prediction_id"), on="prediction_id", how="semi", maintain_order="left")
    told = latest(said.select("prediction_id", "outcome", "time")).drop("time")
    return own.join(told, on="prediction_id", how="left", maintain_order="left").collect(engine="streaming")


def _last_days(own: pl.LazyFrame, newest: int) -> date | None:
    """The day from which on so many rows were made; None where there are fewer."""
    counted = own.group_by("day").len().sort("day", descending=True).collect(engine="streaming")
    enough = counted.filter(pl.col("len").cum_sum() >= newest)
    return None if enough.is_empty() else enough["day"][0]


def _arrays(part: pl.DataFrame, measured: Measured, read: Mapping[str, ColumnType]) -> Logged:
    yardstick = measured.gauge.yardstick
    frame = decoded(part, read, yardstick.classes if yardstick.task == "multiclass" else ())
    known = frame["outcome"].is_not_null().to_numpy()
    money = np.full(frame.height, np.nan)
    if known.any():
        money[known] = judge(frame.filter(known), yardstick)[0].money
    scores = frame["score"].to_numpy()
    if yardstick.task == "multiclass":
        scores = frame["scores"].struct.unnest().select(yardstick.classes).to_numpy().reshape(-1, len(yardstick.classes))
    key = frame["key"].to_numpy()
    return Logged(
        id=_texts(frame["prediction_id"]),
        unit=np.where((key == "{}") | frame["key"].is_null().to_numpy(), _texts(frame["prediction_id"]), key),
        when=frame["when"].to_numpy(),
        decision=_texts(frame["decision"]),
        own=_texts(frame.select(pl.coalesce("instead_of", "decision")).to_series()),
        split=frame["holdout"].is_not_null().to_numpy(),
        held=frame["holdout"].fill_null(False).to_numpy(),
        arm=_texts(frame["arm"]),
        scores=scores,
        known=known,
        outcome=_texts(frame["outcome"]),
        money=money,
        ms=frame["ms"].to_numpy(),
        columns=raw(frame["row"].struct.unnest(), list(read)) if read else {},
    )


def _texts(values: pl.Series) -> NDArray[Any]:
    return np.array(values.to_list(), dtype=object)


def acted(decision: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each decision is to act, or to ask a person who acts where it is right, shape (n,)."""
    return np.asarray((decision == ACT) | (decision == ASK))
