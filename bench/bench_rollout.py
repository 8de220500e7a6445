"""The rule of a rollout by simulation: false alarms though it is judged at every request, and the power against a challenger that earns less.

The rule itself judges a request at a time; here its bounds are reckoned for all moments of a thousand rollouts at once, with the very functions of
`loopline.release.rollout.sequences`, and a test holds both to the same rulings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.release.rollout.plan import Plan
from loopline.release.rollout.rule import QUESTIONS
from loopline.release.rollout.sequences import BURN_IN, exceeds, needed, reach

RUNS = 1000
PLAN = Plan.model_validate({"steps": "shadow 1h -> canary 5% 1h -> canary 25% 2h -> full"})
ALPHA = PLAN.false_alarm / (QUESTIONS * (len(PLAN.steps) - 1))
_CHUNK = 100
_Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]

WORTHS: dict[str, _Draw] = {
    "normal": lambda chance, shape: chance.normal(1.0, 3.0, shape),
    "two-point (140 or -60)": lambda chance, shape: np.where(chance.random(shape) < 0.4, 140.0, -60.0),
    "heavy-tailed (Student, 3 degrees)": lambda chance, shape: 1.0 + chance.standard_t(3, shape),
    "rare loss (1 in 100 costs 100)": lambda chance, shape: np.where(chance.random(shape) < 0.01, -100.0, 2.0),
}
"""What a decision earns, for champion and challenger alike."""


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one."""
    for name, draw in WORTHS.items():
        for share in (0.05, 0.25):
            alarms = 100 * _alarms(draw, share, requests=20_000)
            yield _row(f"rollout: equal challengers withdrawn, {name}, canary {share:.0%}, judged at each of 20,000 requests", alarms, "%", goal="<= 5")
    yield _row("rollout: equal challengers withdrawn over all steps and questions, judged at each of 3 x 10,000 requests", 100 * _whole(), "%", goal="<= 5")
    yield _row("rollout: challengers withdrawn that fail just what is let (1 %), judged at each of 20,000 requests", 100 * _failing(0.01), "%", goal="<= 5")
    yield _row("rollout: requests until a challenger that fails 1 in 5 is withdrawn (95 of 100 by then)", _until_failing(0.2), "requests")
    for outcomes in (2_000, 10_000, 50_000):
        for scatter in (0.5, 1.0, 3.0):
            power = 100 * _power(scatter, outcomes)
            bound = _needed(scatter)
            yield _row(f"rollout: withdrawn when it earns 10 % less, sd/mean {scatter:g}, canary 25 %, {outcomes:,} outcomes (bound: {bound})", power, "%")
    for outcomes in (500, 2_000, 10_000):
        power = 100 * _paired(outcomes)
        yield _row(f"rollout: withdrawn when it earns 10 % less, sd/mean 3, one decision in ten differs, shadow, {outcomes:,} pairs", power, "%")


def crossed(challenger: NDArray[np.bool_], worth: NDArray[np.float64], alpha: float = ALPHA) -> NDArray[np.bool_]:
    """At which requests a challenger is surely worse, shape (runs, requests).

    Parameters
    ----------
    challenger
        Which requests are the challenger's.
    worth
        What each request earned.
    """
    n = [np.cumsum(own, axis=1) for own in (challenger, ~challenger)]
    means, variances = [], []
    for count, own in zip(n, (challenger, ~challenger), strict=True):
        total, squares = (np.cumsum(np.where(own, power, 0.0), axis=1) for power in (worth, worth * worth))
        many = np.maximum(count, 1)
        means.append(total / many)
        variances.append(np.maximum(squares - total * total / many, 0) / np.maximum(count - 1, 1))
    whole = np.arange(1, worth.shape[1] + 1)
    spread = whole * sum(variance / np.maximum(count, 1) for variance, count in zip(variances, n, strict=True))
    # The sharpest moment depends on the share that was seen so far, as in `of_difference`.
    by = np.sqrt(spread) * _reach(whole, alpha, PLAN.within * whole / np.maximum(n[0], 1))
    return (means[0] - means[1] + by < 0) & (np.minimum(*n) >= BURN_IN)


def _reach(n: NDArray[Any], alpha: float, sharpest: NDArray[Any] | float) -> NDArray[np.float64]:
    """`reach` for many moments at once."""
    level = 2 * alpha
    scale2 = (-2 * math.log(level) + math.log(-2 * math.log(level)) + 1) / sharpest
    spread = n * scale2 + 1
    return np.sqrt(2 * spread / (n * n * scale2) * np.log(1 + np.sqrt(spread) / level))


