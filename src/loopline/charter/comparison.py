"""Charters side by side: where should the team's next month go? What each is worth for people's work, and what is recommended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from loopline.charter.contender import Contender, standing
from loopline.charter.draws import Floats
from loopline.charter.month import Best, best_of, promised, redrawn
from loopline.charter.report.recommendation import recommended
from loopline.charter.simulation import Simulation, interval
from loopline.charter.spec import CharterSpec
from loopline.charter.statement import changed, leaves, stated
from loopline.declaration import figure

HOURS = 160.0
"""People's work in a month."""
DAY_H = 8.0
"""What is worth no more than a day of work is not worth finding out by itself."""
_HARDLY = 0.01
"""Where an hour has no price: the part of the model's worth below which nothing is worth finding out by itself."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Charters side by side.

    Parameters
    ----------
    hours
        People's work in the month.
    rates
        From a currency to what one of it is worth in that of the comparison.
    today
        The day by which evidence is old.
    """

    contenders: Sequence[Contender]
    hours: float
    rates: Mapping[str, float]
    today: date

    @cached_property
    def currency(self) -> str | None:
        """What is compared in: the money of the first charter that has any."""
        return next((one.charter.worth.currency for one in self.contenders if one.charter.worth.is_priced), None)

    def rate(self, one: Contender) -> float | None:
        """What one unit of a charter's money is worth in that of the comparison; None where that is not known."""
        own = one.charter.worth.currency
        return 1.0 if own == self.currency else self.rates.get(own)

    @cached_property
    def drawn(self) -> dict[str, Simulation]:
        """The simulations, drawn side by side."""
        known = [(one.name, one.project, one.simulation) for one in self.contenders if one.simulation is not None]
        anew = redrawn([(project, simulation) for _, project, simulation in known])
        return {name: simulation for (name, _, _), simulation in zip(known, anew, strict=True)}

    @cached_property
    def lacks(self) -> dict[str, str]:
        """Why a charter is not among those that the month is given to; empty where it is."""
        return {one.name: self._lack(one) for one in self.contenders}

    def _lack(self, one: Contender) -> str:
        own = one.charter.worth.currency
        if one.decides:
            return "its model decides already: what it took to build is spent"
        if one.is_refused:
            return "no-go: " + "; ".join(one.facts["reasons"])
        if not one.charter.worth.is_priced:
            return "its worth is in points, not in money: say charter.worth, with its currency"
        if self.rate(one) is None:
            return f"its money is {own}, not {self.currency}: say what one {own} is worth, such as --rate {own}=1.08"
        if one.part("npv") is None:
            return next(iter(one.facts["missing"]), "what its model is worth is not known")
        if one.charter.study.effort.build is None:
            return "how much work it takes is not known: say charter.study.effort.build, such as 200..400 hours"
        return ""

    @cached_property
    def promises(self) -> dict[str, Floats]:
        """From each charter that the month may be given to, to what that brings in each draw."""
        found = {}
        for one in self.contenders:
            if not self.lacks[one.name]:
                brought, rate = promised(self.drawn[one.name], self.hours), self.rate(one)
                assert brought is not None and rate is not None
                found[one.name] = brought * rate
        return dict(sorted(found.items(), key=lambda pair: -float(pair[1].mean())))

    @cached_property
    def best(self) -> Best:
        """Which of them is best, and how likely."""
        return best_of(self.promises)

    def order(self) -> list[Contender]:
        """As they are read: by what the month promises; then those that cannot be told, those that decide already, and the no-gos."""
        ranks = {name: rank for rank, name in enumerate(self.promises)}
        return sorted(self.contenders, key=lambda one: ranks.get(one.name, len(ranks) + one.decides + 2 * (one.is_refused and not one.decides)))


