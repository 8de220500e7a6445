"""The price book: what the loop uses costs so much, from the dated file that the charter names."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from loopline.charter.machines import Cloud, Machine, is_one, per_month
from loopline.charter.quantities import Paced, PerDecision
from loopline.charter.ranges import PricePerHour
from loopline.charter.spec import CharterSpec
from loopline.declaration import Spec
from loopline.errors import Mistake
from loopline.ledger.entry import now

OLD = timedelta(days=366)
"""A book that is older is used, and warned of."""
_EASTERNMOST = timedelta(hours=14)
_REMEDY = "write a file with, for instance, machine: 0.10 per hour"


class Fee(Spec):
    """A price of the user's own: so much in a time, or for each decision."""

    time: Paced | None = None
    each: PerDecision | None = None

    @model_validator(mode="before")
    @classmethod
    def _either(cls, said: Any) -> Any:
        return {"each" if "decision" in str(said) else "time": said} if is_one(said) else said

    @model_validator(mode="after")
    def _says_something(self) -> Fee:
        if self.time is None and self.each is None:
            raise ValueError("nothing says how much; write 40 per month, or 0.02 per decision")
        return self

    @property
    def per_month(self) -> float:
        """Money in a month, whatever comes."""
        return per_month(self.time)


class Prices(Spec):
    """What things cost, in the charter's currency; what is not said is counted as nothing.

    Parameters
    ----------
    dated
        The day on which these prices were asked for.
    sources
        Where they come from, in words.
    people
        An hour of the work of whoever builds and keeps it, such as ``60 per hour`` or ``55..70 per hour``.
    machine
        An own machine, paid for whether it works or not.
    cloud
        Rented machines, paid for while they run.
    runs
        Where the project runs, where both are said: ``machine`` by default.
    other
        The user's own prices by name, such as ``licences: 40 per month`` or ``look-ups: 0.02 per decision``; paid wherever it runs.
    """

    dated: date | None = None
    currency: str | None = None
    sources: tuple[str, ...] = ()
    people: PricePerHour | None = None
    machine: Machine | None = Field(default=None)
    cloud: Cloud | None = Field(default=None)
    runs: Literal["machine", "cloud"] | None = None
    other: dict[str, Fee] = {}

    @model_validator(mode="after")
    def _runs_where_it_has_a_price(self) -> Prices:
        if self.runs is not None and getattr(self, self.runs) is None:
            raise ValueError(f"it runs on {self.runs}, which has no price; say {self.runs}: 0.10 per hour, or another place")
        return self

    @property
    def is_owned(self) -> bool:
        """Whether the project runs on an own machine: where it says so, or that has a price and nothing else is said."""
        return self.machine is not None and self.runs != "cloud"

    @property
    def machine_per_hour(self) -> float | None:
        """Money that an hour of an own machine costs, all in."""
        return None if self.machine is None else self.machine.per_hour

    @property
    def cloud_per_hour(self) -> float | None:
        """Money that an hour of a rented machine costs."""
        return None if self.cloud is None else self.cloud.per_hour

    @property
    def working_per_hour(self) -> float | None:
        """Money that an hour of the machine that works costs."""
        return self.machine_per_hour if self.is_owned else self.cloud_per_hour

    def is_old(self, today: date) -> bool:
        """Whether the prices were asked for more than a year ago."""
        return self.dated is not None and today - self.dated > OLD


def load(name: str, folder: Path, *, today: date | None = None, where: str = "") -> Prices:
    """The prices in a file, relative to the declaration's folder.

    Parameters
    ----------
    today
        The day after which no book can be dated; by default the latest that it is anywhere now.
    where
        Who names the file; the charter by default.

    Raises
    ------
    Mistake
        When there is no such file, it is not understood, or it is dated in the future.
    """
    where = where or f"charter.prices: {name}"
    try:
        said = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise Mistake("the file is not UTF-8 text", where=where, remedy=_REMEDY) from None
    except OSError:
        raise Mistake(f"there is no file {name}", where=where, remedy=_REMEDY) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Mistake(f"the file is no YAML ({str(error).splitlines()[0]})", where=where, remedy=_REMEDY) from None
    for place in ("machine", "cloud"):
        if isinstance(said, dict) and place in said and said[place] is None:
            raise Mistake(f"{place} has no value", where=where, remedy=f"write such as {place}: 0.10 per hour, or leave the line out")
    try:
        book = Prices.model_validate(said or {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Mistake(f"{field}: {first['msg'].removeprefix('Value error, ')}", where=where, remedy=_REMEDY) from None
    if book.dated is not None and book.dated > (today or (now() + _EASTERNMOST).date()):
        raise Mistake(f"the prices are dated {book.dated}, which is yet to come", where=where, remedy="write the day on which they were asked for")
    return book


def of_charter(charter: CharterSpec, folder: Path, *, today: date | None = None) -> Prices | None:
    """The prices that a charter names, in its currency; None where it names none.

    Parameters
    ----------
    folder
        The folder in which they lie.

    Raises
    ------
    Mistake
        As `load`; and when they are in another currency than the charter's money.
    """
    if charter.prices is None:
        return None
    book = load(charter.prices, folder, today=today)
    require_currency(book, charter, where=f"charter.prices: {charter.prices}")
    return book


def require_currency(book: Prices, charter: CharterSpec, *, where: str) -> None:
    """Check that the prices are in the charter's currency, as far as both say one.

    Raises
    ------
    Mistake
        When they are not.
    """
    if book.currency in (None, charter.worth.currency) or not charter.worth.is_priced:
        return
    remedy = f"write the prices in {charter.worth.currency}, or set charter.worth.currency"
    raise Mistake(f"the prices are in {book.currency}, and the charter counts in {charter.worth.currency}", where=where, remedy=remedy)
