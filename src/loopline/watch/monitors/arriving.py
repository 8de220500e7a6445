"""Monitors of the data that come: more nulls than in training, categories that it did not have, numbers outside its range."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.special import bdtr, bdtrik, betaincinv

from loopline.watch.drift import Bins
from loopline.watch.limits import concentration
from loopline.watch.monitors.watched import NAMED, Breach, Watched, listed
from loopline.watch.windows import Window

NOTICEABLE = 0.01
"""A share that has grown by less than this is no breach, however many rows there are."""

_Place = Callable[[Window, Bins], tuple[int, int] | None]
"""Rows of the window and rows of training that are in question for a feature; None where it has no such rows."""


def nulls(watched: Watched) -> list[Breach] | None:
    """Columns of which a greater share is null than in training."""
    return _grown(watched, "nulls", _null, "null values")


def new_categories(watched: Watched) -> list[Breach] | None:
    """Categories that training did not have, or hardly ever, in a greater share than there."""
    return _grown(watched, "new_categories", _unknown, "values that were not, or hardly, known in training")


def unseen_ranges(watched: Watched) -> list[Breach] | None:
    """Numbers outside the range of training."""
    return _grown(watched, "unseen_ranges", _beyond, "values outside the range of training")


def _null(window: Window, bins: Bins) -> tuple[int, int] | None:
    counts = window.counts.get(bins.name)
    return None if counts is None else (counts[-1], bins.counts[-1])


def _unknown(window: Window, bins: Bins) -> tuple[int, int] | None:
    counts = window.counts.get(bins.name)
    return None if counts is None or bins.kind != "category" else (counts[-2], bins.counts[-2])


def _beyond(window: Window, bins: Bins) -> tuple[int, int] | None:
    return None if bins.seen is None else (window.outside.get(bins.name, 0), bins.outside)


def _grown(watched: Watched, monitor: str, place: _Place, what: str) -> list[Breach] | None:
    """One breach that names each column whose share is above its limit, the one that has grown most first."""
    if not watched.is_judged:
        return None
    rows = watched.window.rows
    asked = {bins: found for bins in watched.used if (found := place(watched.window, bins)) is not None}
    grown: list[tuple[Bins, float, float, float]] = []
    for bins, (seen, usual) in asked.items():
        share, before = seen / rows, usual / max(1, bins.rows)
        if share <= before + NOTICEABLE:
            continue
        limit = max(before + NOTICEABLE, share_limit(bins, usual, rows, watched.chance(monitor) / len(asked)))
        if share > limit:
            grown.append((bins, share, before, limit))
    if not grown:
        return []
    grown.sort(key=lambda one: one[2] - one[1])
    _, share, _, limit = grown[0]
    told = [f"{bins.name} {now:.1%} (in training {then:.1%})" for bins, now, then, _ in grown[:NAMED]]
    says = f"more {what}: {listed(told, len(grown))}"
    return [Breach(monitor=monitor, features=tuple(bins.name for bins, *_ in grown), role="data", says=says, value=share, limit=limit)]


def share_limit(bins: Bins, usual: int, rows: int, chance: float) -> float:
    """The share that stays above that of a window of `rows` rows in which nothing has changed, but for at most the given chance.

    The share behind a window varies as a beta distribution, about that of training and as widely as `concentration` says; the window's rows
    as a binomial distribution. Half of the chance is for either.

    Parameters
    ----------
    usual
        Training rows that are in question.

    References
    ----------
    Skellam, J. G. (1948). A probability distribution derived from the binomial distribution by regarding the probability of success as
    variable between the sets of trials. Journal of the Royal Statistical Society B 10.
    """
    likely, spread = (usual + 0.5) / (bins.rows + 1), max(1.0, concentration(bins))
    highest = float(betaincinv(likely * spread, (1 - likely) * spread, 1 - chance / 2))
    most = math.ceil(bdtrik(1 - chance / 2, rows, highest))
    # The inverse is rounded: one fewer may do as well.
    least: float = most - 1 if most > 0 and bdtr(most - 1, rows, highest) >= 1 - chance / 2 else most
    return least / rows
