"""What a month costs, on own machines and in the cloud: measured use times the price book. Pure.

An own machine is paid for every hour of the month, and trains and watches beside serving. Rented machines serve every hour of the month, and others work by
the hour for training and watching. A machine is filled to a half at most, so that a busy hour finds room.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from loopline.charter.machines import HOURS_PER_MONTH, Cloud, Instance, Machine, Metered, per_month
from loopline.charter.prices import Prices
from loopline.declaration import figure

FILLED = 0.5
"""The share of its time that a machine is busy at most."""
OWNED, RENTED = "on own machines", "in the cloud"

_MONTH_S = HOURS_PER_MONTH * 3600
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True)
class Labour:
    """What some work of a machine takes.

    Parameters
    ----------
    seconds, cpu_s
        That pass on a machine like this one, and of processors.
    calls
        Reads and writes of the storage.
    """

    seconds: float = 0.0
    cpu_s: float = 0.0
    calls: float = 0.0

    def times(self, number: float) -> Labour:
        """So many times the work."""
        return Labour(self.seconds * number, self.cpu_s * number, self.calls * number)

    def __add__(self, other: Labour) -> Labour:
        return Labour(self.seconds + other.seconds, self.cpu_s + other.cpu_s, self.calls + other.calls)

    def hours_on(self, cores: float) -> float:
        """Hours on a machine with so many cores: fewer cores than it keeps busy make it longer."""
        return max(self.seconds, self.cpu_s / cores) / 3600


NOTHING = Labour()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a project takes at its present load; what nobody has measured is nothing here, and is told where it is measured.

    Parameters
    ----------
    decisions
        In a month; None where it is not known how many come.
    answer, follow
        The work on one decision: answering it, and collecting, watching and reviewing it afterwards.
    idle, turning
        The same two in a month in which nothing comes.
    training, trainings
        The work of one training, from the data to the gates, and how many there are in a month.
    serving_bytes, working_bytes
        The most memory that the server, and any other work, has held; None where it is not known.
    kept_bytes
        What is stored already, the prediction log too: nothing of it is ever deleted.
    logged_bytes, sent_bytes
        What one decision adds to the prediction log, and what its answer sends to its caller.
    """

    decisions: float | None = None
    answer: Labour = NOTHING
    follow: Labour = NOTHING
    idle: Labour = NOTHING
    turning: Labour = NOTHING
    training: Labour = NOTHING
    trainings: float = 0.0
    serving_bytes: float | None = None
    working_bytes: float | None = None
    kept_bytes: float = 0.0
    logged_bytes: float = 0.0
    sent_bytes: float = 0.0

    def served(self, load: float) -> Labour:
        """A month's work of the server."""
        return self.idle + self.answer.times((self.decisions or 0.0) * load)

    def followed(self, load: float) -> Labour:
        """A month's work after the answers."""
        return self.turning + self.follow.times((self.decisions or 0.0) * load)

    def stored_bytes(self, load: float) -> float:
        """What is stored when the month ends."""
        return self.kept_bytes + self.added_bytes(load)

    def added_bytes(self, load: float) -> float:
        """What each month adds to the prediction log."""
        return self.logged_bytes * (self.decisions or 0.0) * load

    @property
    def trained(self) -> Labour:
        """A month's trainings: the same at any load."""
        return self.training.times(self.trainings)


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a bill: money per month, and what it is made of."""

    name: str
    per_month: float
    says: str


@dataclass(frozen=True, slots=True)
class Bill:
    """What a month costs in one place.

    Parameters
    ----------
    machines, kind
        So many that serve, and what they are.
    """

    place: str
    machines: int
    kind: str
    items: tuple[Item, ...]

    @property
    def per_month(self) -> float:
        """All items together."""
        return math.fsum(item.per_month for item in self.items)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a month costs at a load.

    Parameters
    ----------
    load
        Times the present number of decisions.
    decisions
        In a month at this load; None where it is not known how many come.
    bills
        By place, where it has a price and is large enough.
    absent
        Why another place has none, and what to do about it.
    """

    load: float
    decisions: float | None
    bills: dict[str, Bill]
    absent: dict[str, str] = field(default_factory=dict)

    def per_thousand(self, place: str) -> float | None:
        """Money per 1,000 decisions; None where there are none."""
        return self.bills[place].per_month / self.decisions * 1000 if self.decisions and place in self.bills else None

    @property
    def cheaper(self) -> str | None:
        """The place whose bill is lower, an own machine where both are the same; None without a bill."""
        return min(self.bills, key=lambda place: self.bills[place].per_month, default=None)


def cost_of(use: Use, book: Prices, load: float = 1.0) -> Cost:
    """What a month costs at so many times the present load, on own machines and in the cloud."""
    bills: dict[str, Bill] = {}
    absent: dict[str, str] = {}
    for place, made in ((OWNED, _owned(use, book, load)), (RENTED, _rented(use, book, load))):
        if isinstance(made, Bill):
            bills[place] = made
        else:
            absent[place] = made
    return Cost(load, None if use.decisions is None else use.decisions * load, bills, absent)


def machines_for(busy_cores: float, cores: float) -> int:
    """How many machines hold so many busy cores, none filled above `FILLED`; one at least."""
    return max(1, math.ceil(busy_cores / (cores * FILLED) - _ROUNDING))


