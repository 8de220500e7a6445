"""Whether a figure is far above what is usual. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

FEWEST = 8
"""So many earlier figures are needed for a judgement."""
MOST = 50
"""Of the earlier figures, so many of the newest are looked at."""
FAR = 6.0
"""A figure is far above the others from this robust z on, and from `TIMES` times their median."""
TIMES = 2.0
_LEAST_SCATTER = 0.05
_TO_SIGMA = 1.4826


def times_usual(value: float, before: Sequence[float]) -> float | None:
    """How many times the usual figure a value is where it is far above it; 0 where it is not, and None where too few figures are known.

    Durations are skewed and scatter in proportion: on the logarithms the median and the median deviation tell what is usual, and single outliers
    among the earlier figures change neither.

    Parameters
    ----------
    before
        Earlier figures of the same kind, all above 0, oldest first.

    References
    ----------
    Iglewicz, B. and Hoaglin, D. C. (1993). How to Detect and Handle Outliers. ASQC: the modified z-score, from the median absolute deviation.

    Examples
    --------
    >>> times_usual(30.0, [10, 11, 9, 10, 10, 12, 9, 10]), times_usual(11.0, [10, 11, 9, 10, 10, 12, 9, 10])
    (3.0, 0.0)
    """
    known = [math.log(one) for one in before[-MOST:] if one > 0]
    if len(known) < FEWEST or value <= 0:
        return None
    centre = median(known)
    scatter = max(_LEAST_SCATTER, _TO_SIGMA * median(abs(one - centre) for one in known))
    times = math.exp(math.log(value) - centre)
    return round(times, 6) if times >= TIMES and (math.log(value) - centre) / scatter >= FAR else 0.0


def twice_reached(before: Sequence[float]) -> float | None:
    """What earlier figures have reached twice: the greatest but one of them, so that one outlier makes nothing usual; None of too few.

    It suits figures that are great by turns, such as the pause of a weekend among those of working days, of which a median knows nothing.

    Examples
    --------
    >>> twice_reached([1, 1, 1, 1, 3, 1, 1, 1, 1, 3, 1, 40])
    3
    """
    return sorted(before)[-2] if len(before) >= FEWEST else None
