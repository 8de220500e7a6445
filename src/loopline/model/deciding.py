"""The choice of a policy on judged rows, and how sure that choice is. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.model import policy
from loopline.model.noise import THRESHOLDS, in_blocks, within_noise
from loopline.model.policy import NEVER, PAYS, Policy, cost_of, decide, period_numbers, promise
from loopline.model.spec import AskSpec, PolicySpec

Floats = NDArray[np.float64]

_DRAWS = 200
_LIMITS = 200


@dataclass(frozen=True, eq=False)
class Stake:
    """What is at stake in n judged rows of a binary task.

    Parameters
    ----------
    happened
        Shape (n,): whether it did.
    acted, rested
        Shape (n,): the money of acting, and of resting.
    columns
        Those that worth and policy read.
    time
        Shape (n,): the moment of each row (datetime64); None where it has none, or no limit counts by it.
    """

    happened: NDArray[np.bool_]
    acted: Floats
    rested: Floats
    columns: Mapping[str, NDArray[Any]]
    time: NDArray[Any] | None = None

    @property
    def gain(self) -> Floats:
        """The money of acting above that of resting, shape (n,)."""
        return self.acted - self.rested


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold on the probability, and the money that acting from it on earns above never acting, over all rows."""

    threshold: float
    earned: float


