"""The rule of a rollout: what is to be done, as a pure function of where it stands and of the evidence.

A challenger that surely earns less, fails more or is slower than the plan lets is withdrawn, in whichever leg. A leg ends when its time is over and the
evidence rules out so much loss that the next leg puts no more than the margin at stake; until then it is held.

The chance of a false alarm is shared out evenly over the legs and, within each, over worth, errors and latency (Bonferroni), and each bound holds at every
moment at once (`loopline.release.rollout.sequences`). So an equal challenger is withdrawn with no greater chance than is declared, though it is judged at
every request. The evidence is that of the leg alone: rows of legs with other shares and from another hour are not compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from loopline.declaration import figure, say_duration
from loopline.release.rollout.evidence import Evidence
from loopline.release.rollout.plan import Plan
from loopline.release.rollout.sequences import BURN_IN, BURN_IN_PAIRS, enough, exceeds, needed, of_difference, of_pairs

Action = Literal["hold", "advance", "withdraw", "promote", "ask"]
QUESTIONS = 3
"""Worth, errors and latency."""
TENTH = 0.1
"""Of what the champion earns per decision: what may be at stake where the plan says no margin."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a rollout stands.

    Parameters
    ----------
    leg, since
        The leg that runs, from 0, and when it began.
    paused
        Whether a person keeps it where it is; it is withdrawn nonetheless when it is surely worse.
    asked
        Whether a person has been asked already.
    """

    leg: int
    since: datetime
    paused: bool = False
    asked: bool = False


@dataclass(frozen=True)
class Ruling:
    """What is to be done, why, and the figures that it rests on; None is a figure that is not known."""

    action: Action
    why: str
    figures: Mapping[str, float | None] = field(default_factory=dict)


def decide(plan: Plan, standing: Standing, evidence: Evidence | None, now: datetime) -> Ruling:
    """What is to be done with a challenger.

    Parameters
    ----------
    evidence
        Of the leg that runs; None where there is none yet.
    """
    seen = Evidence() if evidence is None else evidence
    alpha = plan.false_alarm / (QUESTIONS * (len(plan.steps) - 1))
    worth = _worth(plan, seen, alpha)
    figures = _figures(seen, worth)
    harm = _harm(plan, seen, worth, alpha)
    if harm:
        return Ruling("withdraw", harm, figures)
    left = standing.since + plan.steps[standing.leg].span - now
    if standing.paused:
        return Ruling("hold", "it is paused", figures)
    if left > timedelta(0):
        return Ruling("hold", f"{say_duration(timedelta(seconds=round(left.total_seconds())))} of the leg are left", figures)
    return _at_the_end(plan, standing, seen, worth, alpha, figures)


def _worth(plan: Plan, seen: Evidence, alpha: float) -> tuple[float, float] | None:
    """The least and the greatest that the challenger may earn per decision beyond the champion."""
    if seen.paired is not None:
        return of_pairs(seen.paired, alpha, plan.within) if seen.differ >= enough(BURN_IN_PAIRS, seen.champion.worth) else None
    return of_difference(seen.challenger.worth, seen.champion.worth, alpha, plan.within)


def _harm(plan: Plan, seen: Evidence, worth: tuple[float, float] | None, alpha: float) -> str:
    """In what the challenger is surely worse than the plan lets; empty where it is not."""
    arm = seen.challenger
    if worth is not None and worth[1] < 0:
        return f"it earns {_money(-worth[1], seen)} less per decision at least, over {_rows(seen)}"
    if exceeds(arm.errors, arm.requests, plan.errors) > math.log(1 / alpha):
        return f"it failed {arm.errors:,} of {arm.requests:,} requests; {figure(100 * plan.errors)} % may fail"
    slower = of_difference(arm.latency, seen.champion.latency, alpha, plan.within)
    if slower is not None and slower[0] > plan.slower_ms:
        return f"it takes {figure(slower[0])} ms longer than the champion at least; {figure(plan.slower_ms)} ms more are let"
    return ""


def _at_the_end(plan: Plan, standing: Standing, seen: Evidence, worth: tuple[float, float] | None, alpha: float, figures: Mapping[str, float | None]) -> Ruling:
    """What is done once the leg's time is over."""
    if worth is None:
        why = _too_few(seen)
        may_ask = plan.without_outcomes == "ask" and not standing.asked and seen.challenger.requests >= BURN_IN
        return Ruling("ask" if may_ask else "hold", why + ("; a person may promote it" if may_ask or standing.asked else ""), figures)
    following = plan.steps[standing.leg + 1]
    margin = plan.margin if plan.margin is not None else TENTH * abs(seen.champion.worth.mean)
    at_stake = max(0.0, -worth[0]) * plan.at_stake(standing.leg + 1)
    told = f"it earns between {_signed(worth[0])} and {_signed(worth[1], seen)} per decision beyond the champion, over {_rows(seen)}"
    if at_stake <= margin:
        return Ruling("promote" if following.kind == "full" else "advance", told, figures)
    lacking = _lacking(plan, standing, seen, margin, alpha)
    why = f"{told}: {_money(at_stake, seen)} per decision could be lost in the next step, and {figure(margin)} may be"
    return Ruling("hold", why + (f"; about {lacking:,} outcomes of it would tell, were it as good" if lacking else ""), figures)


