"""Probes over time: each figure against the median of those before it, and what has become worse. Pure and light."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from loopline.data.probe.probe import measured, say_latency
from loopline.ledger.entry import Entry

KIND = "probe"
"""The kind of the entries; the subject is the place."""
WORSE = 1.5
"""A median latency so many times as long, or a rate so many times as low, as the median of the probes before is worse."""
FEWEST, MOST = 5, 10
"""So many probes before the newest one are needed for a judgement, and so many of them are looked at."""
_BARS = "▁▂▃▄▅▆▇█"
_FLAT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure of one place over time.

    Parameters
    ----------
    place, name
        Of what.
    p50_us, mb_per_s
        The newest figures.
    usual_p50_us, usual_mb_per_s
        The medians of the last `MOST` probes before; None where there are none.
    latencies_us
        All median latencies, oldest first.
    times
        When each of them was taken.
    """

    place: str
    name: str
    p50_us: float
    mb_per_s: float
    usual_p50_us: float | None
    usual_mb_per_s: float | None
    latencies_us: tuple[float, ...]
    times: tuple[datetime, ...] = ()

    @property
    def before(self) -> int:
        """How many probes there are before the newest one."""
        return len(self.latencies_us) - 1

    @property
    def change(self) -> float | None:
        """How many times as long a request takes as it usually did; None of a first probe."""
        return self.p50_us / self.usual_p50_us if self.usual_p50_us else None

    @property
    def is_worse(self) -> bool:
        """Whether the newest probe is worse than this place's own history: see `WORSE` and `FEWEST`."""
        if self.before < FEWEST or self.usual_p50_us is None or self.usual_mb_per_s is None:
            return False
        return self.p50_us > WORSE * self.usual_p50_us or self.mb_per_s * WORSE < self.usual_mb_per_s

    @property
    def picture(self) -> str:
        """The last latencies as bars, low ones for short ones."""
        return bars(self.latencies_us[-(MOST + 1) :])

    def as_json(self) -> dict[str, Any]:
        """The figure as plain values."""
        own = {name: getattr(self, name) for name in ("place", "name", "p50_us", "mb_per_s", "usual_p50_us", "usual_mb_per_s")}
        return {**own, "change": self.change, "worse": self.is_worse, "probes": len(self.latencies_us), "picture": self.picture}


def figures(entries: Iterable[Entry]) -> list[Figure]:
    """Every measure of every place over time, from the entries of kind ``probe``, oldest first.

    Only probes of one machine, taken in one way (past the cache or not), are held against each other.
    """
    by_place: dict[str, list[Entry]] = {}
    for entry in entries:
        by_place.setdefault(entry.subject, []).append(entry)
    return [figure for found in by_place.values() for figure in _of_place([entry for entry in found if _how(entry) == _how(found[-1])])]


def _how(entry: Entry) -> tuple[Any, ...]:
    return entry.body.get("machine"), entry.body.get("bypassed")


def _of_place(entries: Sequence[Entry]) -> list[Figure]:
    taken = [(entry.time, measured(entry.body)) for entry in entries]
    return [_figure(entries[-1].subject, name, [(time, one[name]) for time, one in taken if name in one]) for name in taken[-1][1]]


def _figure(place: str, name: str, told: Sequence[tuple[datetime, Mapping[str, Any]]]) -> Figure:
    found = [one for _, one in told]
    newest, before = found[-1], found[:-1][-MOST:]
    return Figure(
        place=place,
        name=name,
        p50_us=newest["p50_us"],
        mb_per_s=newest["mb_per_s"],
        usual_p50_us=median(one["p50_us"] for one in before) if before else None,
        usual_mb_per_s=median(one["mb_per_s"] for one in before) if before else None,
        latencies_us=tuple(one["p50_us"] for one in found),
        times=tuple(time for time, _ in told),
    )


def worsened(entries: Iterable[Entry]) -> list[str]:
    """One line for each place whose newest probe is worse than its own history; the figure that changed most is named."""
    worst: dict[str, Figure] = {}
    for figure in figures(entries):
        if figure.is_worse and (figure.place not in worst or _times(figure) > _times(worst[figure.place])):
            worst[figure.place] = figure
    return [_said(figure) for figure in worst.values()]


def _times(figure: Figure) -> float:
    """How many times worse, in latency or in rate, whichever is more."""
    slower = (figure.usual_mb_per_s or 0.0) / figure.mb_per_s if figure.mb_per_s else 0.0
    return max(figure.change or 0.0, slower)


def _said(figure: Figure) -> str:
    now, usual = say_latency(figure.p50_us), say_latency(figure.usual_p50_us or 0.0)
    against = f"takes {now}, against {usual} in {min(figure.before, MOST)} probes before"
    return f"the storage of {figure.place} is {_times(figure):.1f} times worse than it was: {figure.name} {against}"


def bars(values: Sequence[float]) -> str:
    """Numbers as bars, from the least to the greatest; numbers that hardly differ are all alike.

    Examples
    --------
    >>> bars([1, 2, 3]), bars([5, 5.1, 5])
    ('▁▄█', '▄▄▄')
    """
    if not values:
        return ""
    low, high = min(values), max(values)
    if high - low <= _FLAT * high:
        return _BARS[3] * len(values)
    return "".join(_BARS[int((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)
