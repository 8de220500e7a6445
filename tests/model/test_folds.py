"""Folds: what candidates learn from and are judged on."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.folds import crossed, forward, held_out, repeats_for
from loopline.model.split import Parts, by_order


@given(st.integers(20, 300), st.integers(2, 6), st.integers(1, 3), st.integers(0, 5))
def test_in_each_repeat_every_row_is_held_out_once_and_never_learned_from(rows: int, folds: int, repeats: int, seed: int) -> None:
    strata = np.random.default_rng(seed).integers(0, 3, rows).astype(str)
    places = np.arange(rows) * 2
    made = crossed(places, strata, folds=folds, repeats=repeats, seed=seed)
    for repeat in range(repeats):
        held = np.concatenate([fold.held for fold in made if fold.repeat == repeat])
        assert sorted(held) == places.tolist()
    assert all(not set(fold.train) & set(fold.held) and len(fold.train) + len(fold.held) == rows for fold in made)


def test_each_fold_has_its_share_of_a_rare_class() -> None:
    strata = np.array(["rare"] * 10 + ["often"] * 90)
    made = crossed(np.arange(100), strata, folds=5, repeats=1, seed=3)
    assert [int((strata[fold.held] == "rare").sum()) for fold in made] == [2] * 5


def test_rows_of_one_group_are_held_out_together() -> None:
    groups = [f"g{number % 17}" for number in range(200)]
    for fold in crossed(np.arange(200), np.zeros(200), folds=4, repeats=2, seed=0, groups=groups):
        assert not {groups[row] for row in fold.train} & {groups[row] for row in fold.held}


@given(st.integers(60, 400), st.integers(1, 5), st.integers(0, 10))
def test_blocks_of_time_are_judged_by_what_came_before_them_and_the_gap(rows: int, folds: int, gap: int) -> None:
    whole = by_order(rows, validation=0.2, test=0.2)
    parts = Parts(whole.train[: len(whole.train) - gap], whole.validation, whole.test, early=whole.train[len(whole.train) - gap :])
    made = forward(parts, folds)
    assert 1 <= len(made) <= folds
    assert all(fold.train.max() + len(parts.early) < fold.held.min() for fold in made)
    assert np.array_equal(made[-1].held, parts.validation), "the last block is the validation part"
    assert all(one.held.max() < other.held.min() for one, other in zip(made, made[1:], strict=False))


def test_one_part_is_held_out_where_it_is_enough() -> None:
    parts = by_order(100, validation=0.2, test=0.2)
    (fold,) = held_out(parts)
    assert np.array_equal(fold.train, parts.train) and np.array_equal(fold.held, parts.validation)


def test_the_fewer_rows_the_more_repeats() -> None:
    assert repeats_for(500, 5) >= repeats_for(2000, 5) >= repeats_for(10_000, 5) == 1
