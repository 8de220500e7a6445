"""Whether a model earns the same from period to period, and when it is fitted with another seed. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure
from loopline.model.assessment.case import HEADLINE, Case, Floats, Seen
from loopline.model.blocks import Blocks, student
from loopline.model.delong import auc
from loopline.model.estimates import LEVEL, Estimate, of_mean, of_share, plain
from loopline.model.evaluate import SUPPORT, Judged

PERIODS_AT_LEAST = 4
PERIODS_AT_MOST = 60
STRETCHES = 8
"""Stretches of neighbouring rows, where no time tells periods."""

REFITS = 3
"""Fits with other seeds."""

_UNITS = (("M", "month"), ("W", "week"), ("D", "day"))


def by_period(seen: Sequence[tuple[str, Seen]], *, currency: str) -> dict[str, Any]:
    """Money per decision and the metric by period, and whether they rise or fall.

    Parameters
    ----------
    seen
        The parts in the order of time, each with its name; rows in the order of time.

    Returns
    -------
    dict
        ``unit`` (month, week, day or stretch), ``periods`` (each with its ``name``, ``part``, ``rows``, ``worth`` and ``metric``), how many rows
        are ``left_out`` because their period has fewer than `SUPPORT`, the name of the ``metric``, and ``trend``: the money per decision that
        each period adds, as an estimate, or None with fewer than three periods.
    """
    task = seen[0][1].judged.task
    unit, labels = _periods([part.time for _, part in seen], [len(part.judged) for _, part in seen])
    periods: list[dict[str, Any]] = []
    left_out = 0
    for (name, part), said in zip(seen, labels, strict=True):
        names = np.array(said)
        for label in dict.fromkeys(said):
            rows = names == label
            if rows.sum() < SUPPORT:
                left_out += int(rows.sum())
                continue
            judged, blocks = part.judged.where(rows), part.blocks[rows]
            worth, metric = of_mean(judged.money, blocks), headline(judged, blocks)
            periods.append({"name": label, "part": name, "rows": len(judged), "worth": plain(worth), "metric": plain(metric)})
    trend = _trend(periods)
    says = _says(unit, periods, trend, currency)
    return {"unit": unit, "periods": periods, "left_out": left_out, "metric": HEADLINE[task], "trend": plain(trend), "says": says}


def headline(judged: Judged, blocks: Blocks) -> Estimate | None:
    """The metric that stands beside the money, with its interval."""
    if judged.task == "binary":
        return auc(judged.outcome, judged.score, blocks)
    if judged.task == "multiclass":
        return of_share(judged.decision == judged.outcome, blocks)
    return of_mean(np.abs(judged.decision - judged.outcome), blocks)


def _periods(times: Sequence[NDArray[Any] | None], sizes: Sequence[int]) -> tuple[str, list[list[str]]]:
    """The unit, and each part's rows' period by name: the longest unit of which there are enough, over all parts."""
    if all(time is not None and time.dtype.kind == "M" and not np.isnat(time).any() for time in times):
        for code, unit in _UNITS:
            texts = [_named(np.asarray(time), code) for time in times]
            if PERIODS_AT_LEAST <= len({label for part in texts for label in part}) <= PERIODS_AT_MOST:
                return unit, texts
    whole = sum(sizes)
    numbers = np.arange(whole) * min(STRETCHES, max(whole, 1)) // max(whole, 1)
    cuts = np.cumsum([0, *sizes])
    return "stretch", [[f"{number + 1}" for number in numbers[start:end]] for start, end in zip(cuts, cuts[1:], strict=False)]


def _named(time: NDArray[Any], code: str) -> list[str]:
    """The period of each moment by its first day, a week's by its Monday."""
    if code != "W":
        return [str(label) for label in np.datetime_as_string(time.astype(f"datetime64[{code}]"))]
    # Day 0 of the epoch was a Thursday.
    days = time.astype("datetime64[D]").astype(np.int64)
    return [str(label) for label in np.datetime_as_string(((days - 4) // 7 * 7 + 4).astype("datetime64[D]"))]


def _trend(periods: Sequence[dict[str, Any]]) -> Estimate | None:
    """The slope of the periods' worth, each weighing by how well it is known; where they scatter more than that, the interval is wider."""
    if len(periods) < 3:
        return None
    worth = np.array([period["worth"]["value"] for period in periods])
    errors = np.array([period["worth"]["high"] - period["worth"]["low"] for period in periods]) / 2 / student(10**6, LEVEL)
    known = errors[errors > 0]
    weights = 1 / np.maximum(errors, known.min() if len(known) else 1.0) ** 2
    at = np.arange(len(periods)) - np.average(np.arange(len(periods)), weights=weights)
    slope = float(np.sum(weights * at * worth) / np.sum(weights * at**2))
    off = worth - np.average(worth, weights=weights) - slope * at
    scale = max(1.0, float(np.sum(weights * off**2)) / (len(periods) - 2))
    reach = student(len(periods) - 1, LEVEL) * float(np.sqrt(scale / np.sum(weights * at**2)))
    return Estimate(slope, slope - reach, slope + reach)


def _says(unit: str, periods: Sequence[dict[str, Any]], trend: Estimate | None, currency: str) -> str:
    if trend is None:
        return "The rows span too few periods to tell a trend."
    worths = [period["worth"]["value"] for period in periods]
    between = f"between {figure(min(worths))} and {figure(max(worths))} {currency} per decision"
    if trend.is_below_zero or trend.is_above_zero:
        way = "falls" if trend.is_below_zero else "rises"
        reach = f"{figure(abs(trend.low if trend.is_above_zero else trend.high))} to {figure(abs(trend.high if trend.is_above_zero else trend.low))}"
        return f"What it earns {way} by {figure(abs(trend.value))} {currency} per decision each {unit} ({reach}); it lies {between}."
    return f"What it earns lies {between} by {unit}, without a trend beyond chance."


def over_seeds(case: Case, refit: Callable[[int], Floats], *, fits: int = REFITS) -> dict[str, Any]:
    """What changes when the model is fitted with other seeds: worth, metric, and the decisions that flip.

    Parameters
    ----------
    refit
        From a seed to the scores of the test rows; it is called `fits` times, with the seeds that follow the case's.

    Returns
    -------
    dict
        ``fits`` (each with its ``seed``, ``worth``, ``metric`` and ``flips``: the share of decisions that differ from the model's),
        ``worth_spread`` (the standard deviation over all fits) and ``flips`` (the mean share).
    """
    base = case.test.judged
    made: list[dict[str, Any]] = []
    for seed in range(case.seed + 1, case.seed + 1 + fits):
        judged = case.rejudge(base, refit(seed))
        metric = case.headline(judged)
        made.append({"seed": seed, "worth": float(judged.money.mean()), "metric": metric, "flips": flips(base, judged)})
    worths = [float(base.money.mean()), *(part["worth"] for part in made)]
    spread, flipped = float(np.std(worths, ddof=1)), float(np.mean([part["flips"] for part in made]))
    says = f"Fitted {fits} more times with other seeds it earns {figure(min(worths))} to {figure(max(worths))} {case.currency} per decision, " + (
        f"and {flipped:.1%} of the decisions differ." if base.task != "regression" else f"and its values move by {figure(flipped)} on average."
    )
    return {"fits": made, "worth_spread": spread, "flips": flipped, "says": says}


def flips(one: Judged, other: Judged) -> float:
    """The share of decisions that differ; for a regression the mean distance of the values."""
    if one.task == "regression":
        return float(np.mean(np.abs(one.decision - other.decision)))
    return float(np.mean(one.decision != other.decision))
