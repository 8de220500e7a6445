"""What would be earned at other prices, with another threshold, capacity or volume: decisions whose outcome is known, decided anew. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.declaration import Rate, figure
from loopline.errors import Mistake
from loopline.model.deciding import terms_of
from loopline.model.estimates import Estimate, of_mean
from loopline.model.policy import ASK, Policy, say, say_for_all
from loopline.value.replayed import Change, Ruled, ruled
from loopline.watch.decisions import Decisions

POINTS = 80
_AS_MANY = 5e-4
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is earned on one side of the change.

    Parameters
    ----------
    each, added
        Money per decision, and above no model.
    per_year
        What is added in a year; None where nobody knows how many decisions a year has.
    acted, right
        Share acted on, and of those the share in which it was right (binary); None for other tasks, and where nothing is acted on.
    policy
        The policy in words.
    without_model, without_each
        What is decided for all without a model, in words, and the money of each such decision.
    """

    each: Estimate
    added: Estimate
    per_year: Estimate | None
    decisions_per_year: float | None
    acted: float | None
    right: float | None
    policy: str
    without_model: str
    without_each: float

    def as_json(self) -> dict[str, Any]:
        """The side as plain values."""
        return {
            "per_decision": self.each.as_json(),
            "added": self.added.as_json(),
            "added_per_year": None if self.per_year is None else self.per_year.as_json(),
            "decisions_per_year": self.decisions_per_year,
            "acted": self.acted,
            "right": self.right,
            "policy": self.policy,
            "without_model": {"decision": self.without_model, "per_decision": self.without_each},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Before against after.

    Parameters
    ----------
    difference
        After less before, of money per decision, row by row: its interval is that of the pairs.
    added_per_year
        The same for what is added in a year.
    rows, changed
        Decisions that were looked at, and those that would be others.
    unknown
        Rows that would be acted on and of which nobody knows what it would earn.
    curve
        Money per decision at each threshold, at the old and the new prices (binary); None for other tasks.
    """

    before: Side
    after: Side
    difference: Estimate
    added_per_year: Estimate | None
    rows: int
    changed: int
    unknown: int
    curve: Mapping[str, list[float]] | None
    assumptions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The effect as plain values."""
        return {
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "difference": self.difference.as_json(),
            "difference_per_year": None if self.added_per_year is None else self.added_per_year.as_json(),
            "rows": self.rows,
            "decisions_changed": self.changed,
            "unknown": self.unknown,
            "curve": self.curve,
            "assumptions": list(self.assumptions),
        }


def what_if(
    decisions: Decisions, policy: Policy, prices: WorthSpec, change: Change, *, per_year: float | None, sees_all: bool, confidence: float, shown: float = 1.0
) -> Effect:
    """The effect of a change on what is earned; nothing but the arguments is looked at.

    Parameters
    ----------
    decisions
        At least two, with what the policy and the worth read among their columns.
    policy
        The package's.
    prices
        As the charter has them now.
    per_year
        Decisions in a year now.
    sees_all
        Whether outcomes are seen whatever was decided.
    shown
        The share of the decisions in a year that these stand for; the others earn nothing.

    Raises
    ------
    Mistake
        When a price is none of the task, or a threshold or capacity is asked of a task without a yes or no.
    """
    task, old = decisions.yardstick.task, decisions.yardstick.worth
    new = _anew(prices, change, decisions)
    volume = change.per_year or per_year
    anew = ruled(policy, new, change, decisions, volume, sees_all=sees_all)
    acted, asked = decisions.judged.decision, decisions.asked
    if anew is not None:
        acted, asked = anew.acts(decisions), np.zeros(len(decisions), dtype=bool)
    before = _Money.of(old, decisions, decisions.judged.decision, decisions.asked)
    after = _Money.of(new, decisions, acted, asked, without_model=change.without_model)
    difference = _mean(after.each - before.each, decisions, confidence)
    sides = (
        _side(before, decisions, decisions.judged.decision, decisions.asked, per_year, shown, say(policy), confidence),
        _side(after, decisions, acted, asked, volume, shown, say(policy if anew is None else anew.policy), confidence),
    )
    yearly = None
    if volume is not None and per_year is not None:
        yearly = _mean(shown * (after.added * volume - before.added * per_year), decisions, confidence)
    return Effect(
        before=sides[0],
        after=sides[1],
        difference=difference,
        added_per_year=yearly,
        rows=len(decisions),
        changed=int(np.sum(acted != decisions.judged.decision) + (0 if anew is None else np.sum(decisions.asked & ~acted))),
        unknown=0 if anew is None else anew.acts_unseen(decisions),
        curve=_curve(decisions, old, new) if task == "binary" else None,
        assumptions=(*_assumed(change, anew, policy, decisions, sees_all), *_against(*sides)),
    )


def _anew(prices: WorthSpec, change: Change, decisions: Decisions) -> Worth:
    """The worth after the change, which the rows tell, as `what_if` raises it."""
    task = decisions.yardstick.task
    if change.decides_anew and task != "binary":
        raise Mistake(f"a threshold and a capacity decide between yes and no, and this is {task}", remedy="say --price or --volume")
    new = Worth.of(repriced(prices, decisions.yardstick.worth, change.prices), task)
    require_read(new, decisions)
    return new


def repriced(prices: WorthSpec, worth: Worth, said: Mapping[str, float | str]) -> WorthSpec:
    """The charter's prices with others in place of some.

    Raises
    ------
    Mistake
        When a name is no price of the task, or an amount is neither a number nor an expression.
    """
    unknown = [name for name in said if name not in worth.terms]
    if unknown:
        raise Mistake(f"there is no price {unknown[0]!r}", where="--price", remedy=f"there are: {', '.join(worth.terms)}")
    try:
        # What the charter leaves unsaid counts as a point or as nothing: changing one price must leave the others as they are.
        return WorthSpec.model_validate({**prices.model_dump(exclude_none=True), **terms_of(worth), **said})
    except ValueError as error:
        reason = str(error).splitlines()[2].strip().removeprefix("Value error, ").partition(" [type=")[0]
        raise Mistake(reason, where="--price", remedy="write it as act_right=120 or act_right=0.1*fare") from None


def require_read(worth: Worth, decisions: Decisions) -> None:
    """Check that the rows hold what a price is worked out from.

    Raises
    ------
    Mistake
        Naming the first column that none of them has.
    """
    held = [name for name, values in decisions.columns.items() if any(value is not None and value == value for value in values)]
    for name in sorted(worth.columns - set(held)):
        near = get_close_matches(name, held, 1)
        remedy = f"did you mean {near[0]!r}?" if near else f"the rows hold: {', '.join(held) or 'nothing'}"
        raise Mistake(f"no row holds a value of {name}", where="--price", remedy=remedy)


@dataclass(frozen=True, slots=True)
class _Money:
    """The money of each decision, and that above no model, each of shape (n,)."""

    each: _Floats
    added: _Floats
    unaided: bool | str | float

    @classmethod
    def of(
        cls, worth: Worth, decisions: Decisions, decision: NDArray[Any], asked: NDArray[np.bool_], *, without_model: bool | str | float | None = None
    ) -> _Money:
        """What decisions are worth at some prices."""
        outcome, columns, yardstick = decisions.judged.outcome, decisions.columns, decisions.yardstick
        each = worth.per_row(decision, outcome, columns, asked=asked, ask_costs=yardstick.ask_costs)
        unaided = yardstick.without_model if without_model is None else without_model
        constant = np.full(len(outcome), unaided, dtype=decisions.judged.decision.dtype)
        return cls(each, each - worth.per_row(constant, outcome, columns), unaided)


def _mean(values: _Floats, decisions: Decisions, confidence: float) -> Estimate:
    found = of_mean(values, decisions.blocks, level=confidence)
    if found is None:
        raise Mistake("there is no decision whose outcome is known", remedy="wait for outcomes: loopline value show says how many came")
    return found


def _side(
    money: _Money, decisions: Decisions, acted: NDArray[Any], asked: NDArray[np.bool_], per_year: float | None, shown: float, policy: str, confidence: float
) -> Side:
    each, added = (_mean(values, decisions, confidence) for values in (money.each, money.added))
    yearly = None if per_year is None else Estimate(*(amount * shown * per_year for amount in (added.value, added.low, added.high)))
    share = right = None
    if decisions.yardstick.task == "binary":
        share = float(np.mean(acted))
        right = float(decisions.judged.outcome[acted].mean()) if acted.any() else None
    return Side(
        each=each,
        added=added,
        per_year=yearly,
        decisions_per_year=per_year,
        acted=share,
        right=right,
        policy=policy,
        without_model=say_for_all(decisions.yardstick.task, money.unaided),
        without_each=each.value - added.value,
    )


def _curve(decisions: Decisions, old: Worth, new: Worth) -> dict[str, list[float]]:
    """Money per decision when acting from each threshold on, at both prices."""
    score = decisions.judged.score
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    at = np.unique(np.concatenate([np.linspace(0, 1, POINTS // 2 + 1), np.quantile(score, np.linspace(0, 1, POINTS // 2))]))
    counts = np.searchsorted(-ranked, -at, side="right")
    told: dict[str, list[float]] = {"threshold": at.tolist()}
    for name, worth in (("before", old), ("after", new)):
        outcome = decisions.judged.outcome
        acted, rested = (worth.per_row(np.full(len(score), action), outcome, decisions.columns) for action in (True, False))
        gained = np.concatenate([[0.0], np.cumsum((acted - rested)[order])])
        told[name] = ((rested.sum() + gained[counts]) / len(score)).tolist()
    return told


def _held(capacity: Rate, policy: Policy) -> str:
    """How a capacity is kept by rows that are a part of all that come, or came quicker."""
    part = policy["at_most"] / capacity.amount
    at_most = f"at most {figure(policy['at_most'])} are acted on per {policy['per']}, the best first, as if all were known together."
    if abs(part - 1) < _AS_MANY:
        return f"Of these rows {at_most}"
    return f"These rows came at {part:.1%} of the pace that is counted on, and have that part of the {capacity}: {at_most}"


def _against(before: Side, after: Side) -> Iterator[str]:
    """What it is held against, where the change turns that or makes it the better choice."""
    if after.without_model != before.without_model:
        yield f"Without a model one would decide otherwise, {after.without_model} in place of {before.without_model}: that earns more at these prices."
    if after.added.value < 0 <= before.added.value:
        yield f"These decisions earn less than “{after.without_model}”: a training at these prices chooses a policy for them."


def _assumed(change: Change, anew: Ruled | None, policy: Policy, decisions: Decisions, sees_all: bool) -> list[str]:
    said = ["The rows, their scores and their outcomes are those that came: nobody behaves otherwise because of the change."]
    if decisions.yardstick.task != "binary" or not change.decides_anew:
        said += ["The decisions stay as they are."]
    elif sees_all:
        said += ["Outcomes are seen whatever was decided, so what another decision would have been worth is known row by row."]
    else:
        said += [
            "Outcomes are seen only where somebody acted: resting on some of those rows can be judged, and what acting on others would earn is not known. "
            "The figures leave those others out."
        ]
    if change.prices and anew is None and decisions.yardstick.task == "binary":
        said += ["The policy stays as it is, though it was chosen at the old prices: --threshold tries another."]
    if anew is not None and anew.policy["kind"] == "top":
        said += [_held(change.capacity, anew.policy) if anew.exactly and change.capacity is not None else "The capacity is kept on average, by one limit."]
    if anew is not None and "ask" in policy:
        said += [f"Nobody is asked after the change, where the policy now says {ASK!r}."]
    if change.per_year is not None:
        said += ["More or fewer decisions are like those that came: each is worth the same."]
    return said
