"""What the model causes: the difference to a hold-out with bounds that hold at every look, and what cannot be told."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
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
from loopline.value.logged import Logged
from loopline.value.parted import Parted, by_difference, lately, parted
from loopline.value.report.parts import parts
from tests.value.cases import T0, case, window

CONFIDENCE = 0.9


def charter(**more: Any) -> CharterSpec:
    return CharterSpec.model_validate({"predict": "late", **more})


Day = tuple[np.ndarray, ...]
"""What a day's decisions earned: by the policy, held out, and what the model would have earned more on the latter."""


def split(policy: np.ndarray, holdout: np.ndarray, instead: np.ndarray | None = None) -> Day:
    return policy, holdout, np.zeros(len(holdout)) if instead is None else instead


def put(days: list[Day], *, units: np.ndarray | None = None, expected: float | None = None) -> Parted:
    """The days' decisions, each of a key of its own unless the keys are given."""
    policy, holdout = (np.array([len(day[side]) for day in days]) for side in (0, 1))
    rows = int((policy + holdout).sum())
    return Parted(
        starts=tuple((T0 + timedelta(days=day)).isoformat() for day in range(len(days))),
        at=np.repeat(np.arange(len(days)), policy + holdout),
        unit=np.arange(rows) if units is None else units,
        held=np.concatenate([np.repeat([False, True], [len(day[0]), len(day[1])]) for day in days]),
        money=np.concatenate([np.concatenate(day[:2]) for day in days]),
        instead=np.concatenate([np.concatenate([np.zeros(len(day[0])), day[2]]) for day in days]),
        expected=holdout.sum() / max(1, rows) if expected is None else expected,
        decisions=rows,
        held_out=int(holdout.sum()),
    )


def days(effect: float, *, seed: int, count: int = 30, rows: int = 500, share: float = 0.1, storms: float = 0.0) -> list[Day]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        held, storm = rng.random(rows) < share, rng.normal(0, storms)
        money = rng.normal(storm, 5.0, rows) + np.where(held, 0.0, effect)
        made.append(split(money[~held], money[held]))
    return made


def of(made: list[Day], **more: Any) -> Lift:
    found = lift(put(made, **more), charter(), confidence=CONFIDENCE)
    assert found is not None
    return found


def test_the_lift_is_the_difference_of_both_sides() -> None:
    found = of(days(2.0, seed=1))
    assert found.low is not None and found.high is not None and found.value is not None
    assert found.low < 2.0 < found.high and abs(found.value - 2.0) < 0.5 and found.is_sure
    assert found.policy is not None and found.holdout is not None
    assert abs(found.policy - found.holdout - found.value) < 0.1
    assert (found.decisions, found.held) == (15_000, sum(len(day[1]) for day in days(2.0, seed=1)))
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
    found = of([split(np.arange(5000.0), few)])
    assert (found.value, found.low, found.high, found.is_sure) == (None, None, None, False)
    assert "too early" in found.says("USD")
    more = of([split(np.arange(5000.0), few), split(np.arange(10.0), np.array([3.0]))])
    assert more.value is not None and [reading.value is None for reading in more.readings] == [True, False]


def test_days_that_differ_for_both_sides_do_not_widen_the_bounds() -> None:
    calm, stormy = (of(days(1.0, seed=3, rows=3000, storms=storms)) for storms in (0.0, 40.0))
    assert calm.high is not None and calm.low is not None and stormy.high is not None and stormy.low is not None
    assert stormy.high - stormy.low < 1.1 * (calm.high - calm.low)


