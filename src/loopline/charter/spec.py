"""The charter as it is declared: what to predict, for whom, and what a decision is worth."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator, model_validator

from loopline.charter.ranges import HoursMonthly, HoursOnce, Likely, Ranged, RateRange, ShareRange, in_words, is_range, parse_range, ranged
from loopline.declaration import MomentText, Rate, RateText, Share, Span, Spec, without_thousands
from loopline.expression.kinds import is_condition
from loopline.expression.language import parse

Task = Literal["binary", "multiclass", "regression"]
Role = Literal["business", "data", "science", "ml", "devops", "expert", "customer"]
ROLES: tuple[str, ...] = get_args(Role)
ByRole = dict[Role, Annotated[int, Field(ge=0, strict=True)]]
"""From a role to how many of its people must say yes."""
_NUMERAL = re.compile(r"\s*[-+]?[\d.,]+\s*")
MEASURED_FOR = ("predict", "task", "positive", "worth")
"""The fields that what is measured of the data depends on."""


# What a person means by it may be a range, or a number written as elsewhere: subtracting one from the other is hardly ever it.
_TWO_NUMBERS = re.compile(r"\s*-?[\d.]+\s*[-,]\s*[\d.,]+\s*")


def _money(value: object) -> float | str:
    if isinstance(value, Ranged):
        return value
    if is_range(value):
        found, unit = parse_range(value)
        if unit:
            raise ValueError(f"{value!r} has a unit behind it; write the amount alone, in charter.worth.currency")
        return found
    if isinstance(value, str):
        # As an expression, 1,500 would be two numbers.
        text = without_thousands(value) if _NUMERAL.fullmatch(value) else value
        try:
            value = float(text)
        except ValueError:
            if _TWO_NUMBERS.fullmatch(text):
                raise ValueError(f"{text!r} is neither a number nor a range; write it as 1200.50, or as 60..120") from None
            if not parse(text).names:
                raise ValueError(f"{text!r} reads no column; write the number that it makes") from None
            return text
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no amount of money; say a number, a range such as 100..180, or an expression over the row's columns")
    if not math.isfinite(value):
        raise ValueError(f"{value} is no amount of money; say a finite number or an expression")
    return float(value)


# A number of units of the currency or a range of it, or an expression over the row's columns.
Money = Annotated[
    float | str,
    PlainValidator(_money),
    PlainSerializer(lambda value: value if isinstance(value, str) else float(value)),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
]

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

    def most(self, task: Task) -> float:
        """The most that a decision can be worth on average, by the middles of ranges; infinite where that depends on the row, or on the size of an error."""
        names = {"binary": _BINARY, "multiclass": _MULTICLASS, "regression": _REGRESSION}[task]
        said = [getattr(self, name) for name in names]
        # What is not said is a point or nothing, as `Worth.of` has it.
        amounts = [1.0] if not any(value is not None for value in said) else [0.0 if value is None else value for value in said]
        if any(isinstance(value, str) for value in amounts):
            return math.inf
        if task == "regression":
            return 0.0 if not self.tasks or max(amounts) <= 0 else math.inf
        return float(max(amounts))

    @property
    def is_priced(self) -> bool:
        """Whether the worth is money; points stand in until somebody knows the prices."""
        return self.currency != "points"


class Criterion(Spec):
    """An acceptance criterion: the customer's words, and the check over metrics that shows it; None while nothing does."""

    id: str
    says: str = ""
    check: str | None = None

    @field_validator("id")
    @classmethod
    def _names(cls, id: str) -> str:
        # Verdicts, waivers and alerts are kept by it, and tables and commands hold it.
        if re.fullmatch(r"[\w.-]+", id) is None:
            raise ValueError(f"{id!r} is no id of a criterion; write letters, digits, ., _ and - alone, such as A1")
        return id

    @model_validator(mode="after")
    def _parses(self) -> Criterion:
        check = None if self.check is None else parse(self.check)
        if check is None and not self.says:
            raise ValueError(f"{self.id} says nothing; write in says what the customer asks for, or in check what shows it, such as precision >= 0.5")
        if check is not None and not (check.names and is_condition(check)):
            raise ValueError(f"{self.check!r} holds no metric to a limit; write it as precision >= 0.5")
        return self

    @property
    def names(self) -> frozenset[str]:
        """The metrics that the check names; empty while there is no check."""
        return frozenset() if self.check is None else parse(self.check).names


class QualitySpec(Spec):
    """How good decisions are, as far as somebody can tell before there are data; one group of fields for each task.

    Binary: `precision` (of what is acted on, the share that it happens to) and `recall` (of what happens, the share that is acted on). Multiclass: `accuracy`.
    Regression: `error`, the mean distance from what happens.
    """

    precision: ShareRange | None = None
    recall: ShareRange | None = None
    accuracy: ShareRange | None = None
    error: Likely | None = None


