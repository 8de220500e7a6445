"""The rule of a rollout: a pure function, judged at every request, and held to the simulation that the benches run."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.bench_rollout import ALPHA, PLAN, crossed, pairs_crossed
from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.release.rollout.plan import Plan
from loopline.release.rollout.rule import Standing, decide
from loopline.release.rollout.sequences import BURN_IN, BURN_IN_PAIRS, exceeds, needed, reach

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = Standing(leg=1, since=NOW - timedelta(hours=1))


NONE = Moments()


def arm(worth: Moments = NONE, *, requests: int = 0, errors: int = 0, ms: float = 1.0) -> Arm:
    return Arm(requests=requests or worth.n, errors=errors, latency=Moments(requests or worth.n, ms, (requests or worth.n) * 0.1), worth=worth)


def of(mean: float, n: int = 10_000, deviation: float = 2.0) -> Moments:
    return Moments(n, mean, n * deviation**2)


values = st.lists(st.floats(-1e3, 1e3), max_size=40).map(np.array)


@given(values, values)
def test_moments_of_parts_add_up_to_those_of_the_whole(one, other):
    whole, parts = Moments.of(np.concatenate([one, other])), Moments.of(one) + Moments.of(other)
    assert parts.n == whole.n
    assert (parts.mean, parts.m2) == (pytest.approx(whole.mean, abs=1e-6), pytest.approx(whole.m2, abs=1e-3))
    assert parts.m3 == pytest.approx(whole.m3, rel=1e-6, abs=1.0)


@given(st.builds(Moments, n=st.integers(0, 10**9), mean=st.floats(-1e9, 1e9), m2=st.floats(0, 1e9), m3=st.floats(-1e9, 1e9)), st.booleans())
def test_evidence_comes_back_from_json(moments, is_paired):
    evidence = Evidence(champion=Arm(requests=3, latency=moments), challenger=Arm(worth=moments), paired=moments if is_paired else None, differ=2)
    assert Evidence.of_json(evidence.as_json()) == evidence


@given(st.integers(BURN_IN, 10**6), st.floats(1e-6, 0.2), st.integers(100, 10**6))
def test_a_bound_shrinks_with_rows_and_is_wider_than_one_for_a_single_look(n, alpha, sharpest):
    assert reach(2 * n, alpha, sharpest) < reach(n, alpha, sharpest)
    assert reach(n, alpha, sharpest) > NormalDist().inv_cdf(1 - alpha) / math.sqrt(n)


@given(st.floats(0.01, 1.0), st.floats(0.1, 5.0))
def test_needed_is_the_first_number_of_rows_that_tells(gap, deviation):
    n = needed(gap, deviation, 0.01, 1000)
    assert n is not None
    assert deviation * reach(n, 0.01, 1000) <= gap
    assert n == BURN_IN or deviation * reach(n - 1, 0.01, 1000) > gap


def test_what_never_tells_needs_no_number():
    assert needed(1e-9, 1.0, 0.01, 1000) is None


@pytest.mark.parametrize("kind", ["canary", "shadow"])
def test_the_rule_withdraws_at_the_very_request_at_which_the_simulation_does(kind):
    chance = np.random.default_rng(7)
    own = chance.random((1, 4000)) < 0.25
    worth = chance.normal(1.0, 1.0, own.shape) - np.where(own, 0.5, 0.0)
    if kind == "shadow":
        own = np.ones_like(own)
        difference = np.where(chance.random(own.shape) < 0.3, chance.normal(-1.0, 1.0, own.shape), 0.0)
        at = pairs_crossed(difference, worth).argmax()
        leg = 0
    else:
        at, leg = crossed(own, worth).argmax(), 1
    assert at > 0
    for last, action in ((at, "hold"), (at + 1, "withdraw")):
        money = worth[0, :last]
        if kind == "shadow":
            seen = Moments.of(difference[0, :last])
            evidence = Evidence(champion=arm(Moments.of(money)), challenger=arm(), paired=seen, differ=int(np.count_nonzero(difference[0, :last])))
        else:
            mine = own[0, :last]
            evidence = Evidence(champion=arm(Moments.of(money[~mine])), challenger=arm(Moments.of(money[mine])))
        assert decide(PLAN, Standing(leg=leg, since=NOW), evidence, NOW).action == action


def test_before_its_time_is_over_a_leg_goes_on_however_good_the_challenger_is():
    evidence = Evidence(champion=arm(of(1.0)), challenger=arm(of(9.0)))
    assert decide(PLAN, Standing(leg=1, since=NOW - timedelta(minutes=59)), evidence, NOW).action == "hold"
    assert decide(PLAN, FIRST, evidence, NOW).action == "advance"
    assert decide(PLAN, Standing(leg=2, since=NOW - timedelta(hours=2)), evidence, NOW).action == "promote"


def test_an_undecided_one_is_held_and_told_how_many_outcomes_would_tell():
    ruling = decide(PLAN, Standing(leg=2, since=NOW - timedelta(days=9)), Evidence(champion=arm(of(1.0, 3000)), challenger=arm(of(1.0, 1000))), NOW)
    assert ruling.action == "hold"
    assert "could be lost in the next step" in ruling.why and "outcomes of it would tell" in ruling.why


def test_the_margin_says_how_much_may_be_at_stake_in_the_next_leg():
    seen = Evidence(champion=arm(of(10.0, 3000)), challenger=arm(of(10.0, 1000)))
    at = Standing(leg=2, since=NOW - timedelta(days=9))
    assert decide(PLAN.model_copy(update={"margin": 0.01}), at, seen, NOW).action == "hold"
    assert decide(PLAN.model_copy(update={"margin": 1.0}), at, seen, NOW).action == "promote"


def test_unknown_worth_is_never_passed():
    seen = Evidence(champion=arm(requests=10**6), challenger=arm(requests=10**6))
    at = Standing(leg=2, since=NOW - timedelta(days=99))
    assert decide(PLAN, at, seen, NOW).action == "hold"
    assert decide(PLAN, at, None, NOW).action == "hold"
    asks = PLAN.model_copy(update={"without_outcomes": "ask"})
    assert decide(asks, at, seen, NOW).action == "ask"
    assert decide(asks, Standing(leg=2, since=at.since, asked=True), seen, NOW).action == "hold"


def test_one_that_fails_every_request_is_withdrawn_after_a_few():
    for requests in range(1, 10):
        ruling = decide(PLAN, FIRST, Evidence(challenger=Arm(requests=requests, errors=requests)), NOW)
        if ruling.action == "withdraw":
            break
    assert requests <= 4
    assert f"it failed {requests} of {requests} requests; 1 % may fail" in ruling.why


@given(st.integers(0, 200), st.integers(0, 5000), st.floats(0.001, 0.5))
def test_more_failures_are_more_evidence_and_fewer_than_are_let_are_none(failed, more, share):
    of_all = failed + more
    if of_all > failed:
        assert exceeds(failed + 1, of_all, share) >= exceeds(failed, of_all, share) - 1e-9
    if failed <= share * of_all:
        assert exceeds(failed, of_all, share) < 4


def test_a_slow_one_is_withdrawn_and_a_little_slower_is_let():
    for ms, action in ((20.0, "withdraw"), (4.0, "hold")):
        evidence = Evidence(champion=arm(requests=2000), challenger=arm(requests=2000, ms=1.0 + ms))
        assert decide(PLAN, FIRST, evidence, NOW).action == action


@settings(max_examples=200)
@given(
    mean=st.floats(-5, 5),
    n=st.integers(0, 10**5),
    errors=st.integers(0, 50),
    leg=st.integers(0, 2),
    hours=st.integers(0, 99),
    paused=st.booleans(),
    harm=st.floats(0, 5),
)
def test_more_harm_never_makes_a_ruling_kinder(mean, n, errors, leg, hours, paused, harm):
    kindness = {"withdraw": 0, "hold": 1, "ask": 1, "advance": 2, "promote": 2}
    at = Standing(leg=leg, since=NOW - timedelta(hours=hours), paused=paused)

    def ruled(worth: float, failed: int) -> int:
        challenger = arm(of(worth, n), requests=n + 60, errors=failed)
        return kindness[decide(PLAN, at, Evidence(champion=arm(of(1.0, n)), challenger=challenger), NOW).action]

    assert ruled(mean - harm, errors) <= ruled(mean, errors)
    assert ruled(mean, errors + 5) <= ruled(mean, errors)
    if paused:
        assert ruled(mean, errors) <= 1


def test_rare_differences_are_not_judged_by_a_few():
    few = Evidence(champion=arm(of(1.0)), challenger=arm(), paired=Moments.of(np.repeat([-1.0, 0.0], [BURN_IN_PAIRS - 1, 9000])), differ=BURN_IN_PAIRS - 1)
    ruling = decide(PLAN, Standing(leg=0, since=NOW - timedelta(days=1)), few, NOW)
    assert ruling.action == "hold"
    assert "499 of 9,499 decisions earned something else" in ruling.why


def test_the_chance_of_a_false_alarm_is_shared_over_legs_and_questions():
    assert pytest.approx(PLAN.false_alarm / 9) == ALPHA
    assert Plan.model_validate({"steps": "canary 5% 1h -> full"}).is_declared
