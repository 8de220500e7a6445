"""How long answers took, as counts in bins: they merge, and quantiles follow from them to within a seventh. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LATENCY = "(latency)"
"""Stands for the times of answers among the counts of a window; a column's name in a reference is never in brackets of its own."""

QUANTILES = (0.5, 0.95, 0.99)
"""Those that are shown."""

_EDGES = np.geomspace(0.1, 100_000.0, 97)
"""Milliseconds: 16 bins for each power of ten, from a tenth of one to 100 seconds."""


def counted(ms: NDArray[np.float64], group: NDArray[np.intp], groups: int) -> NDArray[np.int64]:
    """How many of the times are in each bin, shape (groups, bins); a time that is not known, NaN, is in none.

    Parameters
    ----------
    ms, group
        Shape (n,): milliseconds, and the group that each belongs to.
    """
    known, width = np.isfinite(ms), len(_EDGES) + 1
    place = np.searchsorted(_EDGES, ms[known])
    return np.bincount(group[known] * width + place, minlength=groups * width).reshape(groups, width)


def quantiles(counts: Sequence[int] | None) -> dict[str, float] | None:
    """The times, in milliseconds, that so many answers stayed within (the upper edge of the bin), by name; None where none is known."""
    if counts is None or not sum(counts):
        return None
    below = np.cumsum(counts)
    at = {share: int(np.searchsorted(below, share * below[-1])) for share in QUANTILES}
    return {f"p{share * 100:.0f}": float(f"{_EDGES[min(place, len(_EDGES) - 1)]:.3g}") for share, place in at.items()}
