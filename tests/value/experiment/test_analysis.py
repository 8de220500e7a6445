"""What an experiment shows: bounds that hold at every look, a split that is checked, guards, and a winner only where one is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.release.rollout.sequences import BURN_IN
from loopline.value.experiment.analysis import Analysis, Gathered, analyse, differ, split_mismatch
from loopline.value.experiment.cuped import Units
from loopline.value.experiment.spec import Plan

EVEN = {"old": 0.5, "new": 0.5}


def units(rng: np.random.Generator, rows: int, *, mean: float = 0.0, sd: float = 1.0) -> Units:
    return Units(rng.normal(mean, sd, rows), np.ones(rows))


def found(arms: Mapping[str, Units], shares: Mapping[str, float] = EVEN, *, guarded: Mapping[str, Any] | None = None, **plan: Any) -> Analysis:
    gathered = Gathered(assigned={arm: len(one) for arm, one in arms.items()}, units=arms, guarded=guarded or {})
    return analyse(Plan(effect=plan.pop("effect", 0.1), **plan), shares, gathered)


def test_the_better_arm_wins_and_is_told_by_how_much() -> None:
    rng = np.random.default_rng(1)
    analysis = found({"old": units(rng, 5000), "new": units(rng, 5000, mean=0.3)})
    assert (analysis.state, analysis.winner, analysis.arms[0].judgement) == ("winner", "new", "better")
    difference = analysis.arms[0].difference
    assert difference.low is not None and difference.high is not None and difference.low < 0.3 < difference.high
    assert "new wins" in analysis.says()
    json.dumps(analysis.as_json())


@pytest.mark.parametrize(("mean", "judgement"), [(-0.5, "worse"), (0.0, "no worthwhile difference")])
def test_the_control_stays_where_no_arm_can_be_worth_it(mean: float, judgement: str) -> None:
    rng = np.random.default_rng(2)
    analysis = found({"old": units(rng, 9000), "new": units(rng, 9000, mean=mean)}, effect=0.2)
    assert (analysis.state, analysis.winner, analysis.arms[0].judgement) == ("control", "old", judgement)


def test_until_both_have_enough_units_nothing_is_told() -> None:
    rng = np.random.default_rng(3)
    analysis = found({"old": units(rng, BURN_IN), "new": units(rng, BURN_IN - 1, mean=9.0)})
    assert (analysis.state, analysis.arms[0].judgement, analysis.arms[0].difference.low) == ("running", "too early", None)


def test_an_arm_without_units_is_no_split_that_was_planned_and_none_at_all_tell_nothing() -> None:
    rng = np.random.default_rng(5)
    empty = units(rng, 0)
    analysis = found({"old": units(rng, 400), "new": empty})
    assert analysis.state == "invalid" and "new has 0 of 400 units" in analysis.says()
    nothing = found({"old": empty, "new": empty})
    assert (nothing.state, nothing.arms[0].judgement, nothing.arms[0].harm()) == ("running", "too early", "")


def test_what_an_arm_surely_loses_and_harms_is_said() -> None:
    rng = np.random.default_rng(6)
    arms = {"old": units(rng, 3000), "new": units(rng, 3000, mean=-0.5)}
    slow = {"ms": {"old": units(rng, 3000, mean=9.0), "new": units(rng, 3000, mean=30.0)}}
    analysis = found(arms, guarded=slow, guards=("ms <= +5",))
    assert "new surely loses 0.4913" in analysis.says() and "surely harms ms (off by 21" in analysis.says()
    assert analysis.as_json()["arms"][0]["harm"] in analysis.says()


def test_of_several_better_arms_the_best_wins_once_none_is_open() -> None:
    rng = np.random.default_rng(4)
    shares = {"old": 0.25, "a": 0.25, "b": 0.25, "c": 0.25}
    arms = {"old": units(rng, 4000), "a": units(rng, 4000, mean=0.3), "b": units(rng, 4000, mean=0.6), "c": units(rng, 4000, mean=-0.4)}
    assert found(arms, shares).winner == "b"
    open_still = {**arms, "c": units(rng, 4000, mean=0.05)}
    assert found(open_still, shares).state == "running"


def test_a_split_that_is_not_the_planned_one_makes_everything_invalid() -> None:
    rng = np.random.default_rng(5)
    analysis = found({"old": units(rng, 5000), "new": units(rng, 4200, mean=1.0)})
    assert (analysis.state, analysis.winner) == ("invalid", "")
    assert "4,200 of 9,200" in analysis.says()
    measured = Gathered(assigned={"old": 5000, "new": 5000}, units={"old": units(rng, 5000), "new": units(rng, 4200, mean=1.0)}, guarded={})
    assert analyse(Plan(effect=0.1), EVEN, measured).state == "invalid"


def test_a_sound_split_is_taken_for_one_at_every_look() -> None:
    rng = np.random.default_rng(6)
    alarms = 0
    for _ in range(60):
        arm = np.cumsum(rng.random(3000) < 0.3)
        alarms += any(split_mismatch({"old": int(n - arm[n - 1]), "new": int(arm[n - 1])}, {"old": 0.7, "new": 0.3}) for n in range(1, 3001, 60))
    assert alarms == 0


@given(st.integers(0, 10), st.integers(0, 10))
def test_few_units_are_never_a_mismatch_however_they_fall(one: int, other: int) -> None:
    assert not split_mismatch({"old": one, "new": other}, EVEN)


def test_an_arm_that_surely_harms_a_guarded_figure_does_not_win() -> None:
    rng = np.random.default_rng(7)
    arms = {"old": units(rng, 5000), "new": units(rng, 5000, mean=0.3)}
    slow = {"ms": {"old": units(rng, 5000, mean=10), "new": units(rng, 5000, mean=17)}}
    analysis = found(arms, guarded=slow, guards=("ms <= +5",))
    assert (analysis.state, analysis.winner, analysis.arms[0].harms) == ("control", "old", ("ms",))
    assert found(arms, guarded=slow, guards=("ms <= +9",)).winner == "new"
    assert found(arms, guarded=slow, guards=("ms >= -5",)).winner == "new"
    sour = {"rating": {"old": units(rng, 5000, mean=4), "new": units(rng, 5000, mean=3)}}
    assert found(arms, guarded=sour, guards=("rating >= -0.5",)).arms[0].harms == ("rating",)


def test_an_arm_of_which_a_guarded_figure_is_not_told_yet_does_not_win() -> None:
    rng = np.random.default_rng(7)
    shares = {"old": 0.4, "new": 0.4, "bad": 0.2}
    arms = {"old": units(rng, 5000), "new": units(rng, 5000, mean=0.3), "bad": units(rng, 2500, mean=-0.5)}
    few = {"rating": {arm: units(rng, BURN_IN - 1, mean=4) for arm in arms}}
    for guarded in (None, {"rating": {}}, few):
        analysis = found(arms, shares, guarded=guarded, guards=("rating >= -0.5",))
        assert (analysis.state, analysis.winner, analysis.arms[0].untold) == ("running", "", ("rating",))
        assert "new is surely better, and rating not yet told" in analysis.says()
    told = {"rating": {arm: units(rng, BURN_IN * 20, mean=4) for arm in arms}}
    assert found(arms, shares, guarded=told, guards=("rating >= -0.5",)).winner == "new"
    # An arm that is worse waits for nothing.
    worse = {name: arms[name] for name in ("old", "bad")}
    assert found(worse, {"old": 0.4, "bad": 0.2}, guards=("rating >= -0.5",)).state == "control"


def test_looking_all_the_time_does_no_harm() -> None:
    """Of 200 experiments without a difference, looked at all the time, at most one in twenty may ever seem better or worse; so also with CUPED."""
    rng = np.random.default_rng(8)
    looks = np.unique(np.geomspace(BURN_IN, 2000, 12).astype(int))
    for follows in (0.0, 0.8):
        wrong = 0
        for _ in range(200):
            before = rng.exponential(1.0, (2, looks[-1]))
            money = follows * before + rng.exponential(1.0, before.shape)
            for n in looks:
                sides = [Units(money[at, :n], np.ones(n), before[at, :n]) for at in range(2)]
                difference = differ("worth", *sides, alpha=0.05, tightest=1000.0)
                if difference.low is not None and difference.high is not None and not difference.low <= 0 <= difference.high:
                    wrong += 1
                    break
        assert wrong <= 200 * 0.05


@pytest.mark.parametrize("text", ["ms", "ms <= 5", "ms >= +5", "ms <= -5", "rating >= 0.1", "<= +5", "ms <= +x", "ms == +5"])
def test_what_is_no_guard_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="is no guard"):
        Plan.model_validate({"effect": 1, "guards": [text]})


@pytest.mark.parametrize("text", ["ms <= +5", "rating >= -0.1", "acted <= +0.02", "ms <= 0"])
def test_a_guard_reads_as_it_was_written(text: str) -> None:
    (guard,) = Plan.model_validate({"effect": 1, "guards": [text]}).guards
    assert str(guard).replace("+0", "0") == text.replace("+0", "0")
