"""How many units and days an experiment needs to see a difference, told before it begins. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any

import numpy as np
from scipy.special import ndtri

from loopline.declaration import figure
from loopline.release.rollout.power import needed
from loopline.value.experiment.cuped import Units

UNPLANNED_DAYS, MOST_DAYS = 90, 1000
"""An experiment of which nobody knows how many days it takes has so many; no other has more than that, if its last day is not named."""
ROUNDS = 12
"""The bounds are drawn for the number of units that is needed, which depends on them: so often each is found anew."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of a unit's metric beforehand.

    Parameters
    ----------
    mean, sd
        Of the metric per unit.
    per_day
        Units that come in a day.
    explained
        The share of the variance that what is known before explains, 0 to 1: the square of their correlation.
    rows
        Decisions that it was measured on.
    """

    mean: float
    sd: float
    per_day: float
    explained: float = 0.0
    rows: int = 0


def measured_of(units: Units, days: float) -> Measured | None:
    """What units that came within so many days tell of the metric; None of fewer than two."""
    if len(units) < 2:
        return None
    values = units.values()
    explained = 0.0
    if units.before is not None and values.std() > 0 and units.before.std() > 0:
        explained = float(np.corrcoef(values, units.before)[0, 1] ** 2)
    per_day = len(units) / days if days > 0 else 0.0
    return Measured(mean=units.mean, sd=float(values.std(ddof=1)), per_day=per_day, explained=explained, rows=int(units.count.sum()))


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a difference needs to be seen.

    Parameters
    ----------
    effect
        The difference per unit.
    units, days
        Of all arms together, until it is surely seen although one looks at any time.
    without
        The same without taking out what is known before.
    one_look
        The units of a test that is looked at once, at its end: the price of looking is the difference.
    tightest
        Pairs for which the bounds are to be drawn.
    """

    effect: float
    confidence: float
    power: float
    arms: int
    units: int
    days: float | None
    without: int
    one_look: int
    tightest: float
    measured: Measured

    def as_json(self) -> dict[str, Any]:
        """The need as plain values."""
        return {
            **{name: getattr(self, name) for name in ("effect", "confidence", "power", "arms", "units", "days", "one_look", "tightest")},
            "units_without_covariate": self.without,
            "measured": vars(self.measured),
        }

    def lines(self, unit: str) -> list[str]:
        """The same for a person; `unit` is what the metric is counted in."""
        seen = self.measured
        days = "" if self.days is None else f", {figure(self.days)} days at {figure(seen.per_day)} a day"
        wrong = f"and be wrong in at most {1 - self.confidence:.0%}"
        said = [f"{self.units:,} units{days}: to see {figure(self.effect)} {unit} with a chance of {self.power:.0%}, {wrong}"]
        spread = f"standard deviation {figure(seen.sd)}"
        said.append(f"  measured on {seen.rows:,}: {figure(seen.mean)} {unit} each, {spread}" if seen.rows else f"  {spread}, as it was said")
        if seen.explained:
            saved = 1 - self.units / self.without
            said.append(f"  what is known before explains {seen.explained:.0%} of the variance, and saves {saved:.0%} of {self.without:,} units")
        said.append(f"  a test that is looked at once, at its end, would need {self.one_look:,}: that you may look at any time costs the rest")
        return said


def need(effect: float, measured: Measured, shares: Mapping[str, float], *, confidence: float, power: float) -> Need:
    """The units and days until each arm's difference to the control is seen with a chance of `power`, however often one looks.

    Parameters
    ----------
    shares
        Each arm's share of the units that come, the control first.

    References
    ----------
    For the single look: Cohen (1988), "Statistical power analysis for the behavioral sciences", chapter 2. For what a covariate saves: Deng, Xu, Kohavi &
    Walker (2013), section 3.
    """
    left = (1 - measured.explained) ** 0.5
    units, tightest = _units(effect, measured.sd * left, shares, confidence, power)
    without, _ = _units(effect, measured.sd, shares, confidence, power)
    share = sum(shares.values())
    days = units / (measured.per_day * share) if measured.per_day > 0 else None
    return Need(
        effect=effect,
        confidence=confidence,
        power=power,
        arms=len(shares),
        units=units,
        days=days,
        without=without,
        one_look=_one_look(effect, measured.sd * left, shares, confidence, power),
        tightest=tightest,
        measured=measured,
    )


def last_day(today: date, days: float | None) -> date:
    """The last day of an experiment that begins today, where nobody names one: twice as many days as are planned, for outcomes come late.

    Examples
    --------
    >>> str(last_day(date(2024, 3, 1), 5.2)), str(last_day(date(2024, 3, 1), None))
    ('2024-03-12', '2024-05-30')
    """
    return today + timedelta(days=UNPLANNED_DAYS if days is None else min(MOST_DAYS, ceil(2 * days)))


def _worst(shares: Mapping[str, float]) -> tuple[float, float]:
    """Of the arm that shows least: its and the control's part of the units, and its share in that part."""
    control, *others = shares.values()
    other = min(others)
    return (control + other) / sum(shares.values()), other / (control + other)


def _units(effect: float, sd: float, shares: Mapping[str, float], confidence: float, power: float) -> tuple[int, float]:
    part, split = _worst(shares)
    alpha = (1 - confidence) / (len(shares) - 1) / 2
    tightest = 1000.0
    units = 0
    for _ in range(ROUNDS):
        units = needed(effect, sd, alpha=alpha, tightest=tightest, split=split, sure=power) if sd > 0 else ceil(100 / min(split, 1 - split))
        tightest = units * split * (1 - split)
    return ceil(units / part), tightest


def _one_look(effect: float, sd: float, shares: Mapping[str, float], confidence: float, power: float) -> int:
    part, split = _worst(shares)
    alpha = (1 - confidence) / (len(shares) - 1)
    pairs = (float(ndtri(1 - alpha / 2) + ndtri(power)) * sd / effect) ** 2
    return ceil(pairs / (split * (1 - split)) / part)
