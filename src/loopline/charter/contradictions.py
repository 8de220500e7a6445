"""Criteria that no model can keep: two that contradict each other, one beyond what its metric can be, one that names no metric. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations, product
from math import inf
from typing import Generic, TypeVar, get_args

from loopline.charter.bounds import Bound, Order, bounds, orders
from loopline.charter.metrics import ALIASES, METRICS, OF_TASK, parts, sliced
from loopline.charter.spec import CharterSpec, Task
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.expression.language import parse

WHERE = "charter.acceptance"
_Asked = TypeVar("_Asked", Bound, Order)


@dataclass(frozen=True)
class Contradiction:
    """Why criteria cannot hold together, by the place of the later one, and what to do."""

    place: int
    says: str
    remedy: str


def require_possible(charter: CharterSpec, task: Task | None = None) -> None:
    """Check that a charter's criteria can hold, all of them together.

    Parameters
    ----------
    task
        Of what is predicted, where it is known otherwise than by the charter.

    Raises
    ------
    Mistake
        Naming the criteria and the remedy.
    """
    stated = task or charter.task
    tasks = (stated,) if stated is not None else charter.worth.tasks or get_args(Task)
    criteria = [(one.id, one.check) for one in charter.acceptance]
    most = max(charter.worth.most(task) for task in tasks)
    for find in (_twice, lambda said: _unknown(said, tasks), lambda said: contradiction(said, most=most)):
        found = find(criteria)
        if found is not None:
            raise Mistake(found.says, where=f"{WHERE}.{found.place}", remedy=found.remedy)


def contradiction(criteria: Sequence[tuple[str, str | None]], *, most: float = inf) -> Contradiction | None:
    """The first thing that criteria ask for and nothing can give; None where there is none.

    Parameters
    ----------
    criteria
        The id and the check of each; None where nothing checks it yet.
    most
        What a decision can be worth at most.
    """
    said = [_Said(place, id, check, bound) for place, id, check in _checked(criteria) for bound in bounds(parse(check))]
    for one in said:
        if (found := _beyond(one, most)) is not None:
            return found
    compared = [_Said(place, id, check, order) for place, id, check in _checked(criteria) for order in orders(parse(check))]
    for turned in (*((one, one) for one in compared), *combinations(compared, 2)):
        if (found := _contrary(*turned)) is not None:
            return found
    # Where a number is held to bounds alone, any two of which can be met, all of them can be met.
    pairs = ((least, most) for least, most in product(said, said) if least.bound.is_least and not most.bound.is_least)
    return next((found for least, most in pairs if (found := _apart(least, most)) is not None), None)


@dataclass(frozen=True)
class _Said(Generic[_Asked]):
    """A bound or an order, and the criterion that asks for it."""

    place: int
    id: str
    check: str
    bound: _Asked

    def __str__(self) -> str:
        return f"{self.id} ({self.check})"


def _checked(criteria: Sequence[tuple[str, str | None]]) -> Iterator[tuple[int, str, str]]:
    """The place, the id and the check of each criterion that has one."""
    yield from ((place, id, check) for place, (id, check) in enumerate(criteria) if check)


def _twice(criteria: Sequence[tuple[str, str | None]]) -> Contradiction | None:
    places: dict[str, int] = {}
    for place, (id, _) in enumerate(criteria):
        if id in places:
            return Contradiction(place, f"two criteria have the id {id!r}", "give each an id of its own: verdicts and waivers are kept by it")
        places[id] = place
    return None


def _unknown(criteria: Sequence[tuple[str, str | None]], tasks: Sequence[str]) -> Contradiction | None:
    """The first metric that is none, and the first that is of another task than those before it."""
    first: Mapping[str, str] = dict.fromkeys(tasks, "")
    for place, (id, check) in enumerate(criteria):
        for name in sorted(parse(check).names) if check else ():
            _, metric = sliced(name) or (None, name)
            left = {task: before or f"{metric} of {id}" for task, before in first.items() if parts(name)[1] in OF_TASK[task]}
            if not left:
                among = list(dict.fromkeys(known for task in tasks for known in OF_TASK[task]))
                if len(first) < len(tasks) and parts(name)[1] in among:
                    before = next(iter(first.values()))
                    what = f"{id} ({check}) names {metric}, and {before} is of another task: what is predicted has one"
                    return Contradiction(place, what, "ask for metrics of one task: " + "; ".join(f"{task}: {', '.join(OF_TASK[task])}" for task in tasks))
                kind = f"{tasks[0]} metric" if len(tasks) == 1 else "metric"
                return Contradiction(place, f"{id} ({check}) names {metric!r}, which is no {kind}", _nearest(metric, among))
            first = left
    return None


def _nearest(word: str, among: Sequence[str]) -> str:
    """The remedy for a word that is not among some: the nearest one, else all of them."""
    near = get_close_matches(word, [*among, *ALIASES], n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(among)}"


def _beyond(said: _Said[Bound], most: float) -> Contradiction | None:
    """A bound that is beyond all that its metric can be."""
    bound, (_, name) = said.bound, parts(said.bound.name)
    metric = METRICS.get(name)
    if metric is None:
        return None
    furthest = most if name == "worth" and bound.is_least else metric.high if bound.is_least else metric.low
    if bound.allows(furthest) or furthest in (inf, -inf):
        return None
    side = "above" if bound.is_least else "below"
    what = f"{said} asks for what cannot be: {name} is never {side} {figure(furthest)}"
    if metric.unit == "share" and 2 <= bound.limit <= 100:
        return Contradiction(said.place, what, f"write a share of 1: {figure(bound.limit / 100)} for {figure(bound.limit)}%")
    if name == "worth":
        return Contradiction(said.place, f"{what}, the most that charter.worth gives for a decision", "ask for less, or mend the amounts in charter.worth")
    return Contradiction(said.place, what, f"ask for a number that {name} can be")


def _contrary(one: _Said[Order], other: _Said[Order]) -> Contradiction | None:
    """Two orders that no numbers keep, or one that is given twice and is none: what must be greater is never greater."""
    whys = [_never_greater(upper.bound.upper, lower.bound.lower) for upper, lower in ((one, other), (other, one))]
    if None in whys or not (one.bound.is_strict or other.bound.is_strict):
        return None
    why = next((why for why in whys if why), "")
    if one.place == other.place:
        return Contradiction(one.place, f"{one} cannot hold{why}", "compare numbers of which either may be the greater one")
    return Contradiction(other.place, f"{one} and {other} cannot both hold{why}", f"turn one of the two round, or leave {one.id} or {other.id} out")


def _apart(least: _Said[Bound], most: _Said[Bound]) -> Contradiction | None:
    """Two bounds that no number keeps: the one is on what is never greater than what the other is on."""
    why = _never_greater(least.bound.name, most.bound.name)
    low, high = least.bound.limit, most.bound.limit
    if why is None or low < high or (low == high and not (least.bound.is_strict or most.bound.is_strict)):
        return None
    later = max(least.place, most.place)
    if least.place == most.place:
        return Contradiction(later, f"{least} cannot hold{why}", "leave a number that keeps both of its bounds")
    one, other = sorted((least, most), key=lambda said: said.place)
    return Contradiction(later, f"{one} and {other} cannot both hold{why}", f"change one of the two limits, or leave {one.id} or {other.id} out")


def _never_greater(one: str, other: str) -> str | None:
    """Why the number of one name is never greater than that of another, to be added in words; None where it may be.

    Slices that are too small to be measured are left aside: they alone could make the whole better than its worst slice.
    """
    (column, name), (beside, same) = parts(one), parts(other)
    metric = METRICS.get(name)
    if name != same or metric is None:
        return None
    if column == beside:
        return ""
    worst, whole = (beside, column) if metric.less_is_better else (column, beside)
    is_worse = metric.pools and worst is not None and whole is None
    return f": the worst slice of {worst} is never better than the whole" if is_worse else None