def test_a_share_that_changes_is_no_lift() -> None:
    """Good days with a small hold-out and bad ones with a large: pooled, the model would seem to earn what the days did."""
    rng = np.random.default_rng(4)
    made = [split(rng.normal(good, 1, 2000 - held), rng.normal(good, 1, held)) for good, held in [(100, 200), (0, 1000)] * 5]
    found = of(made)
    assert found.policy is not None and found.holdout is not None and found.low is not None and found.high is not None
    assert found.policy - found.holdout > 20
    assert found.low < 0 < found.high and found.high - found.low < 1


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_whatever_comes_the_bounds_hold_the_value_and_every_window_is_read(sizes: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = [split(rng.normal(0, 1, policy), rng.normal(0, 1, held)) for policy, held in sizes]
    found = lift(put(made), charter(), confidence=CONFIDENCE)
    if not sum(held for _, held in sizes):
        assert found is None
        return
    assert found is not None and len(found.readings) == len(sizes)
    for reading in found.readings:
        assert (reading.value is None) == (reading.low is None) == (reading.high is None)
        assert reading.value is None or (reading.low is not None and reading.high is not None and reading.low <= reading.value <= reading.high)


def test_the_bounds_hold_at_every_look_together() -> None:
    """Of 120 projects without any effect, looked at each day for 40 days, at most a tenth may ever see one."""
    rng = np.random.default_rng(6)
    ever = 0
    for _ in range(120):
        counts = rng.binomial(200, 0.2, 40)
        made = [split(rng.exponential(10, 200 - held), rng.exponential(10, held)) for held in counts]
        readings = of(made).readings
        ever += any(one.low is not None and one.high is not None and not one.low <= 0 <= one.high for one in readings)
    assert ever <= 120 * (1 - CONFIDENCE)


def test_where_outcomes_are_seen_only_after_acting_a_hold_out_that_acts_tells_pair_by_pair() -> None:
    when_acted = charter(outcome_seen="when_acted")
    rng = np.random.default_rng(7)
    made = [split(rng.normal(1, 5, 800), rng.normal(0, 5, 200), np.append(rng.choice([3.0, -1.0], 80), np.zeros(120))) for _ in range(20)]
    assert lift(put(made), when_acted, confidence=CONFIDENCE) is None
    found = lift(put(made), when_acted, confidence=CONFIDENCE, acts_without=True)
    assert found is not None and found.method == "paired" and found.policy is None
    assert found.low is not None and found.high is not None and found.low < 80 / 200 < found.high
    assert found.value == pytest.approx(sum(day[2].sum() for day in made) / (20 * 200))
    early = lift(put(made[:1]), when_acted, confidence=CONFIDENCE, acts_without=True)
    assert early is not None and "too early" in early.says("USD")


def test_without_a_hold_out_there_is_no_lift() -> None:
    assert lift(put([split(np.ones(5), np.empty(0))]), charter(), confidence=CONFIDENCE) is None


def again(keys: int, share: float, *, between: float, within: float, days: int, seed: int) -> Parted:
    """Days on each of which the same keys come again, of which the same ones are held out; the model causes nothing."""
    rng = np.random.default_rng(seed)
    held, kept = rng.random(keys) < share, rng.normal(0, between, keys)
    order = np.argsort(held, kind="stable")
    money = [(kept + rng.normal(0, within, keys))[order] for _ in range(days)]
    policy = int((~held).sum())
    made = [split(day[:policy], day[policy:]) for day in money]
    return put(made, units=np.tile(order, days))


@pytest.mark.parametrize(("keys", "share", "between", "within"), [(1000, 0.2, 3.0, 3.0), (2000, 0.1, 1.0, 3.0), (1000, 0.5, 0.0, 3.0)])
def test_the_bounds_hold_where_the_same_keys_come_every_day(keys: int, share: float, between: float, within: float) -> None:
    """Rows of a key that is held out on every day are no new draws: taken for such, three projects in four would see an effect that is not there."""
    ever = 0
    for seed in range(40):
        found = lift(again(keys, share, between=between, within=within, days=30, seed=seed), charter(), confidence=CONFIDENCE)
        assert found is not None and found.readings[-1].value is not None
        ever += any(one.low is not None and one.high is not None and not one.low <= 0 <= one.high for one in found.readings)
    assert ever <= 40 * (1 - CONFIDENCE)


def test_too_few_keys_are_not_judged_however_often_they_come() -> None:
    found = lift(again(500, 0.1, between=3.0, within=3.0, days=120, seed=1), charter(), confidence=CONFIDENCE)
    assert found is not None and found.outcomes[1] > 5000 > BURN_IN > found.units[1]
    assert found.value is None and f"outcomes of {found.units[1]} keys" in found.says("EUR")


def test_a_key_for_each_row_gives_the_spread_of_rows() -> None:
    """The interval of single draws: the difference, and its error as the textbook has it."""
    rng = np.random.default_rng(9)
    policy, holdout = rng.normal(1, 4, 900), rng.normal(0, 5, 300)
    (found,) = by_difference(put([split(policy, holdout)]))
    assert float(found.value) == pytest.approx(policy.mean() - holdout.mean())
    assert float(found.variance) == pytest.approx(policy.var(ddof=1) / 900 + holdout.var(ddof=1) / 300)
    assert float(found.pairs) == pytest.approx(900 * 300 / 1200)


def test_keys_that_come_twice_and_bring_the_same_tell_no_more_than_once() -> None:
    rng = np.random.default_rng(10)
    policy, holdout = rng.normal(1, 5, 900), rng.normal(0, 5, 300)
    once, *_ = by_difference(put([split(policy, holdout)]))
    *_, twice = by_difference(put([split(policy, holdout)] * 2, units=np.tile(np.arange(1200), 2)))
    assert float(twice.value) == pytest.approx(float(once.value))
    assert float(twice.variance) == pytest.approx(float(once.variance))


def test_where_outcomes_come_of_one_side_more_than_of_the_other_nothing_is_told() -> None:
    """The model causes nothing, and of what is held out the outcomes come only where they are bad."""
    rng = np.random.default_rng(11)
    made = []
    for _ in range(30):
        holdout = rng.normal(2, 5, 100)
        made.append(split(rng.normal(2, 5, 900), holdout[holdout < 2]))
    found = of(made, expected=0.1)
    assert (found.value, found.low, found.high, found.is_sure) == (None, None, None, False)
    assert "cannot be told from the hold-out" in found.says("EUR") and "who is counted" in found.says("EUR")
    assert all(reading.value is None for reading in found.readings) and found.as_json(None)["mismatch"]
    sound = of(made)
    assert sound.low is not None and sound.low > 0 and sound.as_json(None)["mismatch"] is None


def test_what_should_be_held_out_of_the_outcomes_that_came_follows_the_shares_of_their_days() -> None:
    """A share of a twentieth, then of a half of which nothing has come yet: no outcome is missing on one side."""
    rows, day = 2000, np.arange(2000) // 1000
    known = day == 0
    logged = Logged(
        **{name: np.arange(rows) for name in ("id", "unit")},
        **{name: np.full(rows, None) for name in ("decision", "own", "arm", "outcome")},
        **{name: np.zeros(rows) for name in ("scores", "ms")},
        when=np.datetime64("2024-01-01T12:00", "us") + day * np.timedelta64(1, "D"),
        split=np.ones(rows, dtype=bool),
        held=np.arange(rows) % 20 < np.where(day == 0, 1, 10),
        known=known,
        money=np.where(known, 1.0, np.nan),
        columns={},
    )
    starts = [(T0 + timedelta(days=at)).isoformat() for at in range(2)]
    made = parted(logged, SimpleNamespace(task="multiclass"), starts)  # type: ignore[arg-type]
    assert (made.expected, made.units(), made.decisions, made.held_out) == (pytest.approx(0.05), (950, 50), 2000, 550)
    later = parted(logged, SimpleNamespace(task="multiclass"), starts[1:])  # type: ignore[arg-type]
    assert (later.units(), later.decisions, later.held_out) == ((0, 0), 1000, 500)


def test_looks_begin_with_the_quarter_before_the_present_one() -> None:
    moments = [(T0 + timedelta(days=day)).isoformat() for day in range(0, 400, 10)]
    assert lately(moments[:18]) == moments[:18]
    assert lately(moments)[0] == (T0 + timedelta(days=270)).isoformat() and lately(moments)[-1] == moments[-1]
    assert lately([]) == []


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
    found = of(days(2.0, seed=1))
    facts = {"says": "the model surely gains", "lift": found.as_json(1000.0), "cannot": [], "target": 1.0}
    (part,) = [part for part in parts(case([window(0)], lift=facts, lift_over_time=found.readings)) if part.name == "What the model causes"]
    assert part.picture is not None and "surely above nothing since" in part.says[1]
    (bare,) = [part for part in parts(case([window(0)], lift={**facts, "lift": None})) if part.name == "What the model causes"]
    assert bare.picture is None
