"""Parsing and walking of expressions: names, numbers, texts, arithmetic, comparison, logic and a few functions.

The grammar is a subset of Python's, parsed by `ast` and walked by us: nothing is ever executed. A column whose name is no
identifier stands in backquotes; ``worst_slice(origin).precision`` is one name, resolved as a whole.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from loopline.errors import Mistake

FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "abs": (1, 1),
    "min": (2, 8),
    "max": (2, 8),
    "round": (1, 2),
    "sqrt": (1, 1),
    "log": (1, 1),
    "exp": (1, 1),
    "is_null": (1, 1),
    "coalesce": (2, 2),
    "lower": (1, 1),
    "length": (1, 1),
}
_SLICED = ("worst_slice",)


def _power(base: Any, exponent: Any) -> Any:
    """A power; of whole numbers as that of fractions, because all digits of 9 ** 9 ** 9 would take years."""
    return float(base) ** exponent if isinstance(base, int) and isinstance(exponent, int) else base**exponent


_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: operator.and_,
    ast.Or: operator.or_,
}
_BACKQUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text, its tree and the names that it reads."""

    text: str
    tree: ast.expr
    names: frozenset[str]
    quoted: Mapping[str, str]

    def evaluate(self, resolve: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
        """The value of the expression.

        Parameters
        ----------
        resolve
            From a name to its value.
        functions
            The backend's functions: those of `FUNCTIONS`, and ``not``, ``in`` and ``if``.
        """
        return _value(self.tree, resolve, functions, self.quoted)

    def reference(self, node: ast.expr) -> str | None:
        """The whole name that a part of the tree stands for; None where it is no name."""
        return _reference(node, self.quoted)

    def require(self, known: Iterable[str], *, where: str) -> None:
        """Check that every name is known.

        Raises
        ------
        Mistake
            Naming the first unknown name and the nearest known one.
        """
        among = sorted(set(known))
        for name in sorted(self.names - set(among)):
            near = get_close_matches(name, among, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(among)}"
            raise Mistake(f"{self.text!r} names {name!r}, which is not there", where=where, remedy=remedy)


@lru_cache(1_000)
def parse(text: str) -> Expression:
    """An expression from its text.

    Raises
    ------
    ValueError
        When the text is not an expression of the language; the message says where.

    Examples
    --------
    >>> sorted(parse("amount * 0.1 if `emp.var.rate` > 1 else 0").names)
    ['amount', 'emp.var.rate']
    """
    quoted: dict[str, str] = {}

    def hide(match: re.Match[str]) -> str:
        quoted[f"quoted_{len(quoted)}_"] = match[1]
        return f"quoted_{len(quoted) - 1}_"

    try:
        tree = ast.parse(_BACKQUOTED.sub(hide, text).strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{text!r} is not an expression (at character {error.offset})") from error
    names: set[str] = set()
    _check(tree, text, names, quoted)
    _reckon(tree, text)
    return Expression(text, tree, frozenset(names), quoted)


def _reference(node: ast.expr, quoted: Mapping[str, str]) -> str | None:
    """The whole name that a node stands for, or None where it is no name."""
    if isinstance(node, ast.Name):
        return quoted.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inner = _reference(node.value, quoted)
        return None if inner is None else f"{inner}.{node.attr}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SLICED and len(node.args) == 1:
        inner = _reference(node.args[0], quoted)
        return None if inner is None else f"{node.func.id}({inner})"
    return None


def _refuse(node: ast.AST, text: str, what: str) -> ValueError:
    return ValueError(f"{text!r}: {what} (at character {getattr(node, 'col_offset', 0) + 1})")


def _check(node: ast.AST, text: str, names: set[str], quoted: Mapping[str, str]) -> None:
    whole = _reference(node, quoted) if isinstance(node, ast.expr) else None
    if whole is not None:
        names.add(whole)
        return
    match node:
        case ast.Constant(value=int() | float() | str() | bool() | None):
            return
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            pass
        case ast.BoolOp() | ast.IfExp() | ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            pass
        case ast.Compare(left=left, ops=ops, comparators=rights) if all(isinstance(op, (*_OPERATORS, ast.In, ast.NotIn)) for op in ops):
            _check(left, text, names, quoted)
            for link, right in zip(ops, rights, strict=True):
                if isinstance(link, (ast.In, ast.NotIn)):
                    _check_list(right, text)
                else:
                    _check(right, text, names, quoted)
            return
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                near = get_close_matches(name, FUNCTIONS, n=1)
                raise _refuse(node, text, f"there is no function {name!r}; {f'did you mean {near[0]}?' if near else 'there are: ' + ', '.join(FUNCTIONS)}")
            low, high = FUNCTIONS[name]
            if not low <= len(args) <= high:
                raise _refuse(node, text, f"{name} takes {low if low == high else f'{low} to {high}'} values")
            for argument in args:
                _check(argument, text, names, quoted)
            return
        case _:
            raise _refuse(node, text, "only names, numbers, texts, + - * / // % **, comparisons, and, or, not, in, if-else and functions may stand here")
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, text, names, quoted)


def _check_list(node: ast.expr, text: str) -> None:
    """What stands after ``in``, and nowhere else."""
    if not isinstance(node, ast.Tuple | ast.List | ast.Set):
        raise _refuse(node, text, "after 'in' a list of values is expected")
    if not all(isinstance(item, ast.Constant) for item in node.elts):
        raise _refuse(node, text, "a list may hold only plain values")


def _reckon(tree: ast.expr, text: str) -> None:
    """Refuse what no row can change: constants of which nothing comes, as of 1 / 0."""
    none: dict[str, Any] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp | ast.Compare):
            continue
        try:
            found = _value(node, none.__getitem__, none, none)
        except KeyError:
            # It names a column or a function, which answer for themselves.
            continue
        except (ArithmeticError, TypeError) as error:
            raise _refuse(node, text, f"of {ast.unparse(node)} nothing comes; write the number that is meant") from error
        if isinstance(found, complex):
            raise _refuse(node, text, f"{ast.unparse(node)} is no number; write the one that is meant")