def _too_few(seen: Evidence) -> str:
    if seen.paired is not None:
        least = enough(BURN_IN_PAIRS, seen.champion.worth)
        return (
            f"{seen.differ:,} of {seen.paired.n:,} decisions earned something else than the champion's, and {least:,.0f} such are needed to tell what it earns"
        )
    known, least = min(seen.challenger.worth.n, seen.champion.worth.n), enough(BURN_IN, seen.challenger.worth, seen.champion.worth)
    return f"{known:,} outcomes of each have come, and {least:,.0f} are needed to tell what it earns"


def _lacking(plan: Plan, standing: Standing, seen: Evidence, margin: float, alpha: float) -> int | None:
    """About how many outcomes of the challenger the next step needs, were it just as good as the champion."""
    gap = margin / plan.at_stake(standing.leg + 1)
    if seen.paired is not None:
        return needed(gap, math.sqrt(seen.paired.variance), alpha, plan.within)
    own, other = seen.challenger.worth, seen.champion.worth
    share = own.n / (own.n + other.n)
    rows = needed(gap, math.sqrt(own.variance / share + other.variance / (1 - share)), alpha, plan.within / share)
    return None if rows is None else round(rows * share)


def _figures(seen: Evidence, worth: tuple[float, float] | None) -> dict[str, float | None]:
    own, other = seen.challenger, seen.champion
    known = own.worth.n and other.worth.n
    gap = seen.paired.mean if seen.paired is not None and seen.paired.n else own.worth.mean - other.worth.mean if known else None
    return {
        "requests": own.requests,
        "champion_requests": other.requests,
        "outcomes": own.worth.n if seen.paired is None else seen.paired.n,
        "errors": own.errors,
        "worth": gap,
        "worth_low": None if worth is None else worth[0],
        "worth_high": None if worth is None else worth[1],
        "slower_ms": own.latency.mean - other.latency.mean if own.latency.n and other.latency.n else None,
    }


def _rows(seen: Evidence) -> str:
    if seen.paired is not None:
        return f"{seen.paired.n:,} outcomes of both"
    return f"{seen.challenger.worth.n:,} of its outcomes and {seen.champion.worth.n:,} of the champion's"


def _money(amount: float, seen: Evidence) -> str:
    return f"{figure(amount)} {seen.currency}".strip()


def _signed(value: float, seen: Evidence | None = None) -> str:
    return f"{'-' if value < 0 else '+'}{figure(abs(value)) if seen is None else _money(abs(value), seen)}"
