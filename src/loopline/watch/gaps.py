"""Gaps: windows in which nothing came, between those in which something did and after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from loopline.watch.spans import start_of
from loopline.watch.windows import Window

MOST = 31
"""So many windows without a row are shown one by one; a longer pause teaches nothing more."""


def between(before: datetime, after: datetime, span: timedelta) -> Iterator[datetime]:
    """The starts of the windows between two others, the first `MOST` of them."""
    return (before + step * span for step in range(1, min((after - before) // span, MOST + 1)))


def with_gaps(
    made: Sequence[Window],
    refused: Mapping[datetime, int],
    *,
    package: str,
    span: timedelta,
    until: datetime | None = None,
    newest: datetime | None = None,
) -> list[Window]:
    """A package's windows with those between them that have no row, and with the rows that were refused meanwhile.

    Parameters
    ----------
    refused
        Rows refused, by the start of the window; what lies outside the package's windows makes windows of its own.
    until
        Windows that are not over by then are no gaps: rows may come yet. None where that is not known.
    newest
        Of a package that decides, the start of the newest window in which anything came: those after it are its gaps, too.
    """
    by_start = {window.start: window for window in made}
    for start in refused:
        by_start.setdefault(start, Window(package=package, start=start, end=start + span))
    end = None if until is None else start_of(until, span)
    ahead = [] if end is None or newest is None else [(max([newest, *(start for start in by_start if start < end)]), end)]
    for before, after in [*pairwise(sorted(by_start)), *ahead]:
        for start in between(before, after, span):
            if end is None or start < end:
                by_start.setdefault(start, Window(package=package, start=start, end=start + span))
    return [replace(window, refused=refused.get(start, 0)) for start, window in sorted(by_start.items())]
