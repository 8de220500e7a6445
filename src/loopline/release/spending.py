"""Gates on money: what making a package cost, and where it is cheaper to run. Pure."""

from __future__ import annotations

import numpy as np

from loopline.charter.cost import Labour, Use, cost_of
from loopline.charter.machines import HOURS_PER_MONTH
from loopline.declaration import figure
from loopline.release.evidence import Evidence, Spent, Verdict, not_asked, unknown

_MONTHS_PER_YEAR = 12
_UNSEEN = 1e-3


def budget(evidence: Evidence) -> Verdict:
    """Passes when making the package, search and all, cost no more than is declared: by the release, or else as the charter's budget to build."""
    limits, spent = evidence.limits.gates, evidence.spent
    limit = spent.build if limits.budget is None else limits.budget
    cost = _cost(spent)
    if limit is None:
        told = "" if cost is None else f"; making it cost {figure(cost)} {evidence.currency}"
        return not_asked("budget", f"neither release.gates.budget nor charter.budget.build says an amount{told}", value=cost)
    asked = f"making it costs at most {figure(limit)} {evidence.currency}"
    if cost is None or spent.step_s is None or spent.book.machine_per_hour is None:
        why = "charter.prices says no price of this machine" if spent.book.machine_per_hour is None else "nobody measured how long it took to make"
        # The charter's budget is also for people: only a limit on this cost itself must be shown to hold.
        return not_asked("budget", why) if limits.budget is None else unknown("budget", asked, why)
    search = "" if spent.search_s is None else f", {figure(spent.search_s / 60)} of them for the search"
    price = f"{figure(spent.book.machine_per_hour)} {evidence.currency} an hour"
    says = f"it cost {figure(cost)} {evidence.currency}: {figure(spent.step_s / 60)} minutes{search}, at {price}"
    return Verdict(name="budget", passed=cost <= limit, asked=asked, value=cost, threshold=limit, says=says)


def _cost(spent: Spent) -> float | None:
    return None if spent.step_s is None or spent.book.machine_per_hour is None else spent.step_s / 3600 * spent.book.machine_per_hour


def where_to_run(evidence: Evidence) -> Verdict:
    """Passes when a month of serving and training again costs no more than is declared, where it is cheaper: on own machines or in the cloud."""
    limits, spent = evidence.limits.gates.where_to_run, evidence.spent
    per_year = spent.run_per_year if limits.budget is None else limits.budget.per_year
    limit = None if per_year is None else per_year / _MONTHS_PER_YEAR
    asked = "" if limit is None else f"running it costs at most {figure(limit)} {evidence.currency} per month"
    costs = monthly(spent, busy_share=busy_share(evidence), retrainings=limits.retrainings.per_year / _MONTHS_PER_YEAR)
    if not costs:
        why = "charter.prices says no price of a machine or of the cloud"
        return not_asked("where_to_run", why) if limits.budget is None else unknown("where_to_run", asked, why)
    place = min(costs, key=lambda name: costs[name])
    value, says = costs[place], _told(costs, evidence)
    if limit is None:
        return not_asked("where_to_run", f"no budget is declared; {says}", value=value)
    return Verdict(name="where_to_run", passed=value <= limit, asked=asked, value=value, threshold=limit, says=says)


def busy_share(evidence: Evidence) -> float:
    """The share of its time that one process is busy with answering, by the time of single rows and the charter's volume; 0 where it says none."""
    per_second = (evidence.spent.decisions_per_year or 0.0) / (HOURS_PER_MONTH * _MONTHS_PER_YEAR * 3600)
    return float(per_second * np.mean(evidence.latency_ms) / 1000)


def monthly(spent: Spent, *, busy_share: float, retrainings: float) -> dict[str, float]:
    """The money of a month by place, where its price is known: ``on own machines`` and ``in the cloud``.

    Parameters
    ----------
    busy_share
        Processes that are always busy with answering, such as 0.01.
    retrainings
        How many times in a month the package is made anew.
    """
    use = Use(
        decisions=(spent.decisions_per_year or 0.0) / _MONTHS_PER_YEAR,
        idle=Labour(cpu_s=busy_share * HOURS_PER_MONTH * 3600),
        training=Labour(seconds=spent.step_s or 0.0, cpu_s=spent.step_s or 0.0),
        trainings=retrainings,
    )
    return {place: bill.per_month for place, bill in cost_of(use, spent.book).bills.items()}


def _told(costs: dict[str, float], evidence: Evidence) -> str:
    spent, currency = evidence.spent, evidence.currency
    each = ", ".join(f"{name} {figure(cost)} {currency}" for name, cost in costs.items())
    (cheap, least), (_, most) = min(costs.items(), key=lambda one: one[1]), max(costs.items(), key=lambda one: one[1])
    verdict = "the other has no price" if len(costs) == 1 else "both cost the same" if least == most else f"{cheap} is cheaper by {figure(most - least)}"
    busy = None if spent.decisions_per_year is None else busy_share(evidence)
    part = "under a thousandth" if busy is not None and busy < _UNSEEN else figure(busy or 0.0)
    load = "no volume is declared" if busy is None else f"answering keeps {part} of a process busy"
    training = "how long a training takes is not known" if spent.step_s is None else f"a training takes {figure(spent.step_s / 60)} minutes"
    return f"a month costs {each}; {verdict} ({load}, {training})"
