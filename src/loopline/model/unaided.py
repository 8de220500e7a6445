"""How decisions are taken without the model: what it must beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import say_duration
from loopline.model.candidates import Part
from loopline.model.columns import raw
from loopline.model.material import Material
from loopline.model.rule import PresentRule, seasonal_naive
from loopline.model.split import Index

Money = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Unaided:
    """A way to decide without the model.

    Parameters
    ----------
    says
        The way in words.
    known, test
        The money of each decision on the rows that may be learned from, and on the test part.
    """

    says: str
    known: Money
    test: Money


def ways(material: Material) -> tuple[Unaided, ...]:
    """Every way to decide without the model: the best one decision for all, the team's present rule, and the season before, as declared.

    Raises
    ------
    Mistake
        When the declared rule reads a column that is not there, or says no decision of the task.
    """
    return tuple(_ways(material))


def best_way(material: Material) -> Unaided:
    """The way that earned most on the rows that may be learned from: to beat it is to beat the others, as far as anybody could know."""
    return max(ways(material), key=lambda way: float(way.known.mean()))


def _ways(material: Material) -> Iterator[Unaided]:
    order, known, test = material.order, material.learned, material.parts.test
    judge, learned = order.judge, material.part(known)
    money, says = judge.without_model(learned, material.part(test))
    yield Unaided(says, judge.without_model(learned, learned)[0], money)
    if order.model.baseline is not None:
        rule = PresentRule.of(order.model.baseline, order.task, otherwise=judge.unaided(learned))
        rule.require(material.frame.columns)
        yield Unaided(rule.say(), *(rule.money(judge, _with(material, rows, rule.columns)) for rows in (known, test)))
    if (decided := seasonal(material)) is not None:
        parts = [(decided[rows], material.part(rows)) for rows in (known, test)]
        yield Unaided(say_season(material), *(judge.worth.per_row(said, part.outcome, part.columns) for said, part in parts))


def _with(material: Material, rows: Index, columns: frozenset[str]) -> Part:
    part = material.part(rows)
    return Part(part.outcome, {**part.columns, **raw(material.frame, sorted(columns), rows)}, part.time)


def seasonal(material: Material) -> NDArray[np.float64] | None:
    """What is decided of every row by what was a season before, shape (n,), as far as it was known, else by the one number for all.

    None where no season is declared, or the rows have no time and no number to predict.
    """
    order, gap = material.order, material.order.model.split.gap
    if order.model.season is None or order.task != "regression" or order.time is None:
        return None
    time = raw(material.frame, [order.time])[order.time]
    said = seasonal_naive(time, material.outcome, period=np.timedelta64(order.model.season), gap=np.timedelta64(gap) if gap is not None else 0)
    return np.where(np.isnan(said), float(order.judge.unaided(material.part(material.learned))), said)


def say_season(material: Material) -> str:
    """That way in words."""
    season = material.order.model.season
    return "" if season is None else f"what was {say_duration(season)} before"
