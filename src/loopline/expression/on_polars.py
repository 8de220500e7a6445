"""Expressions as Polars expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from loopline.expression.language import Expression


def _lift(value: Any) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": lambda value: _lift(value).abs(),
    "min": lambda *values: pl.min_horizontal(*map(_lift, values)),
    "max": lambda *values: pl.max_horizontal(*map(_lift, values)),
    "round": lambda value, digits=0: _lift(value).round(digits),
    "sqrt": lambda value: _lift(value).sqrt(),
    "log": lambda value: _lift(value).log(),
    "exp": lambda value: _lift(value).exp(),
    "is_null": lambda value: _lift(value).is_null(),
    "coalesce": lambda value, other: pl.coalesce(_lift(value), _lift(other)),
    "lower": lambda value: _lift(value).str.to_lowercase(),
    "length": lambda value: _lift(value).str.len_chars(),
    "not": lambda value: _lift(value).not_(),
    "in": lambda value, allowed: _lift(value).is_in(allowed),
    "if": lambda test, then, otherwise: pl.when(_lift(test)).then(_lift(then)).otherwise(_lift(otherwise)),
}


def as_polars(expression: Expression) -> pl.Expr:
    """The same expression for a Polars frame that has the columns it names."""
    return _lift(expression.evaluate(pl.col, FUNCTIONS))
