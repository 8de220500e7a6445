"""What an experiment needs: as many units as were planned do see the difference, with the chance that was promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.release.rollout.power import detects
from loopline.value.experiment.analysis import Gathered, analyse
from loopline.value.experiment.cuped import Units
from loopline.value.experiment.planner import Measured, need
from loopline.value.experiment.spec import Plan

EVEN = {"old": 0.5, "new": 0.5}


@pytest.mark.parametrize(("shares", "explained"), [(EVEN, 0.0), ({"old": 0.9, "new": 0.1}, 0.0), (EVEN, 0.64), ({"old": 0.2, "a": 0.2, "b": 0.2}, 0.0)])
def test_the_planned_power_is_met(shares: dict[str, float], explained: float) -> None:
    measured = Measured(mean=1.0, sd=2.0, per_day=100.0, explained=explained)
    planned = need(0.3, measured, shares, confidence=0.95, power=0.8)
    rng = np.random.default_rng(1)
    plan, seen, tries = Plan(effect=0.3, tightest=planned.tightest), 0, 300
    for _ in range(tries):
        arms = {}
        for name, share in shares.items():
            rows = round(planned.units * share / sum(shares.values()))
            before = rng.normal(0, 2.0, rows)
            money = (0.3 if name != "old" else 0.0) + explained**0.5 * before + rng.normal(0, 2.0 * (1 - explained) ** 0.5, rows)
            arms[name] = Units(money, np.ones(rows), before if explained else None)
        found = analyse(plan, shares, Gathered(assigned={name: len(one) for name, one in arms.items()}, units=arms, guarded={}))
        seen += found.arms[0].judgement == "better"
    assert seen / tries >= 0.8 - 3 * (0.8 * 0.2 / tries) ** 0.5
    assert seen / tries <= 0.93


def test_what_is_known_before_saves_its_part_and_looking_has_its_price() -> None:
    plain = need(0.3, Measured(mean=0, sd=2, per_day=100), EVEN, confidence=0.95, power=0.8)
    helped = need(0.3, Measured(mean=0, sd=2, per_day=100, explained=0.5), EVEN, confidence=0.95, power=0.8)
    assert helped.units == pytest.approx(plain.units / 2, rel=0.01) and helped.without == plain.units
    assert plain.one_look == pytest.approx(2 * 2 * ((1.96 + 0.8416) * 2 / 0.3) ** 2, rel=0.01)
    assert plain.one_look < plain.units < 3 * plain.one_look
    assert plain.days == pytest.approx(plain.units / 100)
    assert any("saves 50%" in line for line in helped.lines("USD"))


@settings(max_examples=30)
@given(effect=st.floats(0.01, 10), sd=st.floats(0.1, 50), power=st.floats(0.5, 0.95), share=st.floats(0.05, 0.5))
def test_a_smaller_difference_needs_more_and_what_is_planned_shows_it(effect: float, sd: float, power: float, share: float) -> None:
    shares = {"old": 1 - share, "new": share}
    measured = Measured(mean=0, sd=sd, per_day=10)
    planned = need(effect, measured, shares, confidence=0.9, power=power)
    assert need(effect / 2, measured, shares, confidence=0.9, power=power).units >= planned.units
    shown = detects(planned.units + 1, sd, alpha=0.05, tightest=planned.tightest, split=share, sure=power)
    assert shown <= effect * (1 + 1e-6)


def test_without_a_pace_there_are_no_days() -> None:
    assert need(1.0, Measured(mean=0, sd=1, per_day=0), EVEN, confidence=0.95, power=0.8).days is None
    assert need(1.0, Measured(mean=0, sd=0, per_day=1), EVEN, confidence=0.95, power=0.8).units == 200
