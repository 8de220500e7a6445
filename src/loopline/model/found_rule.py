"""A rule of one or two conditions over raw columns that earns more than one decision for all, found in the data (binary). Pure functions on NumPy.

It is what a team could do without a model: read aloud, or pasted into ``model.baseline``.
"""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.evaluate import SUPPORT
from loopline.model.noise import THRESHOLDS, in_blocks, within_noise

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_CUTS = 64
"""Places at most at which a number is cut."""

_VALUES = 40
"""Values at most of a category, the most frequent ones."""

_EACH, _BEAM, _FINAL = 2, 40, 10
"""First conditions that are kept of each column, those that a second one is sought for, and rules that the held rows choose among."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one column: a number above or up to a limit, or a category, a flag, that is one value.

    A null fulfils none.
    """

    column: str
    sign: str
    value: float | str | bool

    def holds(self, columns: Mapping[str, NDArray[Any]]) -> Mask:
        """Where it holds, shape (n,)."""
        values = columns[self.column]
        if self.sign == "==":
            return np.asarray(values == self.value, dtype=bool)
        return np.asarray(values > self.value if self.sign == ">" else values <= self.value, dtype=bool)

    def say(self) -> str:
        """The condition in the expression language."""
        plain = self.column.isidentifier() and not keyword.iskeyword(self.column)
        value = int(self.value) if isinstance(self.value, float) and self.value.is_integer() and abs(self.value) < 1e15 else self.value
        return f"{self.column if plain else f'`{self.column}`'} {self.sign} {value!r}"


Rule = tuple[Condition, ...]
"""Conditions that must all hold for one to act."""


def say(rule: Rule) -> str:
    """The rule in the expression language, as ``dep_delay > 15 and carrier == 'EV'``."""
    return " and ".join(condition.say() for condition in rule)


