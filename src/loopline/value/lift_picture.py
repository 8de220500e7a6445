"""The picture of the lift over time: how its bounds closed, beside nothing and the charter's target. Plain values in, a chart out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from loopline import charts
from loopline.charts import WIDE, Spec
from loopline.value.lift import Reading, in_words


def picture(readings: Sequence[Reading], currency: str, *, confidence: float, target: float | None, width: int = WIDE) -> Spec:
    """The lift since the beginning as it was known after each window, with its bounds.

    Parameters
    ----------
    target
        What `loopline.value.lift.target_each` gives.
    """
    shown = [charts.Reading(at=datetime.fromisoformat(one.start), value=one.value, low=one.low, high=one.high) for one in readings]
    found = in_words(readings, currency, target=target)
    return charts.over_time(
        shown,
        title=f"What the model causes: {found[0]}" if found else "What the model causes: too few outcomes have come",
        unit=f"{currency} per decision",
        name="lift since the beginning",
        lines={"causes nothing": 0.0, "target": target},
        note=f"Band: bounds that hold at all looks together with {confidence:.0%}.",
        zero=True,
        width=width,
    )