def _owned(use: Use, book: Prices, load: float) -> Bill | str:
    machine = book.machine
    if machine is None:
        return "the price book has no own machine; write machine: 0.10 per hour"
    needed = (use.serving_bytes or 0.0) + (use.working_bytes or 0.0)
    if machine.memory is not None and needed > machine.memory * 1e9:
        return f"serving and training held up to {figure(needed / 1e9)} GB, and the machine has {machine.memory:g}; price a larger one"
    cores = machine.cores or 1.0
    work = use.served(load) + use.followed(load) + use.trained
    busy = work.cpu_s / _MONTH_S
    number = machines_for(busy, cores)
    kind = f"{cores:g} core{'' if cores == 1 else 's'}"
    return Bill(OWNED, number, kind, (*_standing(machine, number, busy), *_metered(machine, use, work, load), *_other(book, use, load)))


def _standing(machine: Machine, number: int, busy_cores: float) -> Iterator[Item]:
    """What machines cost by standing there."""
    times = f"{number} x " if number > 1 else ""
    if machine.price is not None:
        yield Item("machine", number * per_month(machine.price), f"{times}{machine.price}")
    if machine.purchase is not None:
        says = f"{times}({figure(machine.purchase)} - {figure(machine.residual)}) over {machine.years:g} years"
        yield Item("depreciation", number * machine.depreciation, says)
    if machine.power is not None:
        share = busy_cores / (number * (machine.cores or 1.0))
        says = f"{times}{machine.power.idle:g} to {machine.power.busy:g} W, {share:.1%} busy, at {machine.electricity:g} per kWh"
        yield Item("electricity", machine.power_cost(number, busy_cores), says)
    for name, rate in (("rack", machine.rack), ("upkeep", machine.upkeep)):
        if rate is not None:
            yield Item(name, number * per_month(rate), f"{times}{rate}")


def _rented(use: Use, book: Prices, load: float) -> Bill | str:
    cloud = book.cloud
    if cloud is None:
        return "the price book has no cloud; write cloud: 0.25 per hour"
    serving, working = (_large_enough(cloud, held) for held in (use.serving_bytes, use.working_bytes))
    if not serving or not working:
        most = max(use.serving_bytes or 0.0, use.working_bytes or 0.0)
        return f"up to {figure(most / 1e9)} GB were held, and no instance has so much memory; price a larger one"
    served = use.served(load)
    busy = served.cpu_s / _MONTH_S
    (kind, chosen), number = min(
        ((one, machines_for(busy, one[1].cores or 1.0)) for one in serving.items()), key=lambda pair: (pair[1] * pair[0][1].per_hour, pair[1], pair[0][0])
    )
    times = f"{number} x " if number > 1 else ""
    items = [Item("serving", number * HOURS_PER_MONTH * chosen.per_hour, f"{times}{kind} at {figure(chosen.per_hour)} per hour, every hour")]
    items += _by_the_hour("training", use.trained, working)
    items += _by_the_hour("watching", use.followed(load), working)
    work = served + use.followed(load) + use.trained
    return Bill(RENTED, number, kind, (*items, *_metered(cloud, use, work, load), *_other(book, use, load)))


def _large_enough(cloud: Cloud, held: float | None) -> dict[str, Instance]:
    return {name: one for name, one in cloud.instances.items() if held is None or one.memory is None or held <= one.memory * 1e9}


def _by_the_hour(name: str, work: Labour, instances: dict[str, Instance]) -> Iterator[Item]:
    if not work.seconds and not work.cpu_s:
        return
    costs = {kind: work.hours_on(one.cores or 1.0) * one.per_hour for kind, one in instances.items()}
    kind = min(costs, key=lambda one: (costs[one], one))
    hours = work.hours_on(instances[kind].cores or 1.0)
    yield Item(name, costs[kind], f"{figure(hours)} hours of {kind} at {figure(instances[kind].per_hour)} per hour")


def _metered(place: Metered, use: Use, work: Labour, load: float) -> Iterator[Item]:
    """What is paid for by the amount, and the people."""
    if place.storage is not None:
        stored, added = use.stored_bytes(load) / 1e9, use.added_bytes(load) / 1e9
        grows = f", and {figure(added)} GB more each month" if added else ""
        yield Item("storage", stored * place.storage, f"{figure(stored)} GB at {place.storage:g} per GB-month{grows}")
    if place.requests is not None:
        yield Item("requests", work.calls / 1e6 * place.requests, f"{figure(work.calls)} reads and writes at {place.requests:g} per million")
    if place.egress is not None:
        sent = use.sent_bytes * (use.decisions or 0.0) * load / 1e9
        yield Item("egress", sent * place.egress, f"{figure(sent)} GB at {place.egress:g} per GB")
    if place.people is not None:
        hours = f"{place.people.hours.amount:g} hour{'' if place.people.hours.amount == 1 else 's'} per {place.people.hours.period}"
        yield Item("people", place.people.per_month, f"{hours} at {place.people.rate:g} per hour")


def _other(book: Prices, use: Use, load: float) -> Iterator[Item]:
    for name, fee in book.other.items():
        each = 0.0 if fee.each is None else fee.each * (use.decisions or 0.0) * load
        says = str(fee.time) if fee.each is None else f"{fee.each:g} per decision"
        yield Item(name, fee.per_month + each, says)
