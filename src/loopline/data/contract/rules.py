"""The rules of a contract as expressions over a row: each with its reason, and what it leads to; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from loopline.charter.worth import as_text
from loopline.data.spec_contract import ColumnSpec, ColumnType, RuleSpec, Severity
from loopline.errors import Mistake
from loopline.expression.language import parse
from loopline.expression.on_polars import as_polars

MISSING, RAW = "__missing", "__raw"
"""How the columns begin that say whether a cell is missing, and that hold it as it came."""
NUMERIC = ("integer", "number")
_TYPE_WORDS: Mapping[ColumnType, str] = {
    "integer": "is not a whole number",
    "number": "is not a number",
    "text": "is not a text",
    "category": "is not a text",
    "boolean": "is not true or false",
    "date": "is not a date",
    "datetime": "is not a time",
}


@dataclass(frozen=True)
class Rule:
    """One thing that a row must satisfy: the reason when it does not, and what that leads to."""

    reason: str
    severity: Severity
    broken: pl.Expr


def column_rules(name: str, index: int, spec: ColumnSpec, *, needed: bool) -> Iterator[Rule]:
    """The rules of one column that look at one row at a time.

    Parameters
    ----------
    index
        The column's place: `MISSING` and `RAW` columns are numbered by it.
    needed
        Whether the key or the time needs the column, so that it must not be null.

    Raises
    ------
    Mistake
        When a rule does not suit the column's type.
    """
    want = spec.type or "text"
    value, missing = pl.col(name), pl.col(f"{MISSING}{index}")
    written = f" ({spec.format})" if want in ("date", "datetime") and spec.format and spec.format.startswith("%") else ""
    yield Rule(f"{name} {_TYPE_WORDS[want]}{written}", spec.severity_of("type"), ~missing & value.is_null())
    if spec.required or needed:
        yield Rule(f"{name} is missing", spec.severity_of("required"), missing)
    yield from _bounds(name, value, want, spec)
    if spec.values is not None:
        yield Rule(f"{name} is not one of the values", spec.severity_of("values"), value.is_not_null() & ~_among(name, value, want, spec))
    raw = pl.col(f"{RAW}{index}")
    if spec.pattern is not None:
        yield Rule(f"{name} does not match {spec.pattern}", spec.severity_of("pattern"), ~missing & ~_matches(name, raw, spec.pattern))
    if spec.length is not None:
        characters = raw.str.len_chars()
        for limit, word, broken in (
            (spec.length.low, "fewer", characters < (spec.length.low or 0)),
            (spec.length.high, "more", characters > (spec.length.high or 0)),
        ):
            if limit is not None:
                yield Rule(f"{name} has {word} than {limit} characters", spec.severity_of("length"), ~missing & broken)


def _bounds(name: str, value: pl.Expr, want: ColumnType, spec: ColumnSpec) -> Iterator[Rule]:
    for limit, word, rule in ((spec.min, "below", "min"), (spec.max, "above", "max")):
        if limit is None:
            continue
        if want not in NUMERIC:
            raise Mistake(f"column {name!r} is {want}, which has no min or max", where=f"data.contract.{name}", remedy="take min and max out")
        yield Rule(f"{name} is {word} {limit:.10g}", spec.severity_of(rule), value < limit if word == "below" else value > limit)


def _among(name: str, value: pl.Expr, want: ColumnType, spec: ColumnSpec) -> pl.Expr:
    allowed = spec.values or ()
    if want in ("text", "category"):
        return value.is_in([as_text(item) for item in allowed])
    if want in NUMERIC and all(isinstance(item, (int, float)) for item in allowed):
        return value.cast(pl.Float64).is_in([float(item) for item in allowed])
    if want == "boolean":
        return value.is_in([as_text(item) == "true" for item in allowed])
    raise Mistake(f"the values of column {name!r} are no {want}", where=f"data.contract.{name}.values", remedy="write values of its type, or change its type")


def _matches(name: str, text: pl.Expr, pattern: str) -> pl.Expr:
    whole = f"^(?:{pattern})$"
    if not _is_linear(whole):
        remedy = "use one without look-around and back-references"
        raise Mistake(f"{pattern!r} is no regular expression that runs in linear time", where=f"data.contract.{name}.pattern", remedy=remedy)
    return text.str.contains(whole)


@cache
def _is_linear(pattern: str) -> bool:
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.ComputeError:
        return False
    return True


def row_rules(rules: Sequence[RuleSpec], schema: Mapping[str, pl.DataType]) -> Iterator[Rule]:
    """The rules over several columns of a row; a row in which one cannot be told passes.

    Raises
    ------
    Mistake
        When a rule names a column that is not there, or is no condition on these columns.
    """
    empty = pl.DataFrame(schema=schema)
    for index, rule in enumerate(rules):
        where = f"data.contract.rules.{index}"
        expression = parse(rule.check)
        expression.require(schema, where=where)
        holds = as_polars(expression)
        try:
            kind = empty.select(holds.alias("holds")).schema["holds"]
        except pl.exceptions.PolarsError as error:
            said = str(error).splitlines()[0][:120]
            raise Mistake(f"{rule.check!r} cannot be computed: {said}", where=where, remedy="compare columns of one kind, and numbers with numbers") from None
        if kind != pl.Boolean:
            raise Mistake(f"{rule.check!r} is no condition", where=where, remedy="compare something, as in end >= start")
        yield Rule(f"it breaks the rule {rule.says}", rule.severity, ~holds)
