"""Limits: as many false alarms as were asked for, whatever the number of rows; a change that matters is above them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.watch.drift import Bins, distance
from loopline.watch.limits import APART_NEGLIGIBLE, NEGLIGIBLE, apart_limit, concentration, limits


def bins(name: str, counts: list[int], **more: object) -> Bins:
    return Bins(name=name, kind="number", counts=tuple(counts), cuts=tuple(float(at) for at in range(len(counts) - 2)), **more)  # type: ignore[arg-type]


def alarms(features: list[Bins], truth: list[np.ndarray], *, windows: int, chance: float, scatter: float | None = None) -> int:
    """Windows in which some feature is above its limit although nothing has changed."""
    rng = np.random.default_rng(7)
    count = 0
    for _ in range(windows):
        rows = int(rng.integers(150, 1200))
        above = limits(features, rows, chance)
        drawn = [rng.multinomial(rows, shares if scatter is None else rng.dirichlet(shares * scatter)) for shares in truth]
        count += any(float(distance(part, np.array(one.counts))) > above[one.name] for part, one in zip(drawn, features, strict=True))
    return count


def test_false_alarms_come_as_often_as_was_asked_for_over_all_features_together() -> None:
    rng = np.random.default_rng(3)
    truth = [rng.dirichlet(np.ones(12) * 3) for _ in range(15)]
    features = [bins(f"f{at}", rng.multinomial(20_000, shares).tolist()) for at, shares in enumerate(truth)]
    assert 9 <= alarms(features, truth, windows=600, chance=1 / 30) <= 34  # 20 are expected


def test_windows_that_scatter_by_nature_do_not_alarm_more_often() -> None:
    rng = np.random.default_rng(4)
    truth = [rng.dirichlet(np.ones(8) * 3) for _ in range(8)]
    features = []
    for at, shares in enumerate(truth):
        one = bins(f"f{at}", (shares * 50_000).astype(int).tolist())
        days = [rng.multinomial(700, rng.dirichlet(shares * 200)) for _ in range(80)]
        spread = tuple((700, float(distance(day, np.array(one.counts)))) for day in days)
        features.append(bins(one.name, list(one.counts), spread=spread))
    assert 8 <= alarms(features, truth, windows=600, chance=1 / 30, scatter=200) <= 40  # 20 are expected
    without = [bins(one.name, list(one.counts)) for one in features]
    assert alarms(without, truth, windows=100, chance=1 / 30, scatter=200) > 90


def test_a_feature_that_is_different_every_day_is_never_an_alarm_by_itself() -> None:
    week = [1000] * 7 + [0, 0]
    one_day = np.array([700, 0, 0, 0, 0, 0, 0, 0, 0])
    seen = float(distance(one_day, np.array(week)))
    weekday = Bins(name="weekday", kind="category", counts=tuple(week), values=tuple("1234567"), spread=((700, seen),) * 30)
    assert concentration(weekday) < 1
    assert seen < limits([weekday], 700, 1 / 30)["weekday"]


def test_a_real_change_is_above_the_limit() -> None:
    feature = bins("x", [1000, 1000, 1000, 0])
    assert float(distance(np.array([500, 100, 100, 0]), np.array(feature.counts))) > limits([feature], 700, 1 / 30)["x"]


def test_more_rows_and_more_false_alarms_lower_the_limit_and_a_small_training_raises_it() -> None:
    feature, small = bins("x", [3000, 3000, 4000, 0]), bins("x", [30, 30, 40, 0])
    assert limits([feature], 5000, 0.03)["x"] < limits([feature], 100, 0.03)["x"]
    assert limits([feature], 500, 0.1)["x"] < limits([feature], 500, 0.001)["x"]
    assert limits([small], 500, 0.03)["x"] > limits([feature], 500, 0.03)["x"]
    assert limits([], 500, 0.03) == {}


def test_a_chance_too_small_to_be_drawn_raises_the_limit_further() -> None:
    feature = bins("x", [3000, 3000, 4000, 0])
    limit = [limits([feature], 300, 10.0**-power)["x"] for power in range(2, 7)]
    assert all(low < high for low, high in itertools.pairwise(limit))
    rng = np.random.default_rng(12)
    far = distance(rng.multinomial(300, np.array([0.3, 0.3, 0.4, 0.0]), size=200_000), np.array(feature.counts))
    assert 2e-5 <= (far > limit[2]).mean() <= 2.5e-4  # 1e-4 is asked for


SHIFTED = {0.03: "no alarm", 0.15: "alarm"}


@pytest.mark.parametrize("far", SHIFTED)
@pytest.mark.parametrize("rows", [2_000, 20_000, 1_000_000])
@pytest.mark.parametrize("trained", [20_000, 5_000_000])
def test_the_verdict_on_a_change_does_not_hang_on_the_number_of_rows(far: float, rows: int, trained: int) -> None:
    shape = np.full(10, 0.1)
    moved = shape + np.linspace(-1, 1, 10) * 0.1 * _tilt(far)
    one = bins("x", [int(trained / 10)] * 10)
    rng = np.random.default_rng(6)
    above = [float(distance(rng.multinomial(rows, moved), np.array(one.counts))) > limits([one], rows, 0.003)["x"] for _ in range(20)]
    assert set(above) == {SHIFTED[far] == "alarm"}


def _tilt(far: float) -> float:
    """How far ten equal shares must be tilted for a distance."""
    tilts = np.linspace(0, 1, 2001)
    shares = 0.1 + np.linspace(-1, 1, 10) * 0.1 * tilts[:, None]
    return float(np.interp(far, distance(shares, np.full(10, 0.1)), tilts))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(5, 3000), min_size=3, max_size=12), st.integers(30, 100_000), st.floats(0.001, 0.2))
def test_a_limit_is_a_distance_and_never_a_negligible_one(counts: list[int], rows: int, chance: float) -> None:
    assert NEGLIGIBLE <= limits([bins("x", counts)], rows, chance)["x"] <= 1.0


def test_what_hangs_on_a_feature_lowers_its_limit_at_the_cost_of_the_others_and_not_the_false_alarms() -> None:
    rng = np.random.default_rng(9)
    truth = [rng.dirichlet(np.ones(10) * 3) for _ in range(12)]
    counted = [rng.multinomial(20_000, shares).tolist() for shares in truth]
    even = [bins(f"f{at}", counts) for at, counts in enumerate(counted)]
    uneven = [bins(f"f{at}", counts, weight=0.6 if at == 0 else 0.4 / 11) for at, counts in enumerate(counted)]
    alike, weighted = limits(even, 400, 1 / 30), limits(uneven, 400, 1 / 30)
    assert weighted["f0"] < alike["f0"]
    assert all(weighted[f"f{at}"] > alike[f"f{at}"] for at in range(1, 12))
    assert 9 <= alarms(uneven, truth, windows=600, chance=1 / 30) <= 34  # 20 are expected


def test_a_classifier_is_held_against_how_well_it_told_the_references_own_spans_apart() -> None:
    rng = np.random.default_rng(2)
    quiet = [(1000, float(0.5 + 0.015 * rng.normal())) for _ in range(40)]
    loud = [(1000, float(0.7 + 0.05 * rng.normal())) for _ in range(40)]
    limit = apart_limit(quiet, 1000, 0.002)
    assert limit is not None and APART_NEGLIGIBLE <= limit < 0.6
    assert (apart_limit(loud, 1000, 0.002) or 0) > 0.8
    assert (apart_limit(quiet, 120, 0.002) or 0) > limit + 0.03
    assert apart_limit(quiet[:4], 1000, 0.002) is None
    crowd = [(1000, float(one)) for one in 0.62 + 0.02 * rng.normal(size=2000)]
    above = [area > (apart_limit(crowd[at : at + 30], 1000, 0.05) or 0) for at, (_, area) in enumerate(crowd[30:])]
    assert 0.03 <= np.mean(above) <= 0.075
