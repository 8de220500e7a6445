"""How cells are cleaned before the contract looks at them: declared step by step, never silent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from loopline.declaration import Spec

BARE = ("trim", "squeeze", "lower", "upper", "title", "percent")
"""The steps that need no more than their name."""
EPOCHS = ("excel", "epoch_s", "epoch_ms")
"""Dates that are written as one number: days since 1899-12-30, seconds or milliseconds since 1970."""
_GROUP = re.compile(r"\$(?:(\d+)|\{(\d+)\})")
_MODIFIERS = ("only",)


def pattern(value: str) -> str:
    """The text itself, once it is a regular expression.

    Raises
    ------
    ValueError
        When it is none.
    """
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error
    return value


Pattern = Annotated[str, AfterValidator(pattern)]
Scalar = str | int | float | bool
Bounds = tuple[float | None, float | None]
"""From where to where, both inclusive; null where there is no bound."""


class ReplaceSpec(Spec):
    """Every match of a regular expression becomes another text, in which ``$1`` is what the first pair of brackets matched."""

    pattern: Pattern
    by: str = ""

    @model_validator(mode="after")
    def _groups(self) -> ReplaceSpec:
        if found := re.search(r"\\(\d)", self.by):
            raise ValueError(f"by: write ${found[1]} for what brackets matched, not {found[0]}")
        there = re.compile(self.pattern).groups
        for match in _GROUP.finditer(self.by):
            if (number := int(match[1] or match[2])) > there:
                raise ValueError(f"by names ${number}, and {self.pattern!r} has {there} pairs of brackets")
        return self

    @property
    def template(self) -> str:
        """What stands in a match's place, with each group's number in braces: ``$1st`` would name a group ``1st``."""
        return _GROUP.sub(lambda match: f"${{{match[1] or match[2]}}}", self.by)


def _format(value: str) -> str:
    if value not in EPOCHS and not re.search(r"%[-_0]?[YyFDx]", value):
        raise ValueError(f"{value!r} is no format of dates; write it as %d.%m.%Y or %m/%d/%y %H:%M, or name one of {', '.join(EPOCHS)}")
    return value


def _written(value: str) -> str:
    if "%" not in value:
        raise ValueError(f"{value!r} is no format of dates; write it as %d.%m.%Y")
    return value


DateFormat = Annotated[str, AfterValidator(_format)]


class DatesSpec(Spec):
    """The formats in which dates come, tried in this order, and the one in which they are written: ISO where none is said."""

    read: tuple[DateFormat, ...] = Field(min_length=1)
    write: Annotated[str, AfterValidator(_written)] | None = None


def _dates(value: object) -> object:
    return {"read": [value] if isinstance(value, str) else value} if isinstance(value, (str, list, tuple)) else value


class OtherSpec(Spec):
    """Another column whose cell stands in for a missing one: all of it, or what `pattern` finds there (its first pair of brackets, if it has one)."""

    column: str
    pattern: Pattern | None = None


def _other(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class CleanSpec(Spec):
    """One step of cleaning a column; just one of its fields is said.

    `trim` takes spaces from both ends, `squeeze` also makes runs of them one; `lower`, `upper` and `title` change case; `unicode`
    writes the same letter in the same way; `percent` reads ``5 %`` as 0.05; `units` reads a number with a unit, each unit with its factor
    (``{oz: 1, ml: 0.0338}``); `decimal` says which sign stands before the fraction, and takes out those between thousands; `round` keeps so
    many digits after the point; `dates` are the formats in which dates come, tried in this order; `nulls` are words that stand for null; `map`
    gives synonyms their one word; `replace` rewrites by regular expression; `pad` gives digits zeros in front, up to so many; `clip` draws
    numbers into a range, `null_outside` makes those outside null; `fill` stands in for null, and so does another column's cell with `fill_from`.

    `only` may stand beside any of them: just the cells in which this regular expression is found are cleaned.
    """

    trim: bool = False
    squeeze: bool = False
    lower: bool = False
    upper: bool = False
    title: bool = False
    unicode: Literal["NFC", "NFKC", "NFD", "NFKD"] | None = None
    percent: bool = False
    units: dict[str, float] | None = Field(default=None, min_length=1)
    decimal: Literal[".", ","] | None = None
    round: int | None = Field(default=None, ge=0, le=15)
    dates: Annotated[DatesSpec, BeforeValidator(_dates)] | None = None
    nulls: tuple[str, ...] | None = Field(default=None, min_length=1)
    map: dict[str, Scalar | None] | None = Field(default=None, min_length=1)
    replace: ReplaceSpec | None = None
    pad: int | None = Field(default=None, ge=2, le=100)
    clip: Bounds | None = None
    null_outside: Bounds | None = None
    fill: Scalar | None = None
    fill_from: Annotated[OtherSpec, BeforeValidator(_other)] | None = None
    only: Pattern | None = None

    @model_validator(mode="after")
    def _one(self) -> CleanSpec:
        said = [name for name in self.model_dump(exclude_defaults=True) if name not in _MODIFIERS]
        if len(said) != 1:
            raise ValueError(f"one step of cleaning does one thing, and here stand {', '.join(said) or 'none'}; write a list of steps")
        for name in ("clip", "null_outside"):
            low, high = getattr(self, name) or (None, None)
            if getattr(self, name) == (None, None):
                raise ValueError(f"{name}: neither bound is said; write it as [0, 100] or [0, null]")
            if low is not None and high is not None and low > high:
                raise ValueError(f"{name}: {low:g} is above {high:g}; swap them")
        for unit, factor in (self.units or {}).items():
            if not 0 < abs(factor) < float("inf"):
                raise ValueError(f"units: {unit!r} has the factor {factor:g}; say by which number its amounts are multiplied")
        return self

    @property
    def name(self) -> str:
        """The one field that is said."""
        return next(name for name in self.model_dump(exclude_defaults=True) if name not in _MODIFIERS)


def _step(value: Any) -> Any:
    if isinstance(value, str):
        if value not in BARE:
            raise ValueError(f"{value!r} is no step of cleaning that stands alone; those that do are {', '.join(BARE)}")
        return {value: True}
    return value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, (str, Mapping, CleanSpec)) else value


CleanStep = Annotated[CleanSpec, BeforeValidator(_step)]
Cleaning = Annotated[tuple[CleanStep, ...], BeforeValidator(_listed)]