def _value(node: ast.expr, resolve: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]], quoted: Mapping[str, str]) -> Any:
    def value(child: ast.expr) -> Any:
        return _value(child, resolve, functions, quoted)

    whole = _reference(node, quoted)
    if whole is not None:
        return resolve(whole)
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](value(left), value(right))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return functions["not"](value(operand))
        case ast.UnaryOp(op=op, operand=operand):
            return -value(operand) if isinstance(op, ast.USub) else value(operand)
        case ast.BoolOp(op=op, values=values):
            result = value(values[0])
            for other in values[1:]:
                result = _OPERATORS[type(op)](result, value(other))
            return result
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _compared(left, ops, comparators, value, functions)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return functions["if"](value(test), value(body), value(orelse))
        case ast.Call(func=ast.Name(id=name), args=args):
            return functions[name](*(value(argument) for argument in args))
    raise AssertionError(f"{ast.dump(node)} passed the check")


def _compared(
    left: ast.expr,
    ops: list[ast.cmpop],
    comparators: list[ast.expr],
    value: Callable[[ast.expr], Any],
    functions: Mapping[str, Callable[..., Any]],
) -> Any:
    """A chain such as ``1 < x <= 3``: every link holds."""
    result: Any = None
    current = value(left)
    for op, node in zip(ops, comparators, strict=True):
        if isinstance(op, (ast.In, ast.NotIn)) and isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            link = functions["in"](current, [item.value for item in node.elts if isinstance(item, ast.Constant)])
            link = functions["not"](link) if isinstance(op, ast.NotIn) else link
        else:
            right = value(node)
            link = _OPERATORS[type(op)](current, right)
            current = right
        result = link if result is None else result & link
    return result
