"""Numbers that declared expressions make of a row's columns, the same for training, batches and single requests. NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.expression.language import Expression, parse
from loopline.expression.on_numpy import evaluate
from loopline.model.plan import Formula, Kind

Read = Callable[[str, Kind], NDArray[Any]]
"""From a column and what it is taken for to its values, shape (n,): float64 with NaN, or texts with None."""


@lru_cache(maxsize=4096)
def parsed(text: str) -> Expression:
    """The expression of a text, parsed once.

    Raises
    ------
    ValueError
        When the text is no expression.
    """
    return parse(text)


def evaluated(formula: Formula, read: Read, rows: int) -> NDArray[np.float64]:
    """The formula's number for each of n rows, shape (n,), or one for all of them.

    It is NaN where it cannot be computed, such as of a null text, and infinite after a division by 0.
    """
    columns = {name: read(name, kind) for name, kind in formula.columns}
    expression = parsed(formula.text)
    try:
        return _numbers(evaluate(expression, columns))
    except TypeError:
        # A null text goes with no other text: the rows without one are computed all the same.
        each = [_alone(expression, {name: values[row : row + 1] for name, values in columns.items()}) for row in range(rows)]
        return np.array(each, dtype=np.float64)


def _alone(expression: Expression, columns: dict[str, NDArray[Any]]) -> float:
    try:
        return float(_numbers(evaluate(expression, columns)).item())
    except TypeError:
        return float("nan")


def _numbers(value: Any) -> NDArray[np.float64]:
    array = np.asarray(value)
    if array.dtype == object:
        array = np.array([np.nan if item is None else item for item in np.atleast_1d(array)], dtype=np.float64)
    return array.astype(np.float64, copy=False)
