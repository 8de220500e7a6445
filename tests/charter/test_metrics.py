"""What is said of metrics where criteria are read is what they are where they are measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.metrics import METRICS, OF_TASK, parts, sliced
from loopline.model import evaluate
from loopline.model.evaluate import Judged, metrics, worst_slice


def test_the_metrics_are_those_that_are_measured() -> None:
    assert {task: set(names) for task, names in OF_TASK.items()} == {task: set(found) for task, found in evaluate.METRICS.items()}
    assert set(METRICS) == {name for names in OF_TASK.values() for name in names}


@pytest.mark.parametrize(
    ("name", "said"),
    [("precision", None), ("worst_slice(origin).precision", ("origin", "precision")), ("worst_slice(emp.var.rate).mae", ("emp.var.rate", "mae"))],
)
def test_a_slices_name_tells_its_column_and_metric(name: str, said: tuple[str, str] | None) -> None:
    assert sliced(name) == said
    assert parts(name) == (said or (None, name))


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.sampled_from(["binary", "regression"]))
def test_what_is_measured_lies_within_its_ends_and_the_worst_slice_is_never_better_than_the_whole(seed: int, places: int, task: str) -> None:
    rng = np.random.default_rng(seed)
    happens, score = rng.random(60) < rng.random(), rng.random(60)
    is_number = task == "regression"
    judged = Judged(
        task="regression" if is_number else "binary",
        classes=(),
        outcome=rng.normal(size=60) if is_number else happens,
        decision=score if is_number else score > 0.5,
        score=score,
        money=rng.normal(size=60),
        columns={"place": rng.integers(0, places, 60)},
    )
    for name, value in metrics(judged).items():
        metric = METRICS[name]
        assert value is None or metric.low <= value <= metric.high
        _, worst = worst_slice(judged, "place", name, support=1)
        if metric.pools and value is not None and worst is not None:
            assert worst >= value - 1e-9 if metric.less_is_better else worst <= value + 1e-9
