"""An experiment begun and ended: the entries that say so, which the server follows, and what its winner would bring."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from loopline.declaration import figure
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.serve.experiments import ENDED, KIND, STARTED, Arm, Experiment, Sort, folded
from loopline.value.experiment.spec import Plan


def named(entries: Sequence[Entry], name: str) -> Experiment:
    """The experiment of a name.

    Raises
    ------
    Mistake
        When there is none.
    """
    known = {one.name: one for one in folded(entries)}
    if name not in known:
        there = ", ".join(known) or "none"
        raise Mistake(f"there is no experiment {name!r}", remedy=f"there are: {there}; begin one with: loopline value experiment start")
    return known[name]


def begin(entries: Sequence[Entry], name: str, sort: Sort, arms: Sequence[Arm], plan: Plan, *, package: str, is_tried: bool, why: str, who: str) -> Draft:
    """The entry by which an experiment begins.

    Parameters
    ----------
    entries
        Those on experiments so far.
    package
        The package that decides now.
    is_tried
        Whether a rollout runs.

    Raises
    ------
    Mistake
        When there is one of this name already, or another one decides on the same rows.
    CheckFailed
        When a rollout runs, which splits the same rows.
    """
    known = folded(entries)
    if any(one.name == name for one in known):
        raise Mistake(f"there is an experiment {name!r} already", where="NAME", remedy="give it another name: what it found is kept under this one")
    if sort != "feature":
        rivals = [one.name for one in known if one.is_running and one.sort != "feature"]
        if rivals:
            raise Mistake(f"{rivals[0]!r} runs, and decides on the same rows", remedy=f"end it first: loopline value experiment stop {rivals[0]} --why '...'")
        if is_tried:
            raise CheckFailed("a package is on trial, on the same rows", remedy="wait for its end, or end it: loopline release rollback --why '...'")
    body = {"action": STARTED, "sort": sort, "package": package, "arms": [asdict(arm) for arm in arms], "plan": plan.model_dump(mode="json"), "why": why}
    return Draft(kind=KIND, subject=name, body=body, actor=who)


def end(experiment: Experiment, found: Mapping[str, Any] | None, *, winner: str, told_by: str, why: str, who: str) -> Draft:
    """The entry by which an experiment ends and names its winner.

    Parameters
    ----------
    found
        What it shows, as `loopline.value.experiment.analysis.Analysis.as_json` writes it; None where nothing can be told.
    winner
        Empty where no arm has won.
    told_by
        Who names the winner: the ``evidence``, a ``person``, or the rule that ended it by itself.

    Raises
    ------
    Mistake
        When it has ended already, or there is no such arm.
    """
    if not experiment.is_running:
        raise Mistake(f"{experiment.name!r} has ended already", remedy=f"see what it found: loopline value experiment status {experiment.name}")
    names = [arm.name for arm in experiment.arms]
    if winner and winner not in names:
        raise Mistake(f"there is no arm {winner!r}", where="--winner", remedy=f"there are: {', '.join(names)}")
    body = {"action": ENDED, "winner": winner, "told_by": told_by, "found": found, "why": why}
    return Draft(kind=KIND, subject=experiment.name, body=body, parents=(experiment.id,), actor=who)


def shares(experiment: Experiment) -> dict[str, float]:
    """Each arm's planned share of the units, the control first."""
    return {arm.name: arm.share for arm in experiment.arms}


def told(experiment: Experiment, now: datetime) -> dict[str, Any]:
    """An experiment as plain values, without what it found."""
    last = experiment.entries[-1]
    until = experiment.ended or now
    return {
        "name": experiment.name,
        "sort": experiment.sort,
        "state": "running" if experiment.is_running else "ended",
        "arms": shares(experiment),
        "package": experiment.package or None,
        "began": experiment.began.isoformat(),
        "ended": None if experiment.ended is None else experiment.ended.isoformat(),
        "days": round((until - experiment.began).total_seconds() / 86_400, 2),
        "winner": experiment.winner or None,
        "why": last.body["why"],
        "by": last.actor,
        "plan": dict(experiment.plan),
        "entry": last.id,
    }


def gain(found: Mapping[str, Any] | None, winner: str, *, unit: str | None, per_year: float | None) -> dict[str, Any] | None:
    """What the winner brings above the control, per unit and, of money, in a year; None where the control or nobody has won.

    Parameters
    ----------
    unit
        The currency; None where what is measured is no money.
    per_year
        Decisions in a year; None where that is unknown.
    """
    arm = next((one for one in found["arms"] if one["arm"] == winner and one["value"] is not None), None) if found else None
    if arm is None:
        return None
    each = {name: arm[name] for name in ("value", "low", "high")}
    yearly = None if unit is None or per_year is None else {name: amount * per_year for name, amount in each.items()}
    return {"unit": unit or arm["metric"], "per_unit": each, "per_year": yearly}


def say_gain(won: Mapping[str, Any]) -> str:
    """What the winner would bring, in words."""
    said = [f"it would bring {_with_bounds(won['per_unit'], won['unit'])} more a unit"]
    return ", ".join([*said, *([f"{_with_bounds(won['per_year'], won['unit'])} a year"] if won["per_year"] else [])])


def _with_bounds(amount: Mapping[str, float], unit: str) -> str:
    return f"{figure(amount['value'])} {unit} ({figure(amount['low'])} to {figure(amount['high'])})"


def following(experiment: Experiment, found: Mapping[str, Any] | None, *, promoted: Collection[str]) -> str:
    """What to do next, as an exact command where there is one.

    Parameters
    ----------
    promoted
        The packages that have ever decided.
    """
    if experiment.is_running:
        return f"loopline value experiment stop {experiment.name} --why '...'" if found is None or found["state"] != "running" else "loopline tick"
    winner = next((arm for arm in experiment.arms[1:] if arm.name == experiment.winner), None)
    if winner is not None and experiment.sort == "package":
        return f"loopline release rollback --to {winner.package[:8]} --why '...'" if winner.package in promoted else "loopline release status"
    if winner is not None and experiment.sort == "feature":
        return f"build {winner.name} in for good: every unit is told {winner.name} from now on"
    if winner is not None and (declared := _declared(winner)):
        return f"say model.policy: {declared} in loopline.yaml, then: loopline run"
    return "loopline value experiment list"


def _declared(arm: Arm) -> str:
    """A winning policy as it is declared; empty where it cannot be."""
    match arm.policy:
        case {"kind": "top", "at_most": most, "per": per}:
            return f"{{capacity: {most:g} per {per}}}"
        case {"kind": "threshold", "threshold": threshold}:
            return f"{{threshold: {threshold:.6g}}}"
    return ""
