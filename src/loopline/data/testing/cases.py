"""A contract as unit tests: one case per rule, each with how many rows break it and the first of them; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl

from loopline.data.casting import absent, parsed
from loopline.data.contract.contract import Terms, nearest, settle
from loopline.data.contract.rules import MISSING, RAW, Rule, column_rules, row_rules
from loopline.data.spec import HIDDEN, LINE, ColumnSpec, Severity
from loopline.data.testing.sample import FILE
from loopline.errors import Mistake
from loopline.expression.language import parse

Outcome = Literal["pass", "fail", "warn", "skipped", "error"]
SHOWN = 5
"""How many of the rows that break a rule are shown."""
_PLACE, _FLAG, _BAD = "__place", "__flag", "__bad"
_LONGEST = 200
_OWN = (*HIDDEN, FILE)


@dataclass(frozen=True)
class Verdict:
    """What became of one case.

    Parameters
    ----------
    name, kind, columns
        What it is called, which kind of rule it is, and the columns that it looks at.
    rows, broken
        How many rows it looked at, and how many of them break it.
    samples
        The first of those: ``file``, ``line`` and ``values``, by column.
    why
        What was wrong, or why it was not looked at.
    """

    name: str
    kind: str
    outcome: Outcome
    severity: Severity = "refuse"
    columns: tuple[str, ...] = ()
    rows: int = 0
    broken: int = 0
    samples: tuple[Mapping[str, Any], ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Trial:
    """The verdicts on some rows, and those of them that the contract lets pass, typed."""

    verdicts: tuple[Verdict, ...]
    accepted: pl.DataFrame
    refused: int


@dataclass(frozen=True)
class Case:
    """A rule as it is looked at: its flag says which rows break it."""

    name: str
    kind: str
    columns: tuple[str, ...]
    rule: Rule | None = None
    severity: Severity = "refuse"
    why: str = ""
    outcome: Outcome = "pass"


def try_rows(rows: pl.DataFrame, terms: Terms, *, apart: Sequence[str] = (), merged: bool = False, came: pl.DataFrame | None = None) -> Trial:
    """The verdict of every rule on some rows.

    Parameters
    ----------
    rows
        Rows as they are delivered, or typed ones; with `LINE` and `FILE`, or without.
    terms
        The contract. A column that it names and that is not there is a case that fails.
    apart
        Columns within whose values a key may come but once: where files take each other's place, the file.
    merged
        Whether rows with one key are merged, so that a key that comes twice is no fault.
    came
        The same rows as they came, before they were cleaned: what samples show.
    """
    names = [name for name in rows.columns if name not in _OWN]
    present = _present(terms, names)
    done = settle(rows.drop(FILE, strict=False), present)
    typed = _typed(rows, names, done)
    schema = {name: kind for name, kind in typed.collect_schema().items() if name in names}
    cases = [*_absences(terms, names), *_row_cases(terms, done, names, schema)]
    typed = _with_references(typed, done, schema)
    flags = [case.rule.broken.fill_null(False).alias(f"{_FLAG}{index}") for index, case in enumerate(cases) if case.rule is not None]
    flagged = typed.with_columns(flags).collect()
    if not merged:
        flagged, cases = _with_repeats(flagged, cases, done, terms, apart)
    refusing = [f"{_FLAG}{index}" for index, case in enumerate(cases) if case.rule is not None and case.severity != "warn"]
    bad = flagged.select(pl.any_horizontal([*refusing, _BAD]).alias(_BAD)).to_series()
    verdicts = tuple(_verdict(index, case, flagged, rows if came is None else came) for index, case in enumerate(cases))
    return Trial(verdicts, flagged.filter(~bad).select(*names, *(name for name in HIDDEN if name in rows.columns)), int(bad.sum()))


def _present(terms: Terms, names: Sequence[str]) -> Terms:
    """The contract of the columns that are there."""
    known = set(names)
    return replace(
        terms,
        columns={name: spec for name, spec in terms.columns.items() if name in known},
        key=[name for name in terms.key if name in known] if known.issuperset(terms.key) else (),
        time=terms.time if terms.time in known else None,
        together=[group for group in terms.together if known.issuperset(group)],
        rules=[rule for rule in terms.rules if known.issuperset(parse(rule.check).names)],
        references=[(reference, allowed) for reference, allowed in terms.references if known.issuperset(reference.columns)],
    )


def _absences(terms: Terms, names: Sequence[str]) -> Iterator[Case]:
    """A failed case for each column that is named and not there."""
    referring = (name for reference, _ in terms.references for name in reference.columns)
    grouped = (name for group in terms.together for name in group)
    for name in dict.fromkeys((*terms.columns, *terms.key, *((terms.time,) if terms.time else ()), *grouped, *referring)):
        if name not in names:
            yield Case(f"{name}: is there", "column", (name,), why=f"there is no column {name!r}; {nearest(name, names)}", outcome="fail")


def _typed(rows: pl.DataFrame, names: Sequence[str], terms: Terms) -> pl.LazyFrame:
    values: list[pl.Expr] = []
    for index, name in enumerate(names):
        kind, spec = rows.schema[name], terms.columns[name]
        values.append(parsed(name, kind, spec.type or "text", nulls=terms.nulls, format=spec.format, decimal=terms.decimal).alias(name))
        values.append(absent(name, kind, terms.nulls).alias(f"{MISSING}{index}"))
        values.append(pl.col(name).cast(pl.String, strict=False).alias(f"{RAW}{index}"))
    own = [name for name in _OWN if name in rows.columns]
    empty = pl.all_horizontal(f"{MISSING}{index}" for index in range(len(names))) if names else pl.lit(False)
    return rows.lazy().select(pl.int_range(pl.len()).alias(_PLACE), *values, *own).with_columns(empty.alias(_BAD))


def _row_cases(terms: Terms, done: Terms, names: Sequence[str], schema: Mapping[str, pl.DataType]) -> Iterator[Case]:
    """The cases that look at one row at a time."""
    yield Case("rows: not empty", "empty", (), Rule("every cell is empty", "refuse", pl.col(_BAD)))
    for name in (name for name in dict.fromkeys((*terms.columns, *terms.key, *((terms.time,) if terms.time else ()))) if name in names):
        spec = terms.columns.get(name, ColumnSpec())
        yield from _column_cases(name, names.index(name), spec, done.columns[name], needed=done.needs(name))
    for rule in terms.rules:
        columns = tuple(name for name in names if name in parse(rule.check).names)
        try:
            (made,) = row_rules([rule], schema)
            yield Case(rule.says, "rule", columns, made, rule.severity)
        except Mistake as mistake:
            yield Case(rule.says, "rule", columns, severity=rule.severity, why=f"{mistake.what}; {mistake.remedy}", outcome="error")
    for index, (reference, _) in enumerate(done.references):
        known = pl.all_horizontal(pl.col(name).is_not_null() for name in reference.columns)
        rule_ = Rule("", reference.severity, known & pl.col(f"__found{index}").is_null())
        said = f"{', '.join(reference.columns)} in {reference.table}({', '.join(reference.target)})"
        yield Case(said, "reference", reference.columns, rule_, reference.severity)


def _column_cases(name: str, index: int, said: ColumnSpec, spec: ColumnSpec, *, needed: bool) -> Iterator[Case]:
    """One case for each rule of a column, in the order of the contract's own rules."""
    bare = {"required": False, "min": None, "max": None, "values": None, "pattern": None, "length": None}
    asked: list[tuple[str, str, dict[str, Any]]] = [("type", f"{said.type}", {})] if said.type is not None else []
    asked += [("required", "required", {"required": True})] if said.required or needed else []
    asked += [(rule, f"{rule} {getattr(said, rule):.10g}", {rule: getattr(said, rule)}) for rule in ("min", "max") if getattr(said, rule) is not None]
    asked += [("values", "values", {"values": said.values})] if said.values is not None else []
    asked += [("pattern", f"pattern {said.pattern}", {"pattern": said.pattern})] if said.pattern is not None else []
    asked += [("length", f"length {said.length}", {"length": said.length})] if said.length is not None else []
    for rule, words, only in asked:
        try:
            made = list(column_rules(name, index, spec.model_copy(update={**bare, **only}), needed=False))
        except Mistake as mistake:
            yield Case(f"{name}: {words}", rule, (name,), why=f"{mistake.what}; {mistake.remedy}", outcome="error")
            continue
        wanted = made[:1] if rule == "type" else made[1:]
        yield Case(f"{name}: {words}", rule, (name,), replace(wanted[0], broken=pl.any_horizontal(one.broken for one in wanted)), spec.severity_of(rule))