def best_threshold(score: Floats, gain: Floats) -> Threshold:
    """The threshold that earns most: act where the score is at least that high.

    It lies in the middle between two neighbouring scores, so that a rounding of either changes no decision. Where several
    earn the same, it is the highest: what does not pay is not done.

    Parameters
    ----------
    score
        Probabilities, shape (n,).
    gain
        Money of acting minus money of resting, shape (n,).
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    earned = np.concatenate([[0.0], np.cumsum(gain[order])])
    # One can stop only between different scores: before all, after the last of each run, after all.
    stops = np.concatenate([[0], np.flatnonzero(np.diff(ranked) != 0) + 1, [len(ranked)]])
    best = int(stops[np.argmax(earned[stops])])
    if best == 0:
        return Threshold(NEVER, 0.0)
    if best == len(ranked):
        return Threshold(0.0, float(earned[best]))
    return Threshold(_between(float(ranked[best - 1]), float(ranked[best])), float(earned[best]))


def _between(above: float, below: float) -> float:
    """A limit that the upper of two values reaches and the lower does not."""
    middle = (above + below) / 2
    # Between neighbouring floats the middle may round down to the value that is left out.
    return middle if middle > below else above


def break_even(happened: NDArray[np.bool_], gain: Floats) -> float | None:
    """The probability from which acting pays, by the mean gain where it happened and the mean loss where it did not.

    None where one of the two is missing, or acting pays always or never.
    """
    if happened.all() or not happened.any():
        return None
    won, lost = float(gain[happened].mean()), -float(gain[~happened].mean())
    return lost / (won + lost) if won > 0 and lost > 0 else None


def choose(spec: PolicySpec, worth: Worth, stake: Stake, score: Floats) -> dict[str, Any]:
    """The policy that earns most on the rows, within what is declared.

    Where prices differ by the row and no kind is declared, each row is decided by its own expected worth, which no row was needed to find,
    unless one threshold for all earns more than that beyond what chance gives: then the scores are no good probabilities.

    Raises
    ------
    Mistake
        When a limit per period is declared, and the rows have no time.
    """
    if spec.limit is not None:
        return _limited(spec, worth, stake, score)
    rule: dict[str, Any] = {"kind": "expected_worth", "terms": terms_of(worth), "threshold": PAYS}
    if spec.threshold is not None:
        rule = {"kind": "threshold", "threshold": spec.threshold}
    elif spec.kind == "threshold" or (spec.kind == "auto" and not worth.columns):
        rule = sound_threshold(score, stake)
    elif spec.kind == "auto":
        one = sound_threshold(score, stake)
        ahead = _money(one, worth, stake, score) - _money(rule, worth, stake, score)
        if not within_noise(in_blocks(ahead), among=THRESHOLDS):
            rule = one
    return rule if spec.ask is None else _asking(rule, spec.ask, worth, stake, score)


def sound_threshold(score: Floats, stake: Stake) -> dict[str, Any]:
    """The threshold that earns most, as far as the rows can tell.

    Where what the best one earns above the break-even probability is within what chance gives, the break-even stands, which is right for
    whichever rows come as long as the scores are probabilities. Measured on the bank data, whose validation part has hardly a row worth
    acting on at +1 and -1: the thresholds that earned most there lost up to 0.38 per decision in the year after, the break-even won up to 0.036.
    """
    gain = stake.gain
    best, sound = best_threshold(score, gain).threshold, break_even(stake.happened, gain)
    if sound is not None:
        ahead = np.where(score >= best, gain, 0.0) - np.where(score >= sound, gain, 0.0)
        best = sound if within_noise(in_blocks(ahead), among=THRESHOLDS) else best
    return {"kind": "threshold", "threshold": best}


def terms_of(worth: Worth) -> dict[str, float | str]:
    """The worth of a binary task as a policy carries it: numbers, and the texts of expressions."""
    return {name: term if isinstance(term, float) else term.text for name, term in worth.terms.items()}


def _money(rule: Policy, worth: Worth, stake: Stake, score: Floats) -> Floats:
    return policy.money(rule, worth, decide(rule, score, (), stake.columns), stake.happened, stake.columns)


def _limited(spec: PolicySpec, worth: Worth, stake: Stake, score: Floats) -> dict[str, Any]:
    """The policy with a limit for each period, and the threshold that keeps it on average where rows come one by one."""
    where = "model.policy.capacity" if spec.capacity is not None else "model.policy.budget"
    if stake.time is None or stake.time.dtype.kind != "M":
        raise Mistake("a limit for each period needs the time of the rows", where=where, remedy="name the source's time, a column of dates")
    rule: dict[str, Any]
    if spec.budget is not None:
        rule = {"kind": "budget", "spend": spec.budget.amount, "per": spec.budget.period, "cost": spec.cost, "terms": terms_of(worth), "floor": PAYS}
        unknown = sorted(set(policy.columns_of(rule)) - set(stake.columns))
        if unknown:
            raise Mistake(f"the cost reads {', '.join(unknown)}, which is not in the table", where="model.policy.cost", remedy="name columns of the table")
        each = cost_of(rule["cost"], len(score), stake.columns)
    else:
        assert spec.capacity is not None
        by_worth = {"terms": terms_of(worth), "floor": PAYS} if worth.columns else {"floor": sound_threshold(score, stake)["threshold"]}
        rule = {"kind": "top", "at_most": spec.capacity.amount, "per": spec.capacity.period, **by_worth}
        each = np.ones(len(score))
    periods = len(np.unique(period_numbers(rule["per"], stake.time)))
    allowed = float(rule["spend"] if spec.budget is not None else rule["at_most"]) * periods
    return {**rule, "threshold": max(rule["floor"], _limit_for(promise(rule, score, stake.columns), each, allowed))}


def _limit_for(promised: Floats, each: Floats, allowed: float) -> float:
    """The lowest limit such that all rows that reach it take no more than is allowed."""
    order = np.argsort(-promised, kind="stable")
    ranked = promised[order]
    count = int(np.searchsorted(np.cumsum(each[order]), allowed, side="right"))
    if count == len(ranked):
        return float(ranked[-1])
    above = ranked[ranked > ranked[count]]
    return _between(float(above[-1]), float(ranked[count])) if len(above) else float(np.nextafter(ranked[count], np.inf))


def _asking(rule: dict[str, Any], spec: AskSpec, worth: Worth, stake: Stake, score: Floats) -> dict[str, Any]:
    """The policy with the band around its limit in which a person earns most, where that is more than chance gives; else the policy as it is."""
    promised = promise(rule, score, stake.columns)
    extra = np.maximum(stake.acted, stake.rested) - spec.costs - _money(rule, worth, stake, score)
    order = np.argsort(promised, kind="stable")
    ranked, rows = promised[order], len(promised)
    total = np.concatenate([[0.0], np.cumsum(extra[order])])
    edge = np.concatenate([[True], np.diff(ranked) != 0, [True]])
    turn, most = int(np.searchsorted(ranked, rule["threshold"], side="left")), int(spec.at_most * rows)
    # The best upper end so far, for each end that the band may reach from a lower one.
    upper = np.where(edge[turn:], total[turn:], -np.inf)
    best_upper = np.maximum.accumulate(upper)
    lower = np.arange(max(0, turn - most), turn + 1)
    reach = np.minimum(lower + most, rows) - turn
    earned = np.where(edge[lower], best_upper[reach] - total[lower], -np.inf)
    low = int(lower[np.argmax(earned)])
    high = turn + int(np.argmax(upper[: reach[np.argmax(earned)] + 1]))
    if high <= low:
        return rule
    inside = np.zeros(rows, dtype=bool)
    inside[order[low:high]] = True
    if within_noise(in_blocks(np.where(inside, extra, 0.0)), among=THRESHOLDS):
        return rule
    first = _between(float(ranked[low]), float(ranked[low - 1])) if low else float(ranked[0])
    last = _between(float(ranked[high]), float(ranked[high - 1])) if high < rows else float(np.nextafter(ranked[-1], np.inf))
    return {**rule, "ask": {"from": first, "to": last, "costs": spec.costs}}


def sureness(rule: Policy, worth: Worth, stake: Stake, score: Floats, blocks: NDArray[np.int64], *, seed: int) -> dict[str, Any]:
    """How sure the choice of a policy is: what it earns on its rows with an interval, and which limits earn as much.

    The interval draws whole blocks. For one threshold, the threshold is chosen anew in each draw, and what it earns there more than on all
    rows is taken off, for that is what choosing flatters.

    Returns
    -------
    dict
        ``rows``; ``worth`` per decision with ``low`` and ``high``; ``thresholds``, the middle 90 % of those chosen in the draws, and ``flat``,
        the lowest and highest threshold whose worth cannot be told from the chosen one's (None for other kinds than one threshold).

    References
    ----------
    Efron, B., Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 17 (optimism).
    """
    money = _money(rule, worth, stake, score)
    _, codes = np.unique(blocks, return_inverse=True)
    codes, count = codes.reshape(-1), int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    one = rule["kind"] == "threshold" and "ask" not in rule
    drawn, thresholds = np.empty(_DRAWS), np.empty(_DRAWS)
    flattered = np.zeros(_DRAWS)
    for at in range(_DRAWS):
        times = np.bincount(rng.integers(0, count, count), minlength=count)[codes].astype(np.float64)
        if not one:
            drawn[at] = (money * times).sum() / max(times.sum(), 1.0)
            continue
        thresholds[at] = best_threshold(score, stake.gain * times).threshold
        anew = np.where(score >= thresholds[at], stake.acted, stake.rested)
        drawn[at] = (anew * times).sum() / max(times.sum(), 1.0)
        flattered[at] = drawn[at] - anew.mean()
    low, high = np.quantile(drawn, [0.025, 0.975]) - flattered.mean()
    said: dict[str, Any] = {"rows": len(score), "worth": float(money.mean()), "low": float(low), "high": float(high), "thresholds": None, "flat": None}
    if one:
        said["thresholds"] = np.quantile(thresholds, [0.05, 0.95]).tolist()
        said["flat"] = _flat(float(rule["threshold"]), stake.gain, score)
    return said


def _flat(threshold: float, gain: Floats, score: Floats) -> list[float]:
    """The lowest and the highest threshold around the chosen one, without a break, whose worth is within noise of it."""
    limits = np.unique(np.concatenate([np.quantile(score, np.linspace(0, 1, _LIMITS)), [threshold]]))
    chosen, place = np.where(score >= threshold, gain, 0.0), int(np.searchsorted(limits, threshold))

    def alike(limit: float) -> bool:
        gap = in_blocks(chosen - np.where(score >= limit, gain, 0.0))
        return within_noise(gap)

    low, high = place, place
    while low > 0 and alike(float(limits[low - 1])):
        low -= 1
    while high < len(limits) - 1 and alike(float(limits[high + 1])):
        high += 1
    return [float(limits[low]), float(limits[high])]
