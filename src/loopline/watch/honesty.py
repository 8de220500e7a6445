"""Estimates held against what came true: earlier misses widen the interval, and too many of them silence the estimate. Pure.

References
----------
Vovk, V., Gammerman, A., Shafer, G. (2005). Algorithmic Learning in a Random World. Romano, Y., Patterson, E., Candès, E. (2019). Conformalized
quantile regression: an interval is widened by the quantile of how far beyond theirs earlier values lay.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.earned import CONFIDENCE
from loopline.watch.estimated import NEW, REACH, Figure, Record
from loopline.watch.windows import LOOKBACK, Window

KNOWN = 0.9
"""A window is held against its estimate once so great a share of the outcomes that can come has: those that come first are often of one kind."""

MEMORY = 30
"""So many of the newest checked windows are remembered: the world changes, and so does the model's fault."""

CHANCE = 0.005
"""An honest interval is as often wrong as the remembered ones were by so small a chance: the estimate is silent then."""


def checked(windows: Sequence[Window], before: Sequence[Mapping[str, float]] = (), has_changed: Sequence[bool] | None = None) -> list[Window]:
    """The windows, each estimate with its record: how those of the windows before it came true, as far as monitors look back.

    Parameters
    ----------
    before
        The `misses` of windows before the release: they widen an interval from the first day, and silence nothing.
    has_changed
        Of each window, whether it is not as it was when its record was made; without it no record is known.
    """
    earlier = {name: [one[name] for one in before if name in one] for name in {name for one in before for name in one}}
    told: dict[str, deque[tuple[int, float, bool]]] = {}
    made: list[Window] = []
    changed_at = -LOOKBACK - 1
    for at, window in enumerate(windows):
        changed_at = at if has_changed is None or has_changed[at] else changed_at
        estimated = window.estimated
        if estimated is not None and at - changed_at <= LOOKBACK:
            records = {name: _record(earlier.get(name, ()), [one for one in told.get(name, ()) if at - one[0] <= LOOKBACK]) for name in estimated.figures}
            records = {name: record for name, record in records.items() if record != NEW}
            if records != dict(estimated.records):
                changed_at = at
                window = replace(window, estimated=replace(estimated, records=records))
        made.append(window)
        for name, miss in misses(window).items():
            assert window.estimated is not None
            told.setdefault(name, deque(maxlen=MEMORY)).append((at, miss, miss > window.estimated.record(name).widened))
    return made


def came_true(window: Window, name: str) -> float | None:
    """The number that an estimate is held against; None before enough outcomes have come."""
    if window.outcomes < ROWS_NEEDED or window.outcomes < KNOWN * window.awaited:
        return None
    return window.earned.money.mean if name == "worth" else window.metrics.get(name)


def misses(window: Window) -> dict[str, float]:
    """By how much what came true lay beyond each estimate's interval, before it was widened, in the figure's unit: below nought within it.

    Empty where that cannot be said yet.
    """
    estimated = window.estimated
    if estimated is None:
        return {}
    found = {name: came_true(window, name) for name in estimated.figures}
    return {name: _miss(estimated.figures[name], seen, window.awaited / window.outcomes) for name, seen in found.items() if seen is not None}


def is_refuted(window: Window, name: str) -> bool:
    """Whether outcomes have come, and lie beyond the estimate's interval."""
    estimated, miss = window.estimated, misses(window).get(name)
    return estimated is not None and miss is not None and miss > estimated.record(name).widened


def _miss(figure: Figure, seen: float, per_outcome: float) -> float:
    # The noise is that of all rows; with some outcomes still missing there is more of it.
    error = math.hypot(figure.noise * math.sqrt(max(1.0, per_outcome)), figure.doubt)
    return abs(seen - figure.value) - REACH * error


def _record(before: Sequence[float], told: Sequence[tuple[int, float, bool]]) -> Record:
    seen, wrong = [*before, *(miss for _, miss, _ in told)], sum(is_beyond for *_, is_beyond in told)
    return Record(checked=len(told), beyond=wrong, widened=_widened(seen[-MEMORY:]), silent=_tail(len(told), wrong, 1 - CONFIDENCE) < CHANCE)


def _widened(seen: Sequence[float]) -> float:
    """By how much the interval must be wider to have held as many earlier values as it should: of fewer than nine, all; never less than nought."""
    if not seen:
        return 0.0
    rank = min(len(seen), math.ceil((len(seen) + 1) * CONFIDENCE))
    return _rounded_up(sorted(seen)[rank - 1])


def _rounded_up(value: float) -> float:
    """Two digits that count: a new outcome must not change what was said of every later window."""
    if value <= 1e-12:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.2g}")


def _tail(count: int, wrong: int, chance: float) -> float:
    """The chance of so many or more of `count` where each has the same one: the binomial distribution."""
    return sum(math.comb(count, many) * chance**many * (1 - chance) ** (count - many) for many in range(wrong, count + 1))
