"""The rules of go and no-go, each a named function that says what it found. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from loopline.charter.evidence import MODEL
from loopline.charter.report.words import share
from loopline.charter.simulation import Simulation
from loopline.charter.spec import CharterSpec, Task
from loopline.charter.worth import Worth
from loopline.declaration import figure

HARDLY = 0.05
"""How unlikely the target may be before it is out of reach."""
SIMPLER = 0.1
"""How unlikely it may be that the model is worth more than what is simpler, before that is the better choice."""
FOUND_BESIDES = 0.1
"""The part of what the simpler one leaves to gain that is granted to a model which was measured: a search finds more than a quick one."""


@dataclass(frozen=True)
class Case:
    """What the rules judge: the charter, the outcomes that the data holds where they are known already, and the simulation where there is evidence for one.

    Money is per decision; `per_year` is the number of decisions a year, None where the charter does not say the volume.

    Parameters
    ----------
    is_read, is_sounded
        Whether outcomes have been read, and whether a quick look at the data has been taken, be it in vain: what is stated counts for less until then.
    is_built
        Whether a model decides already.
    always
        What acting always earns, where that is known.
    """

    charter: CharterSpec
    task: Task
    worth: Worth
    do_nothing: float | None
    perfect: float | None
    break_even: float | None
    simulation: Simulation | None = None
    is_read: bool = True
    is_sounded: bool = True
    is_built: bool = False
    always: float = -inf

    @property
    def per_year(self) -> float | None:
        """Decisions per year."""
        return None if self.charter.volume is None else self.charter.volume.per_year

    @property
    def gain_per_year(self) -> float | None:
        """What the perfect model earns in a year above the best decision for all that is known of: never to act, or always."""
        if self.per_year is None or self.perfect is None or self.do_nothing is None:
            return None
        return (self.perfect - max(self.do_nothing, self.always)) * self.per_year

    @property
    def source(self) -> str:
        """What the simulation rests on: ``stated`` as long as the data may still say otherwise."""
        return "data" if self.is_sounded else "stated"

    @property
    def doubt(self) -> str:
        """Why the simulation binds nobody; empty where it does."""
        evidence = None if self.simulation is None else self.simulation.prospect.evidence
        if evidence is not None and evidence.is_thin:
            return "the rows are too few to tell"
        return "outcomes are seen only where somebody acted, so that the data tell of those cases alone" if evidence is not None and evidence.shown < 1 else ""

    def money(self, amount: float) -> str:
        """An amount in words."""
        return f"{figure(amount)} {self.worth.currency}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found.

    Parameters
    ----------
    passed
        None where it could not be judged.
    says
        The evidence in words.
    value, limit
        What was held against what.
    is_simulated
        Whether it rests on the simulation, and not on what is at stake alone.
    """

    passed: bool | None
    says: str
    value: float | None = None
    limit: float | None = None
    is_simulated: bool = False


Rule = Callable[[Case], Finding]


def acting_can_pay(case: Case) -> Finding:
    """No-go when acting earns nothing even when it is right."""
    if case.task != "binary":
        return Finding(None, f"it is asked of a yes or no, and this is {case.task}")
    right, miss = case.worth.terms["act_right"], case.worth.terms["miss"]
    if not isinstance(right, float) or not isinstance(miss, float):
        return Finding(None, "what acting is worth depends on the row: the data tell")
    if right <= miss:
        return Finding(False, f"acting can never pay: act_right ({right:g}) is not above miss ({miss:g})", right, miss)
    return Finding(True, f"acting pays when it is right: act_right ({right:g}) is above miss ({miss:g})", right, miss)


def a_model_can_help(case: Case) -> Finding:
    """No-go when the perfect model would earn no more than doing nothing."""
    if case.perfect is None or case.do_nothing is None:
        return Finding(None, "no outcomes have been read yet")
    nothing = f"doing nothing earns {figure(case.do_nothing)}"
    if case.perfect <= case.do_nothing:
        return Finding(False, f"a perfect model would earn {figure(case.perfect)} per decision, and {nothing} already", case.perfect, case.do_nothing)
    where = " in all rows whose outcome is known" if case.is_read else ""
    return Finding(True, f"a perfect model would earn {figure(case.perfect)} per decision{where}, and {nothing}", case.perfect, case.do_nothing)


def the_target_is_in_reach(case: Case) -> Finding:
    """No-go when the target is above what a perfect model would add in a year, or as good as impossible for the model that is expected.

    It counts what is added above the best decision for all, as the review does.
    """
    gain, target = case.gain_per_year, case.charter.target
    if target is None:
        return Finding(None, "the charter has no target")
    if gain is not None and target.per_year > gain:
        said = f"the target is {target.per_year:,.0f} {case.worth.currency} a year, and a perfect model would add only {gain:,.0f}"
        return Finding(False, said, gain, target.per_year)
    chance = None if case.simulation is None else case.simulation.chance_of_adding(target.per_year)
    if chance is None:
        if gain is None:
            return Finding(None, "how much a model adds in a year is not known yet")
        said = f"the target is {target.per_year:,.0f} {case.worth.currency} a year, and a perfect model would add {gain:,.0f}"
        return Finding(True, said, gain, target.per_year)
    said = f"the model that is expected adds as much as the target, {target.per_year:,.0f} {case.worth.currency} a year, with a chance of {share(chance)}"
    return Finding(chance >= HARDLY, said if chance >= HARDLY else f"the target is out of reach: {said}", chance, HARDLY, is_simulated=True)


