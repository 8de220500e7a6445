"""Whether probabilities hold as they are said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from loopline.model.assessment.reliability import BINS, binned, probabilities, values
from loopline.model.blocks import alone
from tests.model.assessment.cases import seen


def drawn(rows: int, seed: int, *, shift: float = 0.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    said = rng.beta(2, 3, rows)
    return said, rng.random(rows) < np.clip(said - shift, 0, 1)


def test_the_bins_are_those_of_scikit_learn() -> None:
    said, happened = drawn(3000, 0)
    shares, means = calibration_curve(happened, said, n_bins=BINS, strategy="quantile")
    found = probabilities(said, happened, alone(3000), seed=0)
    # A row that lies on an edge may fall on either side.
    assert [part["said"] for part in found["bins"]] == pytest.approx(means.tolist(), abs=2e-3)
    assert [part["happened"]["value"] for part in found["bins"]] == pytest.approx(shares.tolist(), abs=0.01)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=200))
def test_bins_hold_every_row_and_the_parts_add_up_to_the_brier_score(rows: list[tuple[int, bool]]) -> None:
    said, happened = np.array([row[0] / 10 for row in rows]), np.array([row[1] for row in rows])
    found = probabilities(said, happened, alone(len(rows)), seed=0)
    assert sum(part["rows"] for part in found["bins"]) == len(rows)
    brier = found["brier"]
    assert brier["score"] == pytest.approx(brier_score_loss(happened.astype(int), said, pos_label=1))
    assert brier["miscalibration"] - brier["resolution"] + brier["uncertainty"] + brier["within"] == pytest.approx(brier["score"])


def test_honest_probabilities_are_within_chance_about_as_often_as_it_says() -> None:
    within = 0
    for seed in range(100):
        found = probabilities(*drawn(600, seed), alone(600), seed=seed)
        within += found["error"] <= found["by_chance"]
    assert 88 <= within <= 100


def test_probabilities_that_are_too_high_are_found_and_sized() -> None:
    said, happened = drawn(4000, 1, shift=0.1)
    found = probabilities(said, happened, alone(4000), seed=0)
    assert found["error"] > found["by_chance"]
    assert found["debiased"] == pytest.approx(0.095, abs=0.02)
    assert found["said"] > found["happened"] + 0.05


def test_the_debiased_error_does_not_grow_with_noise() -> None:
    mean = np.mean([probabilities(*drawn(300, seed), alone(300), seed=0)["debiased"] for seed in range(40)])
    raw = np.mean([probabilities(*drawn(300, seed), alone(300), seed=0)["error"] for seed in range(40)])
    assert mean < raw


def test_equal_scores_share_a_bin() -> None:
    codes, count = binned(np.full(500, 0.3))
    assert (count, set(codes.tolist())) == (1, {0})


def test_predicted_values_are_set_beside_true_ones() -> None:
    part, _ = seen("regression", 2000, bad=0.0)
    found = values(part.judged, part.blocks, quantile=0.5)
    assert found["below"]["low"] <= 0.5 <= found["below"]["high"]
    assert found["bias"]["low"] <= 0 <= found["bias"]["high"]
    assert sum(item["rows"] for item in found["bins"]) == 2000
    said = [item["said"] for item in found["bins"]]
    assert said == sorted(said)
