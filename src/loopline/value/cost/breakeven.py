"""The loads at which the cheaper place changes. Pure.

Between two loads at which a machine more is needed, a bill is a straight line of the load. So each stretch is looked at by its two ends: where the
cheaper place changes within one, the lines meet; where it changes from one to the next, another machine makes the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loopline.charter.cost import FILLED, OWNED, RENTED, Labour, Use, cost_of
from loopline.charter.machines import HOURS_PER_MONTH
from loopline.charter.prices import Prices

MOST_LOAD, MOST_MACHINES = 1e6, 50
"""Beyond so many times the present load, or so many machines of any kind, nothing is asked."""
_INSIDE, _SAME = 1e-3, 1e-6


@dataclass(frozen=True, slots=True)
class Crossing:
    """A load from which on another place is cheaper.

    Parameters
    ----------
    load
        Times the present number of decisions.
    cheaper
        The place that is cheaper above it.
    per_month
        What a month costs there; where a machine more makes the difference, in the place that is cheaper above.
    meets
        Whether both bills are the same there.
    """

    load: float
    cheaper: str
    per_month: float
    meets: bool


def crossings(use: Use, book: Prices) -> tuple[Crossing, ...]:
    """Every load at which the cheaper place changes, from no decisions on; none where a place has no bill, or nothing grows."""
    if not use.decisions or set(cost_of(use, book).bills) != {OWNED, RENTED}:
        return ()
    found: list[Crossing] = []
    before = 0.0
    for start, end in _stretches(use, book):
        inner, last = start + (end - start) * _INSIDE, _owned_above(use, book, end)
        inside = _owned_above(use, book, inner)
        # Where the line begins: at the start itself the machine is not yet there.
        first = inside - (last - inside) * _INSIDE / (1 - _INSIDE)
        if before * (first or last) < 0:
            found.append(_crossing(use, book, start, inner, first or last, meets=False))
        if first * last < 0:
            load = start + (end - start) * first / (first - last)
            found.append(_crossing(use, book, load, load, last, meets=True))
        before = last or first or before
    return tuple(found)


def _owned_above(use: Use, book: Prices, load: float) -> float:
    bills = cost_of(use, book, load).bills
    return bills[OWNED].per_month - bills[RENTED].per_month


def _crossing(use: Use, book: Prices, load: float, above: float, owned_above: float, *, meets: bool) -> Crossing:
    cheaper = RENTED if owned_above > 0 else OWNED
    return Crossing(load, cheaper, cost_of(use, book, above).bills[cheaper].per_month, meets)


def _stretches(use: Use, book: Prices) -> Iterator[tuple[float, float]]:
    """From a load at which another machine is needed to the next one."""
    start = 0.0
    for end in _steps(use, book):
        if end > start * (1 + _SAME):
            yield start, end
        start = end


def _steps(use: Use, book: Prices) -> list[float]:
    """The loads from which on another machine is needed, ascending; the last one is the end of what is asked."""
    decisions = use.decisions or 0.0
    served, followed = use.answer.times(decisions), use.follow.times(decisions)
    kinds = [] if book.machine is None else [_full(use.idle + use.turning + use.trained, served + followed, book.machine.cores)]
    kinds += [] if book.cloud is None else [_full(use.idle, served, instance.cores) for instance in book.cloud.instances.values()]
    most = min([MOST_LOAD, *(loads[-1] for loads in kinds if loads)])
    return [*sorted({load for loads in kinds for load in loads if 0 < load < most}), most]


def _full(always: Labour, growing: Labour, cores: float | None) -> list[float]:
    """The loads at which one, two, three, ... machines are full; none where nothing grows."""
    if growing.cpu_s <= 0:
        return []
    holds = (cores or 1.0) * FILLED * HOURS_PER_MONTH * 3600
    return [(number * holds - always.cpu_s) / growing.cpu_s for number in range(1, MOST_MACHINES + 1)]
