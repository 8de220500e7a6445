"""What work takes, measured on work that is known."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from loopline.model.assessment import cost


def test_memory_that_is_held_for_a_while_is_seen() -> None:
    def work() -> int:
        held = np.ones(60_000_000 // 8)
        time.sleep(0.05)
        return int(held[0])

    result, found = cost.measure(work)
    assert result == 1
    if found.peak_bytes is not None:
        assert 50_000_000 <= found.peak_bytes <= 120_000_000
    assert found.wall_s >= 0.05


def test_waiting_is_no_work() -> None:
    _, waited = cost.measure(lambda: time.sleep(0.1))
    assert waited.cpu_s < waited.wall_s / 2
    assert set(waited.as_json()) == {"cpu_s", "wall_s", "peak_bytes"}


def test_work_that_fails_fails_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        cost.measure(lambda: 1 / 0)


def test_the_bytes_of_files_add_up() -> None:
    assert cost.sizes({"b": b"123", "a": b"1"}) == {"a": 1, "b": 3, "total": 4}


def test_a_row_alone_costs_more_than_one_of_a_batch() -> None:
    seen: list[int] = []

    def score(columns: Any) -> Any:
        seen.append(len(columns["x"]))
        time.sleep(0.001)
        return columns["x"]

    found = cost.per_row(score, {"x": np.arange(200.0)}, singles=10, batches=3)
    assert found["single_us"] >= 1000
    assert found["single_p99_us"] >= found["single_us"]
    assert found["batch_us"] < found["single_us"] / 10
    assert found["batch_rows"] == 200
    assert seen == [1, 200, *[1] * 10, *[200] * 3]
