"""Features by key and time, as they are declared: one's own tables, earlier values, and figures over windows of time."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from loopline.data.spec_contract import Columns, listed
from loopline.data.spec_past import KNOWN_AT, Take
from loopline.declaration import Span, Spec


def _function(value: str) -> str:
    module, _, name = value.partition(":")
    return f"{module.removesuffix('.py')}:{name}"


class OwnSpec(Spec):
    """A table of features that a function makes, and how it is looked up.

    `function` is ``module:function`` in a file beside the declaration; it is handed a mapping from table names to Polars lazy frames, and returns one.
    `reads` are those tables, all sources by default. `on` is its key, the main source's by default (``{theirs: ours}`` where they are called
    otherwise); `as_of` its column that says from when on a row is known. The other fields are those of a lookup.
    """

    function: Annotated[str, AfterValidator(_function)]
    reads: Columns = ()
    on: Columns | dict[str, str] = ()
    as_of: str | None = KNOWN_AT
    no_later_than: str = "decided"
    delay: Span | None = None
    tolerance: Span | None = None
    columns: Columns = ()
    prefix: str = ""
    required: bool = False


class _PastFeatures(Spec):
    """What both kinds of features of the past share.

    `of` are the columns whose values are looked at, `by` those that name an entity. `known` says from when on a row's value is known to later rows:
    ``decided``, ``outcome``, a column, or a moment such as ``1h after arrival``. By default a column that the model learns from is known when
    its own row is decided on, and any other when the outcome is.
    """

    of: Columns = Field(min_length=1)
    by: Columns = Field(min_length=1)
    known: str | None = None


class LagSpec(_PastFeatures):
    """Values of earlier rows of the same entity; step 1 is the newest that was known at the row's moment."""

    steps: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(default=(1,), min_length=1)


class RollingSpec(_PastFeatures):
    """Figures over the values of the same entity that came to be known in a window of time before the row's moment."""

    windows: Annotated[tuple[Span, ...], BeforeValidator(listed)] = Field(min_length=1)
    take: Annotated[tuple[Take, ...], BeforeValidator(listed)] = Field(default=("mean", "count"), min_length=1)

    @model_validator(mode="after")
    def _some_time(self) -> RollingSpec:
        if any(not window for window in self.windows):
            raise ValueError("a window of no time holds nothing; say one such as 7d")
        return self


def _named(value: object) -> object:
    """One's own features by name: a function alone gives them its own."""
    if isinstance(value, str):
        value = {value.rpartition(":")[2]: value}
    return {name: {"function": one} if isinstance(one, str) else one for name, one in value.items()} if isinstance(value, dict) else value


def _several(value: Any) -> Any:
    """One declaration as a list of one."""
    return [value] if isinstance(value, dict) else value


Own = Annotated[dict[str, OwnSpec], BeforeValidator(_named)]
Lags = Annotated[tuple[LagSpec, ...], BeforeValidator(_several)]
Rolling = Annotated[tuple[RollingSpec, ...], BeforeValidator(_several)]
