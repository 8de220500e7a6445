"""The model as it is declared: families to try, how long to search, and what is left out."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from loopline.declaration import Span, Spec
from loopline.model.spec_tables import Lags, Own, Rolling

FAMILIES = {
    "baseline": "loopline.model.baseline:family",
    "linear": "loopline.model.linear:family",
    "lightgbm": "loopline.model.boosted:family",
}
"""The built-in families; one's own stands in the declaration as ``module:function``, and is called the same way."""

_SLICE = re.compile(r"worst_slice\((.+)\)\.(\w+)")
_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def _family(name: str) -> str:
    if name in FAMILIES or _OWN.fullmatch(name):
        return name
    near = get_close_matches(name, FAMILIES, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(FAMILIES)}"
    raise ValueError(f"there is no family {name!r}; {remedy} One's own is written module:function")


Weighting = Literal["all", "balanced", "worth", "recent"]
Family = Annotated[str, AfterValidator(_family)]


def sliced(name: str) -> tuple[str, str] | None:
    """The column and the metric of a name such as ``worst_slice(origin).precision``; None for a plain metric.

    >>> sliced("worst_slice(origin).precision")
    ('origin', 'precision')
    """
    match = _SLICE.fullmatch(name)
    return None if match is None else (match[1], match[2])


class SearchSpec(Spec):
    """How long to search: it ends by the number of trials, and minutes, money and memory only cap it.

    Parameters
    ----------
    trials
        Candidates at most.
    minutes
        Of the whole search with its last fit.
    spend
        Money at most, by the price of this machine in `charter.prices`.
    memory_gb
        Of all workers together; fewer work at once where they would take more.
    workers
        Candidates that are fitted at once, one thread each; as many as the engine has by default.
    by
        What ranks candidates: ``worth``, or a metric of the task.
    weighting
        What rows may count by: all the same (``all``), each class the same (``balanced``), what their decision is worth (``worth``), and the
        later the more (``recent``). The search tries each; by default those that suit the data.
    """

    trials: int = Field(default=40, ge=1)
    minutes: float = Field(default=10, gt=0)
    spend: float | None = Field(default=None, gt=0)
    memory_gb: float | None = Field(default=None, gt=0)
    workers: int | None = Field(default=None, ge=1)
    by: str = "worth"
    weighting: tuple[Weighting, ...] | None = Field(default=None, min_length=1)
    ensemble: bool = True


class SplitSpec(Spec):
    """How rows become a training, a validation and a test part: the latest ones are kept where there is a time column.

    Parameters
    ----------
    validation, test
        Shares of the rows.
    group
        A column whose rows of one value stay in one part, such as the customer; not where rows are split by time.
    column
        A column that says ``train``, ``validation`` or ``test``; it is no feature.
    folds
        Times that candidates are judged, each on other rows: blocks of time, or folds of a cross-validation; 1 is the validation part alone.
        By default as many as the rows are few.
    repeats
        Times that a cross-validation is repeated.
    gap
        Time between a row's decision and its outcome, where the charter's `decided` and `outcome_known` do not say it.
    """

    validation: float = Field(default=0.2, gt=0, lt=0.5)
    test: float = Field(default=0.2, gt=0, lt=0.5)
    group: str | None = None
    column: str | None = None
    folds: int | None = Field(default=None, ge=1, le=20)
    repeats: int | None = Field(default=None, ge=1, le=20)
    gap: Span | None = None


class FeatureSpec(Spec):
    """What is learned from beside the columns themselves.

    Parameters
    ----------
    own
        Tables that functions of one's own make, by name; a function alone makes one by the main source's key.
    lags
        Values of earlier rows of the same entity.
    rolling
        Figures over what came to be known of an entity in a window of time.
    """

    own: Own = {}
    lags: Lags = ()
    rolling: Rolling = ()


class ModelSpec(Spec):
    """Families, search, split and the columns that are left out."""

    families: tuple[Family, ...] = Field(default=("linear", "lightgbm"), min_length=1)
    search: SearchSpec = SearchSpec()
    split: SplitSpec = SplitSpec()
    features: FeatureSpec = FeatureSpec()
    leave_out: tuple[str, ...] = ()
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _each_once(self) -> ModelSpec:
        twice = sorted({name for name in self.families if self.families.count(name) > 1})
        if twice:
            raise ValueError(f"families names {', '.join(twice)} twice; name each once")
        return self
