"""Charters side by side: where should the team's next month go? What each is worth for people's work, and what is recommended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from loopline.charter.differing import differing
from loopline.charter.draws import Floats
from loopline.charter.evidence import MODEL
from loopline.charter.month import Best, best_of, promised, redrawn, work_h
from loopline.charter.report.recommendation import recommended
from loopline.charter.simulation import Simulation, interval
from loopline.charter.spec import CharterSpec

HOURS = 160.0
"""People's work in a month."""
DAY_H = 8.0
"""What is worth no more than a day of work is not worth finding out by itself."""
_HARDLY = 0.01
"""Where an hour has no price: the part of the model's worth below which nothing is worth finding out by itself."""

Money = Mapping[str, float | None] | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Contender:
    """A charter with its study, as it stands for the next month.

    Parameters
    ----------
    name
        What it is called; no two have one name.
    project, told_by
        Whose charter it is, and where it is declared.
    facts, simulation
        Of its study.
    seen
        The day on which the data were looked at that it is judged by; None where it is judged by what is stated.
    is_repriced
        Whether those were looked at for other prices: a rule or a model that is chosen for its own earns as much, or more.
    overridden
        Who goes on in spite of a no-go, and why; empty where nobody does.
    decides
        Whether a package decides already, so that building is paid for.
    review
        The facts of the newest review of that package; None before there is one.
    """

    name: str
    project: str
    told_by: str
    charter: CharterSpec
    facts: Mapping[str, Any]
    simulation: Simulation | None
    seen: date | None = None
    is_repriced: bool = False
    overridden: str = ""
    decides: bool = False
    review: Mapping[str, Any] | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it is a no-go that nobody has overridden."""
        return self.facts["verdict"] == "no-go" and not self.overridden

    def part(self, name: str) -> Any:
        """A part of the study's facts of the model; None where it is not known."""
        found = self.facts["study"]
        model = None if found is None else next((one for one in found["alternatives"] if one["name"] == MODEL), None)
        return None if model is None else model[name]


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
    study, charter, rate = one.facts["study"], one.charter, comparison.rate(one)
    scale, currency = (1.0, charter.worth.currency) if rate is None else (rate, comparison.currency)
    target, brought = charter.target, comparison.promises.get(one.name)
    earned = _earned(one, scale) if one.decides else None
    return {
        "name": one.name,
        "project": one.project,
        "told_by": one.told_by,
        "verdict": one.facts["verdict"],
        "reasons": list(one.facts["reasons"]),
        "overridden": one.overridden or None,
        "evidence": _evidence(comparison, one),
        "currency": currency,
        "years": charter.study.years,
        "discount": charter.study.discount,
        "decides": one.decides,
        "is_realised": earned is not None,
        "per_year": earned or _scaled(one.part("added"), scale),
        **(_kept if one.decides else _built)(one, comparison.drawn.get(one.name), scale),
        "target": None if target is None else {"per_year": target.per_year * scale, "chance": _chance(one, target.per_year), "reached": _reached(one)},
        "knowing": None if study is None or one.decides else _times(study["information"]["everything"], scale),
        "simpler": None if one.decides else _simpler(one, scale),
        "more": _more(one, scale),
        "rank": rank,
        "promised": interval(brought),
        "best": comparison.best.chances.get(one.name),
        "lack": comparison.lacks[one.name],
        "missing": list(one.facts["missing"]),
    }


def _built(one: Contender, simulation: Simulation | None, scale: float) -> dict[str, Any]:
    """What a model that is still to be built is worth, and the work that it takes."""
    work = None if simulation is None else work_h(simulation)
    return {
        "npv": _scaled(one.part("npv"), scale),
        "pays": one.part("pays"),
        "payback_months": one.part("payback_months"),
        "build_hours": interval(work),
        "per_hour": None if simulation is None or work is None else _per_hour(simulation, work, scale),
    }


def _kept(one: Contender, simulation: Simulation | None, scale: float) -> dict[str, Any]:
    """What a model that decides already is expected to be worth: what it took to build is spent, whatever is done now."""
    model = None if simulation is None else simulation.accounts.get(MODEL)
    kept = None if model is None or model.npv is None else model.npv + model.build
    pays = None if kept is None else float(np.mean(kept > 0))
    return {"npv": None if kept is None else interval(kept * scale), "pays": pays, "payback_months": None, "build_hours": None, "per_hour": None}