def the_budget_is_earned_back(case: Case) -> Finding:
    """No-go when a perfect model would not earn its build and its first year's run."""
    budget, gain = case.charter.budget, case.gain_per_year
    if gain is None or not case.charter.worth.is_priced:
        return Finding(None, "what a perfect model would add in a year is not known")
    cost = (0.0 if case.is_built else budget.build or 0.0) + (budget.run.per_year if budget.run else 0.0)
    model = None if case.simulation is None else case.simulation.accounts.get(MODEL)
    if model is not None and model.run is not None:
        # As far as people's work and machines are declared, they say more of it than the budget.
        cost = float(np.mean(model.build)) + float(np.mean(model.run))
    said = f"a perfect model would add {gain:,.0f} {case.worth.currency} a year, and the first year costs {cost:,.0f}"
    return Finding(cost <= gain, said, gain, cost)


def the_work_fits_the_budget(case: Case) -> Finding:
    """No-go when people's work alone is expected to cost more than the budget."""
    limit, effort = case.charter.budget.build, case.charter.study.effort.build
    if case.is_built:
        return Finding(None, "a model decides already: what it took to build is spent")
    if limit is None or effort is None or case.simulation is None or MODEL not in case.simulation.accounts:
        return Finding(None, "there is no budget to build, or the work that building takes is not said")
    cost = float(np.mean(case.simulation.accounts[MODEL].build))
    return Finding(cost <= limit, f"building is expected to take {case.money(cost)} of people's work, and the budget is {case.money(limit)}", cost, limit)


def it_is_likely_to_pay(case: Case) -> Finding:
    """No-go when the model is less likely to pay for itself than the charter asks."""
    simulation, wanted = case.simulation, case.charter.study.chance
    if simulation is None or MODEL not in simulation.worths:
        return Finding(None, "how good a model would be is not known yet, or how many decisions come")
    free = simulation.free
    chance = simulation.chance(MODEL, free, granted=_granted(simulation) if free != simulation.prospect.today else 0.0) or 0.0
    against = "" if free == simulation.prospect.today else f", against {simulation.prospect.evidence.says[free]}, which costs nothing,"
    said = f"the model pays for itself within {case.charter.study.years:g} years{against} with a chance of {share(chance)}, and {wanted:.0%} is asked for"
    return Finding(chance >= wanted, said, chance, wanted, is_simulated=True)


def _granted(simulation: Simulation) -> float:
    return FOUND_BESIDES if simulation.prospect.evidence.source == "data" else 0.0


def nothing_simpler_is_better(case: Case) -> Finding:
    """No-go when something that needs no model is all but surely worth more."""
    simulation = case.simulation
    simpler = None if simulation is None else simulation.simpler
    if simulation is None or simpler is None or MODEL not in simulation.worths:
        return Finding(None, "there is nothing to hold the model against")
    if simpler == simulation.prospect.today:
        return Finding(True, "nothing that is simpler is worth more than what is done today")
    granted = _granted(simulation)
    chance = simulation.chance(MODEL, simpler, granted=granted) or 0.0
    than = f"{simulation.prospect.evidence.says[simpler]}{', a tenth of what is left to gain granted for what a search may find besides,' if granted else ''}"
    said = f"the model is worth more than {than} with a chance of {share(chance)}"
    return Finding(chance >= SIMPLER, said, chance, SIMPLER, is_simulated=True)


RULES: tuple[Rule, ...] = (
    acting_can_pay,
    a_model_can_help,
    the_target_is_in_reach,
    the_budget_is_earned_back,
    the_work_fits_the_budget,
    it_is_likely_to_pay,
    nothing_simpler_is_better,
)


OF_THE_CHARTER = frozenset({acting_can_pay, the_work_fits_the_budget})
"""The rules that no look at data can turn."""


def findings(case: Case) -> Iterator[dict[str, Any]]:
    """What each rule found, as plain values."""
    for rule in RULES:
        found = rule(case)
        passed, says = found.passed, found.says
        if passed is False and found.is_simulated and case.doubt:
            passed, says = None, f"{says}; nobody is bound by it: {case.doubt}"
        rests_on = "charter" if rule in OF_THE_CHARTER else case.source if found.is_simulated else "data" if case.is_read else "stated"
        yield {"name": rule.__name__, "passed": passed, "says": says, "value": found.value, "limit": found.limit, "rests_on": rests_on}
