"""The rule: harm withdraws at once, evidence and not the clock ends a leg, and what is unknown is never passed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.release.rollout.plan import Plan
from loopline.release.rollout.rule import Ruling, State, decide

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
LATER = BEGAN + timedelta(hours=3)
LEGS = ["shadow 1h", "canary 5% 1h", "canary 25% 2h", "full"]
PLAN = Plan.model_validate({"plan": LEGS, "non_inferiority": 1.0})
LAST = 2


def spread(n: int, mean: float, sd: float) -> Moments:
    return Moments(n=n, mean=mean, m2=sd * sd * max(0, n - 1))


def arm(n: int, *, errors: int = 0, ms: float = 10.0, worth: float | None = 10.0) -> Arm:
    return Arm(requests=n, errors=errors, latency=spread(n, ms, 3.0), worth=Moments() if worth is None else spread(n, worth, 10.0))


def leg(n: int = 5_000, *, errors: int = 0, ms: float = 10.0, worth: float | None = 10.0, paired: Moments | None = None, differ: int = 0) -> Evidence:
    return Evidence(
        champion=arm(3 * n, worth=None if worth is None else 10.0), challenger=arm(n, errors=errors, ms=ms, worth=worth), paired=paired, differ=differ
    )


def ruled(*legs: Evidence, plan: Plan = PLAN, now: datetime = LATER, **state: Any) -> Ruling:
    """The ruling in the leg of the last evidence, with nothing before a lone one."""
    before = (Evidence(),) * (LAST + 1 - len(legs))
    return decide(plan, State(**{"leg": LAST, "since": BEGAN, **state}), (*before, *legs), now)


def test_an_equal_challenger_is_promoted_once_it_surely_loses_no_more_than_the_margin() -> None:
    assert ruled(leg()).action == "promote"
    assert ruled(leg(300)).action == "hold"


def test_at_no_margin_a_challenger_must_surely_earn_more() -> None:
    strict = Plan.model_validate({"plan": LEGS})
    assert ruled(leg(), plan=strict).action == "hold"
    assert ruled(leg(worth=12.0), plan=strict).action == "promote"


def test_harm_withdraws_at_once_in_any_leg_and_when_paused() -> None:
    for harmed in (leg(worth=5.0), leg(errors=300), leg(ms=30.0)):
        for number in (1, LAST):
            for paused in (False, True):
                ruling = ruled(harmed, now=BEGAN, leg=number, paused=paused)
                assert ruling.action == "withdraw" and "worse" in ruling.why, ruling


def test_harm_of_an_earlier_leg_withdraws_too() -> None:
    assert ruled(leg(worth=5.0), leg(150)).action == "withdraw"


def test_a_challenger_whose_first_answers_all_fail_is_withdrawn() -> None:
    broken = Evidence(champion=arm(40), challenger=arm(2, errors=2))
    assert ruled(broken, leg=1, now=BEGAN).action == "hold", "two of two are seen later where a quarter is given"
    assert decide(PLAN, State(leg=1, since=BEGAN), (Evidence(), broken), BEGAN).action == "withdraw"


def test_few_errors_more_than_the_champion_are_borne_within_the_margin() -> None:
    assert ruled(leg(50_000, errors=250)).action == "promote"
    assert ruled(leg(50_000, errors=1000)).action == "withdraw"


def test_a_leg_goes_on_until_its_time_has_passed_and_a_clock_that_jumps_back_ends_none() -> None:
    for now in (BEGAN + timedelta(minutes=90), BEGAN - timedelta(days=1)):
        assert ruled(leg(), now=now).action == "hold"
    assert ruled(leg(), now=BEGAN + timedelta(minutes=90)).why == "canary 25% 2h goes on for 30min"


def test_an_early_leg_advances_unless_something_is_surely_worse_and_only_once_it_was_tried() -> None:
    assert ruled(Evidence(), leg(100, worth=None), leg=1).action == "hold", "evidence of the leg itself is asked for"
    tried = decide(PLAN, State(leg=1, since=BEGAN), (Evidence(), leg(100, worth=None)), LATER)
    assert (tried.action, tried.why) == ("advance", "canary 5% 1h is over, and nothing is surely worse")
    idle = decide(PLAN, State(leg=1, since=BEGAN), (Evidence(), Evidence()), LATER)
    assert idle.action == "hold" and "was asked 0 times in canary 5% 1h; 2 are needed" in idle.why
    assert decide(PLAN, State(leg=0, since=BEGAN), (), LATER).action == "hold"


def test_without_outcomes_worth_is_unknown_and_unknown_is_never_passed() -> None:
    silent = leg(worth=None)
    assert (ruled(silent).action, ruled(silent).why[:16]) == ("hold", "worth is unknown")
    asking = Plan.model_validate({"plan": LEGS, "without_outcomes": "approve", "approver": "devops"})
    assert ruled(silent, plan=asking).action == "ask" and "devops may pass it" in ruled(silent, plan=asking).why
    assert ruled(silent, plan=asking, approved=True).action == "promote"
    assert ruled(leg(20, worth=None), plan=asking, approved=True).action == "hold", "errors and latency are asked for all the same"
    assert ruled(leg(300), plan=asking, approved=True).action == "hold", "outcomes that came are heard"


def test_pairs_are_judged_where_there_are_any() -> None:
    alike = leg(worth=None, paired=spread(20_000, 0.1, 2.0), differ=2_000)
    assert ruled(alike).action == "promote"
    assert ruled(replace(alike, paired=spread(20_000, -2.0, 2.0))).action == "withdraw"
    assert ruled(replace(alike, differ=10)).why.startswith("worth is unknown (10 of 20,000 decisions")


def test_a_pair_of_decisions_is_joined_over_legs() -> None:
    shadow, canary = leg(worth=None, paired=spread(9_000, -0.6, 2.0), differ=160), leg(worth=None, paired=spread(9_000, -0.6, 2.0), differ=160)
    strict = Plan.model_validate({"plan": LEGS})
    assert decide(strict, State(leg=LAST, since=BEGAN), (shadow, canary, Evidence()), BEGAN).action == "withdraw"


def test_undecided_beyond_the_patience_is_still_held_and_said() -> None:
    long = ruled(leg(300), now=LATER + timedelta(days=8))
    assert long.action == "hold" and long.is_overdue and "undecided for 1w and more" in long.why
    assert not ruled(leg(300)).is_overdue


def test_a_plan_of_full_alone_promotes() -> None:
    assert decide(Plan(), State(leg=0, since=BEGAN), (), BEGAN).action == "promote"


def test_a_ruling_is_plain_json() -> None:
    told = json.loads(json.dumps(ruled(leg()).as_json()))
    assert [one["question"] for one in told["figures"]] == ["worth", "errors", "latency"]


def watched(rng: np.random.Generator, rate: float, requests: int) -> Iterator[str]:
    """The actions at every fiftieth request of a canary of 25 %, whose challenger fails at a rate and is the champion's equal else."""
    values = {True: Arm(), False: Arm()}
    plan = Plan.model_validate({"plan": "canary 25% 1h -> full", "error_margin": 0, "latency_margin_ms": 0})
    for _ in range(0, requests, 50):
        for mine, n in ((True, 12), (False, 38)):
            failed = int(rng.binomial(n, rate if mine else 0.01))
            values[mine] += Arm(requests=n, errors=failed, latency=Moments.of(rng.lognormal(2.3, 0.5, n)), worth=Moments.of(rng.exponential(1.0, n)))
        found = Evidence(champion=values[False], challenger=values[True])
        yield decide(plan, State(leg=0, since=BEGAN), (found,), BEGAN).action


