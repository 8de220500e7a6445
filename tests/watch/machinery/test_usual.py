"""What is far above the usual, and how seldom chance alone is."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.machinery.usual import FEWEST, TIMES, times_usual

SECONDS = st.floats(0.01, 1e5)


@given(st.lists(SECONDS, max_size=FEWEST - 1), SECONDS)
def test_too_few_tell_nothing(before: list[float], value: float) -> None:
    assert times_usual(value, before) is None


@given(st.lists(SECONDS, min_size=FEWEST, max_size=40), SECONDS, st.floats(0.001, 1000))
def test_the_unit_changes_nothing(before: list[float], value: float, unit: float) -> None:
    first, second = times_usual(value, before), times_usual(value * unit, [one * unit for one in before])
    assert first is not None and second is not None
    # A figure right at the limit may fall to either side by rounding.
    assert math.isclose(first, second, rel_tol=1e-4, abs_tol=1e-5) or min(first, second) == 0


@given(st.lists(st.floats(9.0, 11.0), min_size=12, max_size=12), st.floats(1e-3, 1e6))
def test_single_outliers_do_not_change_what_is_usual(before: list[float], outlier: float) -> None:
    assert times_usual(100.0, [*before, outlier]) is not None and (times_usual(100.0, [*before, outlier]) or 0) > TIMES


def test_chance_is_not_called_far() -> None:
    rng = np.random.default_rng(0)
    drawn = np.exp(rng.normal(3.0, 0.3, (4000, 31)))
    far = sum(bool(times_usual(float(row[-1]), [float(one) for one in row[:-1]])) for row in drawn)
    assert far <= 4
    doubled = sum(bool(times_usual(float(row[-1]) * 12, [float(one) for one in row[:-1]])) for row in drawn)
    assert doubled > 3600
