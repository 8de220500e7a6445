"""The newest window in which anything was answered, whichever packages answered in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Latest:
    """What came in the newest window: while two packages serve, each has a part of it.

    Parameters
    ----------
    parts
        One for each package.
    deciding
        The champion's; where it has none, that of the package with the most rows.
    """

    parts: tuple[Body, ...]
    deciding: Body

    @property
    def start(self) -> str:
        """When the window began."""
        return str(self.deciding["start"])

    @property
    def rows(self) -> int:
        """The rows that were answered."""
        return sum(int(part["rows"]) for part in self.parts)

    @property
    def refused(self) -> int:
        """The rows that were refused."""
        return sum(int(part["refused"]) for part in self.parts)

    @property
    def outcomes(self) -> int:
        """The outcomes that have come."""
        return sum(int(part["outcomes"]) for part in self.parts)

    @property
    def awaited(self) -> int:
        """The rows whose outcome can come at all."""
        return self.rows - sum(int(part.get("hidden", 0)) for part in self.parts)


def latest(windows: Sequence[Body], champion: str | None) -> Latest | None:
    """The newest window with an answered row, as the watch stage writes them; None where nothing was ever asked.

    One in which rows were refused and none answered tells nothing of the model: it counts where there is no other.

    Parameters
    ----------
    windows
        Of every package, in the order of time.
    """
    asked = [window for window in windows if window["rows"]] or [window for window in windows if window["refused"]]
    if not asked:
        return None
    parts = tuple(window for window in windows if (window["rows"] or window["refused"]) and window["start"] == asked[-1]["start"])
    own = next((part for part in parts if part["package"] == champion), None)
    return Latest(parts, max(parts, key=lambda part: int(part["rows"])) if own is None else own)


def own(windows: Sequence[Body], champion: str | None) -> list[Body]:
    """The windows of the champion; where it has none, those of the package that decided in the newest one."""
    found = latest(windows, champion)
    package = champion if found is None else found.deciding["package"]
    return [window for window in windows if window["package"] == champion] or [window for window in windows if window["package"] == package]
