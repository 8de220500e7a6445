"""What an alternative costs: people's hours at their price, and machines by the price book; once to build, and in a year to run. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loopline.charter.cost import OWNED, RENTED, Use, cost_of
from loopline.charter.draws import Assumption, Floats
from loopline.charter.evidence import MODEL, RULE, Values
from loopline.charter.prices import Prices
from loopline.charter.ranges import Ranged
from loopline.charter.spec import CharterSpec, EffortSpec
from loopline.errors import Mistake

LOGGED_BYTES = 700.0
"""What one decision adds to the prediction log: as measured on flights of 17 columns."""
RATE = "prices.people"
_MONTHS = 12
_PEOPLE = "people"
"""The item of a bill for those who look after the place."""


@dataclass(frozen=True, slots=True)
class Outlay:
    """The costs of the alternatives.

    Parameters
    ----------
    efforts
        From an alternative to the field and the declaration of people's work on it.
    rate
        What an hour of their work costs; None where no effort is declared.
    build, run
        Money, where no effort is declared: the budgets.
    standing, each
        What machines cost in a year whatever comes, and for each decision.
    counted, missing
        What is counted and how, and what is not and what to do about it, in words.
    is_built
        Whether a model decides already: what it took to build is spent, whatever is done now.
    """

    efforts: dict[str, tuple[str, EffortSpec]]
    rate: Ranged | None
    build: float
    run: float
    standing: float
    each: float
    counted: tuple[str, ...]
    missing: tuple[str, ...]
    is_built: bool = False

    def assumptions(self) -> list[Assumption]:
        """The hours and their price."""
        found = [] if self.rate is None else [Assumption(RATE, "what an hour of people's work costs", self.rate, "money")]
        for name, (field, effort) in self.efforts.items():
            whose = "the model" if name == MODEL else "a rule"
            if effort.build is not None and not (self.is_built and name == MODEL):
                found.append(Assumption(f"{field}.build", f"hours of work until {whose} decides", effort.build, "hours"))
            if effort.run is not None:
                found.append(Assumption(f"{field}.run", f"hours of work each month on {whose}", effort.run, "hours"))
        return found

    def built(self, name: str, values: Values) -> Floats:
        """What an alternative costs until its first decision, shape (n,) or (1,)."""
        if self.is_built and name == MODEL:
            return np.zeros(1)
        hours, _ = self.hours(name, values)
        return hours * self._rate(values) + (self.build if name == MODEL else 0.0)

    def yearly(self, name: str, values: Values, volume: Floats) -> Floats:
        """What an alternative costs in a year, shape (n,) or (1,)."""
        _, hours = self.hours(name, values)
        machines = self.run + self.standing + self.each * volume if name == MODEL else 0.0
        return np.asarray(hours * _MONTHS * self._rate(values) + machines)

    def _rate(self, values: Values) -> Floats:
        return np.atleast_1d(values.get(RATE, np.array([0.0 if self.rate is None else float(self.rate)])))

    def hours(self, name: str, values: Values) -> tuple[Floats, Floats]:
        """Hours of people's work until an alternative's first decision, and in each month after that, shape (n,) or (1,): 0 where they are not said."""
        field, effort = self.efforts.get(name, ("", EffortSpec()))
        said = {"build": effort.build, "run": effort.run}
        build, run = (np.atleast_1d(values.get(f"{field}.{part}", np.array([float(hours or 0.0)]))) for part, hours in said.items())
        return build, run


def outlay(charter: CharterSpec, book: Prices | None, *, has_rule: bool = False, is_built: bool = False) -> Outlay:
    """The costs of the alternatives, as far as charter and price book tell them.

    Parameters
    ----------
    has_rule
        Whether a rule is among them, whose costs are missed where they are not said.
    is_built
        Whether a model decides already.

    Raises
    ------
    Mistake
        When hours of work are declared, and no price book says what an hour costs.
    """
    study, budget, currency = charter.study, charter.budget, charter.worth.currency
    efforts = {name: (field, effort) for name, field, effort in _efforts(charter) if effort.build is not None or effort.run is not None}
    rate = _rate(charter, book) if efforts else None
    has_build, has_run = study.effort.build is not None or is_built, study.effort.run is not None
    build = 0.0 if has_build or budget.build is None else budget.build
    run = 0.0 if has_run or budget.run is None else budget.run.per_year
    standing, each, counted, missing = _machines(charter, book, has_people=has_run)
    if is_built:
        counted.append("nothing to build: a model decides already, and what it took is spent")
    if build:
        counted.append(f"to build the model, the whole budget of {build:,.0f} {currency}, as charter.study.effort.build is not said")
    if run:
        counted.append(f"to run it, the whole budget of {budget.run}, as charter.study.effort.run is not said")
        # The budget to run holds the machines too.
        standing, each = 0.0, 0.0
    missing += [f"people's work to build the model: say charter.study.effort.build, such as 200..400 hours{_priced(book)}"] * (not has_build and not build)
    missing += [f"people's work to keep the model: say charter.study.effort.run, such as 5..10 hours per month{_priced(book)}"] * (not has_run and not run)
    missing += ["people's work to introduce the simple rule: say charter.study.rule, such as {build: 20..40 hours}"] * (has_rule and RULE not in efforts)
    return Outlay(efforts, rate, build, run, standing, each, tuple(counted), tuple(missing), is_built)


def _efforts(charter: CharterSpec) -> tuple[tuple[str, str, EffortSpec], ...]:
    return (MODEL, "study.effort", charter.study.effort), (RULE, "study.rule", charter.study.rule)


def _priced(book: Prices | None) -> str:
    return "" if book is not None and book.people is not None else ", and people: 60 per hour in the file of charter.prices"


def _rate(charter: CharterSpec, book: Prices | None) -> Ranged:
    if book is not None and book.people is not None:
        return book.people
    remedy = f"write people: 60 per hour into {charter.prices}" if charter.prices else "name a file under charter.prices, and write people: 60 per hour into it"
    raise Mistake("hours of work are declared, and what one costs is not", where="charter.study.effort", remedy=remedy)


def _machines(charter: CharterSpec, book: Prices | None, *, has_people: bool) -> tuple[float, float, list[str], list[str]]:
    """Money a year and for each decision, where it will run; without the people who keep the place, where people's work is counted already."""
    if book is None:
        return 0.0, 0.0, [], ["machines and storage: name a file of prices under charter.prices"]
    place = OWNED if book.is_owned else RENTED
    volume = 0.0 if charter.volume is None else charter.volume.per_year
    use = Use(decisions=volume / _MONTHS, logged_bytes=LOGGED_BYTES)
    still, loaded = (cost_of(use, book, load) for load in (0.0, 1.0))
    if place not in loaded.bills or place not in still.bills:
        return 0.0, 0.0, [], [f"machines and storage: {loaded.absent.get(place, 'the price book has no machine')}"]
    items = [[item for item in one.bills[place].items if not (has_people and item.name == _PEOPLE)] for one in (still, loaded)]
    bills = [sum(item.per_month for item in found) * _MONTHS for found in items]
    counted = [f"to run it {place}: {', '.join(item.name for item in items[1])}"] if items[1] else []
    if len(items[1]) < len(loaded.bills[place].items):
        counted.append(f"people's work to run it by charter.study.effort.run alone, and not by the {_PEOPLE} of the price book again")
    return bills[0], (bills[1] - bills[0]) / volume if volume else 0.0, counted, []
