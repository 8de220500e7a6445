"""From the material to what candidates are proved on and fitted to: the features of each fold, made of its training rows alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loopline.charter.metrics import LESS_IS_BETTER
from loopline.charter.spec import Task
from loopline.model.columns import raw
from loopline.model.constraints import excluded, monotone_of
from loopline.model.encode import encode
from loopline.model.families import Problem, Sample
from loopline.model.features import Planned, make_plan
from loopline.model.learning import learning_matrix
from loopline.model.material import Material
from loopline.model.matrix import matrix
from loopline.model.plan import Plan
from loopline.model.proof import Proof, Trained
from loopline.model.selection import Dropped, select
from loopline.model.spec_features import RULE
from loopline.model.split import Index

SEARCHED_AT_MOST = 100_000
"""Training rows that each candidate learns from in the search, those of all folds together; the last fit learns from all."""

_EACH_AT_LEAST = 25_000


@dataclass(frozen=True, eq=False)
class Whole:
    """All that may be learned from, as the last fit sees it."""

    planned: Planned
    problem: Problem
    stake: NDArray[np.float64]

    @property
    def plan(self) -> Plan:
        """The encoding plan of the package."""
        return self.planned.plan


def whole_of(material: Material, *, threads: int) -> Whole:
    """The problem of the last fit: every row before the test part.

    Raises
    ------
    Mistake
        When no column is left to learn from.
    """
    planned, problem = _problem(material, material.learned, threads=threads)
    return Whole(planned, problem, stakes(material, material.learned))


def proof_of(material: Material, *, threads: int) -> Proof:
    """What candidates are proved on: each fold's features are planned on, and fitted to, its training rows."""
    judged = material.judged
    place = np.full(len(material.outcome), -1, dtype=np.int64)
    place[judged] = np.arange(len(judged))
    folds = []
    for fold in material.folds:
        train = _drawn(fold.train, material.order.model.seed, folds=len(material.folds))
        planned, problem = _problem(material, train, threads=threads)
        held = Sample(features_of(material, planned.plan, fold.held), material.target(fold.held), gain=_gain(material, fold.held))
        folds.append(Trained(replace(problem, validation=held), stakes(material, train), place[fold.held], fold.repeat, planned.plan))
    return Proof(folds, len(judged))


def noise_of(material: Material, *, threads: int) -> tuple[Dropped, ...]:
    """The columns that tell nothing or repeat others, by evidence from the training rows alone; where the score must carry the money, nothing of it either."""
    order = material.order
    rows = _drawn(material.parts.train, order.model.seed)
    planned, problem = _problem(material, rows, threads=threads)
    groups = [column for column, _ in planned.plan.features]
    ordered = order.time is not None or order.ordered
    train = problem.train

    def dropped(target: NDArray[np.float64], task: Task) -> tuple[Dropped, ...]:
        return select(train.features, groups, target, task, seed=order.model.seed, ordered=ordered, threads=threads).dropped

    found = dropped(train.target, order.task)
    if train.gain is None or not found:
        return found
    silent = {one.column for one in dropped(train.gain, "regression")}
    return tuple(one for one in found if one.column in silent)


def stakes(material: Material, rows: Index) -> NDArray[np.float64]:
    """The money between the right and the wrong decision of some rows, shape (n,); a unit too high or too low for regression."""
    judge, part = material.order.judge, material.part(rows)
    if judge.task == "binary":
        return np.abs(judge.gain(part))
    if judge.task == "multiclass":
        return judge.worth.perfect(part.outcome, part.columns) - judge.worth.per_row(np.full(len(rows), None, dtype=object), part.outcome, part.columns)
    both = (judge.worth.per_row(part.outcome + step, part.outcome, part.columns) for step in (1.0, -1.0))
    return np.asarray(-sum(both) / 2)


def usable_threads() -> int:
    """Half of the processors that may be used.

    Threads that wait for one another spin: measured on two processors of which another process had one, two threads took 14 s where one
    took 0.9 s, and on idle ones they took 0.5 s instead of 0.7.
    """
    return max(1, processors() // 2)


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gain(material: Material, rows: Index) -> NDArray[np.float64] | None:
    """What `Sample.gain` holds; None but where money ranks, differs by the row, and does not enter the decision, so that the score must carry it."""
    judge = material.order.judge
    unseen = judge.task == "binary" and judge.by == "worth" and bool(judge.worth.columns) and judge.declared.kind == "threshold"
    return judge.gain(material.part(rows)) if unseen else None


def _problem(material: Material, rows: Index, *, threads: int) -> tuple[Planned, Problem]:
    order = material.order
    target = material.target(rows)
    planned = make_plan(
        material.frame[rows],
        order.columns,
        target=target,
        task=order.task,
        classes=order.classes,
        time=order.time,
        leave_out=order.apart,
        dropped=material.dropped,
        held=[one.column for one in order.constraints if one.hold != "exclude"],
        spec=order.model.features,
        rules=order.model.rules,
    )
    columns = raw(material.frame, planned.plan.columns, rows)
    features = learning_matrix(planned.plan, columns, target, time=_time(material, rows), seed=order.model.seed)
    planned = replace(planned, left_out={**planned.left_out, **material.dropped, **excluded(order.constraints)})
    problem = Problem(
        order.task,
        order.classes,
        planned.plan.count_numbers,
        Sample(features, target, gain=_gain(material, rows)),
        None,
        seed=order.model.seed,
        quantile=order.judge.quantile(material.part(rows)) if order.task == "regression" else 0.5,
        threads=threads,
        monotone=monotone_of(planned.plan, order.constraints),
        rules=_rules(planned.plan, order.model.rules),
        by="order" if order.task == "binary" and order.model.search.by not in LESS_IS_BETTER else "loss",
    )
    return planned, problem


def _rules(plan: Plan, rules: Sequence[str]) -> tuple[int, ...]:
    """The places of the rules among the features, in their order; one that was left out has none."""
    place = {name: at for at, (_, name) in enumerate(plan.features)}
    return tuple(place[RULE + text] for text in rules if RULE + text in place)


def _time(material: Material, rows: Index) -> NDArray[np.generic] | None:
    """What some rows are ordered by, shape (n,): their time, or their places where they stand in its order; None where they have none."""
    order = material.order
    if order.time is not None:
        return raw(material.frame, [order.time], rows)[order.time]
    return np.asarray(rows) if order.ordered else None


def features_of(material: Material, plan: Plan, rows: Index) -> NDArray[np.float32]:
    """The features of some rows that the plan was not made from, shape (n, d)."""
    return matrix(plan, encode(plan, raw(material.frame, plan.columns, rows)))


def drawn_rows(material: Material) -> int:
    """The training rows of all folds together that a candidate learns from."""
    return sum(min(len(fold.train), _most(len(material.folds))) for fold in material.folds)


def _most(folds: int) -> int:
    return max(_EACH_AT_LEAST, SEARCHED_AT_MOST // folds)


def _drawn(rows: Index, seed: int, *, folds: int = 1) -> Index:
    """The training rows of a fold that candidates are compared on: all of them, or its share of `SEARCHED_AT_MOST` drawn by the seed."""
    most = _most(folds)
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]
