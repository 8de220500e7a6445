"""Windows whose rows left the range of training: what they will show is not estimated, for nothing was learned there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.watch.departed import left

Body = Mapping[str, Any]

MUCH = 0.1
"""So great a share of a window that is too small to be judged says that its column is still where a judged one found it."""


def unlike(windows: Sequence[Body]) -> list[tuple[str, ...]]:
    """The columns that left the range of training, for each window; none where its estimate holds.

    A window is judged by its monitors. One of too few rows for them goes by what those that were judged have found.
    """
    found = [left(window) for window in windows]
    known = sorted({(window["package"], column) for window, columns in zip(windows, found, strict=True) for column in columns})
    return [
        columns or tuple(name for package, name in known if package == window["package"] and window.get("outside", {}).get(name, 0.0) >= MUCH)
        for window, columns in zip(windows, found, strict=True)
    ]
