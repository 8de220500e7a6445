"""How cells are cleaned before the contract looks at them: declared step by step, never silent."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from loopline.declaration import Spec

_BARE = ("trim", "squeeze", "lower", "upper", "title", "percent")


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


class ReplaceSpec(Spec):
    """Every match of a regular expression becomes another text."""

    pattern: Pattern
    by: str = ""


class CleanSpec(Spec):
    """One step of cleaning a column; just one of its fields is said.

    `trim` takes spaces from both ends, `squeeze` also makes runs of them one; `lower`, `upper` and `title` change case;
    `percent` reads ``5 %`` as 0.05; `units` reads a number with a unit, each unit with its factor (``{oz: 1, ml: 0.0338}``);
    `dates` are the formats in which dates come, tried in this order; `nulls` are words that stand for null; `map` gives
    synonyms their one word; `replace` rewrites by regular expression; `decimal` says which sign stands before the fraction;
    `clip` draws numbers into a range, `null_outside` makes those outside null; `fill` stands in for null.
    """

    trim: bool = False
    squeeze: bool = False
    lower: bool = False
    upper: bool = False
    title: bool = False
    percent: bool = False
    units: dict[str, float] | None = None
    dates: tuple[str, ...] | None = None
    nulls: tuple[str, ...] | None = None
    map: dict[str, Scalar | None] | None = None
    replace: ReplaceSpec | None = None
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    clip: tuple[float, float] | None = None
    null_outside: tuple[float, float] | None = None
    fill: Scalar | None = None

    @model_validator(mode="after")
    def _one(self) -> CleanSpec:
        said = self.model_dump(exclude_defaults=True)
        if len(said) != 1:
            raise ValueError(f"one step of cleaning does one thing, and here stand {', '.join(said) or 'none'}; write a list of steps")
        for name in ("clip", "null_outside"):
            bounds = getattr(self, name)
            if bounds is not None and bounds[0] > bounds[1]:
                raise ValueError(f"{name}: {bounds[0]:g} is above {bounds[1]:g}; swap them")
        return self

    @property
    def name(self) -> str:
        """The one field that is said."""
        return next(iter(self.model_dump(exclude_defaults=True)))


def _step(value: Any) -> Any:
    if isinstance(value, str):
        if value not in _BARE:
            raise ValueError(f"{value!r} is no step of cleaning that stands alone; those that do are {', '.join(_BARE)}")
        return {value: True}
    return value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, (str, dict)) else value


CleanStep = Annotated[CleanSpec, BeforeValidator(_step)]
Cleaning = Annotated[tuple[CleanStep, ...], BeforeValidator(_listed)]
