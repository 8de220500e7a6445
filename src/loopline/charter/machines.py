"""What an own machine, and one in the cloud, cost: the two long forms of a price book."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from loopline.charter.quantities import Cores, Gigabytes, Money, Paced, PerGigabyte, PerGigabyteMonth, PerKilowattHour, PerMillion, PerWorkHour, Watts
from loopline.declaration import Spec

HOURS_PER_MONTH = 730.5
_MONTHS_PER_YEAR = 12


def per_month(rate: Paced | None) -> float:
    """So much in a month; nothing where nothing is said."""
    return 0.0 if rate is None else rate.per_year / _MONTHS_PER_YEAR


def is_one(said: object) -> bool:
    """Whether something is said in one word or number: the short form of what has parts."""
    return isinstance(said, str | int | float)


class Work(Spec):
    """People who look after a place: so many hours, at so much for an hour."""

    hours: Paced
    rate: PerWorkHour

    @property
    def per_month(self) -> float:
        """Money in a month."""
        return per_month(self.hours) * self.rate


class Metered(Spec):
    """What a place asks for by the amount, and for the people who look after it.

    Parameters
    ----------
    storage
        For a GB that lies there a month.
    requests
        For a million of reads and writes of the storage.
    egress
        For a GB that leaves to callers.
    """

    storage: PerGigabyteMonth | None = None
    requests: PerMillion | None = None
    egress: PerGigabyte | None = None
    people: Work | None = None


class Power(Spec):
    """What a machine draws when it has nothing to do, and when all of it is busy; in between it is a straight line."""

    idle: Watts
    busy: Watts

    @model_validator(mode="before")
    @classmethod
    def _always_the_same(cls, said: Any) -> Any:
        return {"idle": said, "busy": said} if is_one(said) else said

    @model_validator(mode="after")
    def _right_way_up(self) -> Power:
        if self.idle > self.busy:
            raise ValueError(f"idle ({self.idle:g} W) is above busy ({self.busy:g} W); write the lower one as idle")
        return self


class Machine(Metered):
    """An own machine: paid for every hour, whether it works or not. What is said adds up.

    Parameters
    ----------
    price
        All in, such as ``0.10 per hour``: the short form, ``machine: 0.10 per hour``, says this alone.
    purchase, years, residual
        Money when it is bought, the years over which it is written off in equal parts, and what it is then still worth.
    cores, memory
        How much it holds; a machine whose cores are not said does the work of one process at a time.
    power, electricity
        What it draws, and the price of a kWh.
    rack, upkeep
        Its place in a room, and its service contract and spare parts.
    """

    price: Paced | None = None
    purchase: Money | None = None
    years: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    residual: Money = 0.0
    cores: Cores | None = None
    memory: Gigabytes | None = None
    power: Power | None = None
    electricity: PerKilowattHour | None = None
    rack: Paced | None = None
    upkeep: Paced | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, said: Any) -> Any:
        return {"price": said} if is_one(said) else said

    @model_validator(mode="after")
    def _whole(self) -> Machine:
        if self.price is None and self.purchase is None and self.rack is None:
            raise ValueError("nothing says what the machine costs; write purchase and years, or price: 0.10 per hour")
        if self.purchase is not None and self.years is None:
            raise ValueError("purchase is said, but not over how many years it is written off; write years: 4")
        if self.residual > (self.purchase or 0.0):
            raise ValueError(f"residual ({self.residual:g}) is above purchase ({self.purchase or 0.0:g}); write what the machine is worth after its years")
        if self.power is not None and self.electricity is None:
            raise ValueError("power is said, but no price of a kWh; write electricity: 0.28 per kWh")
        return self

    @property
    def depreciation(self) -> float:
        """Money that a month takes off its value."""
        return 0.0 if self.purchase is None or self.years is None else (self.purchase - self.residual) / (self.years * _MONTHS_PER_YEAR)

    def power_cost(self, machines: int, busy_cores: float) -> float:
        """Money for a month's electricity of so many machines, on which so many cores are busy on average."""
        if self.power is None or self.electricity is None:
            return 0.0
        drawn = machines * self.power.idle + (self.power.busy - self.power.idle) * busy_cores / (self.cores or 1.0)
        return drawn / 1000 * HOURS_PER_MONTH * self.electricity

    @property
    def per_hour(self) -> float:
        """Money for an hour in which it works, all in."""
        whole = sum((self.depreciation, per_month(self.price), per_month(self.rack), per_month(self.upkeep), self.people.per_month if self.people else 0.0))
        return (whole + self.power_cost(1, self.cores or 1.0)) / HOURS_PER_MONTH


class Instance(Spec):
    """A kind of rented machine; one whose cores are not said does the work of one process at a time."""

    price: Paced
    cores: Cores | None = None
    memory: Gigabytes | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, said: Any) -> Any:
        return {"price": said} if is_one(said) else said

    @property
    def per_hour(self) -> float:
        """Money for an hour."""
        return per_month(self.price) / HOURS_PER_MONTH


class Cloud(Metered):
    """Rented machines, paid for while they run; the short form, ``cloud: 0.25 per hour``, says one kind alone."""

    instances: dict[str, Instance] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, said: Any) -> Any:
        return {"instances": {"machine": said}} if is_one(said) else said

    @property
    def per_hour(self) -> float:
        """Money for an hour of the dearest kind: which one works is not known beforehand, and a budget must not be overrun unseen."""
        return max(instance.per_hour for instance in self.instances.values())
