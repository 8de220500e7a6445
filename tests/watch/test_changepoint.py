"""The moment since when: found where it is, not found where there is none, whatever the scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.watch.changepoint import NEEDED, change_point


def test_a_step_is_found_where_it_is() -> None:
    rng = np.random.default_rng(1)
    for at in (8, 15, 25):
        values = rng.normal(0, 1, 30) + np.where(np.arange(30) >= at, 4.0, 0.0)
        found = change_point(values, np.ones(30))
        assert found is not None and found.is_sure
        assert abs(found.at - at) <= 1
        assert found.after - found.before == pytest.approx(4.0, abs=1.2)


def test_readings_without_a_change_show_one_no_more_often_than_chance_may() -> None:
    rng = np.random.default_rng(2)
    sure = [found.is_sure for _ in range(200) if (found := change_point(rng.normal(size=20), np.ones(20))) is not None]
    assert len(sure) == 200
    assert sum(sure) <= 18  # 10 are expected; 18 and fewer come in 99 % of such runs


def test_a_window_of_few_rows_does_not_make_a_change() -> None:
    values, weights = [1.0] * 12 + [50.0], [1000.0] * 12 + [0.001]
    heavy = change_point(values, [1000.0] * 13)
    light = change_point(values, weights)
    assert heavy is not None and light is not None
    assert abs(light.after - light.before) * 0.001 < 1
    assert not light.is_sure


def test_too_few_and_equal_readings_show_no_change() -> None:
    assert change_point([1.0] * (NEEDED - 1), [1.0] * (NEEDED - 1)) is None
    flat = change_point([3.0] * 10, [1.0] * 10)
    assert flat is not None and not flat.is_sure


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=NEEDED, max_size=25), st.floats(0.1, 50), st.floats(-1000, 1000))
def test_neither_unit_nor_origin_matter(values: list[float], unit: float, origin: float) -> None:
    rounded = np.round(values, 3)
    one = change_point(rounded, np.ones(len(values)))
    other = change_point(rounded * unit + origin, np.ones(len(values)))
    assert one is not None and other is not None
    if np.ptp(rounded) > 0.1:
        assert one.chance == pytest.approx(other.chance, abs=0.02)
