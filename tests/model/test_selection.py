"""Selection: planted columns stay, noise and repetition go, each drop says what it cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.model.selection import TOO_FEW, Selected, select


def planted(task: str, rows: int = 12_000, noise: int = 8) -> tuple[NDArray[np.float32], list[str], NDArray[np.float64]]:
    """Four columns that tell, two that repeat, and noise."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, rows))
    kind = rng.integers(0, 3, rows)
    parts = [a, b, *(kind == value for value in range(3)), np.exp(a), *(kind == value for value in (2, 0, 1)), *rng.normal(size=(noise, rows))]
    groups = ["a", "b", "kind", "kind", "kind", "a again", "kind again", "kind again", "kind again", *(f"noise {index}" for index in range(noise))]
    drive = 2 * a + b + 1.5 * (kind == 1) + rng.normal(scale=0.7, size=rows)
    targets: dict[str, NDArray[Any]] = {"binary": drive > 0.5, "regression": drive, "multiclass": np.digitize(drive, [-1, 1.5])}
    return np.array(parts, dtype=np.float32).T, groups, targets[task].astype(np.float64)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_tells_stays_and_most_noise_goes(task: Task) -> None:
    features, groups, target = planted(task)
    found = select(features, groups, target, task, seed=0)
    assert {"b"} <= set(found.kept)
    assert {"a", "a again"} & set(found.kept)
    assert {"kind", "kind again"} & set(found.kept)
    assert sum(name.startswith("noise") for name in found.kept) <= 4
    assert {*found.kept, *found.left_out} == set(groups)
    assert not set(found.kept) & set(found.left_out)


def test_what_repeats_another_goes_with_the_name_of_that_other() -> None:
    features, groups, target = planted("binary", noise=1)
    found = select(features, groups, target, "binary", seed=0)
    said = " | ".join(found.left_out.values())
    assert "rank correlation 1.000" in said
    assert "divides the rows as kind" in said
    assert all(one.low <= one.cost <= one.high for one in found.dropped)
    assert all(f"{one.cost:+.2g}" in one.says for one in found.dropped)


def test_it_is_the_same_every_time() -> None:
    features, groups, target = planted("binary", rows=800)
    assert select(features, groups, target, "binary", seed=1, ordered=True) == select(features, groups, target, "binary", seed=1, ordered=True)


def test_a_suspect_whose_absence_costs_stays() -> None:
    # Two columns that tell only together: alone each is as good as noise to a tree's first split.
    rng = np.random.default_rng(0)
    one, two = rng.choice([-1.0, 1.0], size=(2, 3000))
    features = np.column_stack([one, two, rng.normal(size=(3000, 3))]).astype(np.float32)
    found = select(features, ["one", "two", "x", "y", "z"], (one * two > 0).astype(np.float64), "binary", seed=0)
    assert {"one", "two"} <= set(found.kept)


def test_few_rows_or_one_column_are_left_alone() -> None:
    features, groups, target = planted("binary", rows=TOO_FEW - 1)
    assert select(features, groups, target, "binary", seed=0).dropped == ()
    assert select(features[:, :1], ["a"], target, "binary", seed=0) == Selected(("a",))


def test_nulls_and_a_constant_are_taken() -> None:
    features, groups, target = planted("regression", rows=600, noise=2)
    features[::3, 0] = np.nan
    features[:, -1] = np.nan
    found = select(features, groups, target, "regression", seed=0)
    assert "noise 1" in found.left_out


def test_all_noise_leaves_the_most_telling_column() -> None:
    rng = np.random.default_rng(0)
    features, target = rng.normal(size=(1000, 5)).astype(np.float32), (rng.random(1000) < 0.5).astype(np.float64)
    assert select(features, list("abcde"), target, "binary", seed=0).kept
