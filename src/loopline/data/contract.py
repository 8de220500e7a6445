"""The contract: which rows of a batch are accepted, which are refused and why; pure, frame in, evidence out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import polars as pl

from loopline.charter.worth import as_text
from loopline.data.casting import absent, formats, inferred, parsed, require_format
from loopline.data.spec import HIDDEN, ColumnSpec, ColumnType, Severity
from loopline.errors import Mistake

_PLACE, _MISSING, _RAW = "__place", "__missing", "__raw"
_NUMERIC = ("integer", "number")
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


@dataclass(frozen=True)
class Checked:
    """What became of a batch; accepted and refused rows are all rows.

    Parameters
    ----------
    accepted
        The rows that may enter the table, typed, in their order, with the hidden columns they came with.
    refused
        The refused rows: ``place`` in the batch from 0, and ``reasons``, at least one.
    reasons, warnings
        How many rows broke each rule that refuses, and each that only warns (of the accepted rows).
    types
        The type of each column, declared or inferred.
    """

    accepted: pl.DataFrame
    refused: pl.DataFrame
    reasons: Mapping[str, int]
    warnings: Mapping[str, int]
    types: Mapping[str, ColumnType]


@dataclass(frozen=True)
class Terms:
    """A table's contract, as it is held against one batch.

    Parameters
    ----------
    columns
        What each column must satisfy; a column without a word is kept with the type that fits it.
    key
        The columns that together name a row: never null, never twice.
    time
        The column that says when, which is never null.
    nulls
        The words that stand for null.
    taken
        Rows that are in the table already, with the columns of the key and the unique ones: their keys are not free.
    """

    columns: Mapping[str, ColumnSpec] = field(default_factory=dict)
    key: Sequence[str] = ()
    time: str | None = None
    nulls: Sequence[str] = ()
    taken: pl.DataFrame | None = None

    def unique(self) -> list[tuple[str, ...]]:
        """The groups of columns whose values come once."""
        single: list[tuple[str, ...]] = [(name,) for name, spec in self.columns.items() if spec.unique and (name,) != tuple(self.key)]
        return [tuple(self.key), *single] if self.key else single


def check(batch: pl.DataFrame, terms: Terms) -> Checked:
    """The verdict on each row of a batch, with every reason.

    Raises
    ------
    Mistake
        When a column of the contract, the key or the time is not in the batch, or a rule does not suit its column's type.
    """
    names = [name for name in batch.columns if name not in HIDDEN]
    _require(names, terms)
    specs = {name: settled(batch[name], _spec(name, terms), terms.nulls) for name in names}
    kept = [name for name in batch.columns if name in HIDDEN]
    typed, rules = _with_flags(batch, names, kept, specs, terms)
    typed, rules = _with_repeats(typed, rules, terms)
    return _sorted_out(typed, rules, [*names, *kept], {name: specs[name].type or "text" for name in names})


def _with_flags(
    batch: pl.DataFrame, names: Sequence[str], kept: Sequence[str], specs: Mapping[str, ColumnSpec], terms: Terms
) -> tuple[pl.DataFrame, list[Rule]]:
    """The typed columns with a flag for each rule that looks at one row at a time; each value is read once."""
    values: list[pl.Expr] = []
    missing: list[pl.Expr] = []
    rules: list[Rule] = []
    for index, name in enumerate(names):
        dtype, spec = batch.schema[name], specs[name]
        values.append(parsed(name, dtype, spec.type or "text", nulls=terms.nulls, format=spec.format).alias(name))
        missing.append(absent(name, dtype, terms.nulls).alias(f"{_MISSING}{index}"))
        if spec.pattern is not None:
            values.append(pl.col(name).cast(pl.String, strict=False).alias(f"{_RAW}{index}"))
        rules += _rules(name, index, spec, terms)
    rules.insert(0, Rule("every cell is empty", "refuse", pl.all_horizontal(f"{_MISSING}{index}" for index in range(len(names)))))
    flags = [rule.broken.fill_null(False).alias(f"{_PLACE}{index}") for index, rule in enumerate(rules)]
    typed = batch.lazy().select(pl.int_range(pl.len()).alias(_PLACE), *values, *missing, *kept).with_columns(flags)
    return typed.drop(pl.selectors.starts_with(_MISSING, _RAW)).collect(), rules


def settled(series: pl.Series, spec: ColumnSpec, nulls: Sequence[str]) -> ColumnSpec:
    """The column's contract with its type and the format of its dates, which the values tell where nobody did."""
    want, form = spec.type, spec.format
    if want is None:
        want, found = inferred(series, nulls=nulls)
        form = form or found
    if want in ("date", "datetime") and form is not None:
        require_format(form, want, where=f"data.contract.{series.name}.format")
    elif want in ("date", "datetime") and series.dtype == pl.String:
        form, _ = formats(series.to_frame().filter(~absent(series.name, pl.String(), nulls)).to_series(), want)
    return spec.model_copy(update={"type": want, "format": form})


def _spec(name: str, terms: Terms) -> ColumnSpec:
    return terms.columns.get(name, ColumnSpec())


def _require(names: Sequence[str], terms: Terms) -> None:
    """Check that what is declared is there."""
    for name, place in (
        *((name, "data.contract") for name in terms.columns),
        *((name, "the key") for name in terms.key),
        *((name, "the time") for name in (terms.time,) if name),
    ):
        if name in names:
            continue
        raise Mistake(f"there is no column {name!r}, which {place} names", remedy=nearest(name, names))


