"""What a check asks of metrics, as far as it says it plainly: bounds, as in ``precision >= 0.5``, and orders, as in ``precision > recall``. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from loopline.expression.language import Expression

_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
}
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


@dataclass(frozen=True)
class Order:
    """Which of two metrics must not be the greater one.

    Parameters
    ----------
    lower, upper
        As the check names them.
    is_strict
        Whether they must differ.
    """

    lower: str
    upper: str
    is_strict: bool


def bounds(check: Expression) -> list[Bound]:
    """Every bound that must hold for the check to hold; what it says in another way than by comparing a metric to a number sets none.

    Examples
    --------
    >>> from loopline.expression.language import parse
    >>> [(one.name, one.limit, one.is_least, one.is_strict) for one in bounds(parse("0.2 < recall <= 0.9"))]
    [('recall', 0.2, True, True), ('recall', 0.9, False, False)]
    """
    return [bound for bound in _of(check.tree, check) if isinstance(bound, Bound)]


def orders(check: Expression) -> list[Order]:
    """Every order of two metrics that must hold for the check to hold.

    Examples
    --------
    >>> from loopline.expression.language import parse
    >>> orders(parse("precision > recall and not recall < act_share"))
    [Order(lower='recall', upper='precision', is_strict=True), Order(lower='act_share', upper='recall', is_strict=False)]
    """
    return [order for order in _of(check.tree, check) if isinstance(order, Order)]


def is_plain(check: Expression) -> bool:
    """Whether a check says nothing but its bounds: it holds wherever they all do."""
    return all(isinstance(part, Bound) for part in _of(check.tree, check))


def _of(node: ast.expr, check: Expression) -> Iterator[Bound | Order | None]:
    """The bounds and orders; None for whatever else must hold."""
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            for part in parts:
                yield from _of(part, check)
        case ast.Compare(left=left, ops=links, comparators=rights):
            for one, link, other in zip((left, *rights), links, rights, strict=False):
                yield from _compared(one, type(link), other, check)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare(left=left, ops=[link], comparators=[right])) if type(link) in _NEGATED:
            yield from _compared(left, _NEGATED[type(link)], right, check)
        case _:
            yield None


def _compared(one: ast.expr, link: type[ast.cmpop], other: ast.expr, check: Expression) -> Iterator[Bound | Order | None]:
    if link not in _MIRRORED:
        yield None
    elif (limit := _number(one)) is not None and (name := check.reference(other)) is not None:
        yield from _bounds(name, _MIRRORED[link], limit)
    elif (name := check.reference(one)) is not None and (limit := _number(other)) is not None:
        yield from _bounds(name, link, limit)
    elif (name := check.reference(one)) is not None and (beside := check.reference(other)) is not None:
        yield from _orders(name, link, beside)
    else:
        yield None


def _bounds(name: str, link: type[ast.cmpop], limit: float) -> Iterator[Bound]:
    if link in (ast.Gt, ast.GtE, ast.Eq):
        yield Bound(name, limit, True, link is ast.Gt)
    if link in (ast.Lt, ast.LtE, ast.Eq):
        yield Bound(name, limit, False, link is ast.Lt)


def _orders(name: str, link: type[ast.cmpop], beside: str) -> Iterator[Order]:
    if link in (ast.Gt, ast.GtE, ast.Eq):
        yield Order(beside, name, link is ast.Gt)
    if link in (ast.Lt, ast.LtE, ast.Eq):
        yield Order(name, beside, link is ast.Lt)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return None if (below := _number(inner)) is None else -below
    return None
