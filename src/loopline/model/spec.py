"""The model as it is declared: families to try, how long to search, and what is left out."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from loopline.declaration import Spec

FAMILIES = {
    "baseline": "loopline.model.baseline:family",
    "linear": "loopline.model.linear:family",
    "lightgbm": "loopline.model.boosted:family",
}
"""The built-in families; one's own stands in the declaration as ``module:function``, and is called the same way."""

Direction = Literal["rise", "fall"]
Hold = Literal["rise", "fall", "exclude"]
"""What may be held of a column: that the score only rises or only falls with it, or that the model does not read it."""

_SLICE = re.compile(r"worst_slice\((.+)\)\.(\w+)")
_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def _family(name: str) -> str:
    if name in FAMILIES or _OWN.fullmatch(name):
        return name
    near = get_close_matches(name, FAMILIES, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(FAMILIES)}"
    raise ValueError(f"there is no family {name!r}; {remedy} One's own is written module:function")


Family = Annotated[str, AfterValidator(_family)]


def sliced(name: str) -> tuple[str, str] | None:
    """The column and the metric of a name such as ``worst_slice(origin).precision``; None for a plain metric.

    >>> sliced("worst_slice(origin).precision")
    ('origin', 'precision')
    """
    match = _SLICE.fullmatch(name)
    return None if match is None else (match[1], match[2])


class SearchSpec(Spec):
    """How long to search: it ends by the number of trials, and the minutes only cap it."""

    trials: int = Field(default=20, ge=1)
    minutes: float = Field(default=10, gt=0)


class SplitSpec(Spec):
    """Shares of the rows that are kept for validation and for the test: the latest ones where there is a time column."""

    validation: float = Field(default=0.2, gt=0, lt=0.5)
    test: float = Field(default=0.2, gt=0, lt=0.5)


class ModelSpec(Spec):
    """Families, search, split, the columns that are left out, and those with which the score may only rise or only fall."""

    families: tuple[Family, ...] = Field(default=("linear", "lightgbm"), min_length=1)
    search: SearchSpec = SearchSpec()
    split: SplitSpec = SplitSpec()
    leave_out: tuple[str, ...] = ()
    monotone: dict[str, Direction] = {}
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _each_once(self) -> ModelSpec:
        twice = sorted({name for name in self.families if self.families.count(name) > 1})
        if twice:
            raise ValueError(f"families names {', '.join(twice)} twice; name each once")
        both = sorted(set(self.monotone) & set(self.leave_out))
        if both:
            raise ValueError(f"monotone names {', '.join(both)}, which leave_out leaves out; name each in one of them")
        return self
