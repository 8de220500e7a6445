"""Columns that left their range: most of their values lie outside of what was trained on, as where a unit was changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loopline.declaration import figure
from loopline.watch.monitors.watched import listed

Body = Mapping[str, Any]
MOST = 0.5
"""A column of which a greater share lies outside of its range has left it: no season moves as much."""
LEFT = "unseen_ranges:"
"""What the name of a breach begins with by which a column has left the range of training; the column follows."""
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """A column that left its range.

    Parameters
    ----------
    share
        Of its values that lie outside.
    low, high
        The range of training; None where the package does not say.
    """

    name: str
    share: float
    low: float | None
    high: float | None

    @property
    def says(self) -> str:
        """How much of it lies outside of what."""
        of = "the range" if self.low is None or self.high is None else f"{figure(self.low)} to {figure(self.high)}"
        return f"{self.share:.0%} of {self.name} lie outside of {of}"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def left(window: Body) -> tuple[str, ...]:
    """The columns that left the range of training in a window, as its monitors have judged."""
    return tuple(name.removeprefix(LEFT) for name in window.get("breaches", ()) if name.startswith(LEFT))


def departed(windows: Sequence[Body], reference: Mapping[str, Any]) -> tuple[Departed, ...]:
    """The columns that left their range in these windows, those first of which most lies outside.

    Parameters
    ----------
    windows
        Bodies of one package's windows.
    reference
        From a feature to its profile, as ``reference.json`` has them.
    """
    rows = sum(window["rows"] for window in windows)
    names = {name for window in windows for name in left(window)}
    made = []
    for name in names:
        share = sum(window["outside"].get(name, 0.0) * window["rows"] for window in windows) / rows
        if share > MOST:
            low, high = (reference.get(name) or {}).get("range") or (None, None)
            made.append(Departed(name=name, share=share, low=low, high=high))
    return tuple(sorted(made, key=lambda one: (-one.share, one.name)))


def in_words(found: Sequence[Departed]) -> str:
    """What left its range, and that its source is looked at before anything is trained."""
    told = listed([one.says for one in found[:_NAMED]], len(found))
    whose = f"the source of {found[0].name}" if len(found) == 1 else "their sources"
    return f"{told}, which the model was trained on: look at {whose} first (another unit?); a new training comes after that."
