"""The monitors that look at each window."""

from __future__ import annotations

from loopline.watch.monitors.arriving import new_categories, nulls, unseen_ranges
from loopline.watch.monitors.drifting import drift, multivariate, score_drift
from loopline.watch.monitors.earning import performance, worth_baseline, worth_promised
from loopline.watch.monitors.estimated import performance_estimated, worth_estimated
from loopline.watch.monitors.overdue import outcomes_late
from loopline.watch.monitors.traffic import refused_share, volume
from loopline.watch.monitors.watched import Breach, Monitor, Watched

MONITORS: tuple[Monitor, ...] = (
    volume,
    refused_share,
    outcomes_late,
    nulls,
    new_categories,
    unseen_ranges,
    drift,
    score_drift,
    multivariate,
    performance,
    worth_promised,
    worth_baseline,
    performance_estimated,
    worth_estimated,
)


def look(watched: Watched) -> dict[str, list[Breach] | None]:
    """What every monitor found in the window, by the monitor's name; no monitor judges one that has not begun."""
    return {monitor.__name__: monitor(watched) if watched.has_begun else None for monitor in MONITORS}
