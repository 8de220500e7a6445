"""Columns that a model must not learn from: leaks of the outcome, identifiers, and columns that say nothing; pure.

What the outcome cannot be known from before it happens is found by how much a column tells: alone, far above all others, or as a part
of a sum that is the outcome. A finding is a warning with its reason, for a person to confirm or to take back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.outcome import Target, outcome_array

Floats = NDArray[np.float64]
Kind = Literal["leak", "identifier", "constant"]

_SAMPLE_ROWS = 20_000
_BINS = 60
_PRIOR_ROWS = 10.0
_BLOCKS, _JUDGED_BLOCKS = 20, 3
_CLASSES = 20
_OTHERS, _SOMETHING = 4, 0.1
_PREDICTION_NAME = re.compile(r"(?i)(^|[_\s.-])(y_?)?(pred|predicted|prediction|proba|probability|y_?hat)([_\s.-]|$)")
_ID_NAME = re.compile(r"(?i)(^|[_\s.-])(id|ids|idx|index|uuid|guid|key|no|nr|num|number|instant|serial|row|rownum|record)$|[a-z]I[Dd]$|^unnamed|^column_1$")


@dataclass(frozen=True)
class Finding:
    """A column to leave out, and why."""

    column: str
    kind: Kind
    why: str


@dataclass(frozen=True)
class Evidence:
    """What the rules look at: rows whose outcome is known, in the order of the source.

    Parameters
    ----------
    frame
        Typed columns.
    columns
        Those that a model might learn from: not the target, not the time.
    """

    frame: pl.DataFrame
    target: Target
    columns: tuple[str, ...]

    @cached_property
    def outcomes(self) -> list[Floats]:
        """The outcome as numbers: itself, or one yes (1) or no (0) for each class, the most frequent ones first."""
        values = outcome_array(self.frame[self.target.name], self.target)
        if self.target.task != "multiclass":
            return [values.astype(np.float64)]
        names, counts = np.unique(values, return_counts=True)
        return [(values == name).astype(np.float64) for name in names[np.argsort(-counts, kind="stable")][:_CLASSES]]

    @cached_property
    def power(self) -> Mapping[str, float]:
        """How much each column tells of the outcome by itself, from 0 (nothing) to 1 (all of it)."""
        return {name: self._mean_power(name, blocks=_BLOCKS) for name in self.columns}

    def power_overall(self, name: str) -> float:
        """The same of all rows together, whatever their order."""
        return self._mean_power(name, blocks=1)

    def _mean_power(self, name: str, blocks: int) -> float:
        codes = _codes(self.frame[name])
        return float(np.mean([_power(codes, outcome, self.target, blocks) for outcome in self.outcomes]))


Rule = Callable[[Evidence], Sequence[Finding]]


def find(frame: pl.DataFrame, target: Target, *, time: str | None = None) -> list[Finding]:
    """The columns to leave out, at most one finding for each, in the order of the columns."""
    known = frame.filter(pl.col(target.name).is_not_null())
    if known.height > _SAMPLE_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(known.height, _SAMPLE_ROWS, replace=False))
        known = known[chosen]
    found: dict[str, Finding] = {}
    for rule in RULES:
        left = tuple(name for name in known.columns if name not in found and name not in (target.name, time))
        for finding in rule(Evidence(known, target, left)):
            found.setdefault(finding.column, finding)
    return [found[name] for name in frame.columns if name in found]


def says_nothing(evidence: Evidence) -> list[Finding]:
    """Columns with one value in every row."""
    alone = [name for name in evidence.columns if evidence.frame[name].n_unique() <= 1]
    return [Finding(name, "constant", "it holds one value in every row") for name in alone]


def names_the_row(evidence: Evidence) -> list[Finding]:
    """Columns that tell rows apart instead of describing them: a number of its own, or a text of its own, for each row."""
    found = []
    for name in evidence.columns:
        values = evidence.frame[name]
        if not is_identifier(values):
            continue
        why = "it names the row: each has its own" + (", and it follows the order of the outcome" if evidence.power_overall(name) > 0.5 else "")
        found.append(Finding(name, "identifier", why))
    return found


def is_identifier(values: pl.Series) -> bool:
    """Whether a column tells rows apart: whole numbers or texts that hardly ever come twice, and look like it."""
    known = values.drop_nulls()
    if len(known) < 0.5 * len(values) or not len(known) or known.n_unique() < 0.98 * len(known):
        return False
    if known.dtype == pl.String:
        return len(known) >= 50 or bool(_ID_NAME.search(values.name))
    if not known.dtype.is_integer():
        return False
    steps = known.diff().drop_nulls()
    counts_up = bool(len(steps)) and bool((steps > 0).all() or (steps < 0).all())
    return counts_up or bool(_ID_NAME.search(values.name))


def adds_up(evidence: Evidence) -> list[Finding]:
    """Numbers that together are the outcome: their weighted sum is exactly it."""
    if evidence.target.task == "multiclass":
        return []
    (outcome,) = evidence.outcomes
    numbers = {name: _filled(evidence.frame[name]) for name in evidence.columns if evidence.frame[name].dtype.is_numeric()}
    parts = _exact_parts(outcome, numbers)
    joined = " + ".join(parts)
    one = f"it is {evidence.target.name} in another unit"
    return [Finding(name, "leak", one if len(parts) == 1 else f"{joined} give {evidence.target.name} exactly") for name in parts]


def tells_all(evidence: Evidence) -> list[Finding]:
    """Columns from which alone the outcome is nearly certain."""
    limit = {"binary": 0.9, "multiclass": 0.96, "regression": 0.97}[evidence.target.task]
    return [
        Finding(name, "leak", f"it alone nearly gives {evidence.target.name} ({_say(power, evidence.target)}): is it known before the outcome?")
        for name, power in evidence.power.items()
        if power >= limit
    ]


def named_as_prediction(evidence: Evidence) -> list[Finding]:
    """Columns whose name says that a model made them, and that tell a good deal."""
    why = "its name says that a model predicted it, and it tells a good deal"
    return [
        Finding(name, "leak", f"{why} ({_say(power, evidence.target)})")
        for name, power in evidence.power.items()
        if power > 0.3 and _PREDICTION_NAME.search(name)
    ]


def stands_out(evidence: Evidence) -> list[Finding]:
    """The few columns that tell more than twice as much as any other: what is known only afterwards looks like that.

    Only where there are several others and they tell something: else there is no scale from which to stand out.
    """
    ranked = sorted(evidence.power.items(), key=lambda item: -item[1])
    least = {"binary": 0.65, "multiclass": 0.7, "regression": 0.75}[evidence.target.task]
    for size in range(1, max(1, min(3, len(ranked) // 5)) + 1):
        if len(ranked) - size < _OTHERS or ranked[size - 1][1] < least:
            return []
        following, next_power = ranked[size]
        if max(evidence.power_overall(name) for name, _ in ranked[size:]) < _SOMETHING:
            return []
        if ranked[size - 1][1] >= 2 * next_power:
            said = f"the next, {following}, has {_say(next_power, evidence.target)}"
            return [
                Finding(name, "leak", f"it tells far more than all others ({_say(power, evidence.target)}; {said}): is it known before the outcome?")
                for name, power in ranked[:size]
            ]
    return []


RULES: tuple[Rule, ...] = (says_nothing, names_the_row, adds_up, tells_all, named_as_prediction, stands_out)


def _say(power: float, target: Target) -> str:
    return f"R2 {power:.2f}" if target.task == "regression" else f"AUC {(power + 1) / 2:.2f}"


def _codes(values: pl.Series) -> NDArray[np.int64]:
    """The column as few whole numbers: categories, or bins of equally many rows; nulls have their own."""
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        numbers = values.cast(pl.Datetime("us")).to_physical() if values.dtype.is_temporal() else values
        codes = numbers.rank("dense" if numbers.n_unique() <= _BINS else "average")
        if numbers.n_unique() > _BINS:
            codes = (codes / max(1, len(values)) * _BINS).floor()
        return codes.fill_null(-1).cast(pl.Int64).to_numpy() + 1
    return values.cast(pl.String).fill_null("\0").rank("dense").cast(pl.Int64).to_numpy()


def _power(codes: NDArray[np.int64], outcome: Floats, target: Target, blocks: int) -> float:
    """How much the codes tell of the outcome in rows whose outcome was not used: 2 AUC - 1, or R squared.

    The AUC is taken within blocks of rows that stand together: where rows come in the order of time, what merely drifts with time tells
    nothing there, and what leaks the outcome still tells it. Rows that are sorted by the outcome leave no such blocks: then it is taken of all.
    """
    fold = np.random.default_rng(0).integers(0, 2, len(codes))
    levels = int(codes.max(initial=0)) + 1
    said = np.zeros(len(codes))
    for part in (0, 1):
        learn, held = fold != part, fold == part
        prior = float(outcome[learn].mean()) if learn.any() else 0.0
        sums = np.bincount(codes[learn], outcome[learn], levels) + _PRIOR_ROWS * prior
        said[held] = (sums / (np.bincount(codes[learn], minlength=levels) + _PRIOR_ROWS))[codes[held]]
    if target.task == "regression":
        spread = float(outcome.var())
        return max(0.0, 1 - float(np.mean((outcome - said) ** 2)) / spread) if spread else 0.0
    block = np.arange(len(codes)) * blocks // max(1, len(codes))
    areas = [_area(said[block == number], outcome[block == number]) for number in range(blocks)]
    judged = [area for area in areas if area is not None]
    area = float(np.mean(judged)) if len(judged) >= min(blocks, _JUDGED_BLOCKS) else _area(said, outcome) or 0.5
    return max(0.0, 2 * area - 1)


def _area(score: Floats, outcome: Floats, least: int = 5) -> float | None:
    """The area under the ROC curve, from the ranks' sum; None where a class has too few rows."""
    yes = int(outcome.sum())
    no = len(outcome) - yes
    if min(yes, no) < least:
        return None
    ranks = pl.Series(score).rank("average").to_numpy()
    return float((ranks[outcome > 0].sum() - yes * (yes + 1) / 2) / (yes * no))


def _filled(values: pl.Series) -> Floats:
    numbers = values.cast(pl.Float64)
    return numbers.fill_null(numbers.mean()).to_numpy()


def _exact_parts(outcome: Floats, numbers: Mapping[str, Floats], most: int = 6) -> list[str]:
    """The fewest columns, chosen one by one, whose weighted sum is the outcome; empty where it never is."""
    total = float(outcome.var())
    rest = outcome - outcome.mean()
    chosen: list[str] = []
    while total and len(chosen) < min(most, len(numbers)):
        near = {name: abs(_correlation(rest, values)) for name, values in numbers.items() if name not in chosen}
        chosen.append(max(near, key=lambda name: near[name]))
        design: NDArray[Any] = np.column_stack([*(numbers[name] for name in chosen), np.ones(len(outcome))])
        weights, *_ = np.linalg.lstsq(design, outcome, rcond=None)
        rest = outcome - design @ weights
        if float(rest.var()) < 1e-9 * total:
            return chosen
    return []


def _correlation(one: Floats, other: Floats) -> float:
    scale = float(one.std() * other.std())
    return float(np.mean((one - one.mean()) * (other - other.mean()))) / scale if scale else 0.0