class EffortSpec(Spec):
    """What people put in: once, until it decides, and in each month after that."""

    build: HoursOnce | None = None
    run: HoursMonthly | None = None


class StudySpec(Spec):
    """What the study supposes, beside the worth and the volume: numbers, or ranges that hold the truth nine times in ten.

    Parameters
    ----------
    years
        For which it is reckoned, from the first decision on.
    discount
        By how much money a year later is worth less.
    ready
        How long it takes until the first decision.
    chance
        How likely it must be that the model pays for itself.
    effort, rule
        People's work on a model, and on a rule without one.
    happens, spread
        The share of cases in which it happens (of several classes, the share of the most frequent one), and the mean distance of a number from its middle:
        before there are data.
    expects, today
        How good a model will be, and how good what is done today is: before there are data.
    """

    years: float = Field(default=3.0, gt=0, le=30, strict=True)
    discount: Share = 0.08
    ready: Span = timedelta(0)
    chance: Share = 0.5
    effort: EffortSpec = EffortSpec()
    rule: EffortSpec = EffortSpec()
    happens: ShareRange | None = None
    spread: Likely | None = None
    expects: QualitySpec = QualitySpec()
    today: QualitySpec | None = None


class BudgetSpec(Spec):
    """What may be spent: once to build, and as a rate to run."""

    build: float | None = Field(default=None, ge=0, strict=True)
    run: RateText | None = None


class CharterSpec(Spec):
    """Problem, decision, stakeholders, worth, volume, acceptance criteria and budget; and by role how many people must sign it before the loop goes on."""

    template: str | None = None
    problem: str = ""
    decision: str = ""
    predict: str
    positive: str | int | float | bool | None = None
    task: Task | None = None
    decided: MomentText | None = None
    outcome_known: MomentText | None = None
    outcome_seen: Literal["always", "when_acted"] = "always"
    volume: RateRange | None = None
    worth: WorthSpec = WorthSpec()
    target: RateText | None = None
    budget: BudgetSpec = BudgetSpec()
    prices: str | None = None
    study: StudySpec = StudySpec()
    acceptance: tuple[Criterion, ...] = ()
    stakeholders: dict[Role, tuple[str, ...]] = {}
    approvals: ByRole = {}

    @field_validator("stakeholders", mode="before")
    @classmethod
    def _listed(cls, people: object) -> object:
        """People by role; a role with nothing behind it is one that nobody holds."""
        for role, name in people.items() if isinstance(people, Mapping) else ():
            if isinstance(name, str):
                raise ValueError(f"{role} is one name; write a list of people, as in {role}: [{name}]")
        return {role: () if names is None else names for role, names in people.items()} if isinstance(people, Mapping) else people

    @field_validator("stakeholders")
    @classmethod
    def _named(cls, people: dict[Role, tuple[str, ...]]) -> dict[Role, tuple[str, ...]]:
        for role, names in people.items():
            if any(not name.strip() for name in names):
                raise ValueError(f"{role} lists somebody without a name; write an e-mail address, or [] where nobody holds it")
        return people

    @field_validator("volume")
    @classmethod
    def _comes(cls, volume: Rate | None) -> Rate | None:
        if volume is not None and (volume.amount <= 0 or ranged(volume.amount).low < 0):
            raise ValueError(
                f"{in_words(volume.amount)} per {volume.period} leaves nothing to decide; say how many decisions come, such as 900 per day, or leave it out"
            )
        return volume

    @property
    def ranges(self) -> dict[str, Ranged]:
        """What is declared as a range of the worth and the volume, by its field; a plain `fields` has the middles, so that a new range retrains nothing."""
        said = {f"worth.{name}": getattr(self.worth, name) for name in (*_BINARY, *_MULTICLASS, *_REGRESSION)}
        if self.volume is not None:
            said["volume"] = self.volume.amount
        return {name: value for name, value in said.items() if isinstance(value, Ranged) and value.low < value.high}

    def ranging(self, ranges: Mapping[str, Sequence[float]]) -> CharterSpec:
        """The same charter with ranges in place of their middles: the inverse of reading `fields` and `ranges`.

        Parameters
        ----------
        ranges
            From a field to its low end, middle and high end.
        """
        found = {name: Ranged(middle, low, high) for name, (low, middle, high) in ranges.items()}
        worth = self.worth.model_copy(update={name.removeprefix("worth."): value for name, value in found.items() if name.startswith("worth.")})
        volume = self.volume
        if volume is not None and "volume" in found:
            volume = volume.model_copy(update={"amount": found["volume"]})
        return self.model_copy(update={"worth": worth, "volume": volume})
