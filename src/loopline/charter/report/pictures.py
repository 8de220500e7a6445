"""The pictures of the study: the alternatives side by side, and what moves the decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopline import charts
from loopline.charter.report.words import named, quantity
from loopline.charts import Bar
from loopline.plots import Reach, dots, reaches
from loopline.sheet.document import Picture

BARS = 10
"""Assumptions that are drawn at most."""


def alternatives(facts: Mapping[str, Any]) -> Picture | None:
    """What each alternative is worth over the years of the study, with its interval; None without a volume."""
    study, currency = facts["study"], facts["currency"]
    rows = [one for one in study["alternatives"] if one["npv"] is not None and one["name"] not in ("break_even", "perfect")]
    if not rows:
        return None
    values = [Bar(name=named(one["name"], facts["task"]), value=one["npv"]["value"], low=one["npv"]["low"], high=one["npv"]["high"]) for one in rows]
    title = f"What each choice is worth over {study['years']:g} years, against going on as today"

    def draw(width: int) -> charts.Spec:
        note = "Today's money, after all costs; nine times in ten it lies between the ends."
        return dots(values, title=title, unit=currency, note=note, reference=("no change", 0.0), width=width)

    return Picture(title, draw)


def tornado(facts: Mapping[str, Any]) -> Picture | None:
    """What each assumption does to the worth of the model; None where there is nothing that is not known."""
    study, currency = facts["study"], facts["currency"]
    shown = study["tornado"][:BARS]
    if not shown:
        return None
    model = next(one for one in study["alternatives"] if one["name"] == "model")
    ends = [[quantity(one[end], one, currency) for end in ("low", "high")] for one in shown]
    values = [Reach(name=one["says"], at_low=one["at_low"], at_high=one["at_high"], low=low, high=high) for one, (low, high) in zip(shown, ends, strict=True)]
    title = "Which assumption matters most for the worth of the model"
    note = "Each is moved alone between the ends of its range; the others stay in the middle."

    def draw(width: int) -> charts.Spec:
        return reaches(values, title=title, unit=currency, middle=study["middle"], note=note, zero="where it loses money", width=width)

    return None if model["npv"] is None else Picture(title, draw)
