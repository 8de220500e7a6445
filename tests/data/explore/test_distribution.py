"""How columns are spread, as people and programs read it."""

import json
from datetime import date

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loopline.data.explore.distribution import distribution, histogram, stamp
from loopline.data.profiles.profile import profile


def told(values, **more):
    series = pl.Series("x", values, **more)
    return distribution(profile(series.to_frame()).columns["x"], series, whole=True)


@given(arrays(np.float64, st.integers(0, 300), elements=st.floats(-1e100, 1e100)), st.booleans())
def test_every_number_is_in_a_bin_or_beyond(numbers, whole):
    if whole:
        numbers = np.trunc(np.clip(numbers, -1e12, 1e12))
    bins, below, above = histogram(numbers, whole=whole)
    assert sum(one.rows for one in bins) + below + above == len(numbers)
    assert all(one.low <= one.high for one in bins)


def test_few_distinct_numbers_are_counted_one_by_one_and_long_tails_are_left_out():
    bins, *_ = histogram(np.array([1.0, 1, 2, 5]))
    assert [(one.low, one.rows) for one in bins] == [(1, 2), (2, 1), (5, 1)]
    values = np.append(np.random.default_rng(0).normal(size=5000), [1e9])
    bins, below, above = histogram(values)
    assert (bins[-1].high < 10, above) == (True, 1)


def test_what_is_said_can_be_written_as_json():
    for one in (
        told([1, None, 3]),
        told(["a", "", None]),
        told([True, False, None]),
        told([date(2024, 1, 1), None]),
        told([None, None], dtype=pl.Float64),
        told([float("inf"), float("nan")]),
        told([], dtype=pl.String),
    ):
        json.dumps(one.to_json(), allow_nan=False)
    plain = told([date(2024, 1, 1), date(2024, 1, 3), None]).to_json()
    assert (plain["type"], plain["min"], plain["max"], plain["missing"]) == ("date", "2024-01-01", "2024-01-03", 1)
    assert told(["aa", "b", None]).to_json()["lengths"] == {"min": 1, "mean": 1.5, "max": 2}
    assert told(list(range(2000))).distinct == 2000, "the sample is the whole, so that it can be counted"


def test_moments_beyond_every_calendar_have_no_stamp():
    assert stamp(0) == "1970-01-01"
    assert stamp(3661.2) == "1970-01-01T01:01:01"
    assert stamp(1e18) is None
    assert stamp(None) is None
