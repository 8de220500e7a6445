"""Features made ready: filled, standardised, flagged."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.model.standard import FAR, Standard


def test_nulls_become_the_median_and_are_flagged() -> None:
    features = np.array([[1.0, 5.0, 1], [2.0, 5.0, 0], [9.0, np.nan, 0], [2.0, 5.0, 1]], dtype=np.float32)
    ready = Standard.of(features, 2).apply(features)
    assert ready.shape == (4, 4), "one flag, for the second number"
    assert ready[:, 3].tolist() == [0, 0, 1, 0]
    assert ready[2, 1] == ready[0, 1] == 0, "a constant number stays at zero"
    assert ready[:, 2].tolist() == [1, 0, 0, 1], "zeros and ones stay as they are"
    assert ready[:, 0].mean() == pytest.approx(0)


def test_one_wild_value_is_cut_off() -> None:
    features = np.array([[0.0], [1.0], [2.0]], dtype=np.float32)
    standard = Standard.of(features, 1)
    assert standard.apply(np.array([[1e30]], dtype=np.float32))[0, 0] == FAR


def test_a_flag_counts_for_its_feature() -> None:
    standard = Standard.of(np.array([[1.0, np.nan], [2.0, 1.0]], dtype=np.float32), 2)
    assert standard.width == 3
    assert standard.whole(np.array([1.0, 1.0, 2.0])).tolist() == [0.25, 0.75]
    assert standard.whole(np.zeros(3)).tolist() == [0.0, 0.0]
