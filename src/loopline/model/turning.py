"""What would turn a decision: the least change of one column, or of two together, that the policy would decide otherwise on.

It is what the model would say of another row, not what would follow from changing this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure
from loopline.model.background import Background, kind_of, plain
from loopline.model.predictor import Scores

Columns = Mapping[str, NDArray[Any]]
Predict = Callable[[Mapping[str, Any]], Scores]

MOST = 6
"""Changes that are told, the smallest first."""

_HALVED = 12
_DIGITS = (2, 3, 4, 6)
_PAIRED = 6


@dataclass(frozen=True, slots=True)
class Turn:
    """A change that turns the decision.

    Parameters
    ----------
    change
        From a column to the value that it has, and the one that it would have to have.
    decision, score
        What would be decided, and the score that it would be decided by.
    far
        How great the change is: of a number as a share of what is usual, and 1 for another text.
    """

    change: Mapping[str, tuple[Any, Any]]
    decision: str
    score: float
    far: float

    @property
    def says(self) -> str:
        """The change in words."""
        parts = (f"{name} were {_word(to)} (it is {_word(now)})" for name, (now, to) in self.change.items())
        return f"if {' and '.join(parts)}: {self.decision}, with a score of {figure(self.score)}"

    def as_json(self) -> dict[str, Any]:
        """The change as plain values."""
        change = {name: {"now": now, "to": to} for name, (now, to) in self.change.items()}
        return {"change": change, "decision": self.decision, "score": self.score, "says": self.says}


def turns(predict: Predict, columns: Mapping[str, Sequence[Any]], background: Background, *, whole: frozenset[str] = frozenset()) -> list[Turn]:
    """The changes that turn the decision on one row, the smallest first; two columns together only where no single one does.

    Parameters
    ----------
    columns
        The row: typed values, each column of length 1.
    background
        Its values, which are usual ones, are what is tried; a number is then brought as near to the row's own as still turns the decision.
    whole
        Columns of whole numbers, and of yes and no.
    """
    row = {name: np.array(list(values), dtype=object) for name, values in columns.items()} | background.one(columns, 0)
    asked = _Asked(predict, row)
    tried = [{name: value} for name, values in background.columns.items() for value in _others(values, row[name][0])]
    found = asked.turning(tried)
    nearest: dict[str, dict[str, Any]] = {}
    for change in sorted(found, key=lambda change: _far(change, row, background)):
        nearest.setdefault(next(iter(change)), change)
    if nearest:
        near = [_brought(asked, name, change[name], name in whole) for name, change in nearest.items()]
        return _told(asked, near, columns, background)
    return _told(asked, asked.turning(_pairs(asked, tried)), columns, background)[:1]


class _Asked:
    """One row, and what is decided on it once some of its columns are changed."""

    def __init__(self, predict: Predict, row: Columns) -> None:
        self.row = row
        self._predict = predict
        self.scores = self.of([{}])
        self.decision = self.scores.decision[0]

    def of(self, changes: Sequence[Mapping[str, Any]]) -> Scores:
        """The scores and decisions of the row with each of the changes."""
        mixed = {name: np.repeat(values, len(changes)) for name, values in self.row.items()}
        for at, change in enumerate(changes):
            for name, value in change.items():
                mixed[name][at] = value
        return self._predict(mixed)

    def turning(self, changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of the changes that turn the decision."""
        return [change for change, decided in zip(changes, self.of(changes).decision, strict=True) if decided != self.decision] if changes else []


def _others(values: NDArray[Any], own: Any) -> list[Any]:
    """The values of a column that are known and not the row's own, each once."""
    known = [value for value in values if value is not None and value == value and value != own]
    return list(dict.fromkeys(known))


def _brought(asked: _Asked, name: str, to: Any, is_whole: bool) -> dict[str, Any]:
    """A number as near to the row's own as still turns the decision, in as few digits as do; others as they are."""
    own = asked.row[name][0]
    if asked.row[name].dtype.kind != "f" or own != own:
        return {name: to}
    near, far = float(own), float(to)
    for _ in range(_HALVED):
        middle = (near + far) / 2
        near, far = (near, middle) if asked.turning([{name: middle}]) else (middle, far)
    rounded = [_outwards(far, own, digits) for digits in _DIGITS]
    options = [*sorted((float(np.floor(far)), float(np.ceil(far))), key=lambda end: abs(end - own))] if is_whole else [*rounded, far]
    return next(iter(asked.turning([{name: value} for value in options])), {name: to})


def _outwards(value: float, own: float, digits: int) -> float:
    """The number in so many digits, away from the row's own."""
    if value == 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - digits + 1)
    return float(f"{(np.ceil(value / step) if value > own else np.floor(value / step)) * step:.{digits}g}")


def _pairs(asked: _Asked, tried: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pairs of the changes that move the score most, up and down."""
    if not tried:
        return []
    scores = asked.of(tried)
    # Of several classes it is the probability of the one that is decided now.
    place = None if asked.scores.scores is None else int(np.argmax(asked.scores.scores[0]))
    moved = scores.score if scores.scores is None else scores.scores[:, place]
    ends: dict[str, list[int]] = {}
    for at in np.argsort(moved, kind="stable"):
        ends.setdefault(next(iter(tried[at])), []).append(int(at))
    reach = sorted(ends.values(), key=lambda places: moved[places[0]] - moved[places[-1]])[:_PAIRED]
    best = [[tried[at] for at in dict.fromkeys((places[0], places[-1]))] for places in reach]
    return [{**one, **other} for first, second in combinations(best, 2) for one in first for other in second]


def _told(asked: _Asked, changes: Sequence[dict[str, Any]], columns: Mapping[str, Sequence[Any]], background: Background) -> list[Turn]:
    if not changes:
        return []
    found = asked.of(changes)
    # The background has yes and no as 1 and 0.
    yes_no = {name for name, values in columns.items() if isinstance(values[0], bool)}
    made = [
        Turn(
            {name: (_plain(asked.row[name][0], name in yes_no), _plain(value, name in yes_no)) for name, value in change.items()},
            str(found.decision[at]),
            float(found.score[at]),
            _far(change, asked.row, background),
        )
        for at, change in enumerate(changes)
    ]
    return sorted(made, key=lambda turn: turn.far)[:MOST]


def _far(change: Mapping[str, Any], row: Columns, background: Background) -> float:
    return sum(_one_far(row[name][0], value, background.columns[name]) for name, value in change.items())


def _one_far(own: Any, value: Any, usual: NDArray[Any]) -> float:
    if kind_of(usual) == "text" or own != own:
        return 1.0
    places = usual[~np.isnat(usual)].astype(np.int64) if usual.dtype.kind == "M" else usual[np.isfinite(usual)]
    apart = float(abs((value - own) / np.timedelta64(1, "us"))) if usual.dtype.kind == "M" else abs(float(value) - float(own))
    spread = float(np.ptp(places)) if len(places) else 0.0
    return apart / (spread or 1.0)


def _plain(value: Any, is_yes_no: bool) -> Any:
    return bool(value) if is_yes_no and value == value else plain(value)


def _word(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return figure(value) if isinstance(value, float) else str(value).replace("T00:00:00", "")
