"""Expressions over NumPy arrays, or over plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from loopline.expression.language import Expression


def _is_null(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype == object:
        return np.array([item is None or item != item for item in array.ravel()]).reshape(array.shape)
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, dtype=bool)


def _texts(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: np.array([None if item is None else function(str(item)) for item in np.atleast_1d(np.asarray(value, dtype=object))])


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs,
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "round": np.round,
    "sqrt": np.sqrt,
    "log": np.log,
    "exp": np.exp,
    "is_null": _is_null,
    "coalesce": lambda value, other: np.where(_is_null(value), other, value),
    "lower": _texts(str.lower),
    "length": _texts(len),
    "not": np.logical_not,
    "in": lambda value, allowed: reduce(np.logical_or, [np.equal(value, item) for item in allowed], np.False_),
    "if": np.where,
}


def evaluate(expression: Expression, columns: Mapping[str, Any]) -> Any:
    """The value of an expression over arrays of one length n, or over scalars.

    Raises
    ------
    KeyError
        When a name is not among the columns; `Expression.require` says it better beforehand.
    """
    with np.errstate(all="ignore"):
        return expression.evaluate(lambda name: columns[name], FUNCTIONS)
