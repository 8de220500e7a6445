"""The reference profile: how features, scores and decisions were spread where the model was made, and the same count of new rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.encode import texts
from loopline.model.plan import MISSING, SHARED_BY

FREQUENT = 30
"""Values of a category that are counted one by one; the rest share one place."""

DAYS = 90
"""The latest days that are counted one by one, so that what varies from day to day is known to whoever looks for drift."""

_EDGES_COMPARED = 32

Profile = Mapping[str, Any]
"""Plain values: ``kind`` (number, category), ``edges`` or ``values``, ``counts``, and of a number ``range`` and ``outside``."""


def number_profile(values: NDArray[np.float64]) -> dict[str, Any]:
    """The profile of a number: the inner edges of its tenths, and the count of rows in each bin, with that of nulls last.

    Bin i holds the values from ``edges[i - 1]`` up to below ``edges[i]``. ``range`` is where the values lie, but for the few at either end
    that are too few to be named, and ``outside`` counts these; it is null where there are too few values.
    """
    known = values[np.isfinite(values)]
    seen = _range(known)
    edges = np.unique(np.quantile(known, np.arange(1, 10) / 10, overwrite_input=True)) if len(known) else np.array([])
    profile: dict[str, Any] = {"kind": "number", "edges": [float(edge) for edge in edges]}
    profile |= {"range": seen, "outside": 0 if seen is None else int(((known < seen[0]) | (known > seen[1])).sum())}
    return {**profile, "counts": counts(profile, values).tolist()}


def _range(known: NDArray[np.float64]) -> list[float] | None:
    """The range that all but fewer than `SHARED_BY` values at either end lie in, for an extreme may be one person's; the values are put in another order."""
    if len(known) < 2 * SHARED_BY:
        return None
    known.partition((SHARED_BY - 1, len(known) - SHARED_BY))
    return [float(known[SHARED_BY - 1]), float(known[-SHARED_BY])]


def category_profile(values: Sequence[Any] | NDArray[Any], *, shared_by: int = 1) -> dict[str, Any]:
    """The profile of a category: its frequent values, and the count of rows of each, with those of other values and of nulls last.

    Parameters
    ----------
    shared_by
        Rows that must have a value before it is named: a package tells no text that is somebody's own.
    """
    return counted_profile(Counter(texts(values)), shared_by=shared_by)


def counted_profile(counted: Mapping[str, int], *, shared_by: int = 1) -> dict[str, Any]:
    """The profile of a category of which each text has been counted, nulls as `MISSING`."""
    often = sorted(((value, count) for value, count in counted.items() if value != MISSING), key=lambda item: (-item[1], item[0]))[:FREQUENT]
    frequent = {value: count for value, count in often if count >= shared_by}
    missing = counted.get(MISSING, 0)
    others = sum(counted.values()) - sum(frequent.values()) - missing
    return {"kind": "category", "values": list(frequent), "counts": [*frequent.values(), others, missing]}


def places(profile: Profile, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
    """The place of each value in a profile's ``counts``, shape (n,); NaN, infinite and null values are in the last."""
    if profile["kind"] == "number":
        return number_places(profile["edges"], np.asarray(values, dtype=np.float64))
    known = profile["values"]
    place = {value: index for index, value in enumerate(known)} | {MISSING: len(known) + 1}
    return np.fromiter((place.get(text, len(known)) for text in texts(values)), dtype=np.int64, count=len(values))


def number_places(edges: Sequence[float], numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """The place of each number among bins with these inner edges, shape (n,); NaN and infinite ones are in the last."""
    if len(edges) > _EDGES_COMPARED:
        found: NDArray[Any] = np.searchsorted(edges, numbers, side="right")
    else:
        # A comparison with each of a few edges takes a tenth of the time of a search among them.
        found = np.zeros(len(numbers), dtype=np.uint8)
        for edge in edges:
            found += numbers >= edge
    return np.where(np.isfinite(numbers), found, len(edges) + 1).astype(np.int64)


def counts(profile: Profile, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
    """How many values are in each place of a profile, shape (k,)."""
    return np.bincount(places(profile, values), minlength=_width(profile))


def by_day(profile: Profile, values: Sequence[Any] | NDArray[Any], day: NDArray[np.int64]) -> list[list[int]]:
    """The counts of each day, in the order of the days.

    Parameters
    ----------
    day
        Shape (n,): the day of each row, from 0; a row with a negative day is not counted.
    """
    width = _width(profile)
    counted = day >= 0
    cells = day[counted] * width + places(profile, values)[counted]
    return np.bincount(cells, minlength=(int(day.max(initial=-1)) + 1) * width).reshape(-1, width).tolist()


def latest_days(time: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The place of each moment's day among the latest `DAYS` days that have rows, shape (n,); -1 for earlier days and for no time."""
    known = ~np.isnat(time)
    day = time.astype("datetime64[D]").astype(np.int64)
    latest = np.unique(day[known])[-DAYS:]
    place = np.searchsorted(latest, day)
    found = known & (place < len(latest)) & (latest[np.minimum(place, len(latest) - 1)] == day) if len(latest) else known & False
    return np.where(found, place, -1)


def _width(profile: Profile) -> int:
    return len(profile["edges"]) + 2 if profile["kind"] == "number" else len(profile["values"]) + 2
