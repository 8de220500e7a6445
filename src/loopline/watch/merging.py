"""Two windows as one: hours of a day, parts of a window that is too large to be read at once, replicas of a service. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from loopline.watch.drift import Bins, distance
from loopline.watch.estimated import Estimated, together
from loopline.watch.windows import Window


def merged(first: Window, second: Window, features: Sequence[Bins] = ()) -> Window:
    """One window from two that follow one another, or from two parts of the same one, such as those of two servers.

    Counts and sums are those of both. Metrics, and how well a classifier tells the rows, are means over the parts: exact where a metric is itself
    a mean over rows, and otherwise what it is within the parts.
    """
    # Where the times of answers are not known in one part, it has no counts of them.
    counts = {name: first.counts.get(name) or (0,) * len(part) for name, part in {**first.counts, **second.counts}.items()}
    counts = {name: tuple(map(sum, zip(part, second.counts.get(name) or (0,) * len(part), strict=True))) for name, part in counts.items()}
    parts = (first, second)
    decided = [one.rows - one.split.apart for one in parts]
    outcomes = [one.outcomes for one in parts]
    rows = first.rows + second.rows
    return replace(
        first,
        start=min(first.start, second.start),
        end=max(first.end, second.end),
        rows=rows,
        refused=first.refused + second.refused,
        outcomes=sum(outcomes),
        hidden=first.hidden + second.hidden,
        acted=_mean([one.acted for one in parts], decided),
        counts=counts,
        drift={bins.name: float(distance(np.asarray(counts[bins.name]), np.asarray(bins.counts))) for bins in features if rows},
        outside={name: first.outside.get(name, 0) + second.outside.get(name, 0) for name in {**first.outside, **second.outside}},
        apart=_mean([one.apart for one in parts], [one.rows for one in parts]),
        earned=first.earned + second.earned,
        split=first.split + second.split,
        loss=first.loss + second.loss,
        told_after_s=max((wait for wait in (first.told_after_s, second.told_after_s) if wait is not None), default=None),
        metrics={name: _mean([one.metrics.get(name) for one in parts], outcomes) for name in {**first.metrics, **second.metrics}},
        estimated=_together([one for one in parts if one.rows]),
    )


def _together(parts: Sequence[Window]) -> Estimated | None:
    """What is expected of the windows that have rows; None where that is not known of one."""
    expected = [one.estimated for one in parts if one.estimated is not None]
    return together(expected) if expected and len(expected) == len(parts) else None


def _mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """The weighted mean of the values that there are."""
    there = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    whole = sum(weight for _, weight in there)
    return sum(value * weight for value, weight in there) / whole if whole else None
