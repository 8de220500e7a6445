"""What a declaration asks for beside the columns themselves, made ready for a plan: each part whole, or left out with its reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.errors import Mistake
from loopline.expression.kinds import kind_of
from loopline.model.encode import encode
from loopline.model.formulas import parsed
from loopline.model.plan import CROSSED, Formula, Key, Kind, Plan, StatisticKind
from loopline.model.spec_features import RULE, Declared, names_in, read_by

WHERE = "model.features"

_HOW: Mapping[str, StatisticKind] = {"difference": "minus", "ratio": "over"}


@dataclass(frozen=True, slots=True)
class Group:
    """A number that is compared with its mean by a category."""

    of: str
    by: str
    kind: StatisticKind


@dataclass(frozen=True)
class Asked:
    """What is asked for; names in `left_out` are not made, each with its reason."""

    formulas: tuple[Formula, ...]
    crosses: tuple[Key, ...]
    groups: tuple[Group, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Ground:
    """What declarations stand on.

    Parameters
    ----------
    kinds
        What each column of the table is taken for.
    whole
        The columns that are whole numbers, which may name a group.
    numbers
        The columns that are features as numbers.
    refused
        Columns that nothing may be made of, each with why; and `aside`, of which nothing may be made first of all.
    read
        The training rows' values of some columns, as `loopline.model.features.raw` gives them.
    """

    kinds: Mapping[str, Kind]
    whole: Collection[str]
    numbers: Collection[str]
    refused: Mapping[str, str]
    aside: Collection[str]
    read: Callable[[Collection[str]], Mapping[str, NDArray[Any]]]


def asked(spec: Declared, ground: Ground, rules: Sequence[str] = ()) -> Asked:
    """What a declaration asks for, as far as it can be made of these columns.

    Parameters
    ----------
    rules
        The expert's rules; each becomes a formula of its own.

    Raises
    ------
    Mistake
        Naming a column that is not there, an expression that gives no number, or two columns that do not go together.
    """
    _require_columns({**spec.reads, **read_by(rules)}, ground)
    formulas = [*_formulas(spec, ground), *_ruled(rules, ground)]
    crosses = [key for key in _pairs(spec, ground, "text", "text")]
    groups = [*(Group(group.of, group.by, _HOW[group.how]) for group in spec.groups), *(Group(of, by, "minus") for of, by in _mixed(spec, ground))]
    groups = list(dict.fromkeys(groups))
    left_out: dict[str, str] = {}
    kept = []
    for where, formula in formulas:
        why = _refusal(tuple(name for name, _ in formula.columns), ground) or _useless(formula, ground, where)
        if why:
            left_out[formula.name] = why
        else:
            kept.append(formula)
    crossed = [key for key in crosses if not _noted(left_out, CROSSED.join(key), _refusal(key, ground))]
    compared = []
    for at, one in enumerate(groups):
        _require_group(one, ground, f"{WHERE}.groups[{at}]")
        why = _refusal((one.of, one.by), ground) or ("" if one.of in ground.numbers else f"{one.of} is not learned from")
        if not _noted(left_out, f"{one.of} by {one.by}", why):
            compared.append(one)
    return Asked(tuple(kept), tuple(crossed), tuple(compared), left_out)


def require_sound(spec: Declared, rules: Sequence[str] = (), *, target: str, columns: Collection[str]) -> None:
    """Check what a declaration reads before anything is computed.

    Raises
    ------
    Mistake
        Naming a column that is not there, the outcome, or an expression with a column's name.
    """
    for where, names in {**spec.reads, **read_by(rules)}.items():
        for name in names:
            if name not in columns:
                raise Mistake(f"the column {name!r} is not in the table", where=where, remedy=f"there are: {', '.join(columns)}")
            if name == target:
                raise Mistake(f"it reads {target!r}, the outcome, which is not known when a row is decided", where=where, remedy="take it away")
    for name in spec.expressions:
        if name in columns:
            raise Mistake(f"the table has a column {name!r} already", where=f"{WHERE}.expressions.{name}", remedy="give the expression a name of its own")


def _noted(left_out: dict[str, str], name: str, why: str) -> bool:
    if why:
        left_out[name] = why
    return bool(why)


def _require_columns(reads: Mapping[str, Sequence[str]], ground: Ground) -> None:
    for where, names in reads.items():
        for name in names:
            if name not in ground.kinds:
                raise Mistake(f"the column {name!r} is not in the table", where=where, remedy=f"there are: {', '.join(ground.kinds)}")


def _formulas(spec: Declared, ground: Ground) -> list[tuple[str, Formula]]:
    made = [_formula(name, text, ground, f"{WHERE}.expressions.{name}") for name, text in spec.expressions.items()]
    for one, other in _pairs(spec, ground, "number", "number"):
        for sign, said in (("*", CROSSED.strip()), ("/", "/")):
            text = f"`{one}` {sign} `{other}`"
            made.append((f"{WHERE}.interactions", Formula(f"{one} {said} {other}", text, ((one, "number"), (other, "number")))))
    return made


def _ruled(rules: Sequence[str], ground: Ground) -> list[tuple[str, Formula]]:
    return [_formula(RULE + text, text, ground, where) for text, where in zip(rules, read_by(rules), strict=True)]


def _formula(name: str, text: str, ground: Ground, where: str) -> tuple[str, Formula]:
    formula = Formula(name, text, tuple((column, ground.kinds[column]) for column in names_in(text)))
    _require_number(formula, where)
    return where, formula


def _require_number(formula: Formula, where: str) -> None:
    remedy = "write numbers, comparisons and functions of columns, as in distance / air_time"
    try:
        kind = kind_of(parsed(formula.text), {name: "text" if kind == "text" else "number" for name, kind in formula.columns})
    except ValueError as error:
        raise Mistake(f"{formula.text!r} cannot be computed: {error}", where=where, remedy=remedy) from None
    if kind != "number":
        raise Mistake(f"{formula.text!r} gives a text, and a number is wanted", where=where, remedy=remedy)


def _pairs(spec: Declared, ground: Ground, one: Kind, other: Kind) -> list[tuple[str, str]]:
    """The declared pairs of columns of two kinds, in this order."""
    found = []
    for at, (first, second) in enumerate(spec.interactions):
        for name in (first, second):
            if ground.kinds[name] == "date":
                remedy = "write an expression, in which a date counts as days since 1970-01-01"
                raise Mistake(f"{name} holds dates, of which no interaction is made", where=f"{WHERE}.interactions[{at}]", remedy=remedy)
            if "`" in name:
                raise Mistake(f"{name} has a backquote in its name", where=f"{WHERE}.interactions[{at}]", remedy="give the column another name")
        if (ground.kinds[first], ground.kinds[second]) == (one, other):
            found.append((first, second))
    return found


def _mixed(spec: Declared, ground: Ground) -> list[tuple[str, str]]:
    """The declared pairs of a number and a category, the number first."""
    return [*_pairs(spec, ground, "number", "text"), *((of, by) for by, of in _pairs(spec, ground, "text", "number"))]


def _require_group(group: Group, ground: Ground, where: str) -> None:
    if ground.kinds[group.of] != "number":
        raise Mistake(f"{group.of} holds no numbers", where=where, remedy="let `of` name a column of numbers")
    if ground.kinds[group.by] != "text" and group.by not in ground.whole:
        raise Mistake(f"{group.by} names no group: it is no category", where=where, remedy="let `by` name a column of categories, texts or whole numbers")


def _refusal(names: tuple[str, ...], ground: Ground) -> str:
    """Why nothing may be made of some columns; empty where it may."""
    for name in names:
        if name in ground.refused:
            return f"it reads {name}, {ground.refused[name]}"
    return f"{names[0]}, of which it is made, is not learned from" if names[0] in ground.aside else ""


def _useless(formula: Formula, ground: Ground, where: str) -> str:
    """Why nothing can be learned from a formula; empty where something can."""
    columns = ground.read([name for name, _ in formula.columns])
    try:
        values = encode(Plan((), (), (), formulas=(formula,)), columns).numbers[:, 0]
    except Mistake:
        raise
    except (ValueError, TypeError, ArithmeticError) as error:
        remedy = "try it on a few rows, and mend it"
        raise Mistake(f"{formula.text!r} cannot be computed: {str(error).splitlines()[0]}", where=where, remedy=remedy) from None
    known = values[~np.isnan(values)]
    if not len(known):
        return f"{formula.text} gives a number in no row"
    if len(known) < len(values) or known.min() < known.max():
        return ""
    return f"it holds in {'every' if known[0] else 'no'} training row" if formula.name.startswith(RULE) else "every value is the same"