def _with_references(typed: pl.LazyFrame, terms: Terms, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    for index, (reference, allowed) in enumerate(terms.references):
        pairs = list(zip(reference.columns, reference.target, strict=True))
        there = allowed.lazy().select(pl.col(theirs).cast(schema[ours], strict=False).alias(ours) for ours, theirs in pairs).drop_nulls().unique()
        found = there.with_columns(pl.lit(True).alias(f"__found{index}"))
        typed = typed.join(found, on=list(reference.columns), how="left", maintain_order="left")
    return typed


def _with_repeats(flagged: pl.DataFrame, cases: Sequence[Case], done: Terms, terms: Terms, apart: Sequence[str]) -> tuple[pl.DataFrame, list[Case]]:
    """The same with a case for each key: a row breaks it whose values an earlier sound row has."""
    refusing = [f"{_FLAG}{index}" for index, case in enumerate(cases) if case.rule is not None and case.severity != "warn"]
    sound = ~pl.any_horizontal(refusing)
    found = list(cases)
    within = [name for name in apart if name in flagged.columns]
    for group in done.unique():
        is_key = group == tuple(terms.key)
        severity: Severity = done.columns[group[0]].severity_of("unique") if len(group) == 1 and not is_key else "refuse"
        known = pl.all_horizontal(pl.col(name).is_not_null() for name in group)
        first = pl.when(sound).then(pl.col(_PLACE)).min().over([*group, *within])
        broken = known & (pl.col(_PLACE) > first)
        flagged = flagged.with_columns(broken.fill_null(False).alias(f"{_FLAG}{len(found)}"))
        name = f"key {', '.join(group)}" if is_key else f"{group[0]}: unique" if len(group) == 1 else f"unique {', '.join(group)}"
        found.append(Case(name, "unique", group, Rule(name, severity, broken), severity))
    return flagged, found


def _verdict(index: int, case: Case, flagged: pl.DataFrame, rows: pl.DataFrame) -> Verdict:
    if case.rule is None:
        return Verdict(case.name, case.kind, case.outcome, case.severity, case.columns, why=case.why)
    flag = f"{_FLAG}{index}"
    broken = int(flagged[flag].sum())
    outcome: Outcome = "pass" if not broken else "warn" if case.severity == "warn" else "fail"
    places = flagged.filter(pl.col(flag)).head(SHOWN)[_PLACE].to_list() if broken else []
    return Verdict(case.name, case.kind, outcome, case.severity, case.columns, flagged.height, broken, shown(rows[places], case.columns))


def shown(rows: pl.DataFrame, columns: Sequence[str] | None = None) -> tuple[Mapping[str, Any], ...]:
    """Rows as samples: their file and line, where they have them, and their cells."""
    names = [name for name in (columns or rows.columns) if name in rows.columns and name not in _OWN]
    return tuple(
        {"file": row.get(FILE), "line": row.get(LINE), "values": {name: _cell(row[name]) for name in names}} for row in rows.head(SHOWN).iter_rows(named=True)
    )


def _cell(value: Any) -> str | None:
    text = None if value is None else str(value)
    return text if text is None or len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
