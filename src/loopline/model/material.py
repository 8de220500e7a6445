"""The main table as what there is to learn: rows with a known outcome, in their order, in three parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth
from loopline.data.spec import BATCH, LINE, ROW
from loopline.errors import Mistake
from loopline.model import blocks
from loopline.model.candidates import Judge, Part
from loopline.model.constraints import Constraint, check_held, declared, excluded
from loopline.model.evaluate import outcomes
from loopline.model.features import Column, raw
from loopline.model.spec import ModelSpec
from loopline.model.split import Parts, by_identity, by_order, by_time, stratified


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the step was asked for, typed.

    Parameters
    ----------
    ordered
        Whether the rows stand in the order of time although no column says when.
    slices
        Columns whose slices acceptance criteria speak of.
    required
        Columns that the contract does not let be null.
    lookups
        How columns were looked up, as plain values (`loopline.data.moments.Lookup`).
    constraints
        What the declaration and the expert hold of columns; an expert's word on a column comes before the declaration's.
    units
        The units that the contract names, by column.
    """

    model: ModelSpec
    worth: WorthSpec
    decision: str
    target: str
    task: Task
    positive: str | None
    classes: tuple[str, ...]
    columns: tuple[Column, ...]
    time: str | None
    key: tuple[str, ...]
    ordered: bool
    slices: tuple[str, ...]
    required: frozenset[str]
    lookups: tuple[Mapping[str, Any], ...] = ()
    constraints: tuple[Constraint, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reads: Mapping[str, Any], inputs: Mapping[str, Any]) -> Order:
        """The order from a step's fields and inputs.

        Raises
        ------
        Mistake
            When a constraint cannot be held.
        """
        model = ModelSpec.model_validate(reads["model"])
        said = {one.column: one for one in (*declared(model.monotone), *(Constraint(**one) for one in inputs.get("constraints", ())))}
        check_held(said.values(), task=inputs["task"], columns=[column["name"] for column in inputs["columns"]])
        return cls(
            model=model,
            worth=WorthSpec.model_validate(reads["worth"]),
            decision=reads["decision"],
            target=reads["predict"],
            task=inputs["task"],
            positive=inputs["positive"],
            classes=tuple(inputs["classes"]),
            columns=tuple(Column(column["name"], column["type"], column["use"]) for column in inputs["columns"]),
            time=inputs["time"],
            key=tuple(inputs["key"]),
            ordered=inputs["order"] == "rows",
            slices=tuple(reads["slices"]),
            required=frozenset(reads["required"]),
            lookups=tuple(inputs.get("lookups", ())),
            constraints=tuple(said.values()),
            units=reads.get("units", {}),
        )

    @property
    def judge(self) -> Judge:
        """What judges scores."""
        return Judge(self.task, self.classes, Worth.of(self.worth, self.task))

    def read_columns(self) -> list[str]:
        """The table's columns that are needed, in its order.

        Raises
        ------
        Mistake
            When the worth or a criterion names a column that the table has not.
        """
        there = [column.name for column in self.columns]
        for names, where in ((sorted(self.judge.worth.columns), "charter.worth"), (self.slices, "charter.acceptance")):
            for name in names:
                if name not in there:
                    raise Mistake(f"the column {name!r} is not in the table", where=where, remedy=f"there are: {', '.join(there)}")
        used = {self.target, *self.key, *self.slices, *self.judge.worth.columns, *({self.time} if self.time else ())}
        left_out = {*self.model.leave_out, *excluded(self.constraints)}
        return [column.name for column in self.columns if column.name in used or (column.use and column.name not in left_out)]


