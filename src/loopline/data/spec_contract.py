"""The contract as it is declared: what columns, rows, batches and tables must satisfy, and what happens when they do not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from loopline.data.spec_cleaning import Cleaning, Pattern, Scalar
from loopline.declaration import Share, Span, Spec
from loopline.expression.language import parse

ColumnType = Literal["integer", "number", "text", "category", "boolean", "date", "datetime"]
Severity = Literal["refuse", "stop", "warn"]
"""What a broken rule leads to: the row goes to quarantine, the whole batch is held back, or it is only counted."""

RULES = ("type", "required", "unique", "min", "max", "values", "pattern", "length")
"""The rules of a column, as a severity may name them."""
_GENTLE = ("min", "max", "values", "pattern", "length")
_SPAN = re.compile(r"\s*(\d[\d_,]*)?\s*\.\.\s*(\d[\d_,]*)?\s*")


def listed(value: object) -> object:
    """One name as a list of one."""
    return (value,) if isinstance(value, str) else value


Columns = Annotated[tuple[str, ...], BeforeValidator(listed)]


class Counts(Spec):
    """From how many to how many, both inclusive; None where there is no bound."""

    low: int | None = None
    high: int | None = None

    def __str__(self) -> str:
        return f"{'' if self.low is None else self.low}..{'' if self.high is None else self.high}"

    def holds(self, count: int) -> bool:
        """Whether a count lies within."""
        return (self.low is None or count >= self.low) and (self.high is None or count <= self.high)


def _counts(value: object) -> object:
    if isinstance(value, (Counts, Mapping)):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return {"low": value, "high": value}
    match = _SPAN.fullmatch(str(value))
    if match is None or not any(match.groups()):
        raise ValueError(f"{value!r} is no range of counts; write it as 2..10, 2.. or ..10")
    low, high = (None if part is None else int(re.sub("[_,]", "", part)) for part in match.groups())
    if low is not None and high is not None and low > high:
        raise ValueError(f"{low} is above {high}; swap them")
    return {"low": low, "high": high}


CountsText = Annotated[Counts, BeforeValidator(_counts), PlainSerializer(str, return_type=str), WithJsonSchema({"type": ["string", "integer"]})]


class ColumnSpec(Spec):
    """What one column must satisfy.

    `format` says how dates are written, as in ``%m/%d/%Y``; `values` lists what is allowed; `min` and `max` are inclusive;
    `pattern` must match the whole text; `length` counts its characters, as in ``2..10``; what `use` excludes is kept in the table
    and kept from the model. `clean` lists what is done to a cell before anything else looks at it. `unit`, as in ``min`` or ``USD``, is said
    beside the column's values where a prediction's reasons are told.

    `severity` is one word for ranges, values, patterns and lengths, or names rules: ``{min: warn, type: stop}``. A broken `type`, `required`
    or `unique` refuses the row where nothing else is said, and can never only warn.
    """

    type: ColumnType | None = None
    format: str | None = None
    required: bool = False
    unique: bool = False
    min: float | None = None
    max: float | None = None
    values: tuple[Scalar, ...] | None = None
    pattern: Pattern | None = None
    length: CountsText | None = None
    severity: Severity | dict[Literal["type", "required", "unique", "min", "max", "values", "pattern", "length"], Severity] = "refuse"
    clean: Cleaning = ()
    use: bool = True
    unit: str = Field(default="", max_length=20)
    why: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> ColumnSpec:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}; swap them")
        if self.format is not None and any(step.dates is not None and step.dates.write != self.format for step in self.clean):
            raise ValueError(
                f"cleaning writes dates as ISO, and format says {self.format}; take format out, or say dates: {{read: [...], write: {self.format}}}"
            )
        strict = [name for name in ("type", "required", "unique") if isinstance(self.severity, dict) and self.severity.get(name) == "warn"]
        if strict:
            raise ValueError(f"a broken {strict[0]!r} cannot only warn: the table could not hold the row; say refuse or stop")
        return self

    def severity_of(self, rule: str) -> Severity:
        """What a broken rule of `RULES` leads to."""
        if isinstance(self.severity, str):
            return self.severity if rule in _GENTLE else "refuse"
        found: Severity = self.severity.get(rule, "refuse")  # type: ignore[call-overload]
        return found


def _expression(value: str) -> str:
    parse(value)
    return value


class RuleSpec(Spec):
    """What every row must satisfy: an expression over its columns, as in ``end >= start``; a row in which it is unknown passes."""

    check: Annotated[str, BeforeValidator(_expression)]
    name: str = ""
    severity: Severity = "refuse"

    @property
    def says(self) -> str:
        """The rule's name, or its expression."""
        return self.name or self.check


class ReferenceSpec(Spec):
    """Columns whose values must be found in another table; `to` names its columns where they are called otherwise."""

    columns: Columns
    table: str
    to: Columns = ()
    severity: Severity = "refuse"

    @model_validator(mode="after")
    def _paired(self) -> ReferenceSpec:
        if self.to and len(self.to) != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns refer to {len(self.to)}; name as many")
        return self

    @property
    def target(self) -> tuple[str, ...]:
        """The columns of the other table."""
        return self.to or self.columns


class QuerySpec(Spec):
    """A query over the project's tables that must return no row; it sees the batch as part of its table."""

    name: str
    sql: str
    severity: Literal["stop", "warn"] = "stop"


class BatchSpec(Spec):
    """What a batch must be as a whole.

    `rows`: how many it may have; `fresh`: how old its newest row (by the source's time) may be when it comes; `refused`: the share of its
    rows from which so many refused ones hold all of it back; `shift`: how far a column's distribution may be from that of the
    `against` batches before (0 the same, 1 nothing in common).
    """

    rows: CountsText | None = None
    fresh: Span | None = None
    refused: Share | None = None
    shift: Share | None = None
    against: int = Field(default=5, ge=1, le=100)
    severity: Literal["stop", "warn"] = "stop"


PARTS = ("columns", "unique", "rules", "references", "tests", "batch")


def _with_columns(schema: dict[str, Any]) -> None:
    """Tells editors that a name which is no part is a column's."""
    schema["additionalProperties"] = schema["properties"]["columns"]["additionalProperties"]


class ContractSpec(Spec):
    """What a table's data must satisfy: columns by their names, and beside them rules over rows, batches and tables.

    A column whose name is one of the parts (`rules`, `batch`, ...) stands under `columns`.
    """

    model_config = ConfigDict(json_schema_extra=_with_columns)

    columns: dict[str, ColumnSpec] = {}
    unique: tuple[Columns, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    references: tuple[ReferenceSpec, ...] = ()
    tests: tuple[QuerySpec, ...] = ()
    batch: BatchSpec = BatchSpec()

    @model_validator(mode="before")
    @classmethod
    def _lifted(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        parts = {name: part for name, part in value.items() if name in PARTS}
        columns = {name: column for name, column in value.items() if name not in PARTS}
        return {**parts, "columns": {**parts.get("columns", {}), **columns}} if columns else parts