def compared(contenders: Sequence[Contender], *, hours: float = HOURS, rates: Mapping[str, float] | None = None, today: date) -> dict[str, Any]:
    """Charters side by side, as plain values, with what is recommended.

    A month that is shorter than the work that a model takes is counted with the part of its net present value that is built in it. The money of a charter is in
    its ``currency``: that of the comparison where a rate is known.

    Parameters
    ----------
    hours
        People's work in the month.
    rates
        From a currency to what one unit of it is worth in the money of the first charter that has any.
    today
        The day by which evidence is old.
    """
    comparison = Comparison(contenders, hours, rates or {}, today)
    ranked = {name: rank for rank, name in enumerate(comparison.promises, 1)}
    rows = [_row(comparison, one, ranked.get(one.name)) for one in comparison.order()]
    found = {
        "hours": hours,
        "currency": comparison.currency,
        "rates": dict(rates or {}),
        "charters": rows,
        "nothing": comparison.best.nothing if ranked else None,
        "knowing": comparison.best.knowing if ranked else None,
        "finding_out": sorted((told for one in contenders for told in _finding_out(comparison, one)), key=lambda told: -told["worth"]),
        "differs": list(_differs(contenders)),
        "notes": list(_notes(comparison)),
    }
    return {"choice": recommended(found), **found}


def _row(comparison: Comparison, one: Contender, rank: int | None) -> dict[str, Any]:
    """A charter as plain values."""
    rate = comparison.rate(one)
    scale, currency = (1.0, one.charter.worth.currency) if rate is None else (rate, comparison.currency)
    return {
        **standing(one, comparison.drawn.get(one.name), scale=scale, today=comparison.today),
        "currency": currency,
        "rank": rank,
        "promised": interval(comparison.promises.get(one.name)),
        "best": comparison.best.chances.get(one.name),
        "lack": comparison.lacks[one.name],
        "missing": list(one.facts["missing"]),
    }


def _finding_out(comparison: Comparison, one: Contender) -> Iterator[dict[str, Any]]:
    """What is worth finding out before building: more than a day of people's work, the most valuable first."""
    study, rate = one.facts["study"], comparison.rate(one)
    npv = one.part("npv")
    if study is None or rate is None or one.decides or npv is None or one.simulation is None or not one.charter.worth.is_priced:
        return
    hour = one.simulation.prospect.outlay.rate
    least = _HARDLY * abs(npv["value"]) if not hour else DAY_H * float(hour)
    says = {assumption["name"]: assumption["says"] for assumption in study["assumptions"]}
    for name, gain in study["information"]["each"].items():
        if gain > least:
            yield {"charter": one.name, "name": name, "says": says[name], "worth": gain * rate, "hours": gain / float(hour) if hour else None}


def _differs(contenders: Sequence[Contender]) -> Iterator[dict[str, Any]]:
    """What charters of one project say otherwise than its first one."""
    first: dict[str, Contender] = {}
    for one in contenders:
        before = first.setdefault(one.project, one)
        if before is not one:
            yield {"one": before.name, "other": one.name, "fields": _differing(before.charter, one.charter)}


def _differing(one: CharterSpec, other: CharterSpec) -> list[dict[str, str | None]]:
    """The fields that differ, with what each charter says; None where one leaves the field to its default."""
    first, second = stated(one), stated(other)
    old, new = leaves(first), leaves(second)
    return [{"field": name, "one": _words(old.get(name)), "other": _words(new.get(name))} for name in changed(first, second)]


def _words(said: Any) -> str | None:
    match said:
        case {"check": check}:
            return str(check)
        case list():
            return ", ".join(map(str, said))
        case float():
            return figure(said)
    return None if said is None else str(said)


def _notes(comparison: Comparison) -> Iterator[str]:
    """What must be known to read the comparison."""
    contenders = comparison.contenders
    yield from (f"one {name} is taken as {rate:g} {comparison.currency}" for name, rate in comparison.rates.items())
    yield from _unlike("years", {one.name: f"{one.charter.study.years:g} years" for one in contenders})
    yield from _unlike("discount", {one.name: f"{one.charter.study.discount:.3g} a year" for one in contenders})
    stated = [one.name for one in contenders if one.facts["study"] is not None and one.facts["study"]["evidence"] == "stated"]
    if stated:
        yield f"no data were looked at for {', '.join(stated)}: there all rests on what people expect"
    repriced = [one.name for one in contenders if one.is_repriced]
    if repriced:
        yield f"the data were looked at for other prices than those of {', '.join(repriced)}: a model that is made for them earns as much, or more"


def _unlike(field: str, said: Mapping[str, str]) -> Iterator[str]:
    """That charters are not reckoned alike, where they are not."""
    if len(set(said.values())) > 1:
        told = ", ".join(f"{name} {words}" for name, words in said.items())
        yield f"they are not reckoned alike (charter.study.{field}: {told}); say the same in all to hold them against each other"
