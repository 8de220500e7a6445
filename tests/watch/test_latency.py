"""How long answers took: counts that merge, quantiles to within a bin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.watch.latency import counted, quantiles


@settings(max_examples=30)
@given(st.lists(st.floats(0.2, 50_000), min_size=1, max_size=60), st.integers(0, 60))
def test_quantiles_of_merged_counts_are_those_of_all(times: list[float], cut: int) -> None:
    ms = np.array(times)
    first, second = counted(ms, (np.arange(len(ms)) >= cut).astype(np.intp), 2)
    (whole,) = counted(ms, np.zeros(len(ms), dtype=np.intp), 1)
    assert (first + second).tolist() == whole.tolist()
    said = quantiles(whole.tolist())
    assert said is not None
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = np.quantile(ms, share, method="inverted_cdf")
        assert exact * 0.99 <= said[name] <= exact * 1.17


def test_a_time_that_is_not_known_counts_nowhere() -> None:
    assert counted(np.array([np.nan, 5.0]), np.array([0, 1]), 2).sum(axis=1).tolist() == [0, 1]
    assert quantiles([0, 0]) is quantiles(None) is None
    assert quantiles(counted(np.array([1e9]), np.array([0]), 1)[0].tolist())["p50"] == pytest.approx(100_000)  # type: ignore[index]
