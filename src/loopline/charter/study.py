"""The study: is it worth doing? The alternatives side by side, what would flip the decision, what is worth finding out first, and go or no-go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from loopline.charter.binding import binds, of_reads
from loopline.charter.evidence import ALWAYS, MODEL, NOTHING, PERFECT, RULE, TODAY, Evidence, Measured, Stated
from loopline.charter.information import of_each, of_everything
from loopline.charter.outlay import Outlay, outlay
from loopline.charter.prices import Prices
from loopline.charter.prospect import Account, Prospect
from loopline.charter.remarks import remarks
from loopline.charter.report.words import share
from loopline.charter.rules import Case, findings
from loopline.charter.sensitivity import tornado
from loopline.charter.simulation import Simulation, interval, simulate
from loopline.charter.spec import CharterSpec, Task
from loopline.charter.worth import Worth
from loopline.declaration import figure
from loopline.engine.step import Facts
from loopline.workspace import Job

BREAK_EVEN = "break_even"
"""The alternative of a model that is just good enough to pay for itself."""


def run(job: Job) -> Facts:
    """The study's facts: what is at stake, the alternatives, the verdict and its reasons.

    Raises
    ------
    Mistake
        When hours of work are declared, and no price book says what an hour costs.
    """
    inputs = job.step.inputs
    book = None if inputs.get("book") is None else Prices.model_validate(inputs["book"])
    charter, is_built = of_reads(job.step.reads), inputs.get("decides", False)
    facts = studied(charter, task=inputs["task"], outcome=inputs["outcome"], sounding=inputs.get("sounding"), book=book, is_built=is_built)
    return {**facts, "binds": binds(job.step.reads, book)}


def studied(
    charter: CharterSpec,
    *,
    task: Task | None,
    outcome: Mapping[str, Any] | None,
    sounding: Mapping[str, Any] | None,
    book: Prices | None,
    is_built: bool = False,
) -> dict[str, Any]:
    """The study of a charter; nothing but the arguments is looked at.

    Parameters
    ----------
    task
        As the data tell it, where the charter does not say it.
    outcome
        What is at stake in the rows whose outcome is known, as the data stage measured it; None before that.
    sounding
        What a quick look at the data measured of the alternatives; None before that.
    book
        The price book that the charter names.
    is_built
        Whether a model decides already: what it took to build is spent.

    Raises
    ------
    Mistake
        When hours of work are declared, and no price book says what an hour costs.
    """
    task = _task(charter, task)
    worth = Worth.of(charter.worth, task)
    evidence = _evidence(charter, worth, sounding)
    costs = outlay(charter, book, has_rule=evidence is not None and RULE in evidence.says, is_built=is_built)
    simulation = None if evidence is None else simulate(Prospect(charter, worth, evidence, costs))
    case = replace(_case(charter, task, worth, outcome, simulation), is_sounded=sounding is not None, is_built=is_built)
    return {
        **_judged(case),
        "task": task,
        "currency": worth.currency,
        "priced": charter.worth.is_priced,
        "do_nothing": case.do_nothing,
        "perfect": case.perfect,
        "break_even": case.break_even,
        "per_year": _per_year(case),
        "study": None if simulation is None else _compared(simulation),
        "remarks": remarks(charter, worth),
        "missing": _missing(charter, evidence, sounding, costs, is_read=outcome is not None, is_built=is_built),
    }


def prospect_of(charter: CharterSpec, *, task: Task | None, sounding: Mapping[str, Any] | None, book: Prices | None, is_built: bool = False) -> Prospect | None:
    """The alternatives that a charter's study compares, from the same arguments as `studied`; None where nothing tells how good a model would be."""
    worth = Worth.of(charter.worth, _task(charter, task))
    evidence = _evidence(charter, worth, sounding)
    return None if evidence is None else Prospect(charter, worth, evidence, outlay(charter, book, is_built=is_built))


def simulated(charter: CharterSpec, *, task: Task | None, sounding: Mapping[str, Any] | None, book: Prices | None) -> Simulation | None:
    """The draws that a charter's study rests on, from the same arguments as `studied`; None where nothing tells how good a model would be."""
    prospect = prospect_of(charter, task=task, sounding=sounding, book=book)
    return None if prospect is None else simulate(prospect)


def _task(charter: CharterSpec, task: Task | None) -> Task:
    return charter.task or task or (charter.worth.tasks or ("binary",))[0]


def _evidence(charter: CharterSpec, worth: Worth, sounding: Mapping[str, Any] | None) -> Evidence | None:
    """What the data measured; before that, what is stated."""
    if sounding is not None and "means" in sounding:
        return Measured.of(sounding, charter, worth)
    return Stated.of(charter, worth)


