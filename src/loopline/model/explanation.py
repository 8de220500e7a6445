"""The whole picture of what a model does with its columns, as a package keeps it: importance, summary of reasons, effects, the strongest pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.background import Background, Score, kind_of
from loopline.model.candidates import Judge, Part
from loopline.model.effects import effect, strongest_pair
from loopline.model.evaluate import LOSS
from loopline.model.importance import importance, rows_for
from loopline.model.policy import Policy
from loopline.model.reasons import MIXED, shapley

SHOWN = 30
"""Columns whose effects are looked at, the most important ones."""

_SUMMED_ROWS, _SUMMED_MIXED = 120, 30_000
_DOTS = 60
_PAIRED = 4
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Case:
    """A model with the rows that it is explained on.

    Parameters
    ----------
    score
        From raw columns of n rows to scores; the package's own, so that what is explained is what will decide.
    columns
        The raw columns of rows that the model did not learn from.
    part
        The same rows' outcomes, and the columns that the worth reads.
    """

    score: Score
    columns: Mapping[str, NDArray[Any]]
    part: Part
    judge: Judge
    policy: Policy
    background: Background
    seed: int


def explain(case: Case) -> dict[str, Any]:
    """What the model does with its columns, as plain values for ``explanation.json``.

    Rows are drawn by the seed; numbers have six digits. No row can be told from it: grids are quantiles, the summary has ranks in place
    of values, and rare texts are left out.
    """
    rng = np.random.default_rng(case.seed)
    total = len(case.part.outcome)
    rows = rng.permutation(total)[: rows_for(len(case.columns))]
    columns = {name: values[rows] for name, values in case.columns.items()}
    part = Part(case.part.outcome[rows], {name: values[rows] for name, values in case.part.columns.items()})
    found = importance(case.score, columns, lambda scores: case.judge.judged(part, scores, case.policy), seed=case.seed)
    order = [one.column for one in found]
    # The summary is told of all columns, the effects of those that count.
    effects = [effect(case.score, columns, name, classes=case.judge.classes) for name in order[:SHOWN]]
    pair = strongest_pair(case.score, columns, [one.column for one in found[:_PAIRED] if one.matters])
    said = {
        "rows": len(rows),
        "loss": LOSS[case.judge.task],
        "currency": case.judge.worth.currency,
        "importance": [one.as_json() for one in found],
        "summary": _summary(case, columns),
        "effects": [one.as_json() for one in effects],
        "pair": None if pair is None else pair.as_json(),
    }
    made: dict[str, Any] = _short(said)
    return made


def _summary(case: Case, columns: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """For each column how far its reasons reach over a sample of rows, whether high values raise, and a few dots of rank and effect."""
    count = min(len(next(iter(columns.values()))), _SUMMED_ROWS, max(20, _SUMMED_MIXED // max(MIXED, len(case.background) * len(columns))))
    one_by_one = [{name: values[at : at + 1] for name, values in columns.items()} for at in range(count)]
    effects = np.array([shapley(case.score, row, case.background).effects for row in one_by_one])
    said = []
    for at, name in enumerate(case.background.columns):
        rank = _rank(columns[name][:count])
        dots = [[None if value != value else float(value), float(move)] for value, move in zip(rank[:_DOTS], effects[:_DOTS, at], strict=True)]
        mean = float(np.abs(effects[:, at]).mean())
        said.append({"column": name, "mean": mean, "direction": _direction(rank, effects[:, at]), "dots": dots})
    return sorted(said, key=lambda one: (-one["mean"], one["column"]))


def _rank(values: NDArray[Any]) -> NDArray[np.float64]:
    """Each value's rank from 0 to 1, ties at their middle; NaN for nulls and for texts, which have none."""
    ranks = np.full(len(values), np.nan)
    if kind_of(values) == "text":
        return ranks
    known = ~np.isnat(values) if values.dtype.kind == "M" else np.isfinite(values)
    ordered = np.sort(values[known])
    if len(ordered):
        middle = (np.searchsorted(ordered, values[known], "left") + np.searchsorted(ordered, values[known], "right") - 1) / 2
        ranks[known] = middle / max(1, len(ordered) - 1)
    return ranks


def _direction(rank: NDArray[np.float64], effects: NDArray[np.float64]) -> float | None:
    """The correlation of value's rank and effect: 1 where high values raise the score, -1 where they lower it; None where there is none."""
    known = np.isfinite(rank)
    if known.sum() < 3 or np.ptp(rank[known]) == 0 or np.ptp(effects[known]) == 0:
        return None
    return float(np.corrcoef(rank[known], effects[known])[0, 1])


def _short(value: Any) -> Any:
    """Plain values with their numbers cut to six digits."""
    if isinstance(value, Mapping):
        return {name: _short(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
