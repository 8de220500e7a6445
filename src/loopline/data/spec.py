"""The data as it is declared: sources and the contract that they must satisfy."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from loopline.declaration import Spec

ColumnType = Literal["integer", "number", "text", "category", "boolean", "date", "datetime"]
Severity = Literal["refuse", "warn"]

OWN = "__"
"""How the names of Loopline's own columns begin; no source may name a column so."""
BATCH = "__batch"
"""The column of every table of the data stage that holds the digest of the row's batch."""
LINE = "__line"
"""The column that holds the row's line in its file (of a Parquet file: its row), from 1."""
ROW = "__row"
"""The column that holds the row's place in the order of delivery: it grows over batches and, in a batch, with the line."""
HIDDEN = (BATCH, LINE, ROW)
"""The columns that Loopline adds to what a source delivers; no model learns from them."""

RESERVED = ("quarantine", "predictions", "outcomes", "refused")
"""Tables that Loopline keeps itself."""
_TABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error
    return value


Columns = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class SourceSpec(Spec):
    """Where a table's batches come from: a file, a glob or a folder, relative to the declaration.

    `time` is the column that says when; `ordered` says that rows stand in the order of time although no column says when.
    `mode`: a new file adds its rows, adds or replaces rows by their key, or replaces them all. With ``append``, a file whose
    content changed takes the place of what it delivered before.
    """

    path: str
    format: Literal["csv", "parquet"] | None = None
    key: Columns = ()
    time: str | None = None
    ordered: bool = False
    mode: Literal["append", "upsert", "replace"] = "append"
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str | None = None
    nulls: tuple[str, ...] = ("", "NA", "N/A", "null", "NULL", "None", "NaN", "nan")

    @model_validator(mode="after")
    def _keyed(self) -> SourceSpec:
        if self.mode == "upsert" and not self.key:
            raise ValueError("mode upsert replaces rows by their key; say key: [COLUMN, ...]")
        return self


class ColumnSpec(Spec):
    """What one column must satisfy. `severity` holds for ranges, values, patterns; `type`, `required` and `unique` always refuse.

    `format` says how dates are written, as in ``%m/%d/%Y``; `values` lists what is allowed; `min` and `max` are inclusive;
    `pattern` must match the whole text; what `use` excludes is kept in the table and kept from the model.
    """

    type: ColumnType | None = None
    format: str | None = None
    required: bool = False
    unique: bool = False
    min: float | None = None
    max: float | None = None
    values: tuple[str | int | float | bool, ...] | None = None
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    severity: Severity = "refuse"
    use: bool = True
    why: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> ColumnSpec:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}; swap them")
        return self


class DataSpec(Spec):
    """Sources by table name, and the contract of the columns of the table that is learned from (the first source)."""

    sources: dict[str, SourceSpec] = Field(min_length=1)
    contract: dict[str, ColumnSpec] = {}

    @model_validator(mode="after")
    def _free_names(self) -> DataSpec:
        for name in self.sources:
            if name in RESERVED:
                raise ValueError(f"table {name!r} is Loopline's own; give the source another name")
            if not _TABLE.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a table's name; use letters, digits, _ and -")
        return self

    @property
    def main(self) -> str:
        """The name of the table that is learned from: the first source."""
        return next(iter(self.sources))
