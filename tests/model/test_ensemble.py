"""The ensemble of the best candidates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from loopline.model.candidates import Trial
from loopline.model.ensemble import CANDIDATES, MEMBERS, OF_EACH, chosen, shortlist

ROWS = 4000


def squared(truth: NDArray[np.float64]):  # type: ignore[no-untyped-def]
    return lambda scores, rows: float(np.mean((scores[rows] - truth[rows]) ** 2))


@given(st.integers(0, 1000), st.integers(1, 9))
def test_weights_add_up_and_members_are_few(seed: int, candidates: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=200)
    scores = [truth + rng.normal(scale=0.5, size=200) for _ in range(candidates)]
    members = chosen(scores, squared(truth), np.arange(200), kinds=["a"] * candidates, tried=candidates, seed=0)
    assert sum(member.weight for member in members) == pytest.approx(1)
    assert 1 <= len(members) <= MEMBERS and all(member.weight > 0 for member in members)
    assert len({member.place for member in members}) == len(members)


def test_two_that_err_differently_are_better_together() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=ROWS)
    first, second = truth + rng.normal(size=ROWS), truth + rng.normal(size=ROWS)
    members = chosen([first, second], squared(truth), np.arange(ROWS), kinds=["a", "b"], tried=2, seed=0)
    assert {member.place for member in members} == {0, 1}
    assert all(member.weight == pytest.approx(0.5, abs=0.1) for member in members)


def test_one_that_is_plainly_worse_is_left_out_whatever_its_kind() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=ROWS)
    members = chosen([truth + rng.normal(scale=0.1, size=ROWS), rng.normal(size=ROWS)], squared(truth), np.arange(ROWS), kinds=["a", "b"], tried=2, seed=0)
    assert [member.place for member in members] == [0]


def test_kinds_that_the_rows_cannot_tell_apart_share_the_weight() -> None:
    rng = np.random.default_rng(3)
    truth, noise = rng.normal(size=ROWS), rng.normal(size=ROWS)
    alike = [truth + noise, truth + noise + rng.normal(scale=0.01, size=ROWS)]
    members = chosen(alike, squared(truth), np.arange(ROWS), kinds=["a", "b"], tried=2, seed=0)
    assert {member.place for member in members} == {0, 1}


def test_an_untuned_one_is_among_them_unless_it_is_plainly_worse() -> None:
    rng = np.random.default_rng(4)
    truth, noise = rng.normal(size=ROWS), rng.normal(size=ROWS)
    best, near, far = truth + noise, truth + noise + rng.normal(scale=0.01, size=ROWS), rng.normal(scale=3, size=ROWS)
    for other, is_member in ((near, True), (far, False)):
        members = chosen([best, other], squared(truth), np.arange(ROWS), kinds=["a", "a"], tried=2, seed=0, untuned={1})
        assert (1 in {member.place for member in members}) is is_member


def test_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=ROWS)
    scores = [truth + rng.normal(scale=scale, size=ROWS) for scale in (0.5, 0.6, 0.9)]
    one, two = (chosen(scores, squared(truth), np.arange(ROWS) // 50, kinds=["a", "a", "b"], tried=2, seed=7) for _ in range(2))
    assert one == two


def test_the_shortlist_has_the_best_of_every_family() -> None:
    def trial(family: str, value: float) -> Trial:
        return Trial(family=family, params={"x": value}, settled={}, value=value, worth=value, loss=0.0, metrics={}, policy={}, blocks=(), seconds=0.0)

    ranked = sorted(
        [*(trial("many", number / 10) for number in range(50, 20, -1)), trial("rare", 1.0), trial("rare", 0.9), trial("rare", 0.8)],
        key=lambda one: -(one.value or 0),
    )
    listed = shortlist(ranked)
    assert len(listed) == CANDIDATES
    assert [one.family for one in listed].count("rare") == OF_EACH
    assert listed[0] is ranked[0] and listed == [one for one in ranked if one in listed]
