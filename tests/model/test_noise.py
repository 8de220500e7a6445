"""What chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.model.noise import BLOCKS, LEVEL, in_blocks, within_noise


def told_apart(candidates: int, among: int, *, times: int = 400) -> float:
    """How often the best of so many candidates that are all alike is told from one more."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(times):
        money = rng.normal(size=(candidates + 1, BLOCKS))
        best = money[:-1][np.argmax(money[:-1].mean(axis=1))]
        found += not within_noise(best - money[-1], among=among)
    return found / times


def test_two_that_are_alike_are_told_apart_as_seldom_as_it_says() -> None:
    assert told_apart(1, 1) == pytest.approx(LEVEL, abs=0.025)


def test_the_best_of_many_is_told_from_one_more_as_seldom_only_when_all_are_counted() -> None:
    assert told_apart(50, 1) > 3 * LEVEL
    assert told_apart(50, 50) <= LEVEL


def test_what_is_plainly_better_is_told_apart_however_many_there_were() -> None:
    rng = np.random.default_rng(1)
    assert not within_noise(5 + rng.normal(size=BLOCKS), among=1000)


def test_fewer_rows_than_blocks_are_blocks_of_one_row() -> None:
    assert in_blocks(np.array([1.0, 3.0])).tolist() == [1.0, 3.0]
    assert within_noise(np.zeros(1)) and not within_noise(np.ones(1))