@dataclass(frozen=True, eq=False)
class Material:
    """The rows to learn from and to judge by.

    Parameters
    ----------
    frame
        The rows whose outcome is known, in the order of delivery.
    outcome
        Shape (n,): booleans, texts or floats.
    parts
        The rows of each part.
    split
        How the parts were made, in words.
    """

    order: Order
    frame: pl.DataFrame
    outcome: NDArray[Any]
    parts: Parts
    split: str

    @property
    def learned(self) -> NDArray[np.int64]:
        """The training rows, and after them the validation rows."""
        return np.concatenate([self.parts.train, self.parts.validation])

    def part(self, rows: NDArray[np.int64]) -> Part:
        """Some rows as judging needs them."""
        names = [*dict.fromkeys((*sorted(self.order.judge.worth.columns), *self.order.slices))]
        return Part(self.outcome[rows], raw(self.frame[rows], names))

    def blocks(self, rows: NDArray[np.int64]) -> blocks.Blocks:
        """What each of some rows, in the order of their part, is resampled with, shape (n,)."""
        if self.order.time is not None:
            return blocks.by_time(raw(self.frame[rows], [self.order.time])[self.order.time])
        return blocks.by_order(len(rows)) if self.order.ordered else blocks.alone(len(rows))

    def target(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Some rows' outcomes as a family takes them: 0 or 1, the class's place, or the value."""
        if self.order.task != "multiclass":
            return self.outcome[rows].astype(np.float64)
        place = {label: index for index, label in enumerate(self.order.classes)}
        return np.array([place[label] for label in self.outcome[rows]], dtype=np.float64)


def prepare(table: pl.DataFrame, order: Order) -> Material:
    """The rows with a known outcome, split into their parts.

    Raises
    ------
    Mistake
        When too few outcomes are known, or the training part has only one of them.
    """
    known = table.filter(pl.col(order.target).is_not_null())
    if order.task == "regression" and known[order.target].dtype.is_float():
        known = known.filter(pl.col(order.target).is_finite())
    if order.task == "regression" and not known[order.target].dtype.is_numeric():
        raise Mistake(f"the outcome {order.target!r} holds no numbers", where="charter.task", remedy="say task: multiclass, or give the column the type number")
    if known.is_empty():
        raise Mistake("no row's outcome is known", where=f"charter.predict: {order.target}", remedy="deliver rows that have it")
    if ROW in known.columns:
        known = known.sort(ROW, maintain_order=True)
    outcome = outcomes(order.task, known[order.target].to_list(), order.positive)
    if order.task == "multiclass":
        foreign = sorted(set(outcome) - set(order.classes))
        if foreign:
            what = f"the outcome has classes that the data stage did not see: {', '.join(foreign[:5])}"
            raise Mistake(what, where=order.target, remedy="run the data stage anew: loopline run --fresh data")
    parts, split = _split(known, outcome, order)
    train = outcome[parts.train]
    if order.task != "regression" and len(np.unique(train)) < 2:
        what = f"all {len(train):,} training rows have the same outcome"
        raise Mistake(what, where=order.target, remedy="deliver more rows, or take away the source's time so that the split is stratified")
    return Material(order, known, outcome, parts, split)


def _split(frame: pl.DataFrame, outcome: NDArray[Any], order: Order) -> tuple[Parts, str]:
    shares = {"validation": order.model.split.validation, "test": order.model.split.test}
    if order.time is not None:
        time = raw(frame, [order.time])[order.time]
        if time.dtype == object:
            raise Mistake(f"the time column {order.time!r} holds texts", where=f"data.contract.{order.time}", remedy="give it the type date or datetime")
        return by_time(time, **shares), f"split by {order.time}, so that each part is later than the one before"
    if order.ordered:
        return by_order(len(outcome), **shares), "split by the order of the rows, so that each part is later than the one before"
    seed = order.model.seed
    names = order.key or tuple(name for name in (BATCH, LINE) if name in frame.columns)
    if not names:
        return stratified(outcome, **shares, seed=seed), "drawn at random with every outcome in the same share; new rows draw all anew"
    parts, anew = by_identity(_identities(frame, names), outcome, **shares, seed=seed)
    said = f"drawn at random by {', '.join(order.key) if order.key else 'batch and line'}, so that a row stays in its part when rows are added"
    if anew == len(outcome):
        return parts, "drawn at random with every outcome in the same share, for the rows are few; new rows draw all anew"
    return parts, said + (f"; {anew:,} rows of rare outcomes are drawn anew each time, so that each part has some" if anew else "")


def _identities(frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """A text for each row that stays the same whatever rows are added."""
    columns = [pl.col(name).cast(pl.String).fill_null("") for name in names]
    return frame.select(pl.concat_str(columns, separator="\x1f").alias("identity"))["identity"].to_list()
