"""The bounds that a check sets to metrics, as far as it says them plainly: ``precision >= 0.5 and recall > 0.2``. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from loopline.expression.language import Expression

_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq}


@dataclass(frozen=True)
class Bound:
    """A metric's end on one side.

    Parameters
    ----------
    name
        The metric as the check names it, such as ``worst_slice(origin).precision``.
    is_least
        Whether it must not be below the limit; else not above it.
    is_strict
        Whether the limit itself is out.
    """

    name: str
    limit: float
    is_least: bool
    is_strict: bool

    def allows(self, value: float) -> bool:
        """Whether a value of the metric keeps within."""
        if value == self.limit:
            return not self.is_strict
        return (value > self.limit) is self.is_least


def bounds(check: Expression) -> list[Bound]:
    """Every bound that must hold for the check to hold; what it says in another way than by comparing a metric to a number sets none.

    Examples
    --------
    >>> from loopline.expression.language import parse
    >>> [(one.name, one.limit, one.is_least, one.is_strict) for one in bounds(parse("0.2 < recall <= 0.9"))]
    [('recall', 0.2, True, True), ('recall', 0.9, False, False)]
    """
    return [bound for bound in _of(check.tree, check) if bound is not None]


def is_plain(check: Expression) -> bool:
    """Whether a check says nothing but its bounds: it holds wherever they all do."""
    return None not in _of(check.tree, check)


def _of(node: ast.expr, check: Expression) -> Iterator[Bound | None]:
    """The bounds; None for whatever else must hold."""
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            for part in parts:
                yield from _of(part, check)
        case ast.Compare(left=left, ops=links, comparators=rights):
            for one, link, other in zip((left, *rights), links, rights, strict=False):
                yield from _compared(one, type(link), other, check)
        case _:
            yield None


def _compared(one: ast.expr, link: type[ast.cmpop], other: ast.expr, check: Expression) -> Iterator[Bound | None]:
    if link not in _MIRRORED:
        yield None
    elif (limit := _number(one)) is not None and (name := check.reference(other)) is not None:
        yield from _bounds(name, _MIRRORED[link], limit)
    elif (name := check.reference(one)) is not None and (limit := _number(other)) is not None:
        yield from _bounds(name, link, limit)
    else:
        yield None


def _bounds(name: str, link: type[ast.cmpop], limit: float) -> Iterator[Bound]:
    if link in (ast.Gt, ast.GtE, ast.Eq):
        yield Bound(name, limit, True, link is ast.Gt)
    if link in (ast.Lt, ast.LtE, ast.Eq):
        yield Bound(name, limit, False, link is ast.Lt)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return None if (below := _number(inner)) is None else -below
    return None