def _alarms(draw: _Draw, share: float, requests: int, *, less: float = 0.0) -> float:
    chance, found = np.random.default_rng(0), 0
    for _ in range(RUNS // _CHUNK):
        shape = (_CHUNK, requests)
        challenger = chance.random(shape) < share
        worth = draw(chance, shape) - np.where(challenger, less, 0.0)
        found += int(crossed(challenger, worth).any(axis=1).sum())
    return found / RUNS


def _whole() -> float:
    """The share of equal challengers that are withdrawn in any leg for worth, errors or slowness; errors happen as often as is let."""
    chance, found, requests = np.random.default_rng(1), 0, 10_000
    bound = _error_bound(requests)
    for _ in range(RUNS // _CHUNK):
        withdrawn = np.zeros(_CHUNK, dtype=bool)
        for leg in PLAN.steps[:-1]:
            shape = (_CHUNK, requests)
            worth = WORTHS["two-point (140 or -60)"](chance, shape)
            if leg.kind == "shadow":
                instead = np.where(chance.random(shape) < 0.1, WORTHS["two-point (140 or -60)"](chance, shape), worth)
                withdrawn |= _pairs_crossed(instead - worth).any(axis=1)
                own = np.ones(shape, dtype=bool)
            else:
                own = chance.random(shape) < leg.share
                withdrawn |= crossed(own, worth).any(axis=1)
                quicker = np.where(own, PLAN.slower_ms, 0.0) - chance.lognormal(0.0, 0.5, shape)
                withdrawn |= crossed(own, quicker).any(axis=1)
            count, failed = np.cumsum(own, axis=1), np.cumsum(own & (chance.random(shape) < PLAN.errors), axis=1)
            withdrawn |= (failed >= bound[count]).any(axis=1)
        found += int(withdrawn.sum())
    return found / RUNS


def _pairs_crossed(difference: NDArray[np.float64]) -> NDArray[np.bool_]:
    n = np.arange(1, difference.shape[1] + 1)
    total, squares = np.cumsum(difference, axis=1), np.cumsum(difference * difference, axis=1)
    variance = np.maximum(squares - total * total / n, 0) / np.maximum(n - 1, 1)
    return (total / n + np.sqrt(variance) * _reach(n, ALPHA, PLAN.within) < 0) & (n >= BURN_IN)


def _error_bound(requests: int) -> NDArray[np.int64]:
    """From how many requests to the fewest failures with which a challenger is withdrawn; never, for none."""
    bound = np.full(requests + 1, np.iinfo(np.int64).max)
    failed = 1
    for count in range(1, requests + 1):
        while failed <= count and exceeds(failed, count, PLAN.errors) <= math.log(1 / ALPHA):
            failed += 1
        if failed <= count:
            bound[count] = failed
    return bound


def _failing(share: float, requests: int = 20_000) -> float:
    chance, bound, n = np.random.default_rng(2), _error_bound(requests), np.arange(1, requests + 1)
    return sum(int((np.cumsum(chance.random((_CHUNK, requests)) < share, axis=1) >= bound[n]).any(axis=1).sum()) for _ in range(RUNS // _CHUNK)) / RUNS


def _until_failing(share: float, requests: int = 1000) -> float:
    chance, bound, n = np.random.default_rng(3), _error_bound(requests), np.arange(1, requests + 1)
    withdrawn = np.cumsum(chance.random((RUNS, requests)) < share, axis=1) >= bound[n]
    return float(np.quantile(np.where(withdrawn.any(axis=1), withdrawn.argmax(axis=1) + 1, requests), 0.95))


def _power(scatter: float, outcomes: int) -> float:
    return _alarms(lambda chance, shape: chance.normal(1.0, scatter, shape), 0.25, outcomes, less=0.1)


def _needed(scatter: float) -> str:
    """What the method says: about so many outcomes of both."""
    share = 0.25
    rows = needed(0.1, scatter * math.sqrt(1 / share + 1 / (1 - share)), ALPHA, PLAN.within / share)
    return "never" if rows is None else f"half by {rows:,}"


def _paired(pairs: int) -> float:
    """The same loss, where it comes from the tenth of the decisions that differ: each of those loses a whole mean, and scatters three times as much."""
    chance = np.random.default_rng(4)
    found = 0
    for _ in range(RUNS // _CHUNK):
        shape = (_CHUNK, pairs)
        difference = np.where(chance.random(shape) < 0.1, chance.normal(-1.0, 3.0, shape), 0.0)
        found += int(_pairs_crossed(difference).any(axis=1).sum())
    return found / RUNS


def _row(name: str, value: float, unit: str, *, goal: str | None = None) -> dict[str, Any]:
    return {"name": name, "value": round(value, 1), "unit": unit, "baseline": None, "ratio": None, "goal": goal}
