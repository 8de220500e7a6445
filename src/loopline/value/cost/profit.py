"""The return on a model: the worth that it adds minus what it costs, against the charter's budget and target. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from loopline.charter.cost import Cost
from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.value.realised import Amount, Realised

_MONTHS_PER_YEAR = 12
_DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True, kw_only=True)
class Outlay:
    """What a project costs.

    Parameters
    ----------
    run
        In a month, where it runs; None where no place has a bill.
    ran
        The same of the months that have passed; None where what is asked differs from them.
    build
        Until the first package decided; None where nobody says.
    build_says, place
        Where `build` is known from, and where it runs.
    """

    run: float | None
    ran: float | None
    build: float | None
    build_says: str
    place: str | None


def outlay(cost: Cost, before: Cost | None, charter: CharterSpec, *, place: str, built: float | None) -> Outlay:
    """What a project costs: running in the place where it runs, and building as the charter's budget says, else as the ledger measured.

    Parameters
    ----------
    cost, before
        A month as it is asked for, and one of those that have passed; None where what is asked differs from them.
    built
        The machine's money until the first package decided, as the ledger has it; None where it had no price.
    """
    run, ran = (None if one is None or place not in one.bills else one.bills[place].per_month for one in (cost, before))
    declared = charter.budget.build
    build, says = (declared, "charter.budget.build") if declared is not None else (built, "machine time alone, as the ledger measured it")
    return Outlay(run=run, ran=ran, build=build, build_says=says if build is not None else "", place=None if run is None else place)


@dataclass(frozen=True, kw_only=True)
class Profit:
    """What a model adds, what it costs, and what is left.

    Parameters
    ----------
    added, net
        Money in a month, before and after `outlay.run`; None where it is not known, which `says` explains.
    since_start
        What the outcomes that have come added, minus building and as many months of running; None where no outcome has come, or `outlay.ran` is not known.
    months
        From the first decision to the last one, of which `since_start` speaks.
    payback_months
        Months at this rate until building is earned back; None where it never is, or is not known.
    target, run_budget
        The charter's, in a month; None where it says none.
    says
        All this in words, the first of which has the number that matters.
    """

    outlay: Outlay
    added: Amount | None
    net: Amount | None
    since_start: Amount | None
    months: float | None
    payback_months: float | None
    target: float | None
    run_budget: float | None
    says: tuple[str, ...]


def profit_of(realised: Realised | None, spent: Outlay, charter: CharterSpec, *, decisions: float | None) -> Profit:
    """The return on a model per month and since the start.

    Parameters
    ----------
    realised
        What its decisions earned; None where no outcome has come.
    decisions
        All that come in a month, held out or not; None where it is not known how many.
    """
    # What is held out earns nothing, and neither does what nobody acts on where outcomes are seen only after acting.
    added = None if realised is None or decisions is None else realised.added.times(decisions * realised.earning)
    # Points are never added to money.
    run, ran = (spent.run, spent.ran) if charter.worth.is_priced else (None, None)
    net = None if added is None or run is None else _less(added, run)
    months = None if realised is None else (realised.until - realised.since).total_seconds() / 86_400 / _DAYS_PER_MONTH
    since_start = None
    if realised is not None and months is not None and ran is not None:
        since_start = _less(realised.added.times(realised.outcomes), (spent.build or 0.0) + ran * months)
    found = Profit(
        outlay=spent,
        added=added,
        net=net,
        since_start=since_start,
        months=months,
        payback_months=spent.build / net.mean if spent.build is not None and net is not None and net.mean > 0 else None,
        target=None if charter.target is None else charter.target.per_year / _MONTHS_PER_YEAR,
        run_budget=None if charter.budget.run is None else charter.budget.run.per_year / _MONTHS_PER_YEAR,
        says=(),
    )
    return replace(found, says=tuple(_words(found, realised, charter)))


def _less(amount: Amount, cost: float) -> Amount:
    return Amount(mean=amount.mean - cost, low=None if amount.low is None else amount.low - cost, high=None if amount.high is None else amount.high - cost)


def _words(found: Profit, realised: Realised | None, charter: CharterSpec) -> list[str]:
    currency = charter.worth.currency
    said = [_left(found, realised, charter)]
    if found.since_start is not None and found.months is not None and realised is not None:
        build = f"{figure(found.outlay.build)} for building ({found.outlay.build_says})" if found.outlay.build is not None else "nothing for building"
        added = f"{figure(realised.added.mean * realised.outcomes)} added by {realised.outcomes:,} decisions whose outcome is known"
        left = f"{figure(found.since_start.mean)} {currency}{_between(found.since_start)}"
        said.append(f"since the start {left}: {added}, minus {build} and {figure(found.months)} months of running")
    said += [_payback(found, currency), _target(found, currency), _run_budget(found, currency)]
    return [line for line in said if line]


def _left(found: Profit, realised: Realised | None, charter: CharterSpec) -> str:
    currency = charter.worth.currency
    if not charter.worth.is_priced:
        return "what is left is not told: the charter counts in points, and a cost in money is not taken from them; set charter.worth"
    if realised is None:
        return "what is left is not known: no outcome has come yet, so that nothing shows what the model adds"
    if found.added is None:
        return "what is left in a month is not known: nothing says how many decisions come; say charter.volume or --volume '900 per day'"
    if found.net is None or found.outlay.run is None:
        return f"it adds {figure(found.added.mean)} {currency} a month, and what it costs is not known"
    return (
        f"{figure(found.net.mean)} {currency} a month are left{_between(found.net)}: it adds {figure(found.added.mean)} and costs {figure(found.outlay.run)} "
        f"{found.outlay.place}"
    )


def _between(amount: Amount) -> str:
    return "" if amount.low is None or amount.high is None else f" ({figure(amount.low)} to {figure(amount.high)})"


def _payback(found: Profit, currency: str) -> str:
    build = found.outlay.build
    if found.net is None or build is None:
        return ""
    if found.net.mean <= 0:
        return f"building ({figure(build)} {currency}) is never earned back at this rate"
    months = found.payback_months or 0.0
    span = f"{figure(months)} months" if months >= 2 else f"{figure(months * _DAYS_PER_MONTH)} days"
    return f"building ({figure(build)} {currency}) is earned back in {span} at this rate"


def _target(found: Profit, currency: str) -> str:
    if found.target is None:
        return "the charter has no target"
    if found.added is None:
        return f"the target is {figure(found.target)} {currency} a month"
    if found.target <= 0:
        reached = "reached" if found.added.mean >= found.target else "not reached"
        return f"the target is {figure(found.target)} {currency} a month, which is {reached}; no share of it can be told"
    share = found.added.mean / found.target
    reached = f"{figure(share)} times as much" if share >= 10 else f"{share:.0%} of it"
    return f"the target is {figure(found.target)} {currency} a month, and {reached} is added"


def _run_budget(found: Profit, currency: str) -> str:
    run, limit = found.outlay.run, found.run_budget
    if limit is None:
        return "the charter has no budget to run (charter.budget.run)"
    if run is None:
        return f"the budget to run is {figure(limit)} {currency} a month"
    word = "within" if run <= limit else "above"
    return f"running costs {figure(run)} {currency} a month, {word} the budget of {figure(limit)}"