def _case(charter: CharterSpec, task: Task, worth: Worth, outcome: Mapping[str, Any] | None, simulation: Simulation | None) -> Case:
    """What the rules judge: what is at stake comes from all outcomes that are known, else from the evidence's middle."""
    at_stake: dict[str, float | None] = {"do_nothing": None, "perfect": None, "break_even": worth.break_even()}
    if outcome is not None:
        at_stake = {name: outcome[name] for name in at_stake}
    elif simulation is not None:
        drawn = simulation.accounts
        at_stake |= {name: float(np.mean(drawn[one].per_decision)) for name, one in (("do_nothing", NOTHING), ("perfect", PERFECT))}
    known = Case(charter, task, worth, at_stake["do_nothing"], at_stake["perfect"], at_stake["break_even"], always=_always(worth, outcome, simulation))
    return replace(known, simulation=simulation, is_read=outcome is not None)


def _judged(case: Case) -> dict[str, Any]:
    """The verdict of the rules, with its reasons and what it rests on."""
    found = list(findings(case))
    failed = [one for one in found if one["passed"] is False]
    reasons = [one["says"] for one in failed]
    verdict = "no-go" if reasons else "go" if case.is_read else "provisional"
    if verdict == "provisional":
        reasons = ["what is at stake is judged once the outcomes are read"]
    return {
        "says": _says(case, verdict, reasons),
        "verdict": verdict,
        "reasons": reasons,
        "rests_on": "stated" if (all(one["rests_on"] == "stated" for one in failed) if failed else not case.is_read) else "data",
        "rules": found,
    }


def _per_year(case: Case) -> dict[str, float | None]:
    """What a year has of decisions, and earns by them."""
    volume, target = case.per_year, case.charter.target
    return {
        "decisions": volume,
        "do_nothing": None if volume is None or case.do_nothing is None else volume * case.do_nothing,
        "perfect": None if volume is None or case.perfect is None else volume * case.perfect,
        "target": None if target is None else target.per_year,
    }


def _always(worth: Worth, outcome: Mapping[str, Any] | None, simulation: Simulation | None) -> float:
    """What acting always earns: in all rows whose outcome is known where prices are the same for each, else as the evidence tells."""
    happens = None if outcome is None or worth.task != "binary" or worth.columns else outcome.get("share")
    if happens is not None:
        return float(happens * worth.terms["act_right"] + (1 - happens) * worth.terms["act_wrong"])
    account = None if simulation is None else simulation.accounts.get(ALWAYS)
    return -inf if account is None else float(np.mean(account.per_decision))


def _compared(simulation: Simulation) -> dict[str, Any]:
    """The alternatives, the assumptions and what hangs on them, as plain values."""
    prospect = simulation.prospect
    each = of_each(simulation)
    return {
        "evidence": prospect.evidence.source,
        "today": prospect.today,
        "constant": prospect.constant,
        "best": simulation.best,
        "years": prospect.charter.study.years,
        "discount": prospect.charter.study.discount,
        "ready_months": prospect.ready_months,
        "draws": simulation.count,
        "alternatives": [_alternative(simulation, name) for name in _order(simulation)],
        "assumptions": [
            {"name": one.name, "says": one.says, "unit": one.unit, "low": one.range.low, "middle": float(one.range), "high": one.range.high}
            for one in prospect.assumptions()
        ],
        "middle": _at_middle(prospect),
        "tornado": [bar.as_json() for bar in tornado(prospect)],
        "information": {"everything": of_everything(simulation), "each": each},
        "counted": list(prospect.outlay.counted),
    }


def _at_middle(prospect: Prospect) -> float | None:
    """The model's net present value with all assumptions at their middle."""
    model = prospect.accounts({}).get(MODEL)
    return None if model is None or model.npv is None else float(model.npv[0])


def _order(simulation: Simulation) -> list[str]:
    """The alternatives as they are read: the model last but for the perfect one, and before it the one that just pays."""
    names = [name for name in simulation.accounts if name not in (MODEL, PERFECT)]
    needed = simulation.prospect.needed()
    return [*names, *([BREAK_EVEN] if needed is not None else []), *(name for name in (MODEL, PERFECT) if name in simulation.accounts)]


def _alternative(simulation: Simulation, name: str) -> dict[str, Any]:
    prospect = simulation.prospect
    if name == BREAK_EVEN:
        return _just_paying(simulation)
    account = simulation.accounts[name]
    return {
        "name": name,
        "says": prospect.evidence.says[name],
        "per_decision": interval(account.per_decision),
        "above_constant": interval(simulation.above_constant(name)),
        **{part: interval(getattr(account, part)) for part in ("per_year", "added", "build", "run", "npv")},
        "payback_months": None if name in (NOTHING, prospect.today) else interval(account.payback_months(_ready(prospect, name)), middle="median"),
        "pays": None if name in (prospect.today, PERFECT) else simulation.chance(name),
    }


def _ready(prospect: Prospect, name: str) -> float:
    return prospect.ready_months if name in (MODEL, PERFECT) else 0.0


