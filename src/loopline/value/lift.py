"""What the model really causes: the decisions by its policy against those that chance held out from it, with bounds that hold however often one looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

import numpy as np

from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.release.rollout.sequences import BURN_IN, DIFFERING, Estimate
from loopline.value.experiment.analysis import split_mismatch
from loopline.value.logged import Floats
from loopline.value.parted import Parted, by_difference, by_pairs

Method = Literal["difference", "paired"]
_Bounded = tuple[str, float, float]
"""A day, and the bounds as they were known then."""
TIGHTEST = 20_000
"""Decisions for which the bounds are drawn, or those of a quarter where that is more: they are about tightest there, and hold at any number."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The lift as it was known when a window's outcomes were.

    Parameters
    ----------
    start
        Start of the window, as ISO 8601.
    policy, holdout
        Money per decision of either side in this window; None where no outcome has come.
    value, low, high
        The lift per decision since the first of these windows, with its bounds; None while they are too few to judge.
    """

    start: str
    policy: float | None
    holdout: float | None
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Lift:
    """The money per decision that the policy causes, above what is decided without the model.

    Parameters
    ----------
    method
        ``difference`` of the mean of the policy's decisions and that of those held out; or ``paired``: what the model's own decision would have earned
        more on the rows that were held out, whose outcome is seen whatever the model wanted.
    decisions, held
        Decisions that were split, and how many of them were held out.
    outcomes
        Outcomes of the policy's side and of the hold-out that have come.
    units
        The keys that these are of, which are what chance has drawn.
    mismatch
        Why nothing can be told, where outcomes come of one side more than of the other; empty where they do not.
    policy, holdout
        Money per decision of either side; None where it cannot be known.
    value, low, high
        The lift per decision; None while they are too few to judge.
    confidence
        The chance with which the bounds hold at all looks together.
    readings
        The same after each window.
    """

    method: Method
    decisions: int
    held: int
    outcomes: tuple[int, int]
    units: tuple[int, int]
    mismatch: str
    policy: float | None
    holdout: float | None
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    readings: tuple[Reading, ...]

    @property
    def is_sure(self) -> bool:
        """Whether the bounds exclude that the model causes nothing."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def says(self, currency: str) -> str:
        """The lift in one line."""
        if self.mismatch:
            return f"what the model causes cannot be told from the hold-out: {self.mismatch}"
        if self.value is None or self.low is None or self.high is None:
            held = f"outcomes of {self.units[1]:,} keys that were held out have come"
            needed = f"{DIFFERING:,} on which the model decides otherwise" if self.method == "paired" else f"{BURN_IN:,}"
            return f"too early to tell what the model causes: {held}, {needed} are needed"
        sure = "surely gains" if self.low > 0 else "surely loses" if self.high < 0 else "is not yet told from chance: it makes"
        between = f"{figure(self.low)} to {figure(self.high)}"
        return f"the model {sure} {figure(self.value)} {currency} a decision ({between}), against {self.held:,} held out from it"

    def as_json(self, per_year: float | None) -> dict[str, Any]:
        """The lift as plain values.

        Parameters
        ----------
        per_year
            Decisions in a year; None where that is unknown.
        """
        yearly = None if per_year is None or self.value is None else {name: getattr(self, name) * per_year for name in ("value", "low", "high")}
        return {
            "method": self.method,
            "decisions": self.decisions,
            "held": self.held,
            "outcomes": {"policy": self.outcomes[0], "holdout": self.outcomes[1]},
            "units": {"policy": self.units[0], "holdout": self.units[1]},
            "mismatch": self.mismatch or None,
            "policy": self.policy,
            "holdout": self.holdout,
            "per_decision": self.value,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "per_year": yearly,
        }


def lift(parted: Parted, charter: CharterSpec, *, confidence: float, acts_without: bool = False) -> Lift | None:
    """What a package's policy causes, as far as outcomes have come; None where nothing was held out, or what was cannot tell.

    Where an outcome is seen only after acting, two means of money cannot be had. Then only a hold-out on which one always acts tells, pair by pair.

    Parameters
    ----------
    acts_without
        Whether what is decided without the model is to act (binary).

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
    52(6), section 3: randomised experiments that are looked at all the time. The days are strata, each compared within itself: Miratrix, Sekhon & Yu (2013),
    "Adjusting treatment effect estimates by post-stratification", JRSS B 75(2).
    """
    always = charter.outcome_seen == "always"
    if not parted.held_out or not (always or acts_without):
        return None
    method: Method = "difference" if always else "paired"
    units = parted.units()
    mismatch = _mismatch(units, parted.expected) if always else ""
    share = parted.held_out / parted.decisions
    drawn_for = TIGHTEST if charter.volume is None else max(TIGHTEST, charter.volume.per_year / 4)
    tightest = drawn_for * share * ((1 - share) if always else 1.0)
    readings = tuple(_read(parted, method, (1 - confidence) / 2, tightest, is_sound=not mismatch))
    value, low, high = (readings[-1].value, readings[-1].low, readings[-1].high) if readings else (None, None, None)
    return Lift(
        method=method,
        decisions=parted.decisions,
        held=parted.held_out,
        outcomes=(int((~parted.held).sum()), int(parted.held.sum())),
        units=units,
        mismatch=mismatch,
        policy=parted.mean(held=False) if always else None,
        holdout=parted.mean(held=True),
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        readings=readings,
    )


