"""Associations: what the measures are by their definitions, and what they must never be."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from scipy.stats.contingency import association

from loopline.data.explore.associations import COLUMNS, LEVELS, associations

RNG = np.random.default_rng(5)


def test_numbers_are_compared_by_rank_in_the_rows_where_both_are_known():
    x = RNG.normal(size=500)
    y = np.where(RNG.random(500) < 0.2, np.nan, x**3 + RNG.normal(size=500))
    z = np.where(RNG.random(500) < 0.3, np.nan, -x)
    found = associations(pl.DataFrame({"x": x, "y": y, "z": z}))
    known = np.isfinite(y)
    # Ranks are taken over all rows of a column, so that they are near those of the common rows, not the same.
    assert found.value("x", "y") == pytest.approx(spearmanr(x[known], y[known]).statistic, abs=0.01)
    assert found.value("z", "x") == pytest.approx(-1, abs=1e-3)
    assert next(pair.rows for pair in found.pairs if {pair.one, pair.other} == {"x", "y"}) == known.sum()


def test_categories_are_compared_by_cramers_v_without_its_bias():
    one = RNG.integers(0, 4, 3000)
    other = np.where(RNG.random(3000) < 0.5, one, RNG.integers(0, 4, 3000))
    found = associations(
        pl.DataFrame({"one": [f"a{v}" for v in one], "other": [f"b{v}" for v in other], "noise": [f"c{v}" for v in RNG.integers(0, 25, 3000)]})
    )
    table = np.zeros((4, 4), dtype=int)
    np.add.at(table, (one, other), 1)
    assert found.value("one", "other") == pytest.approx(association(table, method="cramer"), abs=0.01)
    assert found.value("one", "noise") < 0.05, "plain Cramér's V is 0.09 here although nothing is there"
    assert found.value("one", "one") == 1


def test_a_category_and_a_number_are_compared_by_the_share_of_the_spread_between_groups():
    group = RNG.integers(0, 3, 4000)
    found = associations(pl.DataFrame({"group": [f"g{v}" for v in group], "x": group * 10 + RNG.normal(size=4000), "noise": RNG.normal(size=4000)}))
    assert found.value("group", "x") > 0.94
    assert found.value("group", "noise") < 0.06


def test_equal_columns_go_together_wholly():
    words = [f"w{v}" for v in RNG.integers(0, 5, 200)]
    found = associations(pl.DataFrame({"a": words, "b": words, "x": range(200), "y": range(200)}))
    assert found.value("a", "b") == pytest.approx(1)
    assert found.value("x", "y") == pytest.approx(1)
    assert found.pairs[0].value == pytest.approx(1), "the strongest first"


CELLS = st.fixed_dictionaries(
    {
        "x": st.none() | st.integers(-3, 3),
        "f": st.none() | st.floats(allow_nan=True, allow_infinity=True),
        "w": st.none() | st.sampled_from("abc"),
        "b": st.none() | st.booleans(),
        "d": st.none() | st.dates(),
        "n": st.none(),
    }
)
SCHEMA = {"x": pl.Int64, "f": pl.Float64, "w": pl.String, "b": pl.Boolean, "d": pl.Date, "n": pl.String}


@given(st.lists(CELLS, max_size=60))
def test_every_value_lies_within_its_bounds_whatever_the_columns_hold(rows):
    found = associations(pl.DataFrame(rows, schema=SCHEMA))
    for pair in found.pairs:
        assert -1 <= pair.value <= 1
        assert pair.measure == "number" or pair.value >= 0
        assert math.isfinite(pair.value)
    assert sorted(found.ordered()) == sorted(SCHEMA)


def test_rare_values_share_one_place_and_many_columns_are_left_out():
    many = associations(pl.DataFrame({"w": [f"w{v}" for v in range(LEVELS * 10)], "x": range(LEVELS * 10)}))
    assert many.value("w", "x") is not None
    wide = associations(pl.DataFrame({f"c{place}": [1, 2] for place in range(COLUMNS + 3)}))
    assert (len(wide.columns), wide.left_out) == (COLUMNS, ("c40", "c41", "c42"))
