"""Monitors of success: what the decisions earn, and how far the scores are from what happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from loopline.charter.spec import Task
from loopline.declaration import figure
from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.earned import Sums, standard_error
from loopline.watch.honesty import KNOWN
from loopline.watch.monitors.watched import EARLY, USUAL_MEMORY, Breach, Earlier, Watched
from loopline.watch.scan import POOLS, smallest_change, threshold
from loopline.watch.windows import Window

WINDOWS_NEEDED = 5
"""Windows that must be known before their scatter is."""

SEEN_WITHIN = 3
"""Windows within which `detectable` asks that a loss is paged."""

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
    """Money per decision that is significantly below what was promised on the test part.

    The charter's target, a sum per year, is another question, which `loopline.value.monitors.worth_target` answers.
    """
    promised = watched.promise.per_decision
    found = None if promised is None else _beyond(watched, "worth_promised", lambda window: window.earned.money, promised, sign=-1)
    if promised is None or found is None:
        return None
    said = f"{figure(promised)} were promised"
    return [
        Breach(monitor="worth_promised", role="business", says=f"{watched.each} earns {figure(seen)} {watched.currency}, {said}", value=seen, limit=limit)
        for seen, limit in found
    ]


def worth_baseline(watched: Watched) -> list[Breach] | None:
    """Money per decision that is significantly below what no model would earn."""
    found = _beyond(watched, "worth_baseline", lambda window: window.earned.gain, 0.0, sign=-1, is_measured=False)
    if found is None:
        return None
    said = f"{watched.currency} less than without a model"
    return [
        Breach(monitor="worth_baseline", role="business", says=f"{watched.each} earns {figure(-seen)} {said}", value=seen, limit=limit) for seen, limit in found
    ]


def detectable(watched: Watched) -> float | None:
    """The smallest lasting loss of money per decision that `worth_promised` pages within `SEEN_WITHIN` windows in 95 of 100 cases.

    It follows from how many outcomes the newest windows have, how much they scatter, how surely the promise is known, and the declared rate of
    false alarms. None where nothing was promised, or too few outcomes have come.
    """
    if watched.promise.per_decision is None:
        return None
    settled = [window.earned.money for window in come(watched.windows)][-USUAL_MEMORY:]
    before = [window.earned.money for window in watched.before]
    parts = [part for part in settled or before if part.count >= ROWS_NEEDED]
    if not parts:
        return None
    rows = sorted(part.count for part in parts)[len(parts) // 2]
    variance = max(_within(parts), _within(before))
    usual = _usual(before) if len(_usual(before)) >= WINDOWS_NEEDED else parts
    one = math.sqrt(variance / rows + _between(usual))
    return smallest_change(
        window_error=one, promised_error=promised_error(watched, parts, before), chance=watched.settled_chance("worth_promised"), windows=SEEN_WITHIN
    )


def _beyond(
    watched: Watched, monitor: str, take: Callable[[Window | Earlier], Sums], promised: float, *, sign: int, is_measured: bool = True
) -> list[tuple[float, float]] | None:
    """The mean that lies significantly beyond the promised one, and the limit; none where it does not, None where nothing can be judged.

    The newest windows are judged one, two, and up to eight together (`loopline.watch.scan`): one by itself shows what breaks at once, eight what wanes.

    Parameters
    ----------
    sign
        1 where more is worse, -1 where less is.
    is_measured
        Whether the promised mean is itself measured, with an error of its own.
    """
    settled = [take(window) for window in _settled(watched)]
    before = [take(window) for window in watched.before]
    pools = [settled[-size:] for size in POOLS if size <= len(settled) and sum(part.count for part in settled[-size:]) >= ROWS_NEEDED]
    height = threshold(watched.settled_chance(monitor) * (1.0 if _is_settled(watched) else EARLY))
    found: list[tuple[float, float, float]] = []
    for parts in pools:
        seen = sum(part.total for part in parts) / sum(part.count for part in parts)
        error = math.hypot(own_error(parts, before, settled[: -len(parts)]), promised_error(watched, parts, before) if is_measured else 0.0)
        beyond = sign * (seen - promised)
        if beyond > height * error:
            found.append((beyond / error if error else math.inf, seen, promised + sign * height * error))
    return ([max(found)[1:]] if found else []) if pools else None


def come(windows: Sequence[Window]) -> list[Window]:
    """The windows whose outcomes have come; not those whose are only beginning to: the first that come are often of one kind.

    Only the last ones tell how many rows' outcomes come: a source of outcomes may have become a poorer one for good.
    """
    known = [window for window in windows if window.outcomes]
    most = max((window.completeness or 0.0 for window in known[-USUAL_MEMORY:]), default=0.0)
    return [window for window in known if (window.completeness or 0.0) >= most / 2]


def _settled(watched: Watched) -> list[Window]:
    """The windows up to the judged one whose outcomes have come; none where its own have not."""
    known = come(watched.windows[: watched.at + 1])
    return known if watched.window in known[-1:] else []


def _is_settled(watched: Watched) -> bool:
    """Whether nearly all of its rows have come, and nearly as many of its outcomes as come of any: it will not be looked at again and again."""
    window = watched.window
    most = max((one.completeness or 0.0 for one in watched.windows[: watched.at + 1][-USUAL_MEMORY:]), default=0.0)
    return watched.is_settled and (window.completeness or 0.0) >= KNOWN * most


def own_error(parts: Sequence[Sums], before: Sequence[Sums], earlier: Sequence[Sums] = ()) -> float:
    """The standard error of the mean over all parts: what their rows say, and how windows scatter beyond that, in the test part or else in the windows before.

    Where neither has windows enough, only the parts themselves can speak.
    """
    usual = next((some for some in (_usual(before), _usual(earlier)[-USUAL_MEMORY:]) if len(some) >= WINDOWS_NEEDED), None)
    if usual is None:
        return standard_error(parts)
    rows = sum(part.count for part in parts)
    variance = max(sum(parts, Sums()).variance, _within(usual))
    return math.sqrt(variance / rows + _between(usual) * sum(part.count**2 for part in parts) / rows**2)


def _usual(parts: Sequence[Sums]) -> list[Sums]:
    return [part for part in parts if part.count >= ROWS_NEEDED]


def _within(parts: Sequence[Sums]) -> float:
    """The variance of rows within windows."""
    return sum((part.count - 1) * part.variance for part in parts) / max(1, sum(part.count - 1 for part in parts))


def _between(parts: Sequence[Sums]) -> float:
    """The variance between the means of windows, beyond what their rows make; 0 of fewer than two.

    References
    ----------
    Searle, S. R., Casella, G., McCulloch, C. E. (1992). Variance Components, chapter 3 (the one-way analysis of variance, unequal sizes).
    """
    rows, many = sum(part.count for part in parts), len(parts)
    if many < 2:
        return 0.0
    mean = sum(part.total for part in parts) / rows
    squares = sum(part.count * (part.total / part.count - mean) ** 2 for part in parts) / (many - 1)
    size = (rows - sum(part.count**2 for part in parts) / rows) / (many - 1)
    return max(0.0, (squares - _within(parts)) / size)


def promised_error(watched: Watched, parts: Sequence[Sums], before: Sequence[Sums]) -> float:
    """The standard error of the mean on the test part; where its windows are not known, from the rows' variance now."""
    usual = [part for part in before if part.count]
    if usual:
        return standard_error(usual)
    return math.sqrt(sum(parts, Sums()).variance / max(2, watched.promise.rows))
