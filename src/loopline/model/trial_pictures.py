"""Pictures of a search: how the best came about, and which parameters the good candidates share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loopline.charts import BLUE, MUTED, RUST, SLATE, WIDE, Spec, chart, words
from loopline.declaration import figure

ENOUGH = 3
"""Candidates of a family below which their parameters are not drawn."""

_BEST = 1 / 4
_FAR = 30.0


def pictures(candidates: Sequence[Mapping[str, Any]], currency: str, *, width: int = WIDE) -> dict[str, Spec]:
    """For each family with enough whole candidates its parameters as parallel coordinates, by heading.

    Parameters
    ----------
    candidates
        As ``loopline model list --json`` has them.
    """
    whole = [one for one in candidates if one["worth"] is not None and one["effort"] >= 1 and one["family"] != "ensemble"]
    families = dict.fromkeys(one["family"] for one in whole)
    drawn = {family: _parallel(family, [one for one in whole if one["family"] == family], currency, width) for family in families}
    return {family: spec for family, spec in drawn.items() if spec is not None}


def _parallel(family: str, candidates: Sequence[Mapping[str, Any]], currency: str, width: int) -> Spec | None:
    """One line for each candidate over its parameters and its worth, each axis from its least to its greatest value."""
    names = [
        name for name in dict.fromkeys(name for one in candidates for name in one["params"]) if len({_plain(one["params"].get(name)) for one in candidates}) > 1
    ]
    if len(candidates) < ENOUGH or not names:
        return None
    ordered = sorted(candidates, key=lambda one: -float(one["worth"]))
    good = max(1, round(len(ordered) * _BEST))
    axes = {name: _axis([one["params"].get(name) for one in ordered]) for name in names}
    axes["worth"] = _axis([float(one["worth"]) for one in ordered])
    rows, ends = _points(ordered, axes, good)
    best = ordered[0]
    title = f"{family}: the best of {len(ordered)} earns {figure(float(best['worth']))} {currency} per decision"
    x: Spec = {
        "field": "axis",
        "type": "nominal",
        "sort": [words(name) for name in axes],
        "title": None,
        "axis": {"labelAngle": 0, "grid": True, "labelLimit": 120},
    }
    y: Spec = {"field": "at", "type": "quantitative", "axis": None, "scale": {"domain": [-0.08, 1.08]}}
    note = f"Each line is a candidate. Solid: the best {good}; the dots are the very best. Each axis goes from the least to the greatest value that was tried."
    return chart(title, note, rows, _layers(x, y, ends), width=width, height=320)


def _points(ordered: Sequence[Mapping[str, Any]], axes: Mapping[str, Any], good: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The place of every candidate on every axis, and what stands at the axes' ends."""
    rows = []
    for place, one in enumerate(ordered):
        for name, (scale, _) in axes.items():
            value = one["worth"] if name == "worth" else one["params"].get(name)
            if value is not None:
                said = figure(value) if isinstance(value, (int, float)) else str(value)
                group = "best" if place < good else "others"
                rows.append({"candidate": place, "axis": words(name), "at": scale(value), "said": f"{words(name)}: {said}", "group": group})
    ends = [{"axis": words(name), "at": at, "label": label} for name, (_, (low, high)) in axes.items() for at, label in ((0.0, low), (1.0, high))]
    return rows, ends


def _layers(x: Spec, y: Spec, ends: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """A line for each candidate, dots for the very best, and the axes' ends."""
    colour: Spec = {"field": "group", "type": "nominal", "title": None, "scale": {"domain": ["best", "others"], "range": [BLUE, SLATE]}}
    dash: Spec = {"field": "group", "type": "nominal", "scale": {"domain": ["best", "others"], "range": [[1, 0], [3, 3]]}}
    line: Spec = {
        "mark": {"type": "line", "strokeWidth": 1.6},
        "encoding": {
            "x": x,
            "y": y,
            "detail": {"field": "candidate"},
            "color": colour,
            "strokeDash": dash,
            "opacity": {"condition": {"test": "datum.group == 'best'", "value": 1}, "value": 0.45},
            "tooltip": {"field": "said"},
        },
    }
    first: Spec = {
        "transform": [{"filter": "datum.candidate == 0"}],
        "mark": {"type": "point", "filled": True, "size": 60, "color": RUST},
        "encoding": {"x": x, "y": y, "tooltip": {"field": "said"}},
    }
    text: Spec = {
        "data": {"values": list(ends)},
        "mark": {"type": "text", "color": MUTED, "dx": 6, "align": "left", "fontSize": 11},
        "encoding": {"x": x, "y": y, "text": {"field": "label"}},
    }
    return [line, first, text]


def _axis(values: Sequence[Any]) -> tuple[Any, tuple[str, str]]:
    """From a value to its place between 0 and 1, and what stands at both ends."""
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if numbers and len(numbers) == len([value for value in values if value is not None]):
        low, high = min(numbers), max(numbers)
        if low > 0 and high / low > _FAR:
            return lambda value: math.log(float(value) / low) / math.log(high / low), (figure(low), figure(high))
        span = (high - low) or 1.0
        return lambda value: (float(value) - low) / span, (figure(low), figure(high))
    labels = sorted({_plain(value) for value in values if value is not None})
    last = max(1, len(labels) - 1)
    return lambda value: labels.index(_plain(value)) / last, (labels[0], labels[-1])


def _plain(value: Any) -> str:
    return str(value)
