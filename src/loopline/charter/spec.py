"""The charter as it is declared: what to predict, for whom, and what a decision is worth."""

from __future__ import annotations

import math
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from loopline.declaration import MomentText, Rate, RateText, Spec
from loopline.expression.language import parse

Task = Literal["binary", "multiclass", "regression"]
Role = Literal["business", "data", "science", "ml", "devops", "expert", "customer"]
ROLES: tuple[str, ...] = get_args(Role)
MEASURED_FOR = ("predict", "task", "positive", "worth")
"""The fields that what is measured of the data depends on."""


def _money(value: object) -> object:
    if isinstance(value, str):
        text = value
        try:
            value = float(text)
        except ValueError:
            parse(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no amount of money; say a finite number or an expression")
    return value


# A number of units of the currency, or an expression over the row's columns.
Money = Annotated[float | str, BeforeValidator(_money)]

_BINARY = ("act_right", "act_wrong", "miss", "rest")
_MULTICLASS = ("right", "wrong")
_REGRESSION = ("over", "under")


class WorthSpec(Spec):
    """What one decision's outcome is worth in money: one group of fields for each task.

    Binary: `act_right`, `act_wrong` (acted, and it did or did not happen), `miss`, `rest` (did not act, and it did or did not).
    Multiclass: `right` and `wrong`. Regression: `over` and `under`, for each unit by which the prediction is too high or too low.
    """

    currency: str = "points"
    act_right: Money | None = None
    act_wrong: Money | None = None
    miss: Money | None = None
    rest: Money | None = None
    right: Money | None = None
    wrong: Money | None = None
    over: Money | None = None
    under: Money | None = None

    @model_validator(mode="after")
    def _one_task(self) -> WorthSpec:
        if len(self.tasks) > 1:
            said = [name for name in (*_BINARY, *_MULTICLASS, *_REGRESSION) if getattr(self, name) is not None]
            raise ValueError(
                f"{', '.join(said)} belong to different tasks; say act_right, act_wrong, miss, rest (binary), or right, wrong (multiclass), "
                "or over, under (regression)"
            )
        return self

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks whose fields are said; empty when none is."""
        groups: tuple[tuple[Task, tuple[str, ...]], ...] = (("binary", _BINARY), ("multiclass", _MULTICLASS), ("regression", _REGRESSION))
        return tuple(task for task, names in groups if any(getattr(self, name) is not None for name in names))

    @property
    def is_priced(self) -> bool:
        """Whether the worth is money; points stand in until somebody knows the prices."""
        return self.currency != "points"


class Criterion(Spec):
    """An acceptance criterion: the customer's words, and the check over metrics that shows it."""

    id: str
    says: str = ""
    check: str

    @model_validator(mode="after")
    def _parses(self) -> Criterion:
        parse(self.check)
        return self


class BudgetSpec(Spec):
    """What may be spent: once to build, and as a rate to run."""

    build: float | None = Field(default=None, ge=0)
    run: RateText | None = None


class CharterSpec(Spec):
    """Problem, decision, stakeholders, worth, volume, acceptance criteria and budget."""

    problem: str = ""
    decision: str = ""
    predict: str
    positive: str | int | float | bool | None = None
    task: Task | None = None
    decided: MomentText | None = None
    outcome_known: MomentText | None = None
    outcome_seen: Literal["always", "when_acted"] = "always"
    volume: RateText | None = None
    worth: WorthSpec = WorthSpec()
    target: RateText | None = None
    budget: BudgetSpec = BudgetSpec()
    prices: str | None = None
    acceptance: tuple[Criterion, ...] = ()
    stakeholders: dict[Role, tuple[str, ...]] = {}

    @field_validator("volume")
    @classmethod
    def _comes(cls, volume: Rate | None) -> Rate | None:
        if volume is not None and volume.amount <= 0:
            raise ValueError(f"{volume} leaves nothing to decide; say how many decisions come, such as 900 per day, or leave it out")
        return volume
