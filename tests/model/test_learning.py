"""The matrix of the rows that a plan was made from: no row's outcome is in its own features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.model.columns import raw
from loopline.model.encode import encode
from loopline.model.features import Column, make_plan
from loopline.model.learning import FOLDS, SPANS, learning_matrix
from loopline.model.matrix import matrix
from loopline.model.plan import Plan

ROWS = 6_000


def frame(values: int, *, rows: int = ROWS, seed: int = 0) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    codes = np.random.default_rng(seed).integers(0, values, rows)
    return pl.DataFrame({"city": [f"city {code}" for code in codes], "size": np.arange(rows) % 7}), codes


def plan_of(table: pl.DataFrame, target: NDArray[np.float64], *, task: Task = "binary", classes: Sequence[str] = ()) -> Plan:
    return make_plan(table, [Column("city", "category"), Column("size", "integer")], target=target, task=task, classes=classes).plan


def outcomes_in(plan: Plan, features: NDArray[np.float32]) -> NDArray[np.float32]:
    return features[:, [at for at, (_, name) in enumerate(plan.features) if name.endswith("against all")]]


def leaking(plan: Plan, table: pl.DataFrame) -> NDArray[np.float32]:
    return outcomes_in(plan, matrix(plan, encode(plan, raw(table, plan.columns))))


@pytest.mark.parametrize("in_time", [False, True])
def test_a_category_of_chance_does_not_tell_the_outcome(in_time: bool) -> None:
    table, _ = frame(1_000)
    time = np.arange(ROWS) if in_time else None
    found = []
    for seed in range(8):
        # A true spread among few categories keeps the rest from being shrunk to nothing.
        rng = np.random.default_rng(seed)
        target = rng.normal(size=ROWS)
        plan = plan_of(table, target, task="regression")
        clean = outcomes_in(plan, learning_matrix(plan, raw(table, plan.columns), target, time=time, seed=seed))[:, 0]
        found.append(np.corrcoef(clean, target)[0, 1] if clean.std() > 0 else 0.0)
    assert np.abs(found).max() < 0.05


def test_what_leaks_in_the_plan_s_own_statistic_does_not_in_the_learning_matrix() -> None:
    table, codes = frame(1_000)
    rng = np.random.default_rng(3)
    # Half of the categories differ in truth, so that the statistic is not shrunk away; the others' rows are chance alone.
    effect = np.where(np.arange(1_000) < 500, rng.normal(scale=1.0, size=1_000), 0.0)
    target = effect[codes] + rng.normal(size=ROWS)
    plan = plan_of(table, target, task="regression")
    chance = codes >= 500
    leaks = leaking(plan, table)[chance, 0]
    clean = outcomes_in(plan, learning_matrix(plan, raw(table, plan.columns), target, seed=0))[chance, 0]
    assert np.corrcoef(leaks, target[chance])[0, 1] > 0.2
    assert abs(np.corrcoef(clean, target[chance])[0, 1]) < 0.06
    assert np.corrcoef(outcomes_in(plan, learning_matrix(plan, raw(table, plan.columns), target, seed=0))[~chance, 0], target[~chance])[0, 1] > 0.4


@pytest.mark.parametrize("in_time", [False, True])
def test_a_row_s_own_outcome_moves_nothing_in_its_own_features(in_time: bool) -> None:
    table, codes = frame(100)
    target = ((codes % 3 == 0) ^ (np.random.default_rng(1).random(ROWS) < 0.2)).astype(np.float64)
    plan = plan_of(table, target)
    time = np.arange(ROWS) if in_time else None
    before = outcomes_in(plan, learning_matrix(plan, raw(table, plan.columns), target, time=time, seed=4))
    for row in (0, 17, ROWS // 2, ROWS - 1):
        turned = target.copy()
        turned[row] = 1 - turned[row]
        after = outcomes_in(plan, learning_matrix(plan, raw(table, plan.columns), turned, time=time, seed=4))
        assert np.array_equal(after[row], before[row])
        assert in_time and row == ROWS - 1 or not np.array_equal(after, before)


def test_in_time_only_earlier_rows_tell() -> None:
    table, codes = frame(60)
    rng = np.random.default_rng(2)
    target = (codes % 2 + rng.normal(scale=0.5, size=ROWS) > 0.5).astype(np.float64)
    plan = plan_of(table, target)
    moments = rng.permutation(ROWS)
    columns = raw(table, plan.columns)
    before = outcomes_in(plan, learning_matrix(plan, columns, target, time=moments, seed=0))[:, 0]
    assert np.all(before[moments < ROWS // SPANS] == 0)
    later = moments >= ROWS // 2
    turned = np.where(later, 1 - target, target)
    after = outcomes_in(plan, learning_matrix(plan, columns, turned, time=moments, seed=0))[:, 0]
    assert np.array_equal(after[~later], before[~later])
    assert not np.array_equal(after[later], before[later])


def test_rows_of_one_moment_do_not_tell_of_one_another() -> None:
    table, codes = frame(60)
    target = (codes % 2).astype(np.float64)
    plan = plan_of(table, target)
    columns = raw(table, plan.columns)
    same = np.full(ROWS, np.datetime64("2026-01-01"))
    assert np.all(outcomes_in(plan, learning_matrix(plan, columns, target, time=same, seed=0)) == 0)
    unknown = same.copy()
    unknown[: ROWS // 2] = np.datetime64("NaT")
    found = outcomes_in(plan, learning_matrix(plan, columns, target, time=unknown, seed=0))[:, 0]
    assert np.all(found[: ROWS // 2] == 0) and np.all(found[ROWS // 2 :] != 0)


def test_all_but_the_outcome_s_statistics_is_as_the_matrix_has_it() -> None:
    table, codes = frame(100)
    target = (codes % 3).astype(np.float64)
    plan = plan_of(table, target, task="multiclass", classes=("a", "b", "c"))
    columns = raw(table, plan.columns)
    made, plain = learning_matrix(plan, columns, target, seed=0), matrix(plan, encode(plan, columns))
    other = [at for at, (_, name) in enumerate(plan.features) if not name.endswith("against all")]
    assert np.array_equal(made[:, other], plain[:, other])
    assert outcomes_in(plan, made).shape == (ROWS, 3)
    assert not np.array_equal(made, plain)


def test_the_seed_deals_the_rows_and_the_same_seed_deals_them_alike() -> None:
    table, codes = frame(100)
    target = ((codes % 3 == 0) ^ (np.random.default_rng(1).random(ROWS) < 0.2)).astype(np.float64)
    plan = plan_of(table, target)
    columns = raw(table, plan.columns)
    first, again, other = (learning_matrix(plan, columns, target, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert len(np.unique(outcomes_in(plan, first)[codes == 7])) <= FOLDS
