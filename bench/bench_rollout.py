"""The rule of a rollout by simulation: 1,000 rollouts of equal challengers judged at every request, and the power against one that earns less.

The equal ones run through a canary of 5 % (5,000 requests) and one of 25 % (15,000), with all margins at 0, and are judged on worth, errors (1 % of the
requests) and latency at once; pairs are judged on worth alone. The power is that of worth, judged at every hundredth request, which understates it a little;
beside it stands the method's own bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from loopline.release.rollout.plan import Plan
from loopline.release.rollout.power import failures_needed, needed_for_errors, power
from loopline.release.rollout.rule import EITHER
from loopline.release.rollout.sequences import DIFFERING, NOTHING, Estimate, Floats, between, evidence_of_errors, log_of_mixture

Mask = NDArray[np.bool_]

RUNS = 1_000
AT_ONCE = 50
SPLITS = ((0.05, 5_000), (0.25, 15_000))
PLAN = Plan.model_validate({"plan": "canary 5% 1h -> canary 25% 2h -> full", "error_margin": 0, "latency_margin_ms": 0})
ERROR_RATE = 0.01

SHAPES: dict[str, Callable[[Generator, tuple[int, int]], NDArray[np.floating[Any]]]] = {
    "normal": lambda rng, size: rng.normal(1, 1, size),
    "heavy tails (t with 3 degrees)": lambda rng, size: 1 + rng.standard_t(3, size),
    "rare large losses (1 in 200 loses 100)": lambda rng, size: 1.5 + rng.normal(0, 1, size) - 100.0 * (rng.random(size) < 0.005),
    "rare large gains (1 in 200 earns 200)": lambda rng, size: 200.0 * (rng.random(size) < 0.005),
    "two points (3 or -2)": lambda rng, size: np.where(rng.random(size) < 0.6, 3.0, -2.0),
}
RARE = {20: "<= 5", 100: None}
"""Pairs that differ lose 1, or gain all that back once in so many times, with the goal: the second shows where the method ends."""

TRAFFIC = (100, 1_000)
HOURS = (6, 24, 168)
RATIOS = (0.5, 1.0, 3.0)
LESS = 0.1
"""The mean worth of the champion is 1, so that this is a tenth of it."""
DIFFER = 0.2
BLOCK = 100


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: name, value, unit, baseline, ratio, goal."""
    for name, shape in SHAPES.items():
        yield from _equal(name, [_judged(np.random.default_rng(seed), shape) for seed in range(RUNS // AT_ONCE)])
    for rare, goal in RARE.items():
        found = [_judged_in_pairs(np.random.default_rng(seed), rare) for seed in range(RUNS // AT_ONCE)]
        yield from _equal(f"pairs (1 in 20 differs: by -1, once in {rare} by {rare - 1})", found, goal=goal)
    yield from _broken(rate=0.2)
    yield from _broken(rate=1.0)
    for ratio in RATIOS:
        for split in (0.25, None):
            yield from _power(ratio, split)


def _row(name: str, value: float, unit: str, *, baseline: float | None = None, goal: str | None = None) -> dict[str, Any]:
    return {"name": f"rollout: {name}", "value": value, "unit": unit, "baseline": baseline, "ratio": None, "goal": goal}


def _equal(name: str, found: list[tuple[Mask, Mask]], *, goal: str | None = "<= 5") -> Iterator[dict[str, Any]]:
    withdrawn, passed = (100 * np.concatenate(part).mean() for part in zip(*found, strict=True))
    yield _row(f"equal ones withdrawn, {name}", withdrawn, "%", goal=goal)
    yield _row(f"equal ones taken for better, {name}", passed, "%", goal=goal)


def _judged(rng: Generator, shape: Callable[[Generator, tuple[int, int]], NDArray[np.floating[Any]]]) -> tuple[Mask, Mask]:
    """Which of some rollouts of equal challengers are withdrawn at any request, and which are taken for better; shape (AT_ONCE,) each."""
    worth, latency, bets = NOTHING, NOTHING, np.zeros(())
    withdrawn, better = np.zeros(AT_ONCE, dtype=bool), np.zeros(AT_ONCE, dtype=bool)
    for split, requests in SPLITS:
        size = (AT_ONCE, requests)
        mine, failed = rng.random(size) < split, rng.random(size) < ERROR_RATE
        worth_now = worth + _running(shape(rng, size), mine)
        latency_now = latency + _running(rng.lognormal(2.3, 0.5, size), mine)
        bets_now = bets + evidence_of_errors(np.cumsum(failed & mine, axis=1), np.cumsum(failed & ~mine, axis=1), split)
        withdrawn |= (worth_now.bounds(PLAN.alpha_each, tightest=PLAN.tightest)[1] < 0).any(axis=1)
        withdrawn |= (latency_now.bounds(PLAN.alpha_each, tightest=PLAN.tightest)[0] > 0).any(axis=1)
        withdrawn |= (log_of_mixture(bets_now) >= -np.log(PLAN.alpha_each)).any(axis=1)
        better |= (worth_now.bounds(PLAN.alpha, tightest=PLAN.tightest)[0] > 0).any(axis=1)
        worth, latency, bets = _last(worth_now), _last(latency_now), bets_now[:, -1:]
    return withdrawn, better


def _running(values: NDArray[np.floating[Any]], mine: Mask) -> Estimate:
    """The difference of the means after each request."""
    return between(*(_moments(np.cumsum(arm, axis=1), np.cumsum(values * arm, axis=1), np.cumsum(values**2 * arm, axis=1)) for arm in (mine, ~mine)))


def _moments(n: NDArray[Any], total: Floats, squares: Floats) -> tuple[Floats, Floats, Floats]:
    """Number, mean and variance, from running sums."""
    mean = total / np.maximum(n, 1)
    return n.astype(np.float64), mean, np.maximum(squares - n * mean**2, 0.0) / np.maximum(n - 1, 1)


def _last(found: Estimate) -> Estimate:
    return Estimate(value=found.value[:, -1:], variance=found.variance[:, -1:], pairs=found.pairs[:, -1:])


def _judged_in_pairs(rng: Generator, rare: int) -> tuple[Mask, Mask]:
    """As `_judged`, on worth alone, where the two are compared on the same requests."""
    size = (AT_ONCE, 20_000)
    differ = rng.random(size) < 0.05
    values = np.where(differ, np.where(rng.random(size) < 1 / rare, rare - 1.0, -1.0), 0.0)
    found = _paired(np.arange(1, 20_001), np.cumsum(differ, axis=1), np.cumsum(values, axis=1), np.cumsum(values**2, axis=1))
    high, low = (found.bounds(EITHER * alpha, tightest=PLAN.tightest)[end] for end, alpha in ((1, PLAN.alpha_each), (0, PLAN.alpha)))
    return np.asarray((high < 0).any(axis=1)), np.asarray((low > 0).any(axis=1))


def _paired(n: NDArray[Any], differ: NDArray[Any], total: Floats, squares: Floats) -> Estimate:
    seen, mean, variance = _moments(n, total, squares)
    return Estimate(value=mean, variance=variance / seen, pairs=np.where(differ >= DIFFERING, seen, 0.0))


def _broken(*, rate: float) -> Iterator[dict[str, Any]]:
    """Requests until a challenger that fails so often is withdrawn, in a canary of 5 %; beside them what the method says for 9 of 10."""
    rng = np.random.default_rng(0)
    size = (RUNS, 2_000)
    mine = rng.random(size) < 0.05
    failed = rng.random(size) < np.where(mine, rate, ERROR_RATE)
    bets = evidence_of_errors(np.cumsum(failed & mine, axis=1), np.cumsum(failed & ~mine, axis=1), 0.05)
    seen = log_of_mixture(bets) >= -np.log(PLAN.alpha_each)
    first = np.where(seen.any(axis=1), seen.argmax(axis=1) + 1, np.inf)
    told = needed_for_errors(rate, ERROR_RATE, split=0.05, alpha=PLAN.alpha_each)
    name = f"requests until one that fails {rate:.0%} is withdrawn, canary 5 %"
    yield _row(f"{name}, median", float(np.median(first)), "")
    yield _row(f"{name}, 9 of 10", float(np.quantile(first, 0.9)), "", baseline=told)
    yield _row(f"{name}, the last of {RUNS:,}", float(first.max()), "", goal=f"<= {PLAN.withdraw_within}")
    if rate == 1.0:
        yield _row("failures that withdraw where the champion has none, canary 5 %", failures_needed(0.05, PLAN.alpha_each), "")


def _power(ratio: float, split: float | None) -> Iterator[dict[str, Any]]:
    """The share of challengers earning a tenth less that are withdrawn, by traffic and hours."""
    looks = TRAFFIC[-1] * HOURS[-1] // BLOCK
    draw = _pairs if split is None else _arms
    alpha = PLAN.alpha_each * (EITHER if split is None else 1.0)
    first = np.concatenate([_first_look(draw(np.random.default_rng(seed), ratio, looks), alpha) for seed in range(RUNS // AT_ONCE)]) * BLOCK
    sd = ratio if split is not None else float(np.sqrt(DIFFER * (ratio**2 + (LESS / DIFFER) ** 2) - LESS**2))
    how = "pair by pair" if split is None else f"canary {split:.0%}"
    for traffic in TRAFFIC:
        for hours in HOURS:
            requests = traffic * hours
            told = power(LESS, sd, requests, alpha=alpha, tightest=PLAN.tightest, split=split, differ=DIFFER)
            name = f"withdrawn, earning 10 % less, {how}, sd/mean {ratio:g}, {traffic:,} requests/h for {hours} h"
            yield _row(name, 100 * float((first <= requests).mean()), "%", baseline=100 * told)


def _first_look(found: Estimate, alpha: float) -> Floats:
    """The look, from 1, at which each rollout is withdrawn; infinite for those that are not."""
    seen = found.bounds(alpha, tightest=PLAN.tightest)[1] < 0
    return np.where(seen.any(axis=1), seen.argmax(axis=1) + 1.0, np.inf)


def _arms(rng: Generator, ratio: float, looks: int) -> Estimate:
    """Normal worth of both packages: the sums of each block are drawn as they are distributed."""
    n = rng.binomial(BLOCK, 0.25, (AT_ONCE, looks))
    return between(*(_moments(*_sums(rng, arm, mean, ratio)) for arm, mean in ((n, 1 - LESS), (BLOCK - n, 1.0))))


def _pairs(rng: Generator, ratio: float, looks: int) -> Estimate:
    """Differences of worth that are normal where the decisions differ, and 0 elsewhere."""
    differ, total, squares = _sums(rng, rng.binomial(BLOCK, DIFFER, (AT_ONCE, looks)), -LESS / DIFFER, ratio)
    return _paired(np.arange(1, looks + 1) * BLOCK, differ, total, squares)


def _sums(rng: Generator, n: NDArray[Any], mean: float, sd: float) -> tuple[NDArray[Any], Floats, Floats]:
    """Running numbers, sums and sums of squares of normal values that come in blocks of `n`."""
    total = rng.normal(n * mean, sd * np.sqrt(n))
    around = np.where(n > 1, sd**2 * rng.chisquare(np.maximum(n - 1, 1)), 0.0)
    squares = around + total**2 / np.maximum(n, 1)
    return np.cumsum(n, axis=1), np.cumsum(total, axis=1), np.cumsum(squares, axis=1)