def _mismatch(units: tuple[int, int], expected: float) -> str:
    """What is wrong with the units whose outcome has come; empty where they may well be the split as chance made it."""
    if not 0 < expected < 1:
        return ""
    policy, holdout = "the policy", "the hold-out"
    return split_mismatch({policy: units[0], holdout: units[1]}, {policy: 1 - expected, holdout: expected})


def _read(parted: Parted, method: Method, alpha: float, tightest: float, *, is_sound: bool) -> Iterator[Reading]:
    """The lift after each window."""
    edges = np.searchsorted(parted.at, np.arange(len(parted.starts) + 1)).tolist()
    found = list(by_difference(parted) if method == "difference" else by_pairs(parted))
    whole = Estimate(**{name: np.array([float(getattr(one, name)) for one in found]) for name in ("value", "variance", "pairs")})
    low, high = whole.bounds(alpha, tightest=tightest)
    for at, (start, begin, end) in enumerate(zip(parted.starts, edges[:-1], edges[1:], strict=True)):
        money, held = parted.money[begin:end], parted.held[begin:end]
        told = (float(whole.value[at]), float(low[at]), float(high[at])) if is_sound and whole.pairs[at] else (None, None, None)
        policy = _mean(money[~held]) if method == "difference" else None
        yield Reading(start=start, policy=policy, holdout=_mean(money[held]), value=told[0], low=told[1], high=told[2])


def _mean(money: Floats) -> float | None:
    return float(money.mean()) if len(money) else None


def yearly(facts: Mapping[str, Any], currency: str) -> str:
    """The lift of a year in words, from what `Lift.as_json` wrote; empty where it is unknown."""
    year = facts["per_year"]
    return "" if year is None else f"that is {figure(year['value'])} {currency} a year ({figure(year['low'])} to {figure(year['high'])})"


def target_each(charter: CharterSpec, per_year: float | None) -> float | None:
    """What a decision must add so that the charter's target is reached; None without a target, or where nobody knows how many come."""
    return None if charter.target is None or not per_year else charter.target.per_year / per_year


def in_words(readings: Sequence[Reading], currency: str, *, target: float | None) -> list[str]:
    """How the bounds closed, sentence by sentence; nothing while there are none.

    Examples
    --------
    >>> wide = Reading(start="2024-03-01T00:00:00", policy=1.0, holdout=0.0, value=1.0, low=-1.0, high=3.0)
    >>> narrow = Reading(start="2024-03-02T00:00:00", policy=1.0, holdout=0.0, value=1.0, low=0.5, high=1.5)
    >>> in_words([wide, narrow], "EUR", target=2.0)
    ['surely above nothing since 2024-03-02', 'the bounds closed from 4 to 1 EUR wide since 2024-03-01', 'the target of 2 EUR a decision lies above them']
    """
    known: list[_Bounded] = [(one.start[:10], one.low, one.high) for one in readings if one.low is not None and one.high is not None]
    if not known:
        return []
    (first, *_), (_, low, high) = known[0], known[-1]
    said = [_sure(known)]
    if len(known) > 1:
        said.append(f"the bounds closed from {figure(known[0][2] - known[0][1])} to {figure(high - low)} {currency} wide since {first}")
    if target is not None:
        where = "below them, and is surely reached" if low > target else "above them" if high < target else "within them"
        said.append(f"the target of {figure(target)} {currency} a decision lies {where}")
    return said


def _sure(known: Sequence[_Bounded]) -> str:
    """On which side of nothing the bounds lie, and since when without a break."""
    _, low, high = known[-1]
    if low <= 0 <= high:
        return "not yet told from nothing"
    lasting = list(takewhile(lambda one: (one[1] > 0) if low > 0 else (one[2] < 0), reversed(known)))
    return f"surely {'above' if low > 0 else 'below'} nothing since {lasting[-1][0]}"
