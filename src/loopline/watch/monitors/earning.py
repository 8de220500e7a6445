"""Monitors of success: what the decisions earn, and how far the scores are from what happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

from loopline.charter.spec import Task
from loopline.declaration import figure
from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.earned import Sums, standard_error
from loopline.watch.monitors.watched import Breach, Earlier, Watched
from loopline.watch.windows import Window

MEMORY = 7
"""Windows that are judged together by what they earned: single ones scatter too much."""
WINDOWS_NEEDED = 5

UNITS: dict[Task, str] = {"binary": "Brier score", "multiclass": "share of wrong classes", "regression": "mean absolute error"}


def performance(watched: Watched) -> list[Breach] | None:
    """A mean error that is significantly above the package's on the test part."""
    promised = watched.promise.loss
    found = None if promised is None else _beyond(watched, "performance", lambda window: window.loss, promised, sign=1)
    if promised is None or found is None:
        return None
    what = UNITS[watched.yardstick.task]
    return [
        Breach(monitor="performance", role="ml", says=f"the {what} is {figure(seen)}, it was {figure(promised)} on the test part", value=seen, limit=limit)
        for seen, limit in found
    ]


def worth_promised(watched: Watched) -> list[Breach] | None:
    """Money per decision that is significantly below what was promised on the test part."""
    promised = watched.promise.per_decision
    found = None if promised is None else _beyond(watched, "worth_promised", lambda window: window.earned.money, promised, sign=-1)
    if promised is None or found is None:
        return None
    said = f"{figure(promised)} were promised"
    return [
        Breach(monitor="worth_promised", role="business", says=f"each decision earns {figure(seen)} {watched.currency}, {said}", value=seen, limit=limit)
        for seen, limit in found
    ]


def worth_baseline(watched: Watched) -> list[Breach] | None:
    """Money per decision that is significantly below what no model would earn."""
    found = _beyond(watched, "worth_baseline", lambda window: window.earned.gain, 0.0, sign=-1, is_measured=False)
    if found is None:
        return None
    said = f"{watched.currency} less than without a model"
    return [
        Breach(monitor="worth_baseline", role="business", says=f"each decision earns {figure(-seen)} {said}", value=seen, limit=limit) for seen, limit in found
    ]


def _beyond(
    watched: Watched, monitor: str, take: Callable[[Window | Earlier], Sums], promised: float, *, sign: int, is_measured: bool = True
) -> list[tuple[float, float]] | None:
    """The mean that lies significantly beyond the promised one, and the limit; none where it does not, None where nothing can be judged.

    The window is judged by itself, which shows what breaks at once, and together with those before it, which shows what wanes.

    Parameters
    ----------
    sign
        1 where more is worse, -1 where less is.
    is_measured
        Whether the promised mean is itself measured, with an error of its own.
    """
    pools = _pools(watched)
    before = [take(window) for window in watched.before]
    for pool in pools:
        parts = [take(window) for window in pool]
        seen = sum(part.total for part in parts) / sum(part.count for part in parts)
        z = NormalDist().inv_cdf(1 - watched.chance(monitor) / len(pools))
        limit = promised + sign * z * math.hypot(own_error(parts, before), promised_error(watched, parts, before) if is_measured else 0.0)
        if sign * (seen - limit) > 0:
            return [(seen, limit)]
    return [] if pools else None


def _pools(watched: Watched) -> list[list[Window]]:
    """The window, and the window with those before it; only such that have enough outcomes.

    A window whose outcomes are only beginning to come is left out: those that come first are often of one kind.
    """
    known = [window for window in watched.windows[: watched.at + 1] if window.outcomes]
    most = max((window.completeness or 0.0 for window in known), default=0.0)
    settled = [window for window in known if (window.completeness or 0.0) >= most / 2]
    if watched.window not in settled[-1:]:
        return []
    both = [settled[-1:], settled[-MEMORY:]] if len(settled) > 1 else [settled]
    return [pool for pool in both if sum(window.outcomes for window in pool) >= ROWS_NEEDED]


def own_error(parts: Sequence[Sums], before: Sequence[Sums]) -> float:
    """The standard error of the mean over all parts: the widest of what their rows, the parts themselves and the windows of the test part say."""
    usual = [part.total / part.count for part in before if part.count >= ROWS_NEEDED]
    own = standard_error(parts)
    if len(usual) < WINDOWS_NEEDED:
        return own
    centre = sum(usual) / len(usual)
    scatter = math.sqrt(sum((mean - centre) ** 2 for mean in usual) / (len(usual) - 1))
    return max(own, scatter / math.sqrt(len(parts)))


def promised_error(watched: Watched, parts: Sequence[Sums], before: Sequence[Sums]) -> float:
    """The standard error of the mean on the test part; where its windows are not known, from the rows' variance now."""
    usual = [part for part in before if part.count]
    if usual:
        return standard_error(usual)
    return math.sqrt(sum(parts, Sums()).variance / max(2, watched.promise.rows))
