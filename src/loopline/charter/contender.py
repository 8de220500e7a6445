"""A charter as it stands for the next month: what its model is worth, the work that it takes, and what is left of that where it decides already. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from loopline.charter.draws import Floats
from loopline.charter.evidence import MODEL
from loopline.charter.month import work_h
from loopline.charter.simulation import Simulation, interval
from loopline.charter.spec import CharterSpec

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


def standing(one: Contender, simulation: Simulation | None, *, scale: float, today: date) -> dict[str, Any]:
    """A charter by itself, as plain values.

    Parameters
    ----------
    simulation
        Of its study, as it is drawn beside those of others.
    scale
        What one unit of its money is told as.
    today
        The day by which evidence is old.
    """
    study, charter = one.facts["study"], one.charter
    target, earned = charter.target, _earned(one, scale) if one.decides else None
    return {
        "name": one.name,
        "project": one.project,
        "told_by": one.told_by,
        "verdict": one.facts["verdict"],
        "reasons": list(one.facts["reasons"]),
        "overridden": one.overridden or None,
        "evidence": _evidence(one, today),
        "years": charter.study.years,
        "discount": charter.study.discount,
        "decides": one.decides,
        "is_realised": earned is not None,
        "per_year": earned or _scaled(one.part("added"), scale),
        **(_kept if one.decides else _built)(one, simulation, scale),
        "target": None if target is None else {"per_year": target.per_year * scale, "chance": _chance(one, target.per_year), "reached": _reached(one)},
        "knowing": None if study is None or one.decides else _times(study["information"]["everything"], scale),
        "simpler": None if one.decides else _simpler(one, scale),
        "more": _more(one, scale),
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


def _evidence(one: Contender, today: date) -> dict[str, Any]:
    source = None if one.facts["study"] is None else one.facts["study"]["evidence"]
    return {
        "source": source,
        "day": None if one.seen is None else str(one.seen),
        "days_old": None if one.seen is None else max(0, (today - one.seen).days),
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
    return {"name": found["name"], "task": one.facts["task"], "npv": _scaled(found["npv"], scale)}


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
