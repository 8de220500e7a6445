"""The main table as what there is to learn: rows with a known outcome, in their order, in three parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.outcome import labels
from loopline.data.spec import HIDDEN, ROW
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.model import blocks
from loopline.model.candidates import Part
from loopline.model.columns import array, raw
from loopline.model.division import folded, parted
from loopline.model.evaluate import outcomes
from loopline.model.folds import Fold
from loopline.model.order import Order
from loopline.model.split import Parts
from loopline.workspace import Job


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
    folds
        What candidates learn from and are judged on.
    split
        How the parts and the folds were made, in words.
    dropped
        Columns that are not learned from although they could be, each with the reason.
    """

    order: Order
    frame: pl.DataFrame
    outcome: NDArray[Any]
    parts: Parts
    folds: tuple[Fold, ...]
    split: str
    dropped: Mapping[str, str] = field(default_factory=dict)

    def on(self, folds: tuple[Fold, ...]) -> Material:
        """The same rows, of which these are learned from and judged on."""
        return replace(self, folds=folds)

    def without(self, dropped: Mapping[str, str]) -> Material:
        """The same rows, of which these columns are not learned from, each with its reason."""
        return replace(self, dropped={**self.dropped, **dropped})

    @property
    def learned(self) -> NDArray[np.int64]:
        """All rows that the last fit learns from, in their order."""
        return self.parts.learned

    @property
    def judged(self) -> NDArray[np.int64]:
        """The rows that candidates are judged on: those held out by any fold, in their order."""
        held = np.zeros(len(self.outcome), dtype=bool)
        for fold in self.folds:
            held[fold.held] = True
        rows = self.learned
        return rows[held[rows]]

    def part(self, rows: NDArray[np.int64]) -> Part:
        """Some rows as judging needs them."""
        order = self.order
        names = [*dict.fromkeys((*sorted(order.priced), *order.slices))]
        counted = order.time if order.model.policy.limit is not None else None
        time = None if counted is None else raw(self.frame, [counted], rows)[counted]
        return Part(self.outcome[rows], raw(self.frame, names, rows), time)

    def blocks(self, rows: NDArray[np.int64]) -> blocks.Blocks:
        """What each of some rows, in the order of their part, is resampled with, shape (n,)."""
        if self.order.time is not None:
            return blocks.by_time(raw(self.frame, [self.order.time], rows)[self.order.time])
        return blocks.by_order(len(rows)) if self.order.ordered else blocks.alone(len(rows))

    def target(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Some rows' outcomes as a family takes them: 0 or 1, the class's place, or the value."""
        if self.order.task != "multiclass":
            return self.outcome[rows].astype(np.float64)
        place = {label: index for index, label in enumerate(self.order.classes)}
        return np.array([place[label] for label in self.outcome[rows]], dtype=np.float64)


def read_table(job: Job, order: Order) -> pl.DataFrame:
    """The main table's columns that are needed, in the version that the step was given."""
    return scan_table(job, order).collect()


def scan_table(job: Job, order: Order) -> pl.LazyFrame:
    """The same before it is read."""
    table = job.step.inputs["table"]
    lazy = Tables(job.workspace.lake).read(table["name"], version=table["version"])
    there = lazy.collect_schema().names()
    return lazy.select([*order.read_columns(), *(name for name in HIDDEN if name in there)])


def prepare(table: pl.DataFrame, order: Order) -> Material:
    """The rows with a known outcome, split into their parts.

    Raises
    ------
    Mistake
        When too few outcomes are known, or the training part has only one of them.
    """
    # Copies are made only where they change something: the table may be large.
    known = table.filter(pl.col(order.target).is_not_null()) if table[order.target].null_count() else table
    if order.task == "regression" and known[order.target].dtype.is_float() and not known[order.target].is_finite().all():
        known = known.filter(pl.col(order.target).is_finite())
    if order.task == "regression" and not known[order.target].dtype.is_numeric():
        raise Mistake(f"the outcome {order.target!r} holds no numbers", where="charter.task", remedy="say task: multiclass, or give the column the type number")
    if known.is_empty():
        raise Mistake("no row's outcome is known", where=f"charter.predict: {order.target}", remedy="deliver rows that have it")
    if ROW in known.columns and not known[ROW].is_sorted():
        known = known.sort(ROW, maintain_order=True)
    outcome = _outcome(known[order.target], order)
    if order.task == "multiclass":
        foreign = sorted(set(outcome) - set(order.classes))
        if foreign:
            what = f"the outcome has classes that the data stage did not see: {', '.join(foreign[:5])}"
            raise Mistake(what, where=order.target, remedy="run the data stage anew: loopline run --fresh data")
    parts, split = parted(known, outcome, order)
    train = outcome[parts.train]
    if order.task != "regression" and len(np.unique(train)) < 2:
        what = f"all {len(train):,} training rows have the same outcome"
        raise Mistake(what, where=order.target, remedy="deliver more rows, or take away the source's time so that the split is stratified")
    folds, said = folded(known, outcome, order, parts)
    return Material(order, known, outcome, parts, folds, f"{split}; {said}")


def _outcome(known: pl.Series, order: Order) -> NDArray[Any]:
    """Known outcomes as judging takes them; a million rows of few classes take a tenth of a second, where one by one they took two."""
    if order.task == "regression":
        return outcomes(order.task, known.to_numpy())
    said = array(labels(known))
    return np.asarray(said == order.positive) if order.task == "binary" else said
