"""What the model causes: the difference to a hold-out with bounds that hold at every look, and what cannot be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline import charts
from loopline.charter.spec import CharterSpec
from loopline.release.rollout.sequences import BURN_IN
from loopline.value.lift import Lift, in_words, lift, target_each
from loopline.value.lift_picture import picture
from loopline.value.report.parts import parts
from loopline.watch.earned import Split, Sums
from tests.value.cases import case, window

CONFIDENCE = 0.9


def charter(**more: Any) -> CharterSpec:
    return CharterSpec.model_validate({"predict": "late", **more})


def sums(values: np.ndarray) -> Sums:
    return Sums(len(values), float(values.sum()), float((values**2).sum()))


def split(day: int, policy: np.ndarray, holdout: np.ndarray, instead: np.ndarray | None = None) -> dict[str, Any]:
    whole = Split(
        rows=len(policy) + len(holdout), held=len(holdout), policy=sums(policy), holdout=sums(holdout), instead=Sums() if instead is None else sums(instead)
    )
    return window(day, rows=whole.rows, split=whole.as_json())


def days(effect: float, *, seed: int, count: int = 30, rows: int = 500, share: float = 0.1, storms: float = 0.0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    made = []
    for day in range(count):
        held, storm = rng.random(rows) < share, rng.normal(0, storms)
        money = rng.normal(storm, 5.0, rows) + np.where(held, 0.0, effect)
        made.append(split(day, money[~held], money[held]))
    return made


def of(windows: list[dict[str, Any]], **more: Any) -> Lift:
    found = lift(windows, charter(), confidence=CONFIDENCE, **more)
    assert found is not None
    return found


def test_the_lift_is_the_difference_of_both_sides() -> None:
    found = of(days(2.0, seed=1))
    assert found.low is not None and found.high is not None and found.value is not None
    assert found.low < 2.0 < found.high and abs(found.value - 2.0) < 0.5 and found.is_sure
    assert found.policy is not None and found.holdout is not None
    assert abs(found.policy - found.holdout - found.value) < 0.1
    assert (found.decisions, found.held) == (15_000, sum(window["split"]["held"] for window in days(2.0, seed=1)))
    assert "surely gains" in found.says("USD") and "held out" in found.says("USD")
    yearly = found.as_json(1000.0)["per_year"]
    assert yearly == {"value": found.value * 1000, "low": found.low * 1000, "high": found.high * 1000}
    assert found.as_json(None)["per_year"] is None


def test_a_harm_is_told_as_one() -> None:
    found = of(days(-2.0, seed=2))
    assert found.high is not None and found.high < 0
    assert "surely loses" in found.says("USD")


def test_until_either_side_has_enough_outcomes_nothing_is_said() -> None:
    few = np.arange(float(BURN_IN - 1))
    found = of([split(0, np.arange(5000.0), few)])
    assert (found.value, found.low, found.high, found.is_sure) == (None, None, None, False)
    assert "too early" in found.says("USD")
    more = of([split(0, np.arange(5000.0), few), split(1, np.arange(10.0), np.array([3.0]))])
    assert more.value is not None and [reading.value is None for reading in more.readings] == [True, False]


def test_days_that_differ_for_both_sides_do_not_widen_the_bounds() -> None:
    calm, stormy = (of(days(1.0, seed=3, rows=3000, storms=storms)) for storms in (0.0, 40.0))
    assert calm.high is not None and calm.low is not None and stormy.high is not None and stormy.low is not None
    assert stormy.high - stormy.low < 1.1 * (calm.high - calm.low)


def test_a_share_that_changes_is_no_lift() -> None:
    """Good days with a small hold-out and bad ones with a large: pooled, the model would seem to earn what the days did."""
    rng = np.random.default_rng(4)
    made = [split(day, rng.normal(good, 1, 2000 - held), rng.normal(good, 1, held)) for day, (good, held) in enumerate([(100, 200), (0, 1000)] * 5)]
    found = of(made)
    assert found.policy is not None and found.holdout is not None and found.low is not None and found.high is not None
    assert found.policy - found.holdout > 20
    assert found.low < 0 < found.high and found.high - found.low < 1


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_whatever_comes_the_bounds_hold_the_value_and_every_window_is_read(sizes: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = [split(day, rng.normal(0, 1, policy), rng.normal(0, 1, held)) for day, (policy, held) in enumerate(sizes)]
    found = lift(made, charter(), confidence=CONFIDENCE)
    if not sum(held for _, held in sizes):
        assert found is None
        return
    assert found is not None and len(found.readings) == len(sizes)
    for reading in found.readings:
        assert (reading.value is None) == (reading.low is None) == (reading.high is None)
        assert reading.value is None or (reading.low is not None and reading.high is not None and reading.low <= reading.value <= reading.high)


def test_packages_that_serve_at_the_same_time_are_one_policy() -> None:
    rng = np.random.default_rng(5)
    whole = [rng.normal(1, 1, 400), rng.normal(0, 1, 400)]
    apart = [split(0, whole[0][:100], whole[1][:300]), split(0, whole[0][100:], whole[1][300:])]
    assert of(apart).value == pytest.approx(of([split(0, *whole)]).value)


def test_the_bounds_hold_at_every_look_together() -> None:
    """Of 300 projects without any effect, looked at each day for 60 days, at most a tenth may ever see one."""
    rng = np.random.default_rng(6)
    ever = 0
    for _ in range(300):
        counts = rng.binomial(200, 0.2, 60)
        made = [split(day, rng.exponential(10, 200 - held), rng.exponential(10, held)) for day, held in enumerate(counts)]
        readings = of(made).readings
        ever += any(one.low is not None and one.high is not None and not one.low <= 0 <= one.high for one in readings)
    assert ever <= 300 * (1 - CONFIDENCE)


def test_where_outcomes_are_seen_only_after_acting_a_hold_out_that_acts_tells_pair_by_pair() -> None:
    when_acted = charter(outcome_seen="when_acted")
    rng = np.random.default_rng(7)
    made = []
    for day in range(20):
        held = rng.normal(0, 5, 200)
        instead = rng.choice([3.0, -1.0], 80)
        made.append(split(day, rng.normal(1, 5, 800), held, instead))
    assert lift(made, when_acted, confidence=CONFIDENCE) is None
    found = lift(made, when_acted, confidence=CONFIDENCE, acts_without=True)
    assert found is not None and found.method == "paired" and found.policy is None
    assert found.low is not None and found.high is not None and found.low < 80 / 200 < found.high
    total = sum(window["split"]["instead"]["total"] for window in made)
    assert found.value == pytest.approx(total / (20 * 200))
    assert "too early" in str(lift(made[:1], when_acted, confidence=CONFIDENCE, acts_without=True).says("USD"))  # type: ignore[union-attr]


def test_without_a_hold_out_there_is_no_lift() -> None:
    assert lift([window(0), window(1)], charter(), confidence=CONFIDENCE) is None
    assert lift([], charter(), confidence=CONFIDENCE) is None


def test_over_time_it_is_told_since_when_it_is_sure_and_where_the_target_lies() -> None:
    found = of(days(2.0, seed=1))
    said = "; ".join(in_words(found.readings, "USD", target=0.1))
    assert "surely above nothing since 2024-01-" in said and "closed from" in said and "surely reached" in said
    assert "not yet told" in in_words(of(days(0.0, seed=3)).readings, "USD", target=None)[0]
    assert "surely below nothing" in in_words(of(days(-2.0, seed=4)).readings, "USD", target=9.0)[0]
    assert in_words(of(days(2.0, seed=1, count=1, rows=50)).readings, "USD", target=1.0) == []


@given(effect=st.floats(-3, 3), seed=st.integers(0, 99), target=st.none() | st.floats(-5, 5))
def test_what_is_said_of_the_bounds_over_time_is_what_the_last_ones_say(effect: float, seed: int, target: float | None) -> None:
    found = of(days(effect, seed=seed, count=8, rows=400))
    said = in_words(found.readings, "USD", target=target)
    assert bool(said) == (found.low is not None)
    assert not said or ("surely" in said[0]) == found.is_sure


def test_the_picture_has_the_band_with_nothing_and_the_target() -> None:
    found = of(days(2.0, seed=1))
    spec = picture(found.readings, "USD", confidence=CONFIDENCE, target=target_each(charter(target="1000 per year"), 500.0))
    rows = spec["data"]["values"]
    assert {(row["series"], row["value"]) for row in rows if row.get("level")} == {("causes nothing", 0.0), ("target", 2.0)}
    assert sum(row.get("low") is not None for row in rows) == sum(one.low is not None for one in found.readings) > 20
    assert "surely above nothing" in spec["description"] and charts.svg(spec).startswith("<svg")
    assert target_each(charter(), 500.0) is None


def test_the_report_has_the_picture_where_a_hold_out_tells() -> None:
    windows = days(2.0, seed=1)
    facts = {"says": "the model surely gains", "lift": of(windows).as_json(1000.0), "cannot": [], "target": 1.0}
    (part,) = [part for part in parts(case(windows, lift=facts)) if part.name == "What the model causes"]
    assert part.picture is not None and "surely above nothing since" in part.says[1]
    (bare,) = [part for part in parts(case(windows, lift={**facts, "lift": None})) if part.name == "What the model causes"]
    assert bare.picture is None
