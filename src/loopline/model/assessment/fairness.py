"""Whether the groups of a column are served alike: measures of each group with intervals, and the gaps between groups. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from loopline.charter.spec import Task
from loopline.declaration import figure
from loopline.model.assessment.groups import grouped
from loopline.model.blocks import Blocks
from loopline.model.estimates import LEVEL, Estimate, of_mean, of_share, plain
from loopline.model.evaluate import SUPPORT, Judged

BINS = 4
"""Spans that a number's rows are grouped by."""

LEAST_RATIO = 0.8
"""The ratio of the least to the greatest share acted on below which a gap is worth a look: the four-fifths rule of the Uniform Guidelines on
Employee Selection Procedures (1978)."""

_Measure = Callable[[Judged, Blocks, float], tuple[Estimate | None, int]]


def _share(hits: Callable[[Judged], Any], among: Callable[[Judged], Any]) -> _Measure:
    def measure(judged: Judged, blocks: Blocks, level: float) -> tuple[Estimate | None, int]:
        rows = np.asarray(among(judged), dtype=bool)
        return of_share(np.asarray(hits(judged)), blocks, among=rows, level=level), int(rows.sum())

    return measure


def _mean(values: Callable[[Judged], Any]) -> _Measure:
    def measure(judged: Judged, blocks: Blocks, level: float) -> tuple[Estimate | None, int]:
        return of_mean(np.asarray(values(judged)), blocks, level=level), len(judged)

    return measure


def _all(judged: Judged) -> Any:
    return np.ones(len(judged), dtype=bool)


MEASURES: Mapping[Task, Mapping[str, _Measure]] = {
    "binary": {
        "act_share": _share(lambda judged: judged.decision, _all),
        "happened": _share(lambda judged: judged.outcome, _all),
        "score": _mean(lambda judged: judged.score),
        "recall": _share(lambda judged: judged.decision, lambda judged: judged.outcome),
        "false_positive_rate": _share(lambda judged: judged.decision, lambda judged: ~judged.outcome),
        "precision": _share(lambda judged: judged.outcome, lambda judged: judged.decision),
        "worth": _mean(lambda judged: judged.money),
    },
    "multiclass": {"accuracy": _share(lambda judged: judged.decision == judged.outcome, _all), "worth": _mean(lambda judged: judged.money)},
    "regression": {
        "bias": _mean(lambda judged: judged.decision - judged.outcome),
        "mae": _mean(lambda judged: np.abs(judged.decision - judged.outcome)),
        "worth": _mean(lambda judged: judged.money),
    },
}
"""The measures of a group; `happened` is none of the model's doing, and explains others."""

_TOLD = {
    "act_share": "it acts {points} points less often",
    "recall": "what happens is caught {points} points less often",
    "false_positive_rate": "it acts in vain {points} points less often",
    "precision": "it is right when it acts {points} points less often",
    "accuracy": "it decides rightly {points} points less often",
    "mae": "its values are off by {size} less",
    "bias": "its values lie {size} lower against the truth",
}
"""Each measure's gap in words, in the order in which one is told of."""


def by_column(judged: Judged, column: str, blocks: Blocks, *, support: int = SUPPORT) -> dict[str, Any]:
    """The groups of a column side by side.

    Returns
    -------
    dict
        ``groups``: for each its ``name``, ``rows`` and measures (`MEASURES`), each an estimate, or None where fewer rows than the support
        carry it; a group below the support is ``too_small``. ``gaps``: for each measure the ``low`` and ``high`` group, the ``difference``
        (with an interval that allows for the choice of the two), the ``ratio`` of the lesser to the greater, and ``sure``: whether chance
        is ruled out. ``told``: the measure that ``says`` speaks of.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions: the difference's interval from the two
    groups' own. Holding for every pair at once is by Bonferroni.
    """
    made = grouped(column, judged.columns[column], bins=BINS)
    parts = [(label, made.codes == place) for place, label in enumerate(made.labels)]
    groups = [_group(judged, label, rows, blocks, support) for label, rows in parts]
    large = [(label, rows) for label, rows in parts if rows.sum() >= support]
    gaps = {name: gap for name in MEASURES[judged.task] if name != "happened" and (gap := _gap(judged, name, large, blocks, support)) is not None}
    told = _told(gaps, judged.task)
    return {"groups": groups, "gaps": gaps, "told": told, "says": _says(column, gaps, told, len(large))}


def _group(judged: Judged, label: str, rows: Any, blocks: Blocks, support: int) -> dict[str, Any]:
    part, inside = judged.where(rows), blocks[rows]
    said: dict[str, Any] = {"name": label, "rows": len(part), "too_small": len(part) < support, "money": float(part.money.sum())}
    for name, measure in MEASURES[judged.task].items():
        found, carrying = measure(part, inside, LEVEL)
        said[name] = plain(found) if carrying >= support else None
    return said


def _gap(judged: Judged, name: str, parts: list[tuple[str, Any]], blocks: Blocks, support: int) -> dict[str, Any] | None:
    """The two groups that lie furthest apart in a measure; None where fewer than two have the support."""
    level = 1 - (1 - LEVEL) / max(1, len(parts) * (len(parts) - 1) // 2)
    measured = [(label, *MEASURES[judged.task][name](judged.where(rows), blocks[rows], level)) for label, rows in parts]
    known = [(label, found) for label, found, carrying in measured if found is not None and carrying >= support]
    if len(known) < 2:
        return None
    least, most = min(known, key=lambda item: item[1].value), max(known, key=lambda item: item[1].value)
    low, high = least[1], most[1]
    value = high.value - low.value
    reach_down = float(np.hypot(high.value - high.low, low.high - low.value))
    reach_up = float(np.hypot(high.high - high.value, low.value - low.low))
    difference = Estimate(value, value - reach_down, value + reach_up)
    ratio = low.value / high.value if low.value >= 0 and high.value > 0 else None
    return {"low": least[0], "high": most[0], "difference": difference.as_json(), "ratio": ratio, "sure": difference.is_above_zero}


def _told(gaps: Mapping[str, Any], task: Task) -> str:
    """The measure to tell of: who is acted on, where that differs much; else the first gap beyond chance."""
    sure = [name for name in _TOLD if name in gaps and gaps[name]["sure"]]
    if "act_share" in sure and (gaps["act_share"]["ratio"] or 0) >= LEAST_RATIO and len(sure) > 1:
        sure.remove("act_share")
    return sure[0] if sure else next(name for name in _TOLD if name in MEASURES[task])


def _says(column: str, gaps: Mapping[str, Any], told: str, groups: int) -> str:
    if groups < 2:
        return f"By {column} fewer than two groups have {SUPPORT} rows, so nothing can be said."
    gap = gaps.get(told)
    if gap is None or not gap["sure"]:
        return f"By {column} the groups cannot be told apart beyond chance."
    size = gap["difference"]["value"]
    words = _TOLD[told].format(points=figure(100 * size), size=figure(size))
    small = f" ({gap['ratio']:.0%} of the rate)" if told == "act_share" and gap["ratio"] is not None and gap["ratio"] < LEAST_RATIO else ""
    return f"{words[:1].upper()}{words[1:]} where {gap['low']} than where {gap['high']}{small}."
