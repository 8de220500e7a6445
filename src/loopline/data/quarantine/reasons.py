"""From the reason of a refusal back to the rule that gave it, and to the place in the declaration where that rule stands; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from loopline.data.spec import ColumnSpec, DataSpec

RuleName = Literal["type", "required", "unique", "min", "max", "values", "pattern", "length", "references", "rules", "reading"]
_PHRASES: tuple[tuple[re.Pattern[str], RuleName], ...] = (
    (re.compile(r"is missing"), "required"),
    (re.compile(r"is below \S+"), "min"),
    (re.compile(r"is above \S+"), "max"),
    (re.compile(r"is not one of the values"), "values"),
    (re.compile(r"does not match .*", re.DOTALL), "pattern"),
    (re.compile(r"has (?:fewer|more) than \S+ characters"), "length"),
    (re.compile(r"repeats an earlier row|is in the table already"), "unique"),
    (re.compile(r"is not in table .+"), "references"),
    (re.compile(r"is not (?:a whole number|a number|a text|true or false|a date|a time)(?: \(.*\))?"), "type"),
)
ABOUT_CELLS: frozenset[RuleName] = frozenset({"type", "required", "min", "max", "values", "pattern", "length"})
"""The rules that look at one cell alone: what they say of a value they say of it in every row."""
_OVER_A_ROW = "it breaks the rule "


@dataclass(frozen=True)
class Broken:
    """The rule behind a reason.

    Parameters
    ----------
    columns
        Those that it is about; none where the record could not be cut into columns.
    where
        Its field in the declaration; empty where no field says it.
    says
        What it wants, in words.
    """

    reason: str
    rule: RuleName
    columns: tuple[str, ...]
    where: str
    says: str

    @property
    def column(self) -> str | None:
        """The one column that it is about."""
        return self.columns[0] if len(self.columns) == 1 else None


def broken(reason: str, data: DataSpec, table: str, columns: Iterable[str]) -> Broken:
    """The rule that gave a reason to a record of a table with these columns."""
    contract, home = data.contract_of(table), home_of(data, table)
    if reason.startswith(_OVER_A_ROW):
        said = reason.removeprefix(_OVER_A_ROW)
        found = next(((index, rule) for index, rule in enumerate(contract.rules) if rule.says == said), None)
        where = f"{home}.rules.{found[0]}" if found else f"{home}.rules"
        return Broken(reason, "rules", (), where, found[1].check if found else said)
    for group in _groups(reason, columns):
        rest = reason[len(" and ".join(group)) + 1 :]
        rule = next((name for phrase, name in _PHRASES if phrase.fullmatch(rest)), None)
        if rule is not None:
            return _told(reason, rule, group, data, table)
    return Broken(reason, "reading", (), "", "every record has as many fields as there are columns, and can be read")


def home_of(data: DataSpec, table: str) -> str:
    """Where a table's contract stands in the declaration."""
    return "data.contract" if table == data.main else f"data.sources.{table}.contract"


def _groups(reason: str, columns: Iterable[str]) -> list[tuple[str, ...]]:
    """The columns with which a reason may begin, the longest beginning first."""
    known = frozenset(columns)

    def begun(text: str) -> list[tuple[str, ...]]:
        starts = []
        for end in range(len(text) - 1, -1, -1):
            if text[end] == " " and (name := text[:end]) in known:
                rest = text[end + 1 :]
                starts += [(name, *more) for more in begun(rest.removeprefix("and "))] if rest.startswith("and ") else []
                starts.append((name,))
        return starts

    return begun(reason)


def _told(reason: str, rule: RuleName, group: tuple[str, ...], data: DataSpec, table: str) -> Broken:
    source, home = data.sources[table], home_of(data, table)
    name = group[0]
    spec = data.contract_of(table).columns.get(name, ColumnSpec())
    if rule == "unique":
        is_key = group == tuple(source.key)
        where = f"data.sources.{table}.key" if is_key else f"{home}.{name}.unique" if len(group) == 1 else f"{home}.unique"
        return Broken(reason, rule, group, where, f"{' and '.join(group)} {'names one row' if is_key else 'comes once'}")
    if rule == "references":
        return Broken(reason, rule, group, f"{home}.references", f"{' and '.join(group)} is found in table {reason.rpartition(' ')[2]}")
    if rule == "required" and not spec.required:
        field = "time" if name == source.time else "key"
        return Broken(reason, rule, group, f"data.sources.{table}.{field}", f"{name} is the {field}, which is never missing")
    if rule == "type" and spec.type is None:
        return Broken(reason, rule, group, "", f"the table's column {name} has the type that its first delivery gave it")
    return Broken(reason, rule, group, f"{home}.{name}.{rule}", f"{rule}: {_value(getattr(spec, rule))}")


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.10g}"
    return "true" if value is True else str(value)


def wants(spec: ColumnSpec | None) -> str:
    """What a contract wants of a column's cells, in words; empty where it says nothing."""
    if spec is None:
        return ""
    parts = [spec.type or "", f"as {spec.format}" if spec.format else "", "never missing" if spec.required else "", "comes once" if spec.unique else ""]
    if spec.min is not None or spec.max is not None:
        low, high = ("" if bound is None else f"{bound:.10g}" for bound in (spec.min, spec.max))
        parts.append(f"from {low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}")
    if spec.values is not None:
        shown = ", ".join(map(str, spec.values[:8]))
        parts.append(f"one of {shown}" + (f" and {len(spec.values) - 8} more" if len(spec.values) > 8 else ""))
    parts += [f"matches {spec.pattern}" if spec.pattern else "", f"{spec.length} characters" if spec.length else ""]
    return ", ".join(part for part in parts if part)
