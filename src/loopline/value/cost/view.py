"""The analysis of what a project costs as plain values: what the ledger keeps, the command prints and a page shows."""

from __future__ import annotations

from typing import Any

from loopline.charter.cost import Bill, Cost, Use
from loopline.declaration import figure
from loopline.value.cost.costing import Costs, break_even_says, per_day
from loopline.value.cost.profit import Profit
from loopline.value.realised import Amount


def view_of(costs: Costs) -> dict[str, Any]:
    """The analysis as plain values; money is per month in `currency`, and what is not known is None.

    ``now`` and each of ``loads`` have ``bills`` by place, ``break_even`` the loads at which the cheaper place changes, ``curve`` what
    `loopline.value.cost.picture` draws, ``profit`` what is left of the worth.
    """
    return {
        "says": says(costs),
        "currency": costs.currency,
        "place": costs.place,
        "cheaper": costs.now.cheaper,
        "book": {
            "dated": None if costs.book.dated is None else costs.book.dated.isoformat(),
            "age_days": None if costs.book.dated is None else (costs.today - costs.book.dated).days,
            "is_old": costs.book.is_old(costs.today),
            "sources": list(costs.book.sources),
        },
        "use": _use(costs.measured.use),
        "now": _cost(costs.now, with_items=True),
        "loads": [_cost(one) for one in costs.grown],
        "curve": {
            "load": [one.load for one in costs.curve],
            "bills": {place: [round(one.bills[place].per_month, 4) if place in one.bills else None for one in costs.curve] for place in costs.now.bills},
        },
        "break_even": [
            {"load": one.load, "decisions_per_day": per_day(costs, one.load), "cheaper": one.cheaper, "per_month": one.per_month, "meets": one.meets}
            for one in costs.crossings
        ],
        "break_even_says": break_even_says(costs),
        "profit": _profit(costs.profit),
        "assumptions": list(costs.assumptions),
        "unsaid": list(costs.unsaid),
        "unmeasured": list(costs.measured.unmeasured),
        "warnings": list(costs.warnings),
    }


def says(costs: Costs) -> str:
    """The cost of a month in one line."""
    bills = costs.now.bills
    if not bills:
        return "no place has a bill: " + "; ".join(costs.now.absent.values())
    each = [f"{figure(bill.per_month)} {costs.currency} {place}{_thousand(costs.now, place)}" for place, bill in bills.items()]
    amounts = sorted(bill.per_month for bill in bills.values())
    return f"a month costs {', '.join(each)}" + (f"; {costs.now.cheaper} is cheaper by {figure(amounts[1] - amounts[0])}" if len(bills) > 1 else "")


def _thousand(cost: Cost, place: str) -> str:
    each = cost.per_thousand(place)
    return "" if each is None else f" ({figure(each)} per 1,000 decisions)"


def _cost(cost: Cost, *, with_items: bool = False) -> dict[str, Any]:
    return {
        "load": cost.load,
        "decisions": cost.decisions,
        "cheaper": cost.cheaper,
        "bills": {place: _bill(cost, bill, with_items) for place, bill in cost.bills.items()},
        **({"absent": dict(cost.absent)} if with_items else {}),
    }


def _bill(cost: Cost, bill: Bill, with_items: bool) -> dict[str, Any]:
    whole = {"per_month": bill.per_month, "per_thousand": cost.per_thousand(bill.place), "machines": bill.machines, "kind": bill.kind}
    items = [{"name": item.name, "per_month": item.per_month, "says": item.says} for item in bill.items]
    return {**whole, "items": items} if with_items else whole


def _use(use: Use) -> dict[str, Any]:
    """What is used in a month at the present load."""
    served, followed, trained = use.served(1.0), use.followed(1.0), use.trained
    whole = served + followed + trained
    return {
        "decisions": use.decisions,
        "cpu_s": {"serving": served.cpu_s, "following": followed.cpu_s, "training": trained.cpu_s},
        "cpu_ms_per_decision": {"serving": use.answer.cpu_s * 1e3, "following": use.follow.cpu_s * 1e3},
        "trainings": use.trainings,
        "training_s": use.training.seconds,
        "serving_bytes": use.serving_bytes,
        "working_bytes": use.working_bytes,
        "stored_bytes": use.stored_bytes(1.0),
        "logged_bytes_per_decision": use.logged_bytes,
        "calls": whole.calls,
        "sent_bytes": use.sent_bytes * (use.decisions or 0.0),
    }


def _profit(profit: Profit) -> dict[str, Any]:
    return {
        "says": list(profit.says),
        "run": profit.outlay.run,
        "build": profit.outlay.build,
        "build_says": profit.outlay.build_says,
        "added": _amount(profit.added),
        "net": _amount(profit.net),
        "since_start": _amount(profit.since_start),
        "months": profit.months,
        "payback_months": profit.payback_months,
        "target": profit.target,
        "run_budget": profit.run_budget,
    }


def _amount(amount: Amount | None) -> dict[str, float | None] | None:
    return None if amount is None else {"mean": amount.mean, "low": amount.low, "high": amount.high}
