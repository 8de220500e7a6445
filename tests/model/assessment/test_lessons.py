"""The learning curve: whether more rows would pay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopline.model.assessment.lessons import FITS, SHARES, fitted, learn
from tests.model.assessment.cases import case, lessons

SIZES = np.array([share * 10_000 for share in (*SHARES, *SHARES, 1.0)])


def test_the_law_that_made_the_points_is_found() -> None:
    at = np.array([1_000.0, 10_000.0, 20_000.0])
    drawn, doubled = fitted(SIZES, 5 - 40 * SIZES**-0.5, at, seed=0)
    assert drawn[0] == pytest.approx(5 - 40 * at**-0.5, abs=1e-6)
    assert doubled.value == pytest.approx(40 * (10_000**-0.5 - 20_000**-0.5), abs=1e-6)


def test_the_interval_of_doubling_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    truth = 40 * (10_000**-0.5 - 20_000**-0.5)
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(scale=0.03, size=len(SIZES))
        _, doubled = fitted(SIZES, 5 - 40 * SIZES**-0.5 + noise, SIZES, seed=seed)
        covered += doubled.low <= truth <= doubled.high
    assert covered / 40 >= 0.85


def test_a_flat_curve_says_that_more_rows_do_not_pay() -> None:
    sure = 0
    for seed in range(40):
        _, doubled = fitted(SIZES, 5 + np.random.default_rng(seed).normal(scale=0.05, size=len(SIZES)), SIZES, seed=seed)
        sure += doubled.low > 0
    assert sure <= 4


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_model_that_still_learns_says_what_twice_as_many_rows_would_add(task: Any) -> None:
    made = case(task, 4000)
    assert made.validation is not None
    found = learn(made, lessons(task, made.validation))
    assert len(found["points"]) == FITS
    assert found["doubled"]["low"] > 0
    assert found["per_year"]["value"] == pytest.approx(10_000 * found["doubled"]["value"])
    assert found["says"].startswith("Twice as many rows would add about ")
    assert found["curve"]["rows"][-1] == pytest.approx(8000)
    assert learn(replace(made, volume_per_year=None), lessons(task, made.validation))["per_year"] is None


def test_rows_are_drawn_in_their_order_and_smaller_draws_lie_in_greater_ones() -> None:
    made = case("binary", 300)
    assert made.validation is not None
    base, asked = lessons("binary", made.validation), dict[tuple[int, int], Any]()

    def fit_on(rows: Any, seed: int) -> Any:
        asked[len(rows), seed] = rows
        return base.fit_on(rows, seed)

    learn(made, replace(base, fit_on=fit_on))
    assert sorted(size for size, _ in asked) == sorted([*(round(share * 4000) for share in SHARES for _ in range(2)), 4000])
    for (size, seed), rows in asked.items():
        assert len(rows) == size
        assert (np.diff(rows) > 0).all()
        assert all(set(rows) <= set(other) for (more, same), other in asked.items() if same == seed and more > size)
