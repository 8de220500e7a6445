"""The rule of a rollout: what is to be done, as a pure function of the plan, the state, the evidence and the time.

Three questions are asked at every look: does the challenger earn less, fail more often, or answer more slowly? Each has one test over all legs, which may
be looked at after every request, and spends a third of the plan's alpha: so an equal challenger is withdrawn in at most a share of alpha of all rollouts.
To be promoted it must be surely good enough in all three at once, each at alpha; this needs no third, since one that is not good enough must deceive them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np

from loopline.declaration import say_duration
from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.release.rollout.plan import Leg, Plan
from loopline.release.rollout.power import failures_needed
from loopline.release.rollout.ruling import Finding, Judgement, Ruling, State
from loopline.release.rollout.sequences import BURN_IN, DIFFERING, NOTHING, Estimate, between, evidence_of_errors, log_of_mixture, rate_bounds

EITHER = 0.5
"""Of what worth may spend: where pairs and arms may both be asked, each has a half."""


def decide(plan: Plan, state: State, evidence: Sequence[Evidence], now: datetime) -> Ruling:
    """What is to be done with a rollout.

    Harm withdraws at once, in any leg and when paused. A leg ends when its time has passed, its challenger was asked often enough for one that always fails to
    be seen, and nothing is surely worse; the last leg before full ends when worth, errors and latency are all surely good enough.

    Parameters
    ----------
    evidence
        Of each leg that has begun, in their order: what a request showed belongs to the leg in which it came, also when its outcome is late.
    """
    leg, found = plan.legs[state.leg], findings(plan, evidence)
    harm = [one for one in found if one.judgement == "worse"]
    if harm:
        return Ruling(action="withdraw", why=_said(harm), figures=found)
    if state.paused:
        return Ruling(action="hold", why="it is paused", figures=found)
    if leg.kind == "full":
        return Ruling(action="promote", why="the plan asks for no trial", figures=found)
    ends = state.since + timedelta(hours=leg.hours)
    if now < ends:
        return Ruling(action="hold", why=f"{leg} goes on for {_in_words(ends - now)}", figures=found)
    why = _open(plan, state, evidence, found)
    if why:
        is_overdue = now >= ends + plan.patience
        asked = f"; undecided for {say_duration(plan.patience)} and more: promote or roll back by hand, or give it more traffic" if is_overdue else ""
        return Ruling(action="hold", why=why + asked, figures=found, is_overdue=is_overdue)
    if plan.legs[state.leg + 1].kind != "full":
        return Ruling(action="advance", why=f"{leg} is over, and nothing is surely worse", figures=found)
    if all(one.judgement == "good enough" for one in found) or state.approved:
        return Ruling(action="promote", why=_said(found), figures=found)
    return Ruling(action="ask", why=f"{_said(found)}; {plan.approver} may pass it", figures=found)


def _open(plan: Plan, state: State, evidence: Sequence[Evidence], found: Sequence[Finding]) -> str:
    """Why a leg whose time has passed is not over; empty when it is."""
    leg = plan.legs[state.leg]
    asked = evidence[state.leg].challenger.requests if state.leg < len(evidence) else 0
    needed = failures_needed(leg.split, plan.alpha_each)
    if asked < needed:
        return f"the challenger was asked {asked} times in {leg}; {needed} are needed to see that it does not always fail"
    if plan.legs[state.leg + 1].kind != "full":
        return ""
    left = [one for one in found if one.judgement != "good enough"]
    worth_is_unknown = [(one.question, one.judgement) for one in left] == [("worth", "unknown")]
    return "" if worth_is_unknown and plan.without_outcomes == "approve" else _said(left)


def _said(found: Sequence[Finding]) -> str:
    return "; ".join(map(str, found))


def _in_words(span: timedelta) -> str:
    """A span as people say it: in whole minutes above one."""
    seconds = span.total_seconds()
    return say_duration(timedelta(minutes=-(-seconds // 60)) if seconds > 60 else timedelta(seconds=-(-seconds // 1)))


def judged(plan: Plan, state: State, evidence: Sequence[Mapping[str, Any]], now: datetime) -> Ruling:
    """`decide`, of evidence as `Evidence.as_json` writes it."""
    return decide(plan, state, [Evidence.of_json(one) for one in evidence], now)


def findings(plan: Plan, evidence: Sequence[Evidence]) -> tuple[Finding, ...]:
    """What is known of worth, errors and latency over all legs that have begun."""
    return (_worth(plan, evidence), _errors(plan, evidence), _latency(plan, evidence))


def _worth(plan: Plan, evidence: Sequence[Evidence]) -> Finding:
    """Pair by pair where outcomes do not depend on the action and enough decisions differ, else arm against arm.

    Where both may be asked, each spends half of what worth may spend: which one speaks depends on what was seen.
    """
    currency = next((one.currency for one in evidence if one.currency), "")
    unit = f"{currency} per decision".strip()
    pairs = [one.paired for one in evidence if one.paired is not None]
    spends = EITHER if pairs else 1.0
    differ, found = sum(one.differ for one in evidence), sum(pairs, Moments())
    if pairs and differ >= DIFFERING:
        estimate = Estimate(value=np.asarray(found.mean), variance=np.asarray(found.variance / found.n), pairs=np.asarray(float(found.n)))
    else:
        # A shadow has no rows of the challenger's own.
        own = (one for leg, one in zip(plan.legs, evidence, strict=False) if one.paired is None or leg.kind == "canary")
        estimate = _between([(one.challenger.worth, one.champion.worth) for one in own])
    finding = _mean(plan, "worth", estimate, margin=plan.non_inferiority, harm=-1, unit=unit, spends=spends)
    if finding.judgement != "unknown":
        return finding
    known = min((sum(arm.worth.n for arm in arms) for arms in zip(*((one.challenger, one.champion) for one in evidence), strict=True)), default=0)
    note = f"{known:,} outcomes of each have come, and {BURN_IN} are needed"
    if pairs:
        note = f"{differ:,} of {found.n:,} decisions whose outcome has come earned something else than the champion's; {DIFFERING} such tell"
    return replace(finding, note=note)


def _latency(plan: Plan, evidence: Sequence[Evidence]) -> Finding:
    estimate = _between([(one.challenger.latency, one.champion.latency) for one in evidence])
    finding = _mean(plan, "latency", estimate, margin=plan.latency_margin_ms, harm=1, unit="ms")
    is_asked_alone = any(one.challenger.latency.n or one.champion.latency.n for one in evidence)
    if finding.judgement == "unknown" and not is_asked_alone and any(one.challenger.requests for one in evidence):
        # Rows that come many at a time are not timed one by one: what the gate measured holds for them.
        return replace(finding, judgement="good enough", note="no row was asked alone: the gate's measure holds")
    return finding


def _between(legs: Sequence[tuple[Moments, Moments]]) -> Estimate:
    return sum((between(_parts(challenger), _parts(champion)) for challenger, champion in legs), NOTHING)


def _parts(found: Moments) -> tuple[float, float, float]:
    return found.n, found.mean, found.variance


def _mean(plan: Plan, question: str, estimate: Estimate, *, margin: float, harm: Literal[-1, 1], unit: str, spends: float = 1.0) -> Finding:
    """A finding on a mean; `harm` is the sign of a difference that is worse, `spends` the share of the alphas that this bound may spend."""
    if not estimate.pairs:
        return Finding(question=question, judgement="unknown", margin=margin, seen=0)
    value, seen = float(estimate.value), int(estimate.pairs)
    tells_harm, passes = spends * plan.alpha_each, spends * plan.alpha
    alphas = (tells_harm, passes) if harm > 0 else (passes, tells_harm)
    low, high = (float(estimate.bounds(alpha, tightest=plan.tightest)[end]) for end, alpha in enumerate(alphas))
    judgement = _judged(low > margin, high <= margin) if harm > 0 else _judged(high < -margin, low >= -margin)
    return Finding(question=question, judgement=judgement, difference=value, low=low, high=high, margin=margin, seen=seen, unit=unit)


def _errors(plan: Plan, evidence: Sequence[Evidence]) -> Finding:
    """Surely more errors, by an exact test given who failed, and by more than the margin as measured; or surely not, by exact bounds in the latest leg."""
    legs = list(zip(plan.legs, evidence, strict=False))
    seen = sum(one.challenger.requests for one in evidence)
    asked = [(_apart(one), _weight(one)) for one in evidence if one.challenger.requests and one.champion.requests]
    if not asked:
        return Finding(question="errors", judgement="unknown", margin=plan.error_margin, seen=seen)
    difference = sum(apart * weight for apart, weight in asked) / sum(weight for _, weight in asked)
    certainty = log_of_mixture(np.asarray(sum(_bets(leg, one) for leg, one in legs)))
    low, high = _rates_apart(evidence[-1], plan.alpha)
    is_worse = bool(certainty >= -np.log(plan.alpha_each)) and difference > plan.error_margin
    judgement = _judged(is_worse, high <= plan.error_margin)
    return Finding(question="errors", judgement=judgement, difference=difference, low=low, high=high, margin=plan.error_margin, seen=seen)


def _bets(leg: Leg, found: Evidence) -> np.ndarray[Any, np.dtype[np.float64]]:
    return evidence_of_errors(found.challenger.errors, found.champion.errors, leg.split)


def _apart(found: Evidence) -> float:
    return _rate(found.challenger) - _rate(found.champion)


def _rate(arm: Arm) -> float:
    return arm.errors / arm.requests


def _weight(found: Evidence) -> float:
    return found.challenger.requests * found.champion.requests / (found.challenger.requests + found.champion.requests)


def _rates_apart(found: Evidence, alpha: float) -> tuple[float, float]:
    """Within what the difference of two error rates lies, each bound wrong with a chance of `alpha` at most."""
    (low, high), (rival_low, rival_high) = (rate_bounds(arm.errors, arm.requests, alpha / 2) for arm in (found.challenger, found.champion))
    return low - rival_high, high - rival_low


def _judged(is_worse: bool, is_good_enough: bool) -> Judgement:
    return "worse" if is_worse else "good enough" if is_good_enough else "undecided"
