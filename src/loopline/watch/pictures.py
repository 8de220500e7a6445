"""Pictures of windows: what was asked, how long it took, how far from training it was, and what decisions were expected to earn and earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from loopline.charts import WIDE, Bar, Reading, Spec, bars, heat, over_time
from loopline.declaration import figure
from loopline.watch.drift import Bins
from loopline.watch.summary import ranked

Body = Mapping[str, Any]

FEATURES_SHOWN = 20
"""The features of a map: those that are farthest for their limits in its newest window."""
WINDOWS_SHOWN = 60
"""The windows of a map: the newest ones; cells of more would be too narrow to tell apart."""


def expected(windows: Sequence[Body], currency: str, *, width: int = WIDE) -> Spec | None:
    """The worth that was expected in each window, with its interval, beside what came true; None where nothing was expected.

    Parameters
    ----------
    windows
        As the watch stage writes them.
    """
    return _held_against(
        [(window, _worth(window), _of_worth(window)) for window in windows],
        "per_decision",
        title="What decisions were expected to earn before their outcomes came",
        unit=f"{currency} per decision",
        width=width,
    )


def performance(windows: Sequence[Body], metric: str, *, width: int = WIDE) -> Spec | None:
    """A metric as it was estimated in each window, with its interval, beside what came true; None where it never was."""
    name = metric.replace("_", " ")
    return _held_against(
        [(window, (window["estimated"] or {}).get("metrics", {}).get(metric), window["metrics"].get(metric)) for window in windows],
        "value",
        title=f"{name[:1].upper()}{name[1:]} as estimated before outcomes came",
        unit=name,
        width=width,
    )


def _held_against(told: Sequence[tuple[Body, Mapping[str, Any] | None, float | None]], name: str, *, title: str, unit: str, width: int) -> Spec | None:
    """What was expected of a number in each window beside what came true."""
    readings = [
        Reading(at=_at(window), value=said[name], low=said["low"], high=said["high"], marked=came is not None and not said["low"] <= came <= said["high"])
        for window, said, came in told
        if said is not None
    ]
    if not readings:
        return None
    seen = [Reading(at=_at(window), value=came) for window, _, came in told if came is not None]
    return over_time(
        readings,
        title=title,
        unit=unit,
        name="expected",
        others={"came true": seen} if seen else {},
        note="A diamond is a window in which what came true lies beyond the band.",
        width=width,
    )


def traffic(windows: Sequence[Body], *, width: int = WIDE) -> Spec:
    """The rows that were answered in each window, and those that were refused."""
    return over_time(
        [Reading(at=_at(window), value=window["rows"]) for window in windows],
        title="Rows that were answered, and rows that were refused",
        unit="rows per window",
        name="answered",
        others={"refused": [Reading(at=_at(window), value=window["refused"]) for window in windows]},
        zero=True,
        width=width,
    )


def latency(windows: Sequence[Body], *, width: int = WIDE) -> Spec | None:
    """How long half, 95 and 99 of 100 answers took at most in each window; None where that is not known."""
    timed = [window for window in windows if window["latency_ms"] is not None]
    if not timed:
        return None
    names = {"p99": "99 of 100", "p95": "95 of 100", "p50": "half of them"}
    told = {said: [Reading(at=_at(window), value=window["latency_ms"].get(name)) for window in timed] for name, said in names.items()}
    first, *others = told
    return over_time(
        told[first],
        title="How long answers took at most",
        unit="milliseconds",
        name=first,
        others={name: told[name] for name in others},
        zero=True,
        width=width,
    )


def drift_map(windows: Sequence[Body], *, width: int = WIDE) -> Spec | None:
    """How far each feature was from training in each window, those that are farthest for their limits first; None where no window has rows."""
    asked = [window for window in windows if window["drift"]][-WINDOWS_SHOWN:]
    if not asked:
        return None
    names = ranked(asked[-1]["drift"], asked[-1]["drift_limits"])[:FEATURES_SHOWN]
    rows = [
        (name, _at(window), window["drift"].get(name), window["drift"].get(name, 0.0) > window["drift_limits"].get(name, np.inf))
        for name in names
        for window in asked
    ]
    return heat(
        rows, title="How far features are from training", unit="distance", note="A dot is a window in which the feature is beyond its limit.", width=width
    )


def distance_over_time(windows: Sequence[Body], feature: str, *, width: int = WIDE) -> Spec:
    """How far a feature was from training in each window, beside its limit."""
    limits = [Reading(at=_at(window), value=window["drift_limits"][feature]) for window in windows if feature in window["drift_limits"]]
    return over_time(
        [
            Reading(at=_at(window), value=value, marked=value > window["drift_limits"].get(feature, np.inf))
            for window in windows
            if (value := window["drift"].get(feature)) is not None
        ],
        title=f"How far {feature} is from training",
        unit="distance",
        name="distance",
        others={"limit": limits} if limits else {},
        note="0: as in training. 1: nothing is shared. A diamond is beyond the limit.",
        zero=True,
        width=width,
    )


def side_by_side(bins: Bins, counts: Sequence[int], *, title: str, width: int = WIDE) -> Spec:
    """The share of rows in each bin of a feature, beside its share in training.

    Parameters
    ----------
    counts
        Rows per bin.
    """
    now, then = sum(counts) or 1, bins.rows or 1
    told = [Bar(name=name, value=100 * count / now, limit=100 * was / then) for name, count, was in zip(labels(bins), counts, bins.counts, strict=True)]
    # What neither has seen says nothing.
    return bars([bar for bar in told if bar.value or bar.limit], title=title, unit="% of rows", limit="share in training", width=width)


def labels(bins: Bins) -> list[str]:
    """The bins of a feature, in words."""
    if bins.kind == "category":
        return [*bins.values, "(another value)", "(missing)"]
    if not bins.cuts:
        return ["(a number)", "(missing)"]
    ends = [figure(cut) for cut in bins.cuts]
    return [f"below {ends[0]}", *(f"{low} to {high}" for low, high in zip(ends, ends[1:], strict=False)), f"from {ends[-1]} on", "(missing)"]


def _at(window: Body) -> datetime:
    return datetime.fromisoformat(window["start"])


def _of_worth(window: Body) -> float | None:
    return None if window["worth"] is None else float(window["worth"]["per_decision"])


def _worth(window: Body) -> Mapping[str, Any] | None:
    worth: Mapping[str, Any] | None = (window["estimated"] or {}).get("worth")
    return worth
