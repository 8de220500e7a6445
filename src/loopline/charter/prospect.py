"""What each alternative would come to, at any values of the assumptions: per decision, per year, and as net present value. Pure functions on NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loopline.charter.draws import Assumption, Floats
from loopline.charter.evidence import ALWAYS, MODEL, NOTHING, PERFECT, TODAY, Evidence, Values
from loopline.charter.outlay import Outlay
from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth
from loopline.expression.language import Expression

_MONTHS = 12
_DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Account:
    """What an alternative comes to, each of shape (n,).

    Parameters
    ----------
    per_decision
        Money.
    added
        Money a year above what is done today, before any cost; None without a volume, as what follows.
    build, run
        Money once, and a year.
    npv
        The net present value of changing to it from what is done today.
    """

    per_decision: Floats
    per_year: Floats | None
    added: Floats | None
    build: Floats
    run: Floats | None
    npv: Floats | None

    def payback_months(self, ready: float) -> Floats | None:
        """Months from the beginning until what was put in has come back, undiscounted; infinite where it never does."""
        if self.added is None or self.run is None:
            return None
        left = self.added - self.run
        months = np.where(left > 0, ready + _MONTHS * self.build / np.where(left > 0, left, 1.0), np.inf)
        return np.where((self.build == 0) & (left >= 0), 0.0, months)


@dataclass(frozen=True, eq=False)
class Prospect:
    """The alternatives of a charter, and what they would come to."""

    charter: CharterSpec
    worth: Worth
    evidence: Evidence
    outlay: Outlay

    @property
    def today(self) -> str:
        """What is done today: the present rule, or nothing."""
        return TODAY if TODAY in self.evidence.says else NOTHING

    @property
    def choices(self) -> tuple[str, ...]:
        """The alternatives that can be chosen."""
        return tuple(name for name in self.evidence.says if name != PERFECT)

    @property
    def constant(self) -> str:
        """The one decision for all that earns most, with all assumptions at their middle."""
        still = self.accounts({})
        return max((name for name in (NOTHING, ALWAYS) if name in still), key=lambda name: float(still[name].per_decision[0]))

    @property
    def ready_months(self) -> float:
        """Months until a model's first decision; none where one decides already."""
        return 0.0 if self.outlay.is_built else self.charter.study.ready.total_seconds() / 86400 / _DAYS_PER_MONTH

    def assumptions(self) -> list[Assumption]:
        """Each assumption that is not known exactly."""
        found = [
            Assumption(name, WORDS[name.removeprefix("worth.")], one, _unit(name), is_signed=name.startswith("worth."))
            for name, one in self.charter.ranges.items()
        ]
        return [one for one in (*found, *self.evidence.assumptions(), *self.outlay.assumptions()) if one.range.low < one.range.high]

    def prices(self, values: Values) -> Floats:
        """The price of each term of the worth, shape (n, terms); 1 where what falls due is money already."""
        found = [self._price(name, values) for name in self.worth.terms]
        return np.stack(np.broadcast_arrays(*found), axis=-1)

    def _price(self, name: str, values: Values) -> Floats:
        term = self.worth.terms[name]
        if isinstance(term, Expression):
            return np.ones(1)
        return np.atleast_1d(values.get(f"worth.{name}", np.array([float(term)])))

    def accounts(self, values: Values) -> dict[str, Account]:
        """What each alternative comes to, at some values of the assumptions; those that have none are at their middle."""
        prices = self.prices(values)
        worths = {name: np.sum(dues * prices, axis=-1) for name, dues in self.evidence.dues(values).items()}
        if PERFECT in worths:
            # Whoever is never wrong does not act at prices at which that does not pay.
            worths[PERFECT] = np.maximum(worths[PERFECT], worths[NOTHING])
        volume = self._volume(values)
        return {name: self._account(name, worth, worths[self.today], values, volume) for name, worth in worths.items()}

    def _volume(self, values: Values) -> Floats | None:
        if self.charter.volume is None or not self.charter.worth.is_priced:
            return None
        scale = self.evidence.shown * self.charter.volume.per_year / float(self.charter.volume.amount)
        return np.atleast_1d(values.get("volume", np.array([float(self.charter.volume.amount)]))) * scale

    def _account(self, name: str, worth: Floats, today: Floats, values: Values, volume: Floats | None) -> Account:
        whose = MODEL if name in (MODEL, PERFECT) else name
        build = np.zeros(1) if name in (NOTHING, self.today) else self.outlay.built(whose, values)
        if volume is None:
            return Account(worth, None, None, build, None, None)
        run = np.zeros(1) if name in (NOTHING, self.today) else self.outlay.yearly(whose, values, volume)
        added = (worth - today) * volume
        npv = -build + (added - run) * self.annuity(self.ready_months if whose == MODEL else 0.0)
        return Account(worth, worth * volume, added, build, run, npv)

    def annuity(self, ready: float) -> float:
        """What one unit of money a year is worth today, over the years of the study from the first decision on; paid month by month."""
        study = self.charter.study
        months = ready + np.arange(1, max(1, round(study.years * _MONTHS)) + 1)
        return float(np.sum((1 + study.discount) ** (-months / _MONTHS)) / _MONTHS)

    def needed(self) -> float | None:
        """What the model must add to each decision to pay for itself, with all assumptions at their middle; None without a volume."""
        volume = self._volume({})
        if volume is None or not volume[0]:
            return None
        costs = self.outlay.built(MODEL, {}) + self.outlay.yearly(MODEL, {}, volume) * self.annuity(self.ready_months)
        return float(costs[0] / (volume[0] * self.annuity(self.ready_months)))


WORDS = {
    "volume": "how many decisions come",
    "act_right": "what acting is worth where it happens",
    "act_wrong": "what acting is worth where it does not happen",
    "miss": "what not acting is worth where it happens",
    "rest": "what not acting is worth where it does not happen",
    "right": "what a right class is worth",
    "wrong": "what a wrong class is worth",
    "over": "what each unit too many is worth",
    "under": "what each unit too few is worth",
}
"""What the volume and each term of the worth are, in words."""


def _unit(name: str) -> str:
    return "" if name == "volume" else "money"
