"""What an expression makes of numbers and of texts, without any value: what does not go together is found beforehand."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from loopline.expression.language import Expression

Kind = Literal["number", "text"]


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of an expression: its kind, and what it is called in a message."""

    kind: Kind
    name: str

    def number(self, other: Any = None) -> _Part:
        for part in (self, _part(other)):
            if part is not None and part.kind == "text":
                raise ValueError(f"{part.name} is text, and a number is wanted")
        return _Part("number", "a result")

    def compared(self, other: Any) -> _Part:
        _alike(self, other)
        return _Part("number", "a comparison")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = number
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __and__ = __rand__ = __or__ = __ror__ = number
    __lt__ = __le__ = __gt__ = __ge__ = compared
    __eq__ = __ne__ = compared  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> _Part:
        return self.number()


def _part(value: Any) -> _Part | None:
    """The part that a plain value is; None for null, which goes with all."""
    if value is None or isinstance(value, _Part):
        return value
    return _Part("text" if isinstance(value, str) else "number", repr(value))


def _alike(*values: Any) -> _Part | None:
    """The first of some parts that must be of one kind."""
    parts = [part for part in map(_part, values) if part is not None]
    for part in parts[1:]:
        if part.kind != parts[0].kind:
            text, number = (parts[0], part) if parts[0].kind == "text" else (part, parts[0])
            raise ValueError(f"{text.name} is text, and {number.name} is a number")
    return parts[0] if parts else None


def _numbers(*values: Any) -> _Part:
    for value in values:
        if (part := _part(value)) is not None:
            part.number()
    return _Part("number", "a result")


def _text(kind: Kind) -> Callable[[Any], _Part]:
    def applied(value: Any) -> _Part:
        _alike(_Part("text", "what the function takes"), value)
        return _Part(kind, "a result")

    return applied


def _chosen(test: Any, then: Any, otherwise: Any) -> _Part | None:
    _numbers(test)
    return _alike(then, otherwise)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(("abs", "min", "max", "round", "sqrt", "log", "exp", "not"), _numbers),
    "is_null": lambda value: _Part("number", "a result"),
    "coalesce": _alike,
    "lower": _text("text"),
    "length": _text("number"),
    "in": lambda value, allowed: _alike(value, *allowed) and _Part("number", "a comparison"),
    "if": _chosen,
}


def kind_of(expression: Expression, columns: Mapping[str, Kind]) -> Kind:
    """Whether an expression is a number (or a condition, which counts as 1 or 0) or a text.

    Parameters
    ----------
    columns
        The kinds of the columns that the expression names.

    Raises
    ------
    ValueError
        When numbers and texts meet where they do not go together; it names the column.
    """
    try:
        part = _part(expression.evaluate(lambda name: _Part(columns[name], f"column {name!r}"), _FUNCTIONS))
    except TypeError as error:
        raise ValueError(str(error)) from error
    return "number" if part is None else part.kind


def is_condition(expression: Expression) -> bool:
    """Whether an expression holds or does not: a comparison, ``not``, `is_null`, or what ``and``, ``or`` and ``if`` make of such ones."""
    return _is_condition(expression.tree)


def _is_condition(node: ast.expr) -> bool:
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Call(func=ast.Name(id="is_null")) | ast.Constant(value=bool()):
            return True
        case ast.BoolOp(values=parts):
            return all(_is_condition(part) for part in parts)
        case ast.IfExp(body=then, orelse=otherwise):
            return _is_condition(then) and _is_condition(otherwise)
    return False