def test_equal_challengers_are_hardly_ever_withdrawn_however_often_they_are_judged() -> None:
    rng = np.random.default_rng(0)
    assert sum("withdraw" in watched(rng, 0.01, 2_000) for _ in range(40)) <= 2


def test_challengers_with_broken_answers_are_withdrawn_within_hundreds_of_requests() -> None:
    rng = np.random.default_rng(0)
    assert all("withdraw" in watched(rng, 0.2, 500) for _ in range(20))


ARMS = st.builds(arm, st.integers(0, 20_000), errors=st.just(0), ms=st.floats(5, 20), worth=st.floats(0, 20))


@given(ARMS, ARMS, st.integers(0, 200), st.floats(0, 20), st.floats(0, 20), st.booleans())
def test_more_harm_never_turns_a_withdrawal_into_anything_better(one: Arm, other: Arm, errors: int, loss: float, ms: float, paused: bool) -> None:
    def after(errors: int, loss: float, ms: float) -> str:
        failed = replace(
            other,
            requests=other.requests + errors,
            errors=errors,
            worth=replace(other.worth, mean=other.worth.mean - loss),
            latency=replace(other.latency, mean=other.latency.mean + ms),
        )
        return ruled(Evidence(champion=one, challenger=failed), paused=paused).action

    order = ["withdraw", "hold", "promote"]
    mild, harsh = after(0, 0.0, 0.0), after(errors, loss, ms)
    assert order.index(harsh) <= order.index(mild)


@given(ARMS, ARMS, st.integers(0, 200))
def test_twice_the_evidence_of_harm_withdraws_as_well(one: Arm, other: Arm, errors: int) -> None:
    found = Evidence(champion=one, challenger=replace(other, requests=other.requests + errors, errors=errors))
    if ruled(found).action == "withdraw":
        assert ruled(found + found).action == "withdraw"


@given(ARMS, ARMS, st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)))
def test_what_is_paused_goes_no_further(one: Arm, other: Arm, now: datetime) -> None:
    paused = ruled(Evidence(champion=one, challenger=other), paused=True, now=now.replace(tzinfo=UTC))
    assert paused.action in ("hold", "withdraw")
