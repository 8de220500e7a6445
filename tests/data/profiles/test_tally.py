"""Numbers counted: every way of counting gives what sorting gives."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loopline.data.profiles.fingerprint import of_numbers
from loopline.data.profiles.tally import tally, timed

NUMBERS = st.one_of(
    arrays(np.float64, st.integers(0, 400), elements=st.floats()),
    arrays(np.float64, st.integers(0, 400), elements=st.integers(-5000, 5000).map(lambda whole: whole / 100)),
    arrays(np.float64, st.integers(0, 400), elements=st.sampled_from([0.1, -0.0, 0.0, 1e300, np.pi, np.nan, -np.inf])),
)


@given(NUMBERS)
def test_floats_of_every_kind_are_counted(values):
    found = tally(pl.Series("x", values))
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    assert found.values.tolist() == distinct.tolist()
    assert found.counts.tolist() == counts.tolist()
    assert found.prints.tolist() == of_numbers(distinct).tolist()


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-50, 50), max_size=200))
def test_whole_numbers_near_and_far_are_counted(values):
    found = tally(pl.Series("x", values, dtype=pl.Int64))
    known = [value for value in values if value is not None]
    assert found.total == len(known)
    assert len(np.unique(found.prints)) == len(set(known))
    assert (np.diff(found.values) >= 0).all()


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt8, pl.UInt32, pl.UInt64, pl.Int128, pl.Float32, pl.Decimal(10, 2)])
def test_every_kind_of_number_is_counted(dtype):
    found = tally(pl.Series("x", [1, 2, 2, None, 100], dtype=dtype))
    assert (found.values.tolist(), found.counts.tolist()) == ([1, 2, 100], [1, 2, 1])


def test_the_largest_unsigned_numbers_are_counted_as_floats():
    assert tally(pl.Series("x", [2**64 - 1, 0], dtype=pl.UInt64)).values.tolist() == [0, 2.0**64]


def test_many_equal_floats_are_grouped():
    values = np.random.default_rng(0).choice([np.pi, np.e, -np.sqrt(2)], 5000)
    found = tally(pl.Series("x", values))
    assert found.values.tolist() == [-np.sqrt(2), np.e, np.pi]
    assert found.total == 5000


def test_dates_and_times_are_seconds_since_1970():
    assert timed(pl.Series("d", [date(1970, 1, 3), None])).values.tolist() == [2 * 86400]
    half = datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    for unit in ("ms", "us", "ns"):
        assert timed(pl.Series("d", [half, half]).cast(pl.Datetime(unit, "UTC"))).values.tolist() == [0.5]
