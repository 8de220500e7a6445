"""Prices of what the loop uses, from the file that the charter names."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from loopline.declaration import Rate, RateText, Spec
from loopline.errors import Mistake

_HOURS_PER_YEAR = 8766.0


class Prices(Spec):
    """What things cost, in the charter's currency; what is not said is not counted.

    Parameters
    ----------
    machine
        An own machine like this one, such as ``0.10 per hour``, paid for whether it works or not.
    cloud
        A rented machine like this one, such as ``0.25 per hour``, paid for while it runs.
    """

    machine: RateText | None = Field(default=None)
    cloud: RateText | None = Field(default=None)

    @property
    def machine_per_hour(self) -> float | None:
        """Money that an hour of an own machine costs."""
        return _per_hour(self.machine)

    @property
    def cloud_per_hour(self) -> float | None:
        """Money that an hour of a rented machine costs."""
        return _per_hour(self.cloud)

    @property
    def working_per_hour(self) -> float | None:
        """Money that an hour of the machine that works costs: an own one, or a rented one where only its price is said."""
        return self.cloud_per_hour if self.machine is None else self.machine_per_hour


def _per_hour(price: Rate | None) -> float | None:
    return None if price is None else price.per_year / _HOURS_PER_YEAR


def load(name: str, folder: Path) -> Prices:
    """The prices in a file, relative to the declaration's folder.

    Raises
    ------
    Mistake
        When there is no such file, or it is not understood.
    """
    where = f"charter.prices: {name}"
    remedy = "write a file with, for instance, machine: 0.10 per hour"
    try:
        said = yaml.safe_load((folder / name).read_text())
    except OSError:
        raise Mistake(f"there is no file {name}", where=where, remedy=remedy) from None
    except yaml.YAMLError as error:
        raise Mistake(f"the file is no YAML ({str(error).splitlines()[0]})", where=where, remedy=remedy) from None
    try:
        return Prices.model_validate(said or {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise Mistake(f"{field}: {first['msg'].removeprefix('Value error, ')}", where=where, remedy=remedy) from None