def _just_paying(simulation: Simulation) -> dict[str, Any]:
    """A model that earns just what it costs, with volume and costs at their middle, beside what the best choice that costs nothing earns on average."""
    prospect = simulation.prospect
    needed, today = prospect.needed() or 0.0, float(np.mean(simulation.accounts[simulation.free].per_decision))
    volume = 0.0 if prospect.charter.volume is None else prospect.charter.volume.per_year
    model = prospect.accounts({}).get(MODEL)
    costs: dict[str, Account | None] = {"build": model, "run": model}
    known = {name: None if one is None else _point(float(np.asarray(getattr(one, name))[0])) for name, one in costs.items()}
    right = _right_enough(prospect, needed, simulation.free)
    beside = "" if simulation.free == prospect.today else f" above: {prospect.evidence.says[simulation.free]}"
    says = f"a model that just pays for itself: it adds {figure(needed)} {prospect.worth.currency} to each decision{beside}"
    if today + needed > float(np.mean(simulation.accounts[PERFECT].per_decision)):
        says, right = f"{says}, which is more than a model can that is never wrong", None
    return {
        "name": BREAK_EVEN,
        "says": says + ("" if right is None else f", and is right in {right:.0%} of the cases that it acts on"),
        "per_decision": _point(today + needed),
        "above_constant": None,
        "per_year": _point((today + needed) * volume),
        "added": _point(needed * volume),
        **known,
        "npv": _point(0.0),
        "payback_months": None,
        "pays": None,
    }


def _point(value: float) -> dict[str, float]:
    return {"value": value, "low": value, "high": value}


def _right_enough(prospect: Prospect, needed: float, free: str) -> float | None:
    """The precision at which a model that acts as often as the expected one adds so much to each decision; None for other tasks, and where none suffices."""
    dues = prospect.evidence.dues({})
    if prospect.worth.task != "binary" or prospect.worth.columns or MODEL not in dues:
        return None
    acted = float(dues[MODEL][0, :2].sum())
    act_right, act_wrong, miss, rest = (float(price) for price in prospect.prices({})[0])
    won, lost = act_right - miss, rest - act_wrong
    today = float((dues[free][0] - dues[NOTHING][0]) @ prospect.prices({})[0])
    if not acted or won + lost <= 0:
        return None
    right = ((needed + today) / acted + lost) / (won + lost)
    happens = float(dues[PERFECT][0, 0] + dues[PERFECT][0, 2])
    return right if 0 <= right <= 1 and right * acted <= happens else None


def _untold(charter: CharterSpec, sounding: Mapping[str, Any] | None, *, is_read: bool, is_built: bool) -> str:
    """Why nothing tells how good a model would be, and what to do about it."""
    expects = "say charter.study.expects with " + ("charter.study.spread" if _task(charter, None) == "regression" else "charter.study.happens")
    if sounding is not None and "absent" in sounding:
        return f" (the data do not tell: {sounding['absent']}): deliver other data, or {expects}"
    try_them = f"loopline charter study tries them, or {expects}"
    if is_built:
        return f" beside other choices: of the package that decides its page and the review tell what it is worth; the data have not been tried: {try_them}"
    return f": the data are there and have not been tried: {try_them}" if is_read else f": deliver data, or {expects}"


def _missing(charter: CharterSpec, evidence: Evidence | None, sounding: Mapping[str, Any] | None, costs: Outlay, *, is_read: bool, is_built: bool) -> list[str]:
    """What the study does not know, and what to do about it."""
    found = [] if charter.worth.is_priced else ["what decisions are worth in money: say charter.worth, with its currency"]
    if charter.volume is None:
        found.append("how many decisions come: say charter.volume, such as 700..1100 per day")
    if evidence is None:
        found.append(f"how good a model would be{_untold(charter, sounding, is_read=is_read, is_built=is_built)}")
    untried = {} if sounding is None else sounding.get("without") or {}
    found += [f"{'the present rule' if name == 'present' else f'the {name}'}, which could not be tried: {why}" for name, why in untried.items()]
    if evidence is not None and evidence.shown < 1:
        found.append(f"the {1 - evidence.shown:.0%} of cases in which nobody acted: their outcome is not seen, and the figures speak of the others alone")
    if charter.study.today is not None and evidence is not None and TODAY not in evidence.says:
        found.append("what is done today: say charter.study.today whole, such as {precision: 30%, recall: 20%}, or declare the rule as model.baseline")
    return [*found, *(costs.missing if charter.worth.is_priced else ())]


def _says(case: Case, verdict: str, reasons: list[str]) -> str:
    said = {"go": "go", "no-go": "no-go: " + "; ".join(reasons), "provisional": "go on to the data"}[verdict]
    simulation = case.simulation
    chance = None if simulation is None or MODEL not in simulation.worths else simulation.chance(MODEL, simulation.free)
    if chance is not None and verdict != "no-go":
        said += f"; a model pays for itself with a chance of {share(chance)}"
    if case.do_nothing is not None and case.perfect is not None:
        said += f"; per decision, doing nothing earns {figure(case.do_nothing)} {case.worth.currency} and a perfect model {figure(case.perfect)}"
    if case.break_even is not None:
        said += f"; break-even {'precision' if case.task == 'binary' else 'error' if case.task == 'regression' else 'accuracy'} {case.break_even:.4g}"
    return said if case.charter.worth.is_priced else said + "; the charter has no prices yet"
