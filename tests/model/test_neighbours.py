"""Nearest neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.families import FitFailed, Sample
from loopline.model.neighbours import ROWS_AT_MOST, _nearest, family
from tests.model.problems import columns, problem, run_graph


@given(st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=5), st.integers(1, 6))
def test_of_those_equally_far_the_first_are_near(far: list[list[int]], count: int) -> None:
    made = _nearest(np.array(far, dtype=np.float64), count)
    assert made.tolist() == [sorted(sorted(range(6), key=lambda place: (row[place], place))[:count]) for row in far]


@pytest.mark.parametrize("by", ["distance", "all alike"])
def test_ties_are_cut_alike_in_the_graph(by: str) -> None:
    posed = problem("regression", rows=400)
    # Rows that stand many times over, with outcomes that all differ: a tie cut otherwise shows in the score.
    features = posed.train.features[np.arange(300) % 7]
    train = Sample(features, np.arange(300.0))
    fitted = family().fit(replace(posed, train=train), {"neighbours": 10, "by": by, "loss": "squared"})
    raw = columns(400)
    raw = {name: values[np.arange(300) % 7] for name, values in raw.items()}
    np.testing.assert_allclose(run_graph(fitted, "regression", raw), fitted.score(features), rtol=1e-12)
    assert len(np.unique(fitted.score(features))) == 7


def test_a_row_of_weight_two_counts_twice() -> None:
    features = np.array([[0.0], [1.0], [1.0], [9.0]], dtype=np.float32)
    posed = replace(problem("binary"), count_numbers=1, train=Sample(features, np.array([0.0, 1, 0, 1]), np.array([1.0, 2, 1, 1])))
    fitted = family().fit(posed, {"neighbours": 3, "by": "all alike"})
    assert fitted.score(features[:1]).tolist() == [0.5]


def test_a_lopsided_worth_moves_the_mean_by_its_errors() -> None:
    posed = replace(problem("regression", rows=2000), quantile=0.9)
    assert posed.validation is not None
    score = family().fit(posed, family().portfolio(posed)[0]).score(posed.validation.features)
    assert np.mean(score >= posed.validation.target) == pytest.approx(0.9, abs=0.04)


def test_more_neighbours_than_rows_are_all_rows() -> None:
    posed = problem("binary", rows=20)
    assert family().fit(posed, {"neighbours": 100, "by": "all alike"}).score(posed.train.features)[0] == pytest.approx(posed.train.target.mean())


def test_what_it_cannot_do_is_a_fit_that_failed() -> None:
    posed = problem("binary")
    many = Sample(np.zeros((ROWS_AT_MOST + 1, 5), dtype=np.float32), np.zeros(ROWS_AT_MOST + 1))
    for wrong, said in ((replace(posed, train=many), "at most 3,000"), (replace(posed, monotone=(0, -1, 0, 0, 0)), "direction")):
        with pytest.raises(FitFailed, match=said):
            family().fit(wrong, family().portfolio(posed)[0])