def _evidence(comparison: Comparison, one: Contender) -> dict[str, Any]:
    source = None if one.facts["study"] is None else one.facts["study"]["evidence"]
    return {
        "source": source,
        "day": None if one.seen is None else str(one.seen),
        "days_old": None if one.seen is None else max(0, (comparison.today - one.seen).days),
    }


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _scaled(found: Money, scale: float) -> Money:
    return None if found is None else {name: _times(value, scale) for name, value in found.items()}


def _simpler(one: Contender, scale: float) -> dict[str, Any] | None:
    """What is expected to be worth more than the model and needs none; None where nothing but what is done today may be."""
    study = one.facts["study"]
    if study is None or study["best"] in (None, MODEL, study["today"]):
        return None
    found = next(other for other in study["alternatives"] if other["name"] == study["best"])
    return {"name": found["name"], "npv": _scaled(found["npv"], scale)}


def _per_hour(simulation: Simulation, work: Floats, scale: float) -> Money:
    """Net present value for an hour of the work that building takes: the mean of the one over the mean of the other, which is what many such hours bring."""
    npv = simulation.worths.get(MODEL)
    found = None if npv is None else interval(npv * scale / work)
    return None if npv is None or found is None else {**found, "value": float(np.mean(npv) * scale / np.mean(work))}


def _chance(one: Contender, per_year: float) -> float | None:
    return None if one.simulation is None or _reached(one) is not None else one.simulation.chance_of_adding(per_year)


def _realised(one: Contender) -> Mapping[str, Any] | None:
    """What the review found realised, in the charter's money."""
    review = one.review
    return review["realised"] if review is not None and review["currency"] == one.charter.worth.currency else None


def _earned(one: Contender, scale: float) -> Money:
    """What a package that decides adds in a year, by its review; its interval is that of the decisions."""
    realised = _realised(one)
    added = None if realised is None else realised["added"]
    if added is None or added["per_year"] is None:
        return None
    ends = {
        name: None if added[name] is None or not added["per_decision"] else added["per_year"] * added[name] / added["per_decision"] for name in ("low", "high")
    }
    return _scaled({"value": added["per_year"], **ends}, scale)


def _reached(one: Contender) -> bool | None:
    """Whether what a package that decides adds in a year reaches the target; None where that is not known."""
    earned, target = _earned(one, 1.0), one.charter.target
    return None if earned is None or target is None or earned["value"] is None else earned["value"] >= target.per_year


def _more(one: Contender, scale: float) -> dict[str, Any] | None:
    """What changing the policy of a package that decides would bring, where its review has found a better one; None where nothing is known."""
    found = None if _realised(one) is None or one.review is None else one.review["better_policy"]
    if found is None or one.review is None:
        return None
    volume = one.review["learned"]["decisions_per_year"] or (one.charter.volume and one.charter.volume.per_year)
    per_year = None if not volume else _scaled(found["gain"], volume * scale)
    return {"what": "change_policy", "per_year": per_year}


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
            yield {"one": before.name, "other": one.name, "fields": differing(before.charter, one.charter)}


def _notes(comparison: Comparison) -> Iterator[str]:
    """What must be known to read the comparison."""
    contenders = comparison.contenders
    yield from (f"one {name} is taken as {rate:g} {comparison.currency}" for name, rate in comparison.rates.items())
    yield from _unlike("years", {one.name: f"{one.charter.study.years:g} years" for one in contenders})
    yield from _unlike("discount", {one.name: f"{one.charter.study.discount:.3g} a year" for one in contenders})
    stated = [one.name for one in contenders if one.facts["study"] is not None and one.facts["study"]["evidence"] == "stated"]
    if stated:
        yield f"no data were looked at for {', '.join(stated)}: there all rests on what people expect"
    for one in contenders:
        if one.is_repriced:
            yield f"the data were looked at for other prices than those of {one.name}; a model that is made for them earns as much, or more"
        if one.decides and _more(one, 1.0) is None:
            yield f"what more work on the model of {one.name} would bring is not known: no review has found anything that would earn more"


def _unlike(field: str, said: Mapping[str, str]) -> Iterator[str]:
    """That charters are not reckoned alike, where they are not."""
    if len(set(said.values())) > 1:
        told = ", ".join(f"{name} {words}" for name, words in said.items())
        yield f"they are not reckoned alike (charter.study.{field}: {told}); say the same in all to hold them against each other"
