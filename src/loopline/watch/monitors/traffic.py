"""Monitors of what comes: too few rows, or too many that are refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from statistics import NormalDist, median

from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.monitors.watched import USUAL_MEMORY, Breach, Watched
from loopline.watch.shares import surely
from loopline.watch.windows import LOOKBACK

_WINDOWS_NEEDED = 14


def volume(watched: Watched) -> list[Breach] | None:
    """Rows far fewer than in the last 28 windows: below their median, and below the fifth with the fewest, by more than chance explains.

    The square roots of counts have nearly the same variance everywhere: a half, where they come independently. The scatter about the
    median is taken from the median deviation and is at least that; the quietest fifth stands for weekends and nights.

    References
    ----------
    Anscombe, F. J. (1948). The transformation of Poisson, binomial and negative-binomial data. Biometrika 35.
    """
    came = {window.start: window.rows for window in watched.windows[: watched.at + 1]} if watched.came is None else watched.came
    roots = sorted(math.sqrt(rows) for rows in islice(_before(watched, came), USUAL_MEMORY))
    if not watched.is_closed or len(roots) < _WINDOWS_NEEDED:
        return None
    centre, quiet = median(roots), roots[len(roots) // 5]
    scatter = max(0.5, 1.4826 * median(abs(root - centre) for root in roots))
    z = NormalDist().inv_cdf(1 - watched.chance("volume"))
    limit = max(0.0, min(centre - z * scatter, quiet - z * math.sqrt(0.5))) ** 2
    rows = came.get(watched.window.start, 0)
    if rows >= limit:
        return []
    said = "no rows came" if rows == 0 else f"only {rows:,} rows came"
    return [Breach(monitor="volume", role="devops", says=f"{said}, {centre**2:,.0f} are usual", value=rows, limit=limit)]


def _before(watched: Watched, came: Mapping[datetime, int]) -> Iterator[int]:
    """Rows of the windows before, the newest first, without those of an outage; requests come as they did, whichever package answers them.

    What came before a longer pause is no measure any more.
    """
    window = watched.window
    for step in range(1, LOOKBACK + 1):
        start = window.start - step * (window.end - window.start)
        if start in came and start not in watched.outages:
            yield came[start]


def refused_share(watched: Watched) -> list[Breach] | None:
    """A share of refused rows that is surely above the declared one."""
    window, allowed = watched.window, watched.spec.refused_share
    came = window.rows + window.refused
    if came < ROWS_NEEDED:
        return None
    share, z = window.refused / came, NormalDist().inv_cdf(1 - watched.chance("refused_share"))
    if surely(window.refused, came, z) <= allowed:
        return []
    says = f"{share:.0%} of the rows were refused, {allowed:.0%} are allowed"
    return [Breach(monitor="refused_share", role="data", says=says, value=share, limit=allowed)]
