"""Monitors of what is to be expected: money and errors before their outcomes come, as `loopline.watch.estimate` tells them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import NormalDist

from loopline.declaration import figure
from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.earned import Sums
from loopline.watch.estimated import REACH, Estimated
from loopline.watch.honesty import is_refuted
from loopline.watch.monitors.earning import UNITS, own_error, promised_error
from loopline.watch.monitors.watched import Breach, Watched
from loopline.watch.windows import LOSS, Window

MEMORY = 7
"""Windows that are judged together by what is expected of them."""


def worth_estimated(watched: Watched) -> list[Breach] | None:
    """Money per decision that is expected to lie significantly below what was promised, unless outcomes have shown otherwise."""
    promised = watched.promise.per_decision
    found = None if promised is None else _beyond(watched, "worth_estimated", "worth", promised, sign=-1)
    if promised is None or found is None:
        return None
    said = f"{figure(promised)} were promised"
    return [
        Breach(
            monitor="worth_estimated",
            role="business",
            says=f"{watched.each} is expected to earn {figure(seen)} {watched.currency}, {said}",
            value=seen,
            limit=limit,
        )
        for seen, limit in found
    ]


def performance_estimated(watched: Watched) -> list[Breach] | None:
    """A mean error that is expected to lie significantly above the package's on the test part, unless outcomes have shown otherwise."""
    promised = watched.promise.loss
    found = None if promised is None else _beyond(watched, "performance_estimated", LOSS[watched.yardstick.task], promised, sign=1)
    if promised is None or found is None:
        return None
    what = UNITS[watched.yardstick.task]
    return [
        Breach(
            monitor="performance_estimated",
            role="ml",
            says=f"the {what} is expected to be {figure(seen)}, it was {figure(promised)} on the test part",
            value=seen,
            limit=limit,
        )
        for seen, limit in found
    ]


def _beyond(watched: Watched, monitor: str, name: str, promised: float, *, sign: int) -> list[tuple[float, float]] | None:
    """The expected mean that lies significantly beyond the promised one, and the limit; none where it does not, None where nothing can be judged.

    As with outcomes, the window is judged by itself and together with those before it. What earlier estimates were wrong by widens the
    limit, and an estimate that was wrong too often judges nothing. Outcomes that bear an estimate out leave what it said as it was, so that
    an alert does not begin anew with every window whose outcomes come; those that do not, take it back.
    """
    own = _estimate(watched.window, name)
    if own is None or own.record(name).silent or not watched.is_full:
        return None
    if is_refuted(watched.window, name):
        return []
    money = name == "worth"
    standing = list(islice(_standing(watched, name), MEMORY))
    pools = [standing[:1], standing] if len(standing) > 1 else [standing]
    before = [earlier.earned.money if money else earlier.loss for earlier in watched.before]
    for pool in pools:
        parts = [one.money if money else one.loss for one in pool]
        seen = sum(part.total for part in parts) / sum(part.count for part in parts)
        z = NormalDist().inv_cdf(1 - watched.chance(monitor) / len(pools))
        limit = promised + sign * z * _error(watched, pool, parts, before, name)
        if sign * (seen - limit) > 0:
            return [(seen, limit)]
    return []


def _estimate(window: Window, name: str) -> Estimated | None:
    """The estimate of a window of rows enough, where it has one of the number."""
    one = window.estimated
    return one if one is not None and one.money.count >= ROWS_NEEDED and name in one.figures else None


def _standing(watched: Watched, name: str) -> Iterator[Estimated]:
    """The estimates of the number up to the window that is judged, the newest first, without those that outcomes have refuted."""
    for window in reversed(watched.windows[: watched.at + 1]):
        one = _estimate(window, name)
        if one is not None and not is_refuted(window, name):
            yield one


def _error(watched: Watched, pool: Sequence[Estimated], parts: Sequence[Sums], before: Sequence[Sums], name: str) -> float:
    """The standard error of the expected mean less the promised one: rows, windows, chances and promise, and what estimates were wrong by."""
    doubt = max(one.figures[name].doubt for one in pool)
    widened = max(one.record(name).widened for one in pool)
    return math.hypot(math.hypot(own_error(parts, before), doubt) + widened / REACH, promised_error(watched, parts, before))
