"""What always holds between columns: one never before another, sums and products, keys of several columns, values of other tables; pure."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ENOUGH = 50
"""From how many rows a relation is told."""
_EXCEPTIONS = 0.005
# So many exceptions chance alone would have made, were the columns independent: without them the relation is no accident.
_BY_CHANCE = 20.0
_LOOKED_AT = 20_000
_SCREENED = 500
_MOST_ORDERED, _MOST_SUMMED, _MOST_KEYED = 40, 24, 12
_MOST_DECIMALS = 6
_IN_COMMON = 20


@dataclass(frozen=True)
class Relation:
    """Something that holds in all rows, or in nearly all.

    Parameters
    ----------
    check
        The condition, as a rule of the contract says it.
    rows, exceptions
        In how many rows it could be told, and in how many of them it does not hold.
    """

    check: str
    rows: int
    exceptions: int


@dataclass(frozen=True)
class Reference:
    """A column whose values are all found in another table.

    Parameters
    ----------
    likely
        Whether the names say so too, so that it is no coincidence of numbers.
    """

    column: str
    table: str
    to: str
    rows: int
    likely: bool


def name_of(column: str) -> str:
    """A column's name as an expression reads it: in backquotes where it is no identifier."""
    plain = column.isidentifier() and not keyword.iskeyword(column)
    return column if plain else f"`{column}`"


def relations(frame: pl.DataFrame) -> list[Relation]:
    """The conditions over two or three columns that hold in all rows, or in all but a few (0.5 %)."""
    names = [name for name in frame.columns if "`" not in name]
    dates = [[name for name in names if frame.schema[name] == kind] for kind in (pl.Date(), pl.Datetime("us", "UTC"))]
    numbers = [name for name in names if frame.schema[name].is_numeric()]
    groups = [*dates, numbers]
    found = [relation for group in groups for relation in _ordered(frame, group[:_MOST_ORDERED])]
    return [*found, *_computed(frame, numbers[:_MOST_SUMMED])]


def _ordered(frame: pl.DataFrame, names: Sequence[str]) -> list[Relation]:
    """Which of the columns never come before which others; what follows from others is left out."""
    found: dict[tuple[str, str], Relation] = {}
    values = {name: _floats(frame[name]) for name in names}
    for low, high in ((low, high) for low in names for high in names if low != high):
        one, other = values[low], values[high]
        known = np.isfinite(one) & np.isfinite(other)
        rows = int(known.sum())
        if rows < ENOUGH:
            continue
        exceptions = int((one[known] > other[known]).sum())
        apart = bool((one[known] < other[known]).any())
        if exceptions <= _EXCEPTIONS * rows and apart and _by_chance(one[known], other[known]) >= max(_BY_CHANCE, 10 * exceptions):
            found[low, high] = Relation(f"{name_of(high)} >= {name_of(low)}", rows, exceptions)
    sound = {pair for pair, relation in found.items() if not relation.exceptions}
    implied = {(low, high) for low, high in found if any((low, other) in sound and (other, high) in sound for other in names)}
    return [relation for pair, relation in found.items() if pair not in implied]


def _by_chance(low: Floats, high: Floats) -> float:
    """How many rows would have the wrong order if the columns had nothing to do with each other."""
    below = np.searchsorted(np.sort(low), high, side="right") / len(low)
    return float((1 - below).sum())


