"""Retraining as it is declared: what asks for it, and what holds it back."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from loopline.data.spec_source import ScheduleSpec
from loopline.declaration import Rate, RateText, Spec

_ALONE = ("loss", "estimated_loss", "drift", "data")
_WITH = {"outcomes": "5000", "schedule": "0 3 * * 1 Europe/Zurich"}


class TriggersSpec(Spec):
    """What asks for a retraining.

    Parameters
    ----------
    loss
        An alert that money is lost, by outcomes that have come.
    estimated_loss
        The same before outcomes come.
    drift
        An alert of drift, once outcomes say that it costs.
    data
        New rows, however few.
    outcomes
        So many rows with a known outcome that the last training did not have.
    schedule
        The moments of a schedule.
    """

    loss: bool = False
    estimated_loss: bool = False
    drift: bool = False
    data: bool = False
    outcomes: int | None = Field(default=None, ge=1)
    schedule: ScheduleSpec | None = None


def _listed(value: object) -> object:
    """The triggers from a list of words, as in ``[loss, outcomes: 5000]``."""
    if isinstance(value, (TriggersSpec, Mapping)):
        return value
    said: dict[str, Any] = {}
    for item in value if isinstance(value, (list, tuple)) else (value,):
        pairs = item.items() if isinstance(item, Mapping) else ((item, True),)
        for name, what in pairs:
            _require_trigger(name, what)
            if name in said:
                raise ValueError(f"{name} is said twice; keep one of them")
            said[name] = what
    if not said:
        raise ValueError(f"nothing asks for a retraining; say one of: {', '.join((*_ALONE, *_WITH))}, or leave out watch.retrain")
    return said


def _require_trigger(name: object, what: object) -> None:
    words = (*_ALONE, *_WITH)
    if name not in words:
        near = get_close_matches(str(name), words, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(words)}"
        raise ValueError(f"nothing that is called {name!r} asks for a retraining; {remedy}")
    if name in _WITH and what is True:
        raise ValueError(f"{name} wants a word more, as in {name}: {_WITH[str(name)]}")


Triggers = Annotated[TriggersSpec, BeforeValidator(_listed), WithJsonSchema({"type": "array", "items": {"type": ["string", "object"]}})]


class RetrainSpec(Spec):
    """What asks for a retraining, and how many a period, and how much money, hold it back.

    Where it is declared, new data alone retrains nothing.
    """

    when: Triggers = TriggersSpec(loss=True)
    at_most: RateText = Rate(amount=4, period="month")
    money: RateText | None = None

    @field_validator("at_most", "money")
    @classmethod
    def _some(cls, value: Rate | None) -> Rate | None:
        if value is not None and value.amount <= 0:
            raise ValueError(f"{value} lets nothing be retrained; say more, or leave out watch.retrain.when")
        return value

    @field_validator("at_most")
    @classmethod
    def _whole(cls, value: Rate) -> Rate:
        if value.amount != int(value.amount):
            raise ValueError(f"{value} is no whole number of retrainings; say so many of a longer period, as in 6 per year")
        return value
