"""The rounds of the last fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.families import Sample, find
from loopline.model.rounds import GROWTH_AT_MOST, last_rounds, settled
from loopline.model.spec import installed
from tests.model.problems import problem


@given(st.integers(1, 2000), st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_rows_never_have_fewer_rounds_nor_more_than_the_limit(count: int, on: int, rows: int) -> None:
    found = last_rounds(settled(count, on), rows, otherwise=1)
    assert count <= found <= GROWTH_AT_MOST * count
    assert found <= last_rounds(settled(count, on), rows + 1, otherwise=1)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
def test_the_last_fit_of_more_rows_has_more_trees(name: str) -> None:
    if not installed(name):
        pytest.skip(f"the extra {name} is not installed")
    posed = replace(problem("binary"), validation=None)
    train = posed.train
    more = Sample(np.concatenate([train.features, train.features[::2]]), np.concatenate([train.target, train.target[::2]]))
    params = {**find(name).portfolio(posed)[0], **settled(20, len(train.target))}
    fitted = find(name).fit(replace(posed, train=more), params)
    assert fitted.settled() == settled(30, len(more.target))
