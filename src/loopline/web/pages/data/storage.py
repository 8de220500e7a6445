"""How quick the storage is, over time, and whether it has become worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline import charts
from loopline.charts import Reading, Spec
from loopline.data.probe.history import KIND, Figure, figures, worsened
from loopline.data.probe.probe import say_latency
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Page
from loopline.web.pages.data.shown import ROWS

_PROBES = 300
_DRAWN = 4


@dataclass(frozen=True)
class Place:
    """A place with its measures, and pictures of those that changed most."""

    name: str
    figures: tuple[Figure, ...]

    @property
    def pictures(self) -> tuple[Spec, ...]:
        """The latencies over time, where there is more than one probe."""
        several = [one for one in self.figures if len(one.times) > 1]
        return tuple(_picture(one) for one in sorted(several, key=lambda one: -abs((one.change or 1.0) - 1.0))[:_DRAWN])


@dataclass(frozen=True)
class Storage:
    """What the page shows."""

    title: str
    places: tuple[Place, ...]
    worse: tuple[str, ...]
    probes: int
    sees_rows: bool

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, as the command gives them."""
        told = [one.as_json() for place in self.places for one in place.figures]
        return {"figures": told, "worse": list(self.worse), "probes": self.probes, "next": "loopline data probe"}


def view(current: Current, asked: Asked) -> Storage:
    """Every measure of every place that was probed."""
    entries = current.workspace.ledger.read(kinds=(KIND,), newest_first=True, limit=_PROBES)[::-1]
    found = figures(entries)
    places = tuple(Place(name, tuple(one for one in found if one.place == name)) for name in dict.fromkeys(one.place for one in found))
    return Storage("Storage", places, tuple(worsened(entries)), len(entries), asked.reader.may(ROWS))


def _picture(one: Figure) -> Spec:
    readings = [Reading(at=at, value=value / 1e3) for at, value in zip(one.times, one.latencies_us, strict=True)]
    *before, last = readings
    usual = None if one.usual_p50_us is None else one.usual_p50_us / 1e3
    marked = [*before, Reading(at=last.at, value=last.value, marked=one.is_worse)]
    title = f"{one.name}: {say_latency(one.p50_us)}" + ("" if one.usual_p50_us is None else f", usually {say_latency(one.usual_p50_us)}")
    return charts.over_time(marked, title=title, unit="median latency in ms", name="latency", lines={"usual": usual}, zero=True, height=180)


PAGES = (Page("data storage", "/data/storage", view, "data/storage.html.j2"),)
