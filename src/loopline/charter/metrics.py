"""The metrics that a criterion may name: of which task each is, and what it can be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

from loopline.charter.spec import Criterion

Unit = Literal["share", "money", "outcome", "plain"]

ALIASES = {"worth_per_decision": "worth"}
"""Names that a check may give to a metric, beside the metric's own."""
_SLICE = re.compile(r"worst_slice\((.+)\)\.(\w+)")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a metric can be.

    Parameters
    ----------
    low, high
        Between which it lies, ends and all.
    unit
        What it counts in: a share of cases, money, what the outcome counts in, or nothing.
    less_is_better
        Whether the greatest slice is the worst one.
    pools
        Whether the whole is a mean of its slices, so that the worst of them is never better than the whole.
    """

    low: float = 0.0
    high: float = 1.0
    unit: Unit = "plain"
    less_is_better: bool = False
    pools: bool = True


METRICS: Mapping[str, Metric] = {
    "worth": Metric(low=-inf, high=inf, unit="money"),
    "precision": Metric(unit="share"),
    "recall": Metric(unit="share"),
    "accuracy": Metric(unit="share"),
    "act_share": Metric(unit="share"),
    # Two slices may each be ordered well and the two together badly, and the other way round.
    "roc_auc": Metric(pools=False),
    "average_precision": Metric(pools=False),
    "macro_f1": Metric(pools=False),
    "r2": Metric(low=-inf, pools=False),
    "brier": Metric(less_is_better=True),
    "log_loss": Metric(high=inf, less_is_better=True),
    "mae": Metric(high=inf, unit="outcome", less_is_better=True),
    "rmse": Metric(high=inf, unit="outcome", less_is_better=True),
}
OF_TASK: Mapping[str, tuple[str, ...]] = {
    "binary": ("worth", "roc_auc", "average_precision", "log_loss", "brier", "precision", "recall", "accuracy", "act_share"),
    "multiclass": ("worth", "accuracy", "log_loss", "macro_f1"),
    "regression": ("worth", "mae", "rmse", "r2"),
}
LESS_IS_BETTER = frozenset(name for name, metric in METRICS.items() if metric.less_is_better)


def sliced(name: str) -> tuple[str, str] | None:
    """The column and the metric of a name such as ``worst_slice(origin).precision``; None for a plain metric.

    >>> sliced("worst_slice(origin).precision")
    ('origin', 'precision')
    """
    match = _SLICE.fullmatch(name)
    return None if match is None else (match[1], match[2])


def slice_columns(criteria: Iterable[Criterion]) -> frozenset[str]:
    """The columns whose slices criteria speak of."""
    return frozenset(found[0] for one in criteria for name in one.names if (found := sliced(name)) is not None)


def parts(name: str) -> tuple[str | None, str]:
    """The column of the slices (None for the whole), and the metric by its own name.

    >>> parts("worst_slice(origin).worth_per_decision"), parts("recall")
    (('origin', 'worth'), (None, 'recall'))
    """
    column, metric = sliced(name) or (None, name)
    return column, ALIASES.get(metric, metric)
