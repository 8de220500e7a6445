"""A charter with other numbers than the declared ones, and what the study would say of it. Nothing is entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from loopline.charter.outlay import RATE
from loopline.charter.prices import Prices
from loopline.charter.prospect import Prospect
from loopline.charter.ranges import ranged
from loopline.charter.spec import CharterSpec, Task
from loopline.charter.stage import measured, sounded, sounded_at_other_prices
from loopline.charter.statement import stated
from loopline.charter.study import prospect_of, studied
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.ledger.state import State

VOLUME = "volume"
PRICE = "worth."
"""What the name of a price begins with."""


def numbers(charter: CharterSpec, book: Prices | None, task: Task | None) -> dict[str, float]:
    """The numbers that can be supposed to be others, by their fields: prices that are no expressions, the volume, and what an hour of work costs."""
    found = {}
    if charter.worth.tasks or task is not None:
        said = charter.worth.tasks[0] if charter.worth.tasks else task
        assert said is not None
        found = {f"{PRICE}{name}": value for name, value in Worth.of(charter.worth, said).terms.items() if isinstance(value, float)}
    if charter.volume is not None:
        found[VOLUME] = float(charter.volume.amount)
    if book is not None and book.people is not None and has_effort(charter):
        found[RATE] = float(book.people)
    return found


def has_effort(charter: CharterSpec) -> bool:
    """Whether hours of people's work are declared, which the price of one matters for."""
    study = charter.study
    return any(part is not None for effort in (study.effort, study.rule) for part in (effort.build, effort.run))


@dataclass(frozen=True)
class Supposed:
    """A charter and its price book with other numbers."""

    charter: CharterSpec
    book: Prices | None


def suppose(charter: CharterSpec, book: Prices | None, said: Mapping[str, float]) -> Supposed:
    """The charter and its prices with some numbers in place of the declared ones; what is not said stays, with its range.

    Parameters
    ----------
    said
        As `numbers` names them.

    Raises
    ------
    Mistake
        When one of them cannot be.
    """
    plain = stated(charter)
    prices = {name.removeprefix(PRICE): value for name, value in said.items() if name.startswith(PRICE)}
    if prices:
        plain["worth"] = {**plain.get("worth", {}), **prices}
    if VOLUME in said and charter.volume is not None:
        plain[VOLUME] = f"{said[VOLUME]:f} per {charter.volume.period}"
    try:
        other = CharterSpec.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        what, _, remedy = str(first["msg"]).removeprefix("Value error, ").partition("; ")
        raise Mistake(what, where=".".join(map(str, first["loc"])), remedy=remedy) from None
    if book is None or RATE not in said:
        return Supposed(other, book)
    if said[RATE] < 0:
        raise Mistake("an hour of work cannot cost less than nothing", where=RATE, remedy="give a number above nought")
    return Supposed(other, book.model_copy(update={"people": ranged(said[RATE])}))


@dataclass(frozen=True)
class Basis:
    """What the ledger knows for a study.

    Parameters
    ----------
    outcome
        What is at stake in the rows whose outcome is known; None before they are read, and where other prices keep it from being told.
    sounding
        What each way to decide earns; None before that is known.
    is_repriced
        Whether the sounding was made for other prices.
    """

    task: Task | None
    outcome: Mapping[str, Any] | None
    sounding: Mapping[str, Any] | None
    is_repriced: bool
    is_built: bool

    @classmethod
    def of(cls, charter: CharterSpec, declared: CharterSpec, state: State) -> Basis:
        """What the ledger knows for a charter that differs from the declared one in numbers alone."""
        known, own = measured(declared, state), sounded(charter, state)
        task: Task | None = known.get("task")
        outcome = known.get("outcome")
        if charter.worth != declared.worth and outcome is not None:
            outcome = _at_stake(charter, outcome, task)
        sounding = own or sounded_at_other_prices(charter, state)
        return cls(task, outcome, sounding, not own and sounding is not None, state.champion is not None)

    def study(self, supposed: Supposed) -> dict[str, Any]:
        """What the study would say."""
        told: dict[str, Any] = {"task": self.task, "sounding": self.sounding, "book": supposed.book, "is_built": self.is_built}
        return studied(supposed.charter, outcome=self.outcome, **told)

    def prospect(self, supposed: Supposed) -> Prospect | None:
        """The alternatives that the study would compare."""
        return prospect_of(supposed.charter, task=self.task, sounding=self.sounding, book=supposed.book, is_built=self.is_built)


def _at_stake(charter: CharterSpec, outcome: Mapping[str, Any], task: Task | None) -> dict[str, Any] | None:
    """What is at stake at other prices, from the share in which it happens; None where that alone does not tell it."""
    worth = Worth.of(charter.worth, task) if task == "binary" else None
    if worth is None or worth.columns or "share" not in outcome:
        return None
    happened, weight = np.array([True, False]), np.array([outcome["share"], 1 - outcome["share"]])
    return {
        **outcome,
        "do_nothing": float(weight @ worth.without_model(happened, {})),
        "perfect": float(weight @ worth.perfect(happened, {})),
        "break_even": worth.break_even(),
    }
