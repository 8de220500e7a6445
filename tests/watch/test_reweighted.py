"""Weights: the test part's shares become the window's, chance is left alone, and what it has no rows for is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.reweighted import HEAVIEST, distance_left, has_moved, weights


def places(rows: int = 4000, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, rows)
    return {"x": x, "c": np.where(rng.random(rows) < 0.6, x % 2, rng.integers(0, 3, rows))}


@given(st.lists(st.integers(100, 900), min_size=4, max_size=4), st.lists(st.integers(200, 900), min_size=3, max_size=3))
def test_the_weighted_shares_are_the_windows(first: list[int], second: list[int]) -> None:
    known, counts = places(), {"x": first, "c": second}
    made = weights(known, counts)
    assert made.unlike == ""
    assert made.each.mean() == pytest.approx(1.0) and (made.each >= 0).all() and made.each.max() <= 1.5 * HEAVIEST
    assert 0 < made.effective <= len(made.each) + 1e-6
    for name in made.moved:
        share = np.bincount(known[name], weights=made.each, minlength=len(counts[name])) / made.each.sum()
        assert share == pytest.approx(np.array(counts[name]) / sum(counts[name]), abs=0.01)


def test_the_weights_are_the_ratio_of_the_densities_they_were_drawn_from() -> None:
    known = places(20_000)
    log_ratio = 0.5 * (known["x"] == 3) - 0.7 * (known["c"] == 1)
    true = np.exp(log_ratio) / np.exp(log_ratio).mean()
    counts = {name: (np.bincount(place, weights=true) * 10).round().astype(int).tolist() for name, place in known.items()}
    assert weights(known, counts).each == pytest.approx(true, abs=0.02)


def test_chance_is_left_alone() -> None:
    known, rng = places(), np.random.default_rng(1)
    moved = 0
    for _ in range(100):
        drawn = rng.integers(0, 4000, 300)
        made = weights(known, {name: np.bincount(place[drawn], minlength=4).tolist() for name, place in known.items()})
        moved += bool(made.moved)
        assert made.moved or (made.each == 1).all()
    assert moved <= 6
    assert has_moved(np.array([500, 500]), [70, 30]) and not has_moved(np.array([500, 500]), [52, 48])
    assert not has_moved(np.array([9, 0]), [3, 0])


def test_a_bin_of_which_the_test_part_has_no_row_is_named() -> None:
    made = weights({"x": np.zeros(500, dtype=np.intp)}, {"x": [80, 20]})
    assert made.unlike == "20% of its rows have a x of which the test part has none"
    made = weights({"x": np.zeros(500, dtype=np.intp)}, {"x": [0, 0]})
    assert (made.moved, made.unlike) == ((), "")


def test_features_that_are_never_together_in_the_test_part_leave_no_row() -> None:
    made = weights({"x": np.repeat([0, 1], 500), "c": np.repeat([0, 1], 500)}, {"x": [900, 0], "c": [0, 900]})
    assert made.unlike == "no row of the test part is like its rows"


def test_a_few_rows_may_not_speak_for_a_window() -> None:
    rare = np.array([0] * 3990 + [1] * 10)
    made = weights({"x": rare}, {"x": [10, 990]})
    assert made.unlike == "few rows of the test part have its x"
    assert distance_left(made, rare, [990, 10]) > 0.3


def test_without_features_every_row_weighs_the_same() -> None:
    assert len(weights({}, {}).each) == 0
