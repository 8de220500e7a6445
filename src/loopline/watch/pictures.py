"""Pictures of windows: what decisions were expected to earn, and what they earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from loopline.charts import WIDE, Reading, Spec, over_time

Body = Mapping[str, Any]


def expected(windows: Sequence[Body], currency: str, *, width: int = WIDE) -> Spec | None:
    """The worth that was expected in each window, with its interval, beside what came true; None where nothing was expected.

    Parameters
    ----------
    windows
        As the watch stage writes them.
    """
    told = [(datetime.fromisoformat(window["start"]), window, _worth(window)) for window in windows]
    readings = [
        Reading(at=at, value=worth["per_decision"], low=worth["low"], high=worth["high"], marked=_beyond(window, worth))
        for at, window, worth in told
        if worth is not None
    ]
    if not readings:
        return None
    came = [Reading(at=at, value=window["worth"]["per_decision"]) for at, window, _ in told if window["worth"] is not None]
    return over_time(
        readings,
        title="What decisions were expected to earn before their outcomes came",
        unit=f"{currency} per decision",
        name="expected",
        others={"came true": came} if came else {},
        note="A diamond is a window in which what came true lies beyond the band.",
        width=width,
    )


def _worth(window: Body) -> Mapping[str, Any] | None:
    worth: Mapping[str, Any] | None = (window["estimated"] or {}).get("worth")
    return worth


def _beyond(window: Body, worth: Mapping[str, Any]) -> bool:
    return window["worth"] is not None and not worth["low"] <= window["worth"]["per_decision"] <= worth["high"]