def nearest(name: str, names: Sequence[str]) -> str:
    """The remedy for a column that is not there: the one that was perhaps meant, else those that are there."""
    near = [other for other in names if other.casefold() == name.casefold()] or get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"the columns are: {', '.join(names[:20])}"


def _rules(name: str, index: int, spec: ColumnSpec, terms: Terms) -> Iterator[Rule]:
    """The rules of one column that look at one row at a time."""
    want = spec.type or "text"
    value, missing = pl.col(name), pl.col(f"{_MISSING}{index}")
    written = f" ({spec.format})" if want in ("date", "datetime") and spec.format and spec.format.startswith("%") else ""
    yield Rule(f"{name} {_TYPE_WORDS[want]}{written}", "refuse", ~missing & value.is_null())
    if spec.required or name in terms.key or name == terms.time:
        yield Rule(f"{name} is missing", "refuse", missing)
    for limit, word in ((spec.min, "below"), (spec.max, "above")):
        if limit is not None:
            if want not in _NUMERIC:
                raise Mistake(f"column {name!r} is {want}, which has no min or max", where=f"data.contract.{name}", remedy="take min and max out")
            yield Rule(
                f"{name} is {word} {limit:.10g}", spec.severity_of("min" if word == "below" else "max"), value < limit if word == "below" else value > limit
            )
    if spec.values is not None:
        yield Rule(f"{name} is not one of the values", spec.severity_of("values"), value.is_not_null() & ~_among(name, value, want, spec))
    if spec.pattern is not None:
        yield Rule(f"{name} does not match {spec.pattern}", spec.severity_of("pattern"), ~missing & ~_matches(name, pl.col(f"{_RAW}{index}"), spec.pattern))


def _among(name: str, value: pl.Expr, want: ColumnType, spec: ColumnSpec) -> pl.Expr:
    allowed = spec.values or ()
    if want in ("text", "category"):
        return value.is_in([as_text(item) for item in allowed])
    if want in _NUMERIC and all(isinstance(item, (int, float)) for item in allowed):
        return value.cast(pl.Float64).is_in([float(item) for item in allowed])
    if want == "boolean":
        return value.is_in([as_text(item) == "true" for item in allowed])
    raise Mistake(f"the values of column {name!r} are no {want}", where=f"data.contract.{name}.values", remedy="write values of its type, or change its type")


def _matches(name: str, text: pl.Expr, pattern: str) -> pl.Expr:
    whole = f"^(?:{pattern})$"
    try:
        pl.select(pl.lit("").str.contains(whole))
    except pl.exceptions.ComputeError:
        remedy = "use one without look-around and back-references"
        raise Mistake(f"{pattern!r} is no regular expression that runs in linear time", where=f"data.contract.{name}.pattern", remedy=remedy) from None
    return text.str.contains(whole)


def _with_repeats(typed: pl.DataFrame, rules: list[Rule], terms: Terms) -> tuple[pl.DataFrame, list[Rule]]:
    """The same with a flag for each row whose key or unique value is taken: by the table, or by an earlier sound row."""
    refusing = [f"{_PLACE}{index}" for index, rule in enumerate(rules) if rule.severity == "refuse"]
    sound = ~pl.any_horizontal(refusing)
    for group in terms.unique():
        known = pl.all_horizontal(pl.col(name).is_not_null() for name in group)
        first = pl.when(sound).then(pl.col(_PLACE)).min().over(list(group))
        taken = pl.lit(False)
        if terms.taken is not None and terms.taken.height:
            there = terms.taken.select(pl.col(name).cast(typed.schema[name], strict=False) for name in group).unique()
            places = typed.select(_PLACE, *group).join(there, on=list(group), how="semi")[_PLACE]
            taken = pl.col(_PLACE).is_in(places.implode())
        said = " and ".join(group)
        found = {f"{said} repeats an earlier row": known & (pl.col(_PLACE) > first) & ~taken, f"{said} is in the table already": known & taken}
        for reason, broken in found.items():
            typed = typed.with_columns(broken.fill_null(False).alias(f"{_PLACE}{len(rules)}"))
            rules = [*rules, Rule(reason, "refuse", broken)]
    return typed, rules


def _sorted_out(typed: pl.DataFrame, rules: Sequence[Rule], columns: Sequence[str], types: Mapping[str, ColumnType]) -> Checked:
    flags = {f"{_PLACE}{index}": rule for index, rule in enumerate(rules)}
    refusing = {name: rule for name, rule in flags.items() if rule.severity == "refuse"}
    warning = {name: rule for name, rule in flags.items() if rule.severity == "warn"}
    bad = typed.select(pl.any_horizontal(list(refusing))).to_series()
    good, refused = typed.filter(~bad), typed.filter(bad)
    texts = [pl.when(pl.col(name)).then(pl.lit(rule.reason)) for name, rule in refusing.items()]
    listed = refused.select(pl.col(_PLACE).alias("place"), pl.concat_list(texts).list.drop_nulls().alias("reasons"))
    return Checked(good.select(columns), listed, _counts(refused, refusing), _counts(good, warning), types)


def _counts(frame: pl.DataFrame, flags: Mapping[str, Rule]) -> dict[str, int]:
    if not flags:
        return {}
    sums = frame.select(pl.col(name).sum() for name in flags).row(0)
    return {rule.reason: int(count) for rule, count in zip(flags.values(), sums, strict=True) if count}
