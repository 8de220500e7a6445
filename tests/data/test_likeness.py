from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.likeness import distance

VALUES = st.lists(st.none() | st.integers(-5, 5), min_size=1, max_size=30)
CHANCE = np.random.default_rng(0)


@given(VALUES, VALUES)
def test_it_lies_between_0_and_1_and_is_the_same_both_ways(one, other):
    first, second = pl.Series(one, dtype=pl.Int64), pl.Series(other, dtype=pl.Int64)
    apart = distance(first, second)
    assert apart == distance(second, first)
    assert apart is None or 0 <= apart <= 1
    assert distance(first, first) == 0


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ([1, 2, 3], [11, 12, 13], 1.0),
        ([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0], 0.5),
        (["a", "a", "b", "b"], ["a", "a", "a", "b"], 0.25),
        (["a"] * 4, ["b"] * 4, 1.0),
        ([True, False], [True, True], 0.5),
        ([date(2024, 1, 1)], [date(2024, 1, 1)], 0.0),
        ([1, None], [1, 1], 0.5),
        ([None, None], [1, 1], 1.0),
        ([1, 2], ["1", "2"], 1.0),
        ([], [1], None),
    ],
)
def test_what_it_is(one, other, apart):
    assert distance(pl.Series(one), pl.Series(other)) == (None if apart is None else pytest.approx(apart))


def test_texts_that_hardly_come_twice_tell_nothing():
    names = pl.Series([f"n{number}" for number in range(2000)])
    assert distance(names, names) is None


def test_two_draws_of_one_distribution_are_near():
    assert distance(pl.Series(CHANCE.normal(size=5000)), pl.Series(CHANCE.normal(size=5000))) < 0.05
