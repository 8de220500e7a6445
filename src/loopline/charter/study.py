"""The study: is there enough to earn? What nothing, everything and the target come to, and go or no-go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loopline.charter.spec import CharterSpec, Task
from loopline.charter.worth import Worth
from loopline.declaration import figure
from loopline.engine.step import Facts
from loopline.ledger.entry import digest
from loopline.workspace import Job


@dataclass(frozen=True)
class Case:
    """What the rules judge: the charter, and the outcomes that the data holds where they are known already.

    Money is per decision; `per_year` is the number of decisions a year, None where the charter does not say the volume.
    """

    charter: CharterSpec
    task: Task
    worth: Worth
    do_nothing: float | None
    perfect: float | None
    break_even: float | None

    @property
    def per_year(self) -> float | None:
        """Decisions per year."""
        return None if self.charter.volume is None else self.charter.volume.per_year

    @property
    def gain_per_year(self) -> float | None:
        """What the perfect model earns in a year above doing nothing."""
        if self.per_year is None or self.perfect is None or self.do_nothing is None:
            return None
        return (self.perfect - self.do_nothing) * self.per_year


Rule = Callable[[Case], str | None]


def acting_can_pay(case: Case) -> str | None:
    """No-go when acting earns nothing even when it is right."""
    if case.task != "binary" or case.worth.columns:
        return None
    right, miss = case.worth.terms["act_right"], case.worth.terms["miss"]
    if isinstance(right, float) and isinstance(miss, float) and right <= miss:
        return f"acting can never pay: act_right ({right:g}) is not above miss ({miss:g})"
    return None


def a_model_can_help(case: Case) -> str | None:
    """No-go when the perfect model would earn no more than doing nothing."""
    if case.perfect is None or case.do_nothing is None or case.perfect > case.do_nothing:
        return None
    return f"a perfect model would earn {figure(case.perfect)} per decision, and doing nothing earns {figure(case.do_nothing)} already"


def the_target_is_in_reach(case: Case) -> str | None:
    """No-go when the target is above what a perfect model would add in a year."""
    gain, target = case.gain_per_year, case.charter.target
    if gain is None or target is None or target.per_year <= gain:
        return None
    return f"the target is {target.per_year:,.0f} {case.worth.currency} a year, and a perfect model would add only {gain:,.0f}"


def the_budget_is_earned_back(case: Case) -> str | None:
    """No-go when a perfect model would not earn its build and its first year's run."""
    budget, gain = case.charter.budget, case.gain_per_year
    if gain is None or not case.charter.worth.is_priced:
        return None
    cost = (budget.build or 0.0) + (budget.run.per_year if budget.run else 0.0)
    return f"a perfect model would add {gain:,.0f} {case.worth.currency} a year, and the first year costs {cost:,.0f}" if cost > gain else None


RULES: tuple[Rule, ...] = (acting_can_pay, a_model_can_help, the_target_is_in_reach, the_budget_is_earned_back)


def run(job: Job) -> Facts:
    """The study's facts: what is at stake, the verdict and its reasons."""
    charter = CharterSpec.model_validate(job.step.reads)
    outcome: Mapping[str, Any] | None = job.step.inputs["outcome"]
    task: Task = charter.task or job.step.inputs["task"] or (charter.worth.tasks or ("binary",))[0]
    worth = Worth.of(charter.worth, task)
    case = Case(
        charter,
        task,
        worth,
        do_nothing=None if outcome is None else outcome["do_nothing"],
        perfect=None if outcome is None else outcome["perfect"],
        break_even=worth.break_even() if outcome is None else outcome["break_even"],
    )
    reasons = [reason for rule in RULES if (reason := rule(case)) is not None]
    verdict = "no-go" if reasons else "provisional" if outcome is None else "go"
    if verdict == "provisional":
        reasons = ["what is at stake is judged once the outcomes are read"]
    volume = case.per_year
    return {
        "says": _says(case, verdict, reasons),
        "verdict": verdict,
        "reasons": reasons,
        "task": task,
        "currency": worth.currency,
        "priced": charter.worth.is_priced,
        "do_nothing": case.do_nothing,
        "perfect": case.perfect,
        "break_even": case.break_even,
        "per_year": {
            "decisions": volume,
            "do_nothing": None if volume is None or case.do_nothing is None else volume * case.do_nothing,
            "perfect": None if volume is None or case.perfect is None else volume * case.perfect,
            "target": None if charter.target is None else charter.target.per_year,
        },
        "binds": digest(job.step.reads),
    }


def _says(case: Case, verdict: str, reasons: list[str]) -> str:
    said = {"go": "go", "no-go": "no-go: " + "; ".join(reasons), "provisional": "go on to the data"}[verdict]
    if case.do_nothing is not None and case.perfect is not None:
        said += f"; per decision, doing nothing earns {figure(case.do_nothing)} {case.worth.currency} and a perfect model {figure(case.perfect)}"
    if case.break_even is not None:
        said += f"; break-even {'precision' if case.task == 'binary' else 'error' if case.task == 'regression' else 'accuracy'} {case.break_even:.4g}"
    return said if case.charter.worth.is_priced else said + "; the charter has no prices yet"
