"""Tables of the past, as they are declared: what was known of each entity's rows at each moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from loopline.data.spec_contract import Columns
from loopline.declaration import Moment, Span, Spec, parse_moment

KNOWN_AT = "known_at"
"""The column of a table of the past that says from when on a row holds."""
Take = Literal["mean", "sum", "count", "min", "max", "std"]


class PastColumn(Spec):
    """One column of a table of the past: an earlier value, or a figure over those of a window.

    `of` is the column whose values are looked at; missing ones are not there. `step` 1 is the newest known value, 2 the one before it. Else `take`
    says which figure, over what came to be known in the last `window`. `true` is the text that counts as 1 where `of` holds texts.
    """

    of: str
    step: int | None = Field(default=None, ge=1)
    take: Take | None = None
    window: Span | None = None
    true: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> PastColumn:
        if (self.step is None) == (self.take is None) or (self.take is None) != (self.window is None):
            raise ValueError("a column of the past is a step back, or a figure over a window; say step:, or take: and window:")
        if self.window is not None and self.window <= timedelta(0):
            raise ValueError("a window of no time holds nothing; say one such as 7d")
        return self


class PastSpec(Spec):
    """What was known of each entity at each moment, told from the rows of one table.

    A row's values are known from `known` on, a column or a moment such as ``1d after departure``; never before or at `after`, the moment at
    which the row itself is decided on. `by` names the entity. The table has a row for each moment at which something changes for an entity, and
    holds until the next one.
    """

    table: str
    by: Columns = Field(min_length=1)
    known: str
    after: str | None = None
    columns: dict[str, PastColumn] = Field(min_length=1)

    @model_validator(mode="after")
    def _own_names(self) -> PastSpec:
        if KNOWN_AT in self.by:
            raise ValueError(f"{KNOWN_AT!r} is the column that says when; no entity can be named by it")
        if taken := [name for name in self.columns if name in (*self.by, KNOWN_AT)]:
            raise ValueError(f"{taken[0]!r} is a key of the table; give the column another name")
        return self

    @property
    def moments(self) -> tuple[Moment, Moment | None]:
        """When a row's values are known, and when it is decided on."""
        return moment_of(self.known), None if self.after is None else moment_of(self.after)


def moment_of(text: str) -> Moment:
    """A moment such as ``1d after departure``, or the value of a column."""
    return parse_moment(text) or Moment(offset_s=0, column=text)
