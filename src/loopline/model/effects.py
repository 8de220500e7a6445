"""What a model makes of each raw column: the score as the column's value is moved, over the rows' own other values, with the data's density."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure
from loopline.model.background import Score, kind_of, plain
from loopline.model.encode import texts
from loopline.model.plan import MISSING, SHARED_BY

POINTS = 16
"""Values of a number at which its effect is looked at: quantiles, so that they lie where the rows are."""

VALUES = 12
"""Values of a category that are looked at, the most frequent ones."""

ROWS = 100
"""Rows whose own other values the effect is averaged over."""

_SPREAD = (0.1, 0.5, 0.9)
_PAIR_POINTS, _PAIR_ROWS = 6, 60
_STEADY = 0.1
_HANGS = 0.01

Shape = Literal["rises", "falls", "turns", "flat", "differs"]


@dataclass(frozen=True, slots=True)
class Effect:
    """The partial dependence of the score on one column.

    Parameters
    ----------
    kind
        ``number``, ``date`` or ``text``.
    values
        Where it was looked at: ascending numbers or dates, or texts by frequency; None is a null, and comes last.
    shares
        The share of the rows that are nearest to each value, or have it.
    mean
        The mean score there.
    low, middle, high
        Within which a tenth, half and nine tenths of the single rows' scores lie: where they run apart, other columns change the effect.
    part
        Of a date the part that was moved, its hour, weekday or month, with all else of the date kept; empty for the date itself.
    of
        The class whose probability this is, where there are several: the one that the column moves most.
    """

    column: str
    kind: str
    values: tuple[Any, ...]
    shares: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]
    part: str = ""
    of: str = ""

    @property
    def name(self) -> str:
        """The column, with the part of a date."""
        return f"{self.column} ({self.part})" if self.part else self.column

    @property
    def reach(self) -> float:
        """How far the mean score moves from its lowest to its highest."""
        return max(self.mean) - min(self.mean)

    @property
    def shape(self) -> Shape:
        """``rises`` or ``falls`` where hardly anything of the way goes back, else ``turns``; ``differs`` for texts, ``flat`` where nothing moves."""
        if figure(min(self.mean)) == figure(max(self.mean)):
            return "flat"
        if self.kind == "text":
            return "differs"
        steps = np.diff(self._known())
        up, down = float(steps[steps > 0].sum()), float(-steps[steps < 0].sum())
        return "rises" if down <= _STEADY * up else "falls" if up <= _STEADY * down else "turns"

    @property
    def says(self) -> str:
        """The effect in one line."""
        aim = f" of {self.of}" if self.of else ""
        if self.shape == "flat":
            return f"the score{aim} does not move with it"
        known = self._known()
        first, last, least, most = (figure(float(value)) for value in (known[0], known[-1], min(self.mean), max(self.mean)))
        if self.shape in ("rises", "falls"):
            return f"the score{aim} {self.shape} from {first} at {self._word(self.values[0])} to {last} at {self._word(self.values[len(known) - 1])}"
        lowest, highest = self.values[int(np.argmin(self.mean))], self.values[int(np.argmax(self.mean))]
        return f"the score{aim} lies between {least} at {self._word(lowest)} and {most} at {self._word(highest)}"

    def _known(self) -> tuple[float, ...]:
        return self.mean[:-1] if self.values[-1] is None and len(self.values) > 1 else self.mean

    def _word(self, value: Any) -> str:
        if value is None:
            return "missing"
        if self.kind == "date":
            return str(value).replace("T", " ")
        return figure(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)

    def as_json(self) -> dict[str, Any]:
        """The effect as plain values, with its shape and its words."""
        said = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {**said, "reach": self.reach, "shape": self.shape, "says": self.says}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Effect:
        """The effect from plain values; the inverse of `as_json`."""
        lines = {name: tuple(said[name]) for name in ("values", "shares", "mean", "low", "middle", "high")}
        return cls(column=said["column"], kind=said["kind"], part=said["part"], of=said["of"], **lines)


@dataclass(frozen=True, slots=True)
class Pair:
    """The partial dependence on two columns together; `strength` is the share of its spread that the two by themselves do not make up."""

    columns: tuple[str, str]
    values: tuple[tuple[Any, ...], tuple[Any, ...]]
    mean: tuple[tuple[float, ...], ...]
    strength: float

    def as_json(self) -> dict[str, Any]:
        """The pair as plain values."""
        return {
            "columns": list(self.columns),
            "values": [list(part) for part in self.values],
            "mean": [list(row) for row in self.mean],
            "strength": self.strength,
        }


def effect(score: Score, columns: Mapping[str, NDArray[Any]], name: str, *, classes: Sequence[str] = ()) -> Effect:
    """The effect of one column; of a date that of the part that moves the score most, or of the whole date.

    Parameters
    ----------
    columns
        The raw columns of n rows: the score is averaged over the first `ROWS` of them, the density is that of all.

    References
    ----------
    Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Goldstein, A., Kapelner, A., Bleich, J., Pitkin, E.
    (2015). Peeking inside the black box: visualizing statistical learning with plots of individual conditional expectation.
    """
    grid, shares = _grid(columns[name], POINTS)
    curves = _moved(score, columns, {name: grid}, ROWS)
    whole = _told(name, kind_of(columns[name]), tuple(plain(value) for value in grid), shares, curves, classes)
    if whole.kind != "date":
        return whole
    parts = []
    for part, (places, own, moved) in _turned(columns[name]).items():
        counts = np.bincount(own, minlength=places[-1] + 1)[places]
        turned = _moved(score, columns, {name: moved[:, :ROWS]}, ROWS)
        told = _told(name, "number", tuple(int(place) for place in places), tuple(float(count) / len(columns[name]) for count in counts), turned, classes)
        parts.append(replace(told, part=part))
    # Quantiles of a date mix its parts by chance: a part that alone reaches half as far tells more.
    best = max(parts, key=lambda one: one.reach, default=whole)
    return best if best.reach >= whole.reach / 2 else whole


def _told(name: str, kind: str, values: tuple[Any, ...], shares: tuple[float, ...], curves: NDArray[np.float64], classes: Sequence[str]) -> Effect:
    """The effect in some curves, shape (g, rows, k)."""
    at, of = 0, ""
    if curves.shape[2] > 1:
        at = int(np.argmax(np.ptp(curves.mean(axis=1), axis=0)))
        of = classes[at]
    one = curves[:, :, at]
    low, middle, high = (tuple(float(value) for value in line) for line in np.quantile(one, _SPREAD, axis=1))
    mean = tuple(float(value) for value in one.mean(axis=1))
    return Effect(name, kind, values, shares, mean, low, middle, high, of=of)


def _turned(values: NDArray[np.datetime64]) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.datetime64]]]:
    """For each part of a date whose whole cycle was seen: its values, the rows' own ones (of known dates), and the dates moved to each value, shape (g, n)."""
    known = values[~np.isnat(values)]
    if not len(known):
        return {}
    clock = ((known - known.astype("datetime64[D]")) // np.timedelta64(1, "h")).astype(np.int64)
    week = (known.astype("datetime64[D]").astype(np.int64) + 3) % 7
    month = known.astype("datetime64[M]").astype(np.int64) % 12 + 1
    hour, day = np.timedelta64(1, "h"), np.timedelta64(1, "D")
    steps = {"hour": (clock, hour, day), "weekday": (week, day, 14 * day), "month": (month, 30 * day, 365 * day)}
    made = {}
    for part, (own, step, cycle) in steps.items():
        places = np.unique(own)
        if len(places) > 1 and known.max() - known.min() >= cycle:
            at = np.zeros(len(values), dtype=np.int64)
            at[~np.isnat(values)] = own
            made[part] = (places, own, values[None, :] + (places[:, None] - at[None, :]) * step)
    return made


def strongest_pair(score: Score, columns: Mapping[str, NDArray[Any]], among: Sequence[str]) -> Pair | None:
    """The two columns whose effects hang most on one another, dates aside; None where there are not two, or none hangs on another.

    References
    ----------
    Friedman, J. H., Popescu, B. E. (2008). Predictive learning via rule ensembles: the strength is their H squared.
    """
    named = [name for name in among if kind_of(columns[name]) != "date"]
    pairs = [_pair(score, columns, one, other) for at, one in enumerate(named) for other in named[at + 1 :]]
    best = max(pairs, key=lambda pair: pair.strength, default=None)
    return best if best is not None and best.strength >= _HANGS else None


def _pair(score: Score, columns: Mapping[str, NDArray[Any]], one: str, other: str) -> Pair:
    grids = [_grid(columns[name], _PAIR_POINTS)[0] for name in (one, other)]
    first, second = np.repeat(grids[0], len(grids[1])), np.tile(grids[1], len(grids[0]))
    means = _moved(score, columns, {one: first, other: second}, _PAIR_ROWS).mean(axis=1)
    at = int(np.argmax(np.ptp(means, axis=0)))
    surface = means[:, at].reshape(len(grids[0]), len(grids[1]))
    centred = surface - surface.mean()
    alone = centred.mean(axis=1, keepdims=True) + centred.mean(axis=0, keepdims=True)
    spread = float(np.sum(centred**2))
    strength = float(np.sum((centred - alone) ** 2)) / spread if spread > 1e-18 else 0.0
    values = (tuple(plain(value) for value in grids[0]), tuple(plain(value) for value in grids[1]))
    return Pair((one, other), values, tuple(tuple(float(value) for value in row) for row in surface), strength)


def _moved(score: Score, columns: Mapping[str, NDArray[Any]], grids: Mapping[str, NDArray[Any]], rows: int) -> NDArray[np.float64]:
    """The scores with the grids' values, shape (g,) for all rows or (g, rows), put into each of the first rows; shape (g, rows, k)."""
    few = {name: values[:rows] for name, values in columns.items()}
    points, count = len(next(iter(grids.values()))), len(next(iter(few.values())))
    filled = {name: grid.reshape(-1) if grid.ndim == 2 else np.repeat(grid, count) for name, grid in grids.items()}
    moved = {name: np.tile(values, points) for name, values in few.items()} | filled
    return score(moved).reshape(points, count, -1)


def _grid(values: NDArray[Any], points: int) -> tuple[NDArray[Any], tuple[float, ...]]:
    """Values to look at with the shares of the rows that are nearest to each; a null comes last where there are any."""
    if values.dtype == object:
        return _text_grid(values, min(points, VALUES))
    is_date = values.dtype.kind == "M"
    gone = np.isnat(values) if is_date else ~np.isfinite(values)
    known = np.sort(values[~gone])
    levels = np.linspace(0.02, 0.98, points)
    grid = np.unique(known[np.floor(levels * (len(known) - 1) + 0.5).astype(np.int64)]) if len(known) else known
    places = grid.view(np.int64).astype(np.float64) if is_date else grid
    middles = (places[1:] + places[:-1]) / 2
    counts = np.bincount(np.searchsorted(middles, known.view(np.int64) if is_date else known), minlength=len(grid)) if len(grid) else np.array([], dtype=int)
    if gone.any():
        grid, counts = np.append(grid, np.array([np.datetime64("NaT", "us") if is_date else np.nan], dtype=values.dtype)), np.append(counts, gone.sum())
    return grid, tuple(float(count) / len(values) for count in counts)


def _text_grid(values: NDArray[Any], most: int) -> tuple[NDArray[Any], tuple[float, ...]]:
    counted = Counter(texts(values))
    gone = counted.pop(MISSING, 0)
    often = [(name, count) for name, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])) if count >= SHARED_BY][:most]
    named: list[tuple[str | None, int]] = [*often, *([(None, gone)] if gone or not often else [])]
    grid = np.empty(len(named), dtype=object)
    grid[:] = [name for name, _ in named]
    return grid, tuple(count / max(1, len(values)) for _, count in named)