@dataclass(frozen=True, eq=False)
class Ground:
    """The rows that a rule is sought in.

    Parameters
    ----------
    columns
        Raw columns, each of shape (n,), as `loopline.model.columns.raw` gives them.
    flags
        The columns that hold booleans.
    gain
        Shape (n,): the money that acting on each row earns above resting, as it turned out.
    takes, most
        Shape (n,): what acting on each row takes of what is limited, and how much there is of it for these rows; None without a limit.
    """

    columns: Mapping[str, NDArray[Any]]
    gain: Floats
    flags: frozenset[str] = frozenset()
    takes: Floats | None = None
    most: float = float("inf")

    def where(self, rows: NDArray[np.int64]) -> Ground:
        """The same for some of the rows; what there is of the limit is shared out by their number."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        share = len(rows) / max(len(self.gain), 1)
        return replace(self, columns=columns, gain=self.gain[rows], takes=None if self.takes is None else self.takes[rows], most=self.most * share)


def find(ground: Ground, train: NDArray[np.int64], held: NDArray[np.int64]) -> Rule | None:
    """The rule that earns most; None where none earns more than never acting, and than always acting.

    Rules are sought in the training rows, and the held ones help to choose among the best: what looks good by chance in the first does so in the
    others only by chance again. Two conditions are taken where they earn more than the best one beyond what chance gives.

    Parameters
    ----------
    train, held
        Places of rows, no row in both.
    """
    taught = ground.where(train)
    sought = [found for name in ground.columns if (found := _Column.of(name, taught)) is not None]
    if not sought or not len(train):
        return None
    every = np.ones(len(train), dtype=bool)
    first = sorted((one for column in sought for one in column.best(taught, every, _EACH)), key=lambda one: -one[0])
    pairs = {}
    for _, one in first[:_BEAM]:
        for _, two in _seconds(taught, sought, one):
            earned, rule = _settled(taught, {column.name: column for column in sought}, (one, two))
            pairs[say(rule)] = (earned, rule)
    singles = [(earned, (one,)) for earned, one in first]
    return _chosen(ground, np.concatenate([train, held]), singles, list(pairs.values()))


def _seconds(ground: Ground, sought: Sequence[_Column], first: Condition) -> list[tuple[float, Condition]]:
    """The best second conditions beside a first one."""
    beside = first.holds(ground.columns)
    found = [one for column in sought for one in column.best(ground, beside, 1) if one[1].column != first.column or one[1].sign != first.sign]
    return sorted(found, key=lambda one: -one[0])[:_EACH]


def _settled(ground: Ground, columns: Mapping[str, _Column], rule: tuple[Condition, Condition]) -> tuple[float, Rule]:
    """The pair after each condition was chosen anew beside the other, and what it earns."""
    one, two = rule
    earned = 0.0
    for _ in range(2):
        two_again = columns[two.column].best(ground, one.holds(ground.columns), 1, sign=two.sign)
        two = two_again[0][1] if two_again else two
        one_again = columns[one.column].best(ground, two.holds(ground.columns), 1, sign=one.sign)
        earned, one = one_again[0] if one_again else (earned, one)
    return earned, (one, two)


def _chosen(ground: Ground, learned: NDArray[np.int64], *kinds: Sequence[tuple[float, Rule]]) -> Rule | None:
    """The rule that earns most on all learned rows; a longer one only where it earns more beyond what chance gives."""
    rows = ground.where(np.sort(learned))
    best, most = None, np.zeros(len(rows.gain))
    if rows.takes is None and rows.gain.sum() > 0:
        most = rows.gain
    for rules in kinds:
        ranked = sorted(rules, key=lambda one: -one[0])[:_FINAL]
        earned = [(np.where(holds(rule, rows.columns), rows.gain, 0.0), rule) for _, rule in ranked]
        if not earned:
            continue
        money, rule = max(earned, key=lambda one: float(one[0].sum()))
        if money.sum() > most.sum() and (best is None or not within_noise(in_blocks(money - most), among=THRESHOLDS)):
            best, most = rule, money
    return best


def holds(rule: Rule, columns: Mapping[str, NDArray[Any]]) -> Mask:
    """Where all conditions of a rule hold, shape (n,)."""
    return np.asarray(np.logical_and.reduce([condition.holds(columns) for condition in rule]))


@dataclass(frozen=True, eq=False)
class _Column:
    """A column cut into bins: `codes` (n,) is each row's bin, and the last bin is that of nulls and of what is no value of a condition.

    `values` are the limits between the bins of a number (one fewer than bins), or the category's value of each bin.
    """

    name: str
    codes: NDArray[np.int64]
    values: Sequence[float | str | bool]
    is_number: bool

    @classmethod
    def of(cls, name: str, ground: Ground) -> _Column | None:
        """The column in the rows; None where no condition can be made of it."""
        values = ground.columns[name]
        if "`" in name or values.dtype.kind not in "fO":
            return None
        if values.dtype == object or name in ground.flags:
            return _category(name, values, is_flag=name in ground.flags)
        known = values[np.isfinite(values)]
        cuts = _cuts(known) if len(known) else []
        if not cuts:
            return None
        codes = np.searchsorted(np.array(cuts), values, side="left")
        return cls(name, np.where(np.isfinite(values), codes, len(cuts) + 1), cuts, True)

    def best(self, ground: Ground, among: Mask, count: int, *, sign: str = "") -> list[tuple[float, Condition]]:
        """The conditions on it that earn most beside others, and what they earn over all rows.

        Parameters
        ----------
        among
            Shape (n,): where the other conditions hold.
        sign
            Only conditions with this sign, where there is one.
        """
        least = min(SUPPORT, len(ground.gain) // 10)
        found = []
        for sense, rows, earned, taken in self._sums(ground, among):
            if sign and sense != sign:
                continue
            able = (rows >= least) & (taken <= ground.most)
            ranked = np.argsort(-np.where(able, earned, -np.inf), kind="stable")[:count]
            found += [(float(earned[at]), Condition(self.name, sense, self.values[at])) for at in ranked if able[at]]
        return sorted(found, key=lambda one: -one[0])[:count]

    def _sums(self, ground: Ground, among: Mask) -> Iterator[tuple[str, Floats, Floats, Floats]]:
        """For each sign the rows, the money and what is taken of the limit where the condition holds, by its value."""
        bins = len(self.values) + (2 if self.is_number else 1)
        codes = self.codes[among]
        weights = (None, ground.gain[among], np.zeros(len(codes)) if ground.takes is None else ground.takes[among])
        sums = [np.bincount(codes, weights=each, minlength=bins)[:-1].astype(np.float64) for each in weights]
        if not self.is_number:
            yield ("==", *sums)  # type: ignore[misc]
            return
        below = [np.cumsum(each)[:-1] for each in sums]
        yield ("<=", *below)  # type: ignore[misc]
        yield (">", *(each.sum() - under for each, under in zip(sums, below, strict=True)))


def _category(name: str, values: NDArray[Any], *, is_flag: bool) -> _Column | None:
    """The column by its most frequent values."""
    if is_flag:
        codes = np.where(np.isnan(values), 2, values == 1).astype(np.int64)
        return _Column(name, codes, (False, True), False)
    said = values.tolist()
    kept = [value for value, _ in Counter(said).most_common() if isinstance(value, str) and "`" not in value][:_VALUES]
    place = {value: at for at, value in enumerate(kept)}
    return _Column(name, np.array([place.get(value, len(kept)) for value in said], dtype=np.int64), kept, False) if kept else None


def _cuts(known: Floats) -> list[float]:
    """Limits with about as many rows between each two of them, each the roundest number nearby; ascending."""
    values, counts = np.unique(known, return_counts=True)
    if len(values) < 2:
        return []
    below = np.cumsum(counts)[:-1] / len(known)
    if len(below) <= _CUTS:
        return [_between(float(low), float(high)) for low, high in zip(values, values[1:], strict=False)]
    wanted, near = np.linspace(0, 1, _CUTS + 2)[1:-1], 0.25 / _CUTS
    low, high = (np.clip(np.searchsorted(below, wanted + off), 0, len(below) - 1) for off in (-near, near))
    return sorted({_between(float(values[at]), float(values[max(to, at + 1)])) for at, to in zip(low, high, strict=True)})


def _between(low: float, high: float) -> float:
    """The number of the fewest digits that is no less than the lower value and less than the higher one."""
    middle = low / 2 + high / 2
    for digits in range(1, 17):
        number = float(f"{middle:.{digits}g}")
        if low <= number < high:
            return number
    return low
