"""The members' scores as one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.scoring import blended


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 30), st.integers(0, 99))
def test_it_is_the_weighted_mean_of_the_members(members: int, width: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random(members)
    weights /= weights.sum()
    outputs = rng.random((rows, members * width))
    made = blended(weights, outputs, width)
    assert made.shape == (rows, width)
    if members > 1:
        np.testing.assert_allclose(made, np.einsum("m,nmk->nk", weights, outputs.reshape(rows, members, width)))


def test_a_row_alone_has_the_same_digits_as_among_many() -> None:
    rng = np.random.default_rng(0)
    weights, outputs = np.array([0.31, 0.27, 0.42]), rng.random((500, 3))
    whole = blended(weights, outputs, 1)
    assert all((blended(weights, outputs[row : row + 1], 1) == whole[row]).all() for row in range(500))
