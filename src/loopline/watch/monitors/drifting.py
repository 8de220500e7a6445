"""Monitors of drift: features and scores that are not as they were in training."""

from __future__ import annotations

from loopline.watch.drift import ROWS_NEEDED, limits
from loopline.watch.monitors.watched import Breach, Watched
from loopline.watch.windows import SCORE


def drift(watched: Watched) -> list[Breach] | None:
    """Features whose distance from training is no accident; `loopline.watch.drift.limits` says how that is told."""
    found = _drifted(watched)
    return None if found is None else [breach for breach in found if breach.monitor == "drift"]


def score_drift(watched: Watched) -> list[Breach] | None:
    """The score's distance from the validation part is no accident."""
    found = _drifted(watched)
    return None if found is None else [breach for breach in found if breach.monitor == "score_drift"]


def _drifted(watched: Watched) -> list[Breach] | None:
    window = watched.window
    if window.rows < ROWS_NEEDED or not watched.is_full:
        return None
    found = []
    for name, limit in drift_limits(watched).items():
        value = window.drift.get(name)
        if value is None or value <= limit:
            continue
        what = "the score" if name == SCORE else name
        says = f"{what} has drifted: distance {value:.2f} from training, {limit:.2f} is its limit"
        monitor, feature, role = ("score_drift", "", "ml") if name == SCORE else ("drift", name, "science")
        found.append(Breach(monitor=monitor, feature=feature, role=role, says=says, value=value, limit=limit))  # type: ignore[arg-type]
    return found


def drift_limits(watched: Watched) -> dict[str, float]:
    """The limit of each feature's distance for a window of so many rows, and of the score's."""
    return limits(watched.yardstick.features, watched.window.rows, watched.chance("drift"))
