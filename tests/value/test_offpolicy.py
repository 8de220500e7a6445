"""What other decisions would have earned: right where what must be true is, and bounds where it cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.value.offpolicy import bound, direct, doubly_robust, propensities, relative

SHARE = 0.2
ROWS = 2000
NOTHING = np.zeros(ROWS)


class World:
    """Rows that the model acts on from a score of one half on; a share is left to the other way, which always acts."""

    def __init__(self, seed: int, rows: int = ROWS) -> None:
        rng = np.random.default_rng(seed)
        self.score = rng.random(rows)
        self.happened = rng.random(rows) < self.score
        self.of_acting = np.where(self.happened, 10.0, -10.0)
        self.own = self.score >= 0.5
        self.taken = np.where(rng.random(rows) < SHARE, True, self.own)
        self.money = relative(self.of_acting, self.taken, np.zeros(rows))
        self.propensity = propensities(self.own, np.ones(rows, dtype=bool), self.taken, SHARE)

    def truth(self, acts: np.ndarray) -> float:
        """What a policy earns on these very rows."""
        return float(np.where(acts, self.of_acting, 0.0).mean())

    def expected(self, acts: np.ndarray) -> np.ndarray:
        return np.where(acts, 20 * self.score - 10, 0.0)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_weighed_by_chance_the_mean_is_right_over_many_worlds(threshold: float) -> None:
    misses, sure = [], 0
    for seed in range(200):
        world = World(seed)
        acts = world.score >= threshold
        agrees = acts == world.taken
        found = doubly_robust(world.money, world.propensity, agrees, NOTHING, NOTHING, confidence=0.9)
        robust = doubly_robust(world.money, world.propensity, agrees, world.expected(acts), world.expected(world.taken), confidence=0.9)
        truth = float(np.where(acts, 20 * world.score - 10, 0.0).mean())
        assert found.value is not None and robust.value is not None and robust.low is not None and robust.high is not None
        misses.append((found.value - truth, robust.value - truth))
        sure += robust.low <= 20 * ((1 - threshold**2) / 2) - 10 * (1 - threshold) <= robust.high
    plain, robustly = np.array(misses).T
    assert abs(plain.mean()) < 4 * plain.std() / np.sqrt(200) and abs(robustly.mean()) < 4 * robustly.std() / np.sqrt(200)
    assert robustly.std() <= plain.std()
    assert sure >= 160


def test_doubly_robust_bears_a_model_that_is_wrong() -> None:
    found = []
    for seed in range(100):
        world = World(seed)
        acts = world.score >= 0.3
        robust = doubly_robust(world.money, world.propensity, acts == world.taken, np.full(ROWS, 50.0), np.full(ROWS, 50.0), confidence=0.9)
        assert robust.value is not None
        found.append(robust.value - float(np.where(acts, 20 * world.score - 10, 0.0).mean()))
    assert abs(np.mean(found)) < 4 * np.std(found) / 10


def test_direct_differences_are_exact() -> None:
    world = World(1)
    acts = world.score >= 0.7
    found = direct(np.where(acts, world.of_acting, 0.0) - np.where(world.own, world.of_acting, 0.0), confidence=0.9)
    assert found.value == pytest.approx(world.truth(acts) - world.truth(world.own))
    assert found.assumptions and "outcome" in " ".join(found.assumptions).lower()


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_bounds_hold_whatever_nobody_saw_was(rows: list[tuple[bool, bool]]) -> None:
    rests, happened = (np.array(part) for part in zip(*rows, strict=True))
    saved = {True: np.where(rests, -140.0, 0.0), False: np.where(rests, 60.0, 0.0)}
    found = bound(np.minimum(saved[True], saved[False]), np.maximum(saved[True], saved[False]))
    truth = float(np.where(happened, saved[True], saved[False]).mean())
    assert found.low is not None and found.high is not None
    assert found.value is None and found.low - 1e-9 <= truth <= found.high + 1e-9
    assert "between" in found.says("it", "USD")


def test_what_had_no_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="no chance"):
        doubly_robust(np.ones(3), np.array([0.5, 0.0, 1.0]), np.ones(3, dtype=bool), NOTHING[:3], NOTHING[:3], confidence=0.9)


def test_too_few_rows_have_no_interval() -> None:
    found = direct(np.ones(5), confidence=0.9)
    assert (found.value, found.low) == (1.0, None)
    assert "too early" in found.says("it", "USD")


def test_money_that_nobody_saw_takes_no_part() -> None:
    money = np.array([np.nan, 4.0] * 100)
    agrees = np.array([False, True] * 100)
    found = doubly_robust(money, np.full(200, 0.5), agrees, NOTHING[:200], NOTHING[:200], confidence=0.9)
    assert found.value == 4.0
