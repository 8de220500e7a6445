"""The rule of a rollout by simulation: false alarms though it is judged at every request, and the power against a challenger that earns less.

The rule itself judges a request at a time; here its bounds are reckoned for all moments of a thousand rollouts at once, with the very functions of
`loopline.release.rollout.sequences`, and a test holds both to the same rulings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.release.rollout.plan import Plan
from loopline.release.rollout.rule import QUESTIONS
from loopline.release.rollout.sequences import BURN_IN, BURN_IN_PAIRS, LOPSIDED, exceeds, needed

RUNS = 1000
PLAN = Plan.model_validate({"steps": "shadow 1h -> canary 5% 1h -> canary 25% 2h -> full"})
ALPHA = PLAN.false_alarm / (QUESTIONS * (len(PLAN.steps) - 1))
_CHUNK = 100
_Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]

WORTHS: dict[str, _Draw] = {
    "normal": lambda chance, shape: chance.normal(1.0, 3.0, shape),
    "two-point (140 or -60)": lambda chance, shape: np.where(chance.random(shape) < 0.4, 140.0, -60.0),
    "heavy-tailed (Student, 3 degrees)": lambda chance, shape: 1.0 + chance.standard_t(3, shape),
    "rare gain (1 in 100 brings 100)": lambda chance, shape: np.where(chance.random(shape) < 0.01, 100.0, -0.5),
    "rare loss (1 in 100 costs 100)": lambda chance, shape: np.where(chance.random(shape) < 0.01, -100.0, 2.0),
}
"""What a decision earns, for champion and challenger alike."""


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one."""
    for name, draw in WORTHS.items():
        for share in (0.05, 0.25):
            alarms = 100 * _alarms(draw, share, requests=20_000)
            yield _row(f"rollout: equal challengers withdrawn, {name}, canary {share:.0%}, judged at each of 20,000 requests", alarms, "%", goal="<= 5")
    for differ in (1.0, 0.1):
        for often in (0.1, 0.01):
            alarms = 100 * _pair_alarms(differ, often)
            name = f"rollout: equal challengers withdrawn, shadow, {differ:.0%} of decisions differ, {often:.0%} of those gain 100, at each of 20,000 pairs"
            yield _row(name, alarms, "%", goal="<= 5")
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
    whole = np.arange(1, worth.shape[1] + 1)
    arms = [_Running.of(np.where(own, worth, 0.0), np.cumsum(own, axis=1)) for own in (challenger, ~challenger)]
    most = np.where(arms[0].n > arms[1].n, arms[0].variance, arms[1].variance)
    spread = whole * sum(np.maximum(arm.variance, most) / np.maximum(arm.n, 1) for arm in arms)
    # The sharpest moment depends on the share that was seen so far, as in `of_difference`.
    by = np.sqrt(spread) * _reach(whole, alpha, PLAN.within * whole / np.maximum(arms[0].n, 1))
    least = np.maximum(BURN_IN, LOPSIDED * np.maximum(*(arm.skewness**2 for arm in arms)))
    surely: NDArray[np.bool_] = (arms[0].mean - arms[1].mean + by < 0) & (np.minimum(arms[0].n, arms[1].n) >= least)
    return surely


@dataclass(frozen=True)
class _Running:
    """The moments of the first values of each run, at every moment: arrays of shape (runs, requests)."""

    n: NDArray[Any]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    skewness: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64], n: NDArray[Any]) -> _Running:
        """Of values that are 0 where there is none, and how many there were so far."""
        many = np.maximum(n, 1)
        mean, squares, cubes = (np.cumsum(values**power, axis=1) / many for power in (1, 2, 3))
        spread = np.maximum(squares - mean**2, 0)
        third = cubes - 3 * mean * squares + 2 * mean**3
        skewness = np.divide(third, spread**1.5, out=np.zeros_like(third), where=spread > 1e-12 * np.maximum(squares, 1e-12))
        return cls(n, mean, spread * many / np.maximum(many - 1, 1), skewness)


def _reach(n: NDArray[Any], alpha: float, sharpest: NDArray[Any] | float) -> NDArray[np.float64]:
    """`reach` for many moments at once."""
    level = 2 * alpha
    scale2 = (-2 * math.log(level) + math.log(-2 * math.log(level)) + 1) / sharpest
    spread = n * scale2 + 1
    by: NDArray[np.float64] = np.sqrt(2 * spread / (n * n * scale2) * np.log(1 + np.sqrt(spread) / level))
    return by


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
                withdrawn |= pairs_crossed(instead - worth, worth).any(axis=1)
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


def pairs_crossed(difference: NDArray[np.float64], champion: NDArray[np.float64], alpha: float = ALPHA) -> NDArray[np.bool_]:
    """The same of a shadow, from the differences of worth and what the champion earned."""
    n = np.arange(1, difference.shape[1] + 1)
    seen, own = _Running.of(difference, n), _Running.of(champion, n)
    enough = np.cumsum(difference != 0, axis=1) >= np.maximum(BURN_IN_PAIRS, LOPSIDED * own.skewness**2)
    surely: NDArray[np.bool_] = (seen.mean + np.sqrt(seen.variance) * _reach(n, alpha, PLAN.within) < 0) & enough
    return surely


def _pair_alarms(differ: float, often: float, pairs: int = 20_000) -> float:
    """Equal challengers whose differences are lopsided: mostly a small loss, now and then a large gain."""
    chance, found, shape = np.random.default_rng(5), 0, (_CHUNK, pairs)
    for _ in range(RUNS // _CHUNK):
        worth = np.where(chance.random(shape) < often, 100.0, -100.0 * often / (1 - often))
        instead = np.where(chance.random(shape) < often, 100.0, -100.0 * often / (1 - often))
        difference = np.where(chance.random(shape) < differ, instead, 0.0)
        found += int(pairs_crossed(difference, worth).any(axis=1).sum())
    return found / RUNS


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
        found += int(pairs_crossed(difference, chance.normal(1.0, 3.0, shape)).any(axis=1).sum())
    return found / RUNS


def _row(name: str, value: float, unit: str, *, goal: str | None = None) -> dict[str, Any]:
    return {"name": name, "value": round(value, 1), "unit": unit, "baseline": None, "ratio": None, "goal": goal}