def _computed(frame: pl.DataFrame, names: Sequence[str]) -> Iterator[Relation]:
    """The columns that are the sum or the product of two others."""
    if len(names) < 3 or frame.height < ENOUGH:
        return
    whole = {name: _floats(frame[name]) for name in names}
    complete = np.flatnonzero(np.all([np.isfinite(values) for values in whole.values()], axis=0))
    few = complete[:: max(1, len(complete) // _SCREENED)][:_SCREENED] if len(complete) >= ENOUGH else np.arange(min(frame.height, _SCREENED))
    varied = [name for name in names if len(np.unique(whole[name][few])) > 3]
    steps = {name: _step(whole[name]) for name in varied}
    told: set[str] = set()
    for one, other in combinations(varied, 2):
        for sign, made in (("+", whole[one] + whole[other]), ("*", whole[one] * whole[other])):
            for name in varied:
                if name in (one, other) or name in told or not _close(whole[name][few], made[few], steps[name], share=0.98):
                    continue
                relation = _confirmed(name, (one, sign, other), whole[name], made, steps[name])
                if relation is not None:
                    told.add(name)
                    yield relation


def _close(values: Floats, made: Floats, step: float, *, share: float) -> bool:
    known = np.isfinite(values) & np.isfinite(made)
    return bool(known.any()) and bool(np.mean(np.abs(values[known] - made[known]) < step * 0.9999) >= share)


def _confirmed(name: str, parts: tuple[str, str, str], values: Floats, made: Floats, step: float) -> Relation | None:
    known = np.isfinite(values) & np.isfinite(made)
    rows, exceptions = int(known.sum()), int((np.abs(values[known] - made[known]) >= step).sum())
    exact = step == 1.0
    if rows < ENOUGH or exceptions > _EXCEPTIONS * rows or (exact and not np.all(made[known] == np.round(made[known]))):
        return None
    one, sign, other = parts
    said = f"{name_of(one)} {sign} {name_of(other)}"
    return Relation(f"{name_of(name)} == {said}" if exact else f"abs({name_of(name)} - {_grouped(said)}) < {step:.10g}", rows, exceptions)


def _grouped(said: str) -> str:
    return f"({said})" if " + " in said else said


def _step(values: Floats) -> float:
    """The last decimal in which the numbers are told: 1 for whole numbers, 0.01 for cents."""
    known = values[np.isfinite(values)][:_LOOKED_AT]
    for digits in range(_MOST_DECIMALS + 1):
        if np.allclose(known, np.round(known, digits), rtol=0, atol=1e-9):
            return float(10.0**-digits)
    return float(10.0**-_MOST_DECIMALS)


def composite_key(frame: pl.DataFrame, names: Sequence[str]) -> tuple[str, ...] | None:
    """The fewest columns, two or three, that together tell rows apart, and not by chance.

    Parameters
    ----------
    names
        The columns that may be part of a key, the likeliest first.
    """
    if frame.height < ENOUGH:
        return None
    candidates = [name for name in names if not frame[name].null_count() and 1 < frame[name].n_unique() < frame.height][:_MOST_KEYED]
    # The chance that two rows are alike in a column.
    alike = {name: float(((frame[name].value_counts()["count"] / frame.height) ** 2).sum()) for name in candidates}
    for size in (2, 3):
        for group in combinations(candidates, size):
            expected = frame.height**2 / 2 * float(np.prod([alike[name] for name in group]))
            if expected >= _BY_CHANCE and not frame.select(group).is_duplicated().any():
                return group
    return None


def references(frame: pl.DataFrame, others: Mapping[str, Mapping[str, pl.Series]], *, leave_out: Sequence[str] = ()) -> list[Reference]:
    """The columns whose values are all found in a key of another table.

    Parameters
    ----------
    others
        For each other table its columns whose values come once.
    leave_out
        Columns that are not looked at.
    """
    found = []
    for name in frame.columns:
        values = frame[name].drop_nulls()
        kind = "text" if values.dtype == pl.String else "number" if values.dtype.is_integer() else ""
        if name in leave_out or not kind or len(values) < ENOUGH:
            continue
        distinct = values.unique()
        for table, keys in others.items():
            for to, known in keys.items():
                if (known.dtype == pl.String) != (kind == "text") or (kind == "number" and not known.dtype.is_integer()):
                    continue
                if distinct.is_in(known.cast(distinct.dtype).unique().implode()).all():
                    likely = _named_alike(name, table, to)
                    if likely or (kind == "text" and len(distinct) >= _IN_COMMON):
                        found.append(Reference(name, table, to, len(values), likely or kind == "text"))
    return found


def _named_alike(column: str, table: str, to: str) -> bool:
    """Whether a column's name says that it holds another table's key, as customer_id, customer or id of customers."""
    name, one = column.casefold(), table.casefold().removesuffix("s")
    key = to.casefold()
    return name == key and key not in ("id", "key", "name", "code") or (one in name and (key in name or name in (one, f"{one}s") or one in key))


def _floats(values: pl.Series) -> Floats:
    """The values as numbers, NaN where there is none."""
    physical = values.to_physical() if values.dtype.is_temporal() else values
    return physical.cast(pl.Float64).fill_null(float("nan")).to_numpy()
