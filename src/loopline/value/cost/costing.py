"""What a project costs now and as its load grows, where it is cheaper, and what is left of the worth. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from loopline.charter.cost import FILLED, OWNED, RENTED, Cost, cost_of
from loopline.charter.machines import Metered
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.value.cost.breakeven import Crossing, crossings
from loopline.value.cost.profit import Profit, outlay, profit_of
from loopline.value.cost.usage import Measured
from loopline.value.realised import Realised

LOADS = (0.5, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0)
"""Times the present load for which a month is shown."""
CURVE = tuple(10.0 ** (number / 10) for number in range(-10, 31))
"""Times the present load for which a month is drawn, and on from there to beyond the first load at which the cheaper place changes."""
_SHOWN, _ABOVE, _BEYOND = 4, 1.0001, 3.0


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The analysis of what a project costs.

    Parameters
    ----------
    now
        A month at the load that was asked for.
    grown
        A month at each load of `LOADS`, and at that one, ascending.
    curve
        A month at each load of the curve, and at both sides of the first loads at which the cheaper place changes, ascending.
    crossings
        The loads at which the cheaper place changes.
    place
        Where it runs; None where that has no bill.
    unsaid
        What the price book does not say and so counts as nothing.
    warnings
        What makes the prices doubtful.
    """

    currency: str
    book: Prices
    today: date
    measured: Measured
    now: Cost
    grown: tuple[Cost, ...]
    curve: tuple[Cost, ...]
    crossings: tuple[Crossing, ...]
    place: str | None
    profit: Profit
    assumptions: tuple[str, ...]
    unsaid: tuple[str, ...]
    warnings: tuple[str, ...]


def costs_of(
    measured: Measured,
    book: Prices,
    charter: CharterSpec,
    *,
    realised: Realised | None,
    built: float | None,
    today: date,
    load: float = 1.0,
    is_supposed: bool = False,
) -> Costs:
    """What a project costs, by its measured use and a price book.

    Parameters
    ----------
    realised
        What its decisions earned; None where no outcome has come.
    built
        The machine's money until the first package decided, as the ledger has it; None where it had no price.
    load
        Times the present number of decisions.
    is_supposed
        Whether the use or the book is another than the project's own, so that they tell nothing of the months that have passed.
    """
    now = cost_of(measured.use, book, load)
    place = here(book) if here(book) in now.bills else None
    turning = crossings(measured.use, book)
    far = CURVE[-1] if not turning else max(CURVE[-1], turning[0].load * _BEYOND)
    drawn = {load, *_powers(far), *(one.load * times for one in turning[:_SHOWN] for times in (1.0, _ABOVE) if CURVE[0] <= one.load <= far)}
    before = None if is_supposed else cost_of(measured.use, book)
    spent = outlay(now, before, charter, place=here(book), built=built)
    return Costs(
        currency=charter.worth.currency if charter.worth.is_priced else book.currency or charter.worth.currency,
        book=book,
        today=today,
        measured=measured,
        now=now,
        grown=tuple(cost_of(measured.use, book, one) for one in sorted({*LOADS, load})),
        curve=tuple(cost_of(measured.use, book, one) for one in sorted(drawn) if one > 0),
        crossings=turning,
        place=place,
        profit=profit_of(realised, spent, charter, decisions=now.decisions),
        assumptions=tuple(_assumptions(book, measured)),
        unsaid=tuple(_unsaid(book)),
        warnings=tuple(_warnings(book, today)),
    )


def _powers(far: float) -> Iterator[float]:
    """The loads of the curve, on as far as to the given one."""
    yield from CURVE
    number = 31
    while (load := 10.0 ** (number / 10)) <= far:
        yield load
        number += 1


def here(book: Prices) -> str:
    """The place where the project runs."""
    return OWNED if book.is_owned else RENTED


def _assumptions(book: Prices, measured: Measured) -> Iterator[str]:
    """What the figures rest on, in words."""
    yield from measured.rests_on
    if book.machine is not None and book.cloud is not None:
        yield f"it runs {here(book)}" + (", since the price book has one and says no other place (runs: cloud)" if book.runs is None else "")
    yield f"a machine is filled to {FILLED:.0%} of its time at most, so that a busy hour finds room; at least one serves, whatever comes"
    yield "collecting and watching grow with the decisions; trainings and people's hours stay the same at any load"
    if book.machine is not None:
        yield "an own machine is paid for every hour, and trains and watches beside serving"
        if book.machine.cores is None:
            yield "the own machine does the work of one process at a time: machine.cores is not said"
    if book.cloud is not None:
        yield "rented machines serve every hour of the month, and others train and watch by the hour"
        if names := [name for name, instance in book.cloud.instances.items() if instance.cores is None]:
            yield f"{', '.join(names)} in the cloud does the work of one process at a time: its cores are not said"
        yield "all machines are as quick as this one, core by core"


def _unsaid(book: Prices) -> Iterator[str]:
    """What has no price, place by place."""
    # A machine's price all in stands for these; without power a price of electricity counts nothing.
    standing = ("purchase", "power", "rack", "upkeep") if book.machine is not None and book.machine.price is None else ()
    yield from _absent("machine", book.machine, (*standing, *Metered.model_fields))
    yield from _absent("cloud", book.cloud, Metered.model_fields)


def _absent(place: str, said: Metered | None, asked: Iterable[str]) -> Iterator[str]:
    names = [f"{place}.{name}" for name in asked if getattr(said, name) is None] if said is not None else []
    if names:
        yield f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not said, and {'counts' if len(names) == 1 else 'count'} as nothing"


def _warnings(book: Prices, today: date) -> Iterator[str]:
    if book.dated is None:
        yield "the price book has no date: write the day on which its prices were asked for, such as dated: 2026-09-01"
    elif book.is_old(today):
        yield f"the prices are of {book.dated}, more than a year ago: ask for them again, and write the new day"


def break_even_says(costs: Costs) -> str:
    """Where it is cheaper, and from which load on that changes, in words."""
    if set(costs.now.bills) != {OWNED, RENTED}:
        return "; ".join(f"{place}: {why}" for place, why in costs.now.absent.items())
    if costs.measured.use.decisions is None:
        return f"{costs.now.cheaper} is cheaper; at which load that changes cannot be told without a volume: say charter.volume or --volume '900 per day'"
    if not costs.crossings:
        return f"{costs.now.cheaper} is cheaper at any load that was looked at"
    first, last = costs.crossings[0], costs.crossings[-1]
    told = f"below {_load(costs, first)} {_other(first.cheaper)} is cheaper, above it {first.cheaper}"
    if last is not first:
        told += f"; with more machines it changes again, {len(costs.crossings)} times in all: from {_load(costs, last)} on it is {last.cheaper}"
    return told


def per_day(costs: Costs, load: float) -> float:
    """Decisions a day at a load."""
    return (costs.measured.use.decisions or 0.0) * load * 12 / 365.25


def _load(costs: Costs, crossing: Crossing) -> str:
    return f"{figure(crossing.load)} times the load now ({figure(per_day(costs, crossing.load))} decisions a day)"


def _other(place: str) -> str:
    return RENTED if place == OWNED else OWNED
