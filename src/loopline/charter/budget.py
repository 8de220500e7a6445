"""What the loop may spend, what it has spent of that, and what a piece of work costs.

`charter.budget.build` holds all that is spent until the first package decides, `charter.budget.run` what is spent in each month after that. Where one is
spent, no step of `HELD` begins: what collects, watches and judges costs next to nothing, and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopline.charter.prices import of_charter
from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.errors import CheckFailed
from loopline.ledger.entry import digest
from loopline.ledger.spend import Span, Spend, total
from loopline.ledger.state import State

HELD = ("data", "model", "release")
"""The stages that do not begin a step when the budget is spent."""
OVERRIDE = "budget"
"""The subject of the entry with which a person lets the loop go on all the same."""

_MONTHS_PER_YEAR = 12


@dataclass(frozen=True, slots=True)
class Bound:
    """A budget, and what has been spent of it.

    Parameters
    ----------
    name
        Its place in the declaration.
    month
        The month that it is for; None where it is for all that comes before the first package decides.
    is_over
        Whether that time has passed.
    """

    name: str
    month: str | None
    spent: float
    limit: float
    currency: str
    is_over: bool = False

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.spent >= self.limit

    @property
    def key(self) -> str:
        """What an exception binds to: this budget, this amount and this month."""
        return digest([self.name, self.month, self.limit])

    @property
    def says(self) -> str:
        """What was spent of how much, and for what time, in words."""
        span = f"until the first package {'decided' if self.is_over else 'decides'}" if self.month is None else f"in {self.month}"
        return f"{figure(self.spent)} of {figure(self.limit)} {self.currency} {'were' if self.is_over else 'are'} spent {span}"

    def failure(self) -> CheckFailed:
        """What stops a run, and what can be done."""
        wait = "" if self.month is None else f"wait until {self.month} ends (UTC), "
        remedy = f"raise {self.name}, {wait}or go on by name: loopline charter override --budget --by NAME --why REASON"
        return CheckFailed(f"the budget is spent: {self.says}", where=self.name, remedy=remedy)


def month_of(moment: datetime) -> str:
    """The month of a moment, in UTC, such as ``2026-11``."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def build_bound(charter: CharterSpec, spans: Mapping[Span, Spend]) -> Bound | None:
    """The budget to build; None where none is declared."""
    limit, currency = charter.budget.build, charter.worth.currency
    if limit is None:
        return None
    spent = total(spend for span, spend in spans.items() if span.phase == "build")
    return Bound("charter.budget.build", None, spent.money.get(currency, 0.0), limit, currency)


def run_bound(charter: CharterSpec, spans: Mapping[Span, Spend], month: str) -> Bound | None:
    """A month's budget to run; None where none is declared."""
    rate, currency = charter.budget.run, charter.worth.currency
    if rate is None:
        return None
    spent = total(spend for span, spend in spans.items() if span.phase == "run" and span.month == month)
    return Bound("charter.budget.run", month, spent.money.get(currency, 0.0), rate.per_year / _MONTHS_PER_YEAR, currency)


class Budget:
    """The budget of a project, and the price of what works.

    Parameters
    ----------
    charter, folder
        The charter, and the folder in which its prices lie.

    Raises
    ------
    Mistake
        When the file of prices is not there, or not understood.
    """

    def __init__(self, charter: CharterSpec, folder: Path) -> None:
        self._charter = charter
        book = of_charter(charter, folder)
        self.per_hour = None if book is None else book.working_per_hour

    def cost(self, seconds: float) -> dict[str, Any]:
        """What so many seconds of a machine cost, as an entry says it: ``cost`` and ``currency``, None where the charter has no price."""
        if self.per_hour is None:
            return {"cost": None, "currency": None}
        return {"cost": seconds / 3600 * self.per_hour, "currency": self._charter.worth.currency}

    def binding(self, state: State, now: datetime) -> Bound | None:
        """The budget that binds at a moment; None where there is none, or no price to hold it against."""
        if self.per_hour is None:
            return None
        if state.decides is None:
            return build_bound(self._charter, state.spans)
        return run_bound(self._charter, state.spans, month_of(now))

    def require(self, stage: str, state: State, now: datetime) -> None:
        """Check that a step of a stage may begin.

        Raises
        ------
        CheckFailed
            When the budget is spent, and nobody has said by name that the loop goes on.
        """
        bound = self.binding(state, now) if stage in HELD else None
        if bound is None or not bound.is_spent:
            return
        said = state.overrides.get(OVERRIDE)
        if said is None or said.body.get("binds", said.key) != bound.key:
            raise bound.failure()
