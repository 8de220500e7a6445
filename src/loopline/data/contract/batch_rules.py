"""What a batch must be as a whole: named rules over what is known once all of it was read; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from loopline.data.profiles.profile import ColumnProfile, Profile
from loopline.data.spec_contract import BatchSpec
from loopline.declaration import say_duration

_SHARES = np.linspace(0.0, 1.0, 21)


@dataclass(frozen=True)
class Whole:
    """A batch as a whole.

    Parameters
    ----------
    read, refused
        How many records it has, and how many of them the contract refused.
    newest
        The greatest value of the source's time, in UTC; None where there is none.
    profile
        Of the accepted rows.
    before
        The profiles of the batches before it, the newest first.
    now
        The present moment, in UTC.
    moving
        Columns that move by nature: keys, and times by which batches follow each other.
    """

    read: int
    refused: int
    newest: datetime | None
    profile: Profile
    before: Sequence[Profile]
    now: datetime
    moving: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Broken:
    """A rule that a batch breaks: its name and what is wrong."""

    rule: str
    says: str


Rule = Callable[[BatchSpec, Whole], Sequence[Broken]]


def judge(spec: BatchSpec, batch: Whole) -> list[Broken]:
    """The rules that a batch breaks."""
    return [broken for rule in RULES for broken in rule(spec, batch)]


def say(broken: Iterable[Broken]) -> str:
    """What is wrong with a batch, on one line: of each rule what it found first, and how much more it found.

    Examples
    --------
    >>> say([Broken("rows", "it has 3 rows"), Broken("shift", "a moved"), Broken("shift", "b moved")])
    'it has 3 rows; a moved (and 1 more of the rule shift)'
    """
    rules: dict[str, list[str]] = {}
    for one in broken:
        rules.setdefault(one.rule, []).append(one.says)
    return "; ".join(found[0] + (f" (and {len(found) - 1} more of the rule {rule})" if found[1:] else "") for rule, found in rules.items())


def has_as_many_rows(spec: BatchSpec, batch: Whole) -> list[Broken]:
    """Whether the number of records lies in the declared range."""
    if spec.rows is None or spec.rows.holds(batch.read):
        return []
    return [Broken("rows", f"it has {batch.read:,} rows, and {spec.rows} are expected")]


def is_fresh(spec: BatchSpec, batch: Whole) -> list[Broken]:
    """Whether the newest row is not older than declared."""
    if spec.fresh is None:
        return []
    if batch.newest is None:
        return [Broken("fresh", "no row says when it happened, so that nobody can tell how fresh it is")]
    age = batch.now - batch.newest
    if age <= spec.fresh:
        return []
    hours = age.total_seconds() / 3600
    said = f"{hours / 24:,.1f} days" if hours >= 48 else f"{hours:,.1f} hours"
    return [Broken("fresh", f"its newest row is {said} old, and at most {say_duration(spec.fresh)} is let pass")]


def is_mostly_sound(spec: BatchSpec, batch: Whole) -> list[Broken]:
    """Whether fewer rows are refused than declared."""
    if spec.refused is None or not batch.read or batch.refused / batch.read <= spec.refused:
        return []
    return [Broken("refused", f"{batch.refused / batch.read:.1%} of its rows are refused, and at most {spec.refused:.1%} are let pass")]


def is_like_those_before(spec: BatchSpec, batch: Whole) -> list[Broken]:
    """Whether each column is distributed as in the batches before."""
    if spec.shift is None or not batch.before:
        return []
    found = []
    for name, column in batch.profile.columns.items():
        others = [profile.columns[name] for profile in batch.before[: spec.against] if name in profile.columns]
        others = [other for other in others if other.kind == column.kind and other.known]
        if name in batch.moving or not others or not column.known:
            continue
        usual = others[0]
        for other in others[1:]:
            usual = usual.merge(other)
        if (apart := distance(column, usual)) > spec.shift:
            found.append(
                Broken("shift", f"{name} is distributed otherwise than in the {len(others)} batches before: distance {apart:.2f}, at most {spec.shift:.2f}")
            )
    return found


def distance(one: ColumnProfile, other: ColumnProfile) -> float:
    """How far two distributions are from each other: 0 where they are the same, 1 where they have nothing in common.

    Of numbers and times it is the greatest difference between the cumulative shares (Kolmogorov-Smirnov), of texts half the sum of the
    differences between the shares of the frequent values (total variation). Missing values count as a value of their own: the
    greater of that difference and the other is given.
    """
    missing = abs(one.nulls / one.rows - other.nulls / other.rows) if one.rows and other.rows else 0.0
    if one.kind != "text" and one.quantiles is not None and other.quantiles is not None:
        edges = np.unique(np.concatenate([one.at(_SHARES), other.at(_SHARES)]))
        apart = float(np.max(np.abs(one.quantiles.ranks(edges) - other.quantiles.ranks(edges)))) if len(edges) else 0.0
        return max(missing, apart)
    return max(missing, _variation(one.values(), one.known, other.values(), other.known))


def _variation(one: Mapping[str, int], ones: int, other: Mapping[str, int], others: int) -> float:
    names = {*one, *other}
    # What is in neither list of frequent values is too thin to be compared.
    return 0.5 * sum(abs(one.get(name, 0) / max(1, ones) - other.get(name, 0) / max(1, others)) for name in names)


RULES: tuple[Rule, ...] = (has_as_many_rows, is_fresh, is_mostly_sound, is_like_those_before)
"""Every rule over a batch as a whole, in the order in which they are told."""
