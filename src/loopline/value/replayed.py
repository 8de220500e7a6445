"""The policy after a change, and what it would decide on rows that have been decided. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.worth import Worth
from loopline.declaration import Rate, figure
from loopline.errors import Mistake
from loopline.model.deciding import terms_of
from loopline.model.policy import ACT, PAYS, Policy, decide, periods_of, promise
from loopline.watch.decisions import Decisions

_DAYS_IN_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different; what is not said stays as it is.

    Parameters
    ----------
    prices
        From the name of a term of the worth to its new amount, or an expression over the row's columns.
    threshold
        The probability from which to act.
    capacity
        How many can be acted on.
    per_year
        Decisions in a year.
    policy
        What decides instead, whole: a threshold and a capacity are not said beside it.
    without_model
        The one decision for all that it is held against after the change; the package's where None.
    """

    prices: Mapping[str, float | str] = field(default_factory=dict)
    threshold: float | None = None
    capacity: Rate | None = None
    per_year: float | None = None
    policy: Policy | None = None
    without_model: bool | str | float | None = None

    @property
    def decides_anew(self) -> bool:
        """Whether other decisions may come of it."""
        return self.threshold is not None or self.capacity is not None or self.policy is not None

    @property
    def says(self) -> str:
        """What is asked for, in words."""
        said = [f"{name} = {amount}" for name, amount in self.prices.items()]
        said += [f"a threshold of {figure(self.threshold)}"] if self.threshold is not None else []
        said += [f"a capacity of {self.capacity}"] if self.capacity is not None else []
        said += [f"{figure(self.per_year / _DAYS_IN_YEAR)} decisions per day"] if self.per_year is not None else []
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Ruled:
    """The policy after the change, and whether each period's limit is given to the best of all its rows; else one threshold keeps it on average."""

    policy: Policy
    exactly: bool = False

    def acts(self, decisions: Decisions) -> NDArray[np.bool_]:
        """The rows that are acted on, shape (n,)."""
        periods = periods_of(self.policy, decisions.time) if self.exactly else None
        return np.asarray(decide(self.policy, decisions.judged.score, (), decisions.columns, periods) == ACT)

    def acts_unseen(self, decisions: Decisions) -> int:
        """The number of rows without an outcome that are acted on."""
        if not len(decisions.open_score):
            return 0
        return int(np.sum(decide(self.policy, decisions.open_score, (), decisions.open_columns) == ACT))


def ruled(policy: Policy, worth: Worth, change: Change, decisions: Decisions, volume: float | None, *, sees_all: bool) -> Ruled | None:
    """The policy after the change; None where it stays."""
    if change.policy is not None:
        return Ruled(change.policy)
    if change.capacity is None:
        return None if change.threshold is None else Ruled({"kind": "threshold", "threshold": change.threshold})
    by_worth = "terms" in policy and change.threshold is None
    floor = change.threshold if change.threshold is not None else PAYS if by_worth else float(policy.get("floor", policy["threshold"]))
    rule: dict[str, Any] = {"kind": "top", "per": change.capacity.period, "floor": floor, **({"terms": terms_of(worth)} if by_worth else {})}
    pace = _pace(decisions)
    if sees_all and pace is not None:
        # The rows are a part of all that a year brings, and get that part of the capacity.
        at_most = change.capacity.amount * (pace / volume if volume else 1.0)
        if at_most >= 1:
            return Ruled({**rule, "at_most": at_most, "threshold": floor}, exactly=True)
    if not volume:
        raise Mistake("a capacity needs to be told how many decisions come", where="--capacity", remedy="say --volume, such as --volume '900 per day'")
    promised = np.concatenate([promise(rule, decisions.judged.score, decisions.columns), promise(rule, decisions.open_score, decisions.open_columns)])
    share = min(1.0, change.capacity.per_year / volume)
    limit = float(np.quantile(promised, 1 - share, method="higher")) if share < 1 else floor
    return Ruled({**rule, "at_most": change.capacity.amount, "threshold": max(floor, limit)})


def _pace(decisions: Decisions) -> float | None:
    """Rows in a year at the pace of these, by the days that they span; None where they have no time."""
    if not len(decisions) or np.isnat(decisions.time).any():
        return None
    days = decisions.time.astype("datetime64[D]")
    return len(decisions) * _DAYS_IN_YEAR / int((days.max() - days.min()) / np.timedelta64(1, "D") + 1)
