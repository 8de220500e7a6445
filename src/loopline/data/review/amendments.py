"""Amendments: what answers change in the contract, and how the declaration's text takes them in; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from loopline.data.proposals.amend import extend, has, put
from loopline.data.proposals.written import said
from loopline.data.spec import ColumnSpec, DataSpec
from loopline.data.spec_contract import PARTS, RuleSpec
from loopline.errors import Mistake

_GENTLE = ("min", "max", "values", "pattern", "length")
_ADDED, _MAPPED = "values", "clean"


@dataclass(frozen=True)
class Amendment:
    """One change of a table's contract.

    Parameters
    ----------
    action
        ``set`` a field of a column; ``add`` a value to its values, or ``remove`` one; give a rule of it a ``severity``; ``map`` one word of
        it to another; or add a ``rule`` over rows.
    value
        The new value; for ``severity`` and ``map`` a mapping, for ``rule`` the rule's fields.
    why
        Who says so, when, and what.
    """

    table: str
    column: str
    action: Literal["set", "add", "remove", "severity", "map", "rule"]
    field: str
    value: Any
    why: str

    def as_json(self) -> dict[str, Any]:
        """The amendment as plain values."""
        return asdict(self)


def amended(text: str, data: DataSpec, amendments: Iterable[Amendment]) -> tuple[str, tuple[str, ...]]:
    """The declaration's text with the amendments in place, where every comment stays; and what is left to do by hand.

    Parameters
    ----------
    data
        What the text declares.
    """
    specs: dict[tuple[str, str], ColumnSpec] = {}
    reasons: dict[tuple[str, str], list[str]] = {}
    left: list[str] = []
    for amendment in amendments:
        place = (amendment.table, amendment.column)
        spec = specs.get(place) or data.contract_of(amendment.table).columns.get(amendment.column, ColumnSpec())
        try:
            text, specs[place] = _put(text, _root(data, amendment.table), spec, amendment)
        except Mistake as mistake:
            left.append(f"{amendment.why}: {mistake.what}")
            continue
        if amendment.action != "rule":
            reasons.setdefault(place, [spec.why] if spec.why else []).append(amendment.why)
    for (table, column), why in reasons.items():
        text = put(text, (*_column(text, _root(data, table), column), "why"), "; ".join(dict.fromkeys(why)))
    return text, tuple(left)


def _root(data: DataSpec, table: str) -> tuple[str, ...]:
    """Where a table's contract stands."""
    return ("data", "contract") if table == data.main else ("data", "sources", table, "contract")


def _column(text: str, root: tuple[str, ...], column: str) -> tuple[str, ...]:
    """Where a column's contract stands, or would stand."""
    apart = has(text, (*root, "columns", column)) or column in PARTS or (has(text, (*root, "columns")) and not has(text, (*root, column)))
    return (*root, "columns", column) if apart else (*root, column)


def _put(text: str, root: tuple[str, ...], spec: ColumnSpec, amendment: Amendment) -> tuple[str, ColumnSpec]:
    path = _column(text, root, amendment.column)
    match amendment.action:
        case "rule":
            return extend(text, (*root, "rules"), [amendment.value]), spec
        case "add":
            more = [amendment.value] if _typed(amendment.value) not in map(_typed, spec.values or ()) else []
            fresh = _with(spec, amendment, values=[*(spec.values or ()), *more])
            return (extend(text, (*path, _ADDED), more) if more else text), fresh
        case "remove":
            left = [value for value in spec.values or () if _typed(value) != _typed(amendment.value)]
            return put(text, (*path, _ADDED), left), _with(spec, amendment, values=left)
        case "severity":
            severity = _severity(spec, amendment.value)
            return put(text, (*path, "severity"), severity), _with(spec, amendment, severity=severity)
        case "map":
            steps = said(spec).get(_MAPPED, [])
            fresh = _with(spec, amendment, clean=[*steps, {"map": dict(amendment.value)}])
            listed = has(text, (*path, _MAPPED, 0))
            return (extend(text, (*path, _MAPPED), [{"map": dict(amendment.value)}]) if listed else put(text, (*path, _MAPPED), said(fresh)[_MAPPED])), fresh
        case _:
            return put(text, (*path, amendment.field), amendment.value), _with(spec, amendment, **{amendment.field: amendment.value})


def _typed(value: Any) -> str:
    """A value as it is compared: 1 and 1.0 are one, and so are a number and its text."""
    return f"{value:.15g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _severity(spec: ColumnSpec, asked: Mapping[str, str]) -> Any:
    """One word where all rules have one severity, else each rule's."""
    declared = spec.severity if isinstance(spec.severity, dict) else {rule: spec.severity for rule in _GENTLE if getattr(spec, rule) is not None}
    wanted = {**{str(rule): str(word) for rule, word in declared.items()}, **asked}
    words = {word for rule, word in wanted.items() if rule in _GENTLE}
    strict = {rule: word for rule, word in wanted.items() if rule not in _GENTLE and word != "refuse"}
    return words.pop() if len(words) == 1 and not strict else wanted


def _with(spec: ColumnSpec, amendment: Amendment, **fields: Any) -> ColumnSpec:
    try:
        return ColumnSpec.model_validate({**said(spec), **fields})
    except ValidationError as error:
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Mistake(f"{amendment.column}: {what}", remedy="give another answer") from None


def rule_in(words: str, table: str, column: str, spec: ColumnSpec, *, why: str, by: str) -> list[Amendment]:
    """The amendments that a rule in a person's words comes to: fields of the column, as in ``max: 12``, or a condition over a row.

    Raises
    ------
    Mistake
        When it is neither.
    """
    fields = _fields(words)
    if fields is None:
        try:
            RuleSpec.model_validate({"check": words})
        except ValidationError as error:
            said_by = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise Mistake(f"{words!r} is no rule: {said_by}", remedy="write it as max: 12, values: [a, b], or as a condition such as end >= start") from None
        return [Amendment(table, "", "rule", "rules", {"check": words, "name": f"{words}, says {by}"}, why)]
    known = sorted(set(ColumnSpec.model_fields) - {"why", "use"})
    for name in fields:
        if name not in known:
            raise Mistake(f"a column has no rule {name!r}", remedy=f"there are {', '.join(known)}")
    made = [Amendment(table, column, "set", name, value, why) for name, value in fields.items()]
    # All of them together must be a contract, whatever their order.
    _with(spec, made[0], **fields)
    return made


def _fields(words: str) -> dict[str, Any] | None:
    try:
        read = yaml.safe_load(words)
    except yaml.YAMLError:
        return None
    return {str(name): value for name, value in read.items()} if isinstance(read, dict) and read else None
