"""Questions for the person who knows the subject: refused rows, odd values, and rules that were only inferred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from loopline.data.batches import KINDS, holding
from loopline.data.quarantine.cells import text
from loopline.data.quarantine.mends import told
from loopline.data.quarantine.quarantine import Filter, found, id_of, require_table
from loopline.data.quarantine.reasons import Broken, broken
from loopline.data.quarantine.recheck import as_mended, place_of, schema_of
from loopline.data.quarantine.waiting import parted
from loopline.data.review.oddities import Oddity, is_worded, odd_values, outliers
from loopline.data.spec import BATCH, HIDDEN, LINE, ColumnSpec, DataSpec
from loopline.lake.tables import Tables
from loopline.ledger.entry import digest
from loopline.ledger.store import Ledger
from loopline.workspace import Workspace

Kind = Literal["refused", "rare", "new", "alike", "low", "high", "inferred"]
_SAMPLES = 3
_PER_REASON = 10
_ABOUT_VALUES = ("type", "values", "pattern", "length")
_LIMITS = ("min", "max")
_INFERRED = (*_LIMITS, "values")


@dataclass(frozen=True)
class Question:
    """Something to be decided by a person who knows.

    Parameters
    ----------
    column
        The column that it is about; empty where it is about whole records.
    rule
        The rule that refused the rows, or that was inferred.
    value
        The value that it is about, as a text; of a range, the one farthest out.
    asks
        The question, in words.
    rows
        How many rows it concerns.
    ids
        Their short names, as far as they are needed to act on them: of refused rows all, else the first.
    samples
        A few of them, for the eye.
    like
        The usual spelling.
    bound
        The fence beyond which numbers are far.
    """

    kind: Kind
    table: str
    column: str
    rule: str
    value: str
    asks: str
    rows: int
    ids: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    like: str | None = None
    bound: float | None = None

    @property
    def digest(self) -> str:
        """What tells it from every other question; it stays when more rows raise it."""
        return digest([self.kind, self.table, self.column, self.rule, self.value, self.like])

    @property
    def id(self) -> str:
        """Its short name."""
        return self.digest[:10]

    def as_json(self) -> dict[str, Any]:
        """The question as plain values."""
        said = {name: getattr(self, name) for name in ("kind", "table", "column", "value", "rows", "asks")}
        return {"question": self.id, **said, "samples": list(self.samples)}


def questions(workspace: Workspace, data: DataSpec, *, table: str | None = None) -> list[Question]:
    """What has not been answered yet: refused rows first, then odd values, then rules that were inferred.

    Raises
    ------
    Mistake
        When there is no such source.
    """
    require_table(data, table)
    tables = Tables(workspace.lake)
    names = [table] if table else list(data.sources)
    asked: list[Question] = []
    for name in names:
        asked += about_refused(workspace, data, tables, name)
        asked += about_odd(workspace, data, tables, name)
        asked += about_inferred(data, tables, name)
    known = answered(workspace.ledger)
    kept = {question.digest: question for question in asked if question.digest not in known}
    order = ("refused", "alike", "new", "low", "high", "rare", "inferred")
    return sorted(kept.values(), key=lambda question: (order.index(question.kind), -question.rows, question.table, question.column, question.value))


def answered(ledger: Ledger) -> set[str]:
    """The digests of the questions that have an answer."""
    return {entry.key for entry in ledger.read(kinds=("answer",))}


def about_refused(workspace: Workspace, data: DataSpec, tables: Tables, table: str) -> Iterator[Question]:
    """One question for each value that a rule refuses, and one for each limit and each other reason."""
    kept = _unmended(found(tables, data, Filter(table=table, states=("refused",))), told(tables, table))
    held = holding(workspace.ledger.read(kinds=KINDS, subject=table))
    parts: list[pl.DataFrame] = []
    names: dict[str, None] = {}
    schema = schema_of(workspace, table)
    for (batch,), mine in kept.group_by("batch", maintain_order=True):
        if batch not in held.held:
            continue
        place = place_of(workspace, data, held, table, str(batch), schema=schema)
        records = as_mended(workspace, place, mine).frame
        cells = records.select(pl.col(LINE).alias("line"), *(text(name, kind) for name, kind in records.schema.items() if name not in HIDDEN))
        names |= dict.fromkeys(cells.columns[1:])
        # The quarantine's own columns are put out of the way of a delivery's.
        own = mine.select(pl.col("line"), *(pl.col(name).alias(f"__{name}") for name in ("batch", "source", "raw", "reasons")))
        parts.append(own.join(cells, on="line", how="left", maintain_order="left"))
    if not parts:
        return
    each = pl.concat(parts, how="diagonal").explode("__reasons")
    for (reason,), rows in each.group_by("__reasons", maintain_order=True):
        yield from _refused(broken(str(reason), data, table, names), rows, table)


def _unmended(kept: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """The rows of which nothing was said since they were last refused: the others wait for a replay."""
    return parted(kept.lazy(), said).filter(pl.col("said").is_null()).drop("said").collect()


def _refused(rule: Broken, rows: pl.DataFrame, table: str) -> Iterator[Question]:
    column = rule.column
    if column is None or column not in rows.columns or rule.rule not in (*_ABOUT_VALUES, *_LIMITS):
        asks = f"{_count(len(rows))} of {table} refused: {rule.reason}. Is that right?"
        yield Question("refused", table, column or "", rule.rule, rule.reason, asks, len(rows), _ids(rows), _samples(rows))
    elif rule.rule in _LIMITS:
        numbers = rows[column].str.strip_chars().cast(pl.Float64, strict=False)
        value = numbers.min() if rule.rule == "min" else numbers.max()
        seen = rows[column].filter(numbers == value).head(1)
        shown = seen[0] if len(seen) else ""
        asks = f"{_count(len(rows))} of {table} refused: {rule.reason}; the farthest is {shown}. Can {column} be so {_far(rule.rule)}?"
        yield Question("refused", table, column, rule.rule, shown, asks, len(rows), _ids(rows), _samples(rows))
    else:
        groups = sorted(rows.group_by(column, maintain_order=True), key=lambda group: -group[1].height)
        for (value,), mine in groups[:_PER_REASON]:
            shown = "" if value is None else str(value)
            asks = f"{_count(len(mine))} of {table} refused: {rule.reason}. Is {shown!r} a right {column}?"
            yield Question("refused", table, column, rule.rule, shown, asks, len(mine), _ids(mine), _samples(mine))


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _far(rule: str) -> str:
    return "small" if rule in ("min", "low") else "great"


def _ids(rows: pl.DataFrame) -> tuple[str, ...]:
    return tuple(f"{batch}:{line}" for batch, line in rows.select("__batch", "line").iter_rows())


def _samples(rows: pl.DataFrame) -> tuple[str, ...]:
    first = rows.head(_SAMPLES).select("__batch", "line", "__source", "__raw").iter_rows()
    return tuple(f"{id_of(batch, line)} ({source}, line {line}): {raw}" for batch, line, source, raw in first)


def about_odd(workspace: Workspace, data: DataSpec, tables: Tables, table: str) -> Iterator[Question]:
    """Numbers far from the rest, spellings of one word, and words that are new or rare, among a table's rows."""
    if not tables.exists(table):
        return
    rows = tables.read(table)
    held = holding(workspace.ledger.read(kinds=KINDS, subject=table)).held
    newest = list(held)[-1] if len(held) > 1 else ""
    source, contract = data.sources[table], data.contract_of(table)
    total = rows.select(pl.len()).collect().item()
    for name, kind in rows.collect_schema().items():
        spec = contract.columns.get(name, ColumnSpec())
        if name in HIDDEN or name in source.key or not spec.use and spec.type == "text":
            continue
        if kind.is_numeric():
            numbers = rows.select(name).collect()[name]
            oddities = list(outliers(name, numbers))
        elif kind == pl.String and is_worded(rows.select(pl.col(name).n_unique()).collect().item(), total):
            oddities = odd_values(name, *_counts(rows, name, newest))
        else:
            continue
        known = {str(value) for value in spec.values or ()}
        for oddity in oddities:
            if oddity.value not in known or oddity.kind == "alike":
                yield _odd(oddity, table, rows, kind)


def _counts(rows: pl.LazyFrame, name: str, newest: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How often each word comes before the newest batch, and in it."""
    counted = rows.filter(pl.col(name).is_not_null()).group_by(name, (pl.col(BATCH) == newest).alias("newest")).len().collect()
    parts = [dict(counted.filter(pl.col("newest") == which).select(name, "len").iter_rows()) for which in (False, True)]
    return parts[0], parts[1]


def _odd(oddity: Oddity, table: str, rows: pl.LazyFrame, kind: pl.DataType) -> Question:
    name, value, count = oddity.column, oddity.value, f"{oddity.rows:,} {'row has' if oddity.rows == 1 else 'rows have'}"
    if oddity.kind in ("low", "high"):
        numbers, bound = pl.col(name).cast(pl.Float64), oddity.bound or 0.0
        meant = numbers < bound if oddity.kind == "low" else numbers > bound
        asks = f"{count} a {name} far from the rest, up to {value}; all others end at {bound:.10g}. Can {name} be so {_far(oddity.kind)}?"
    else:
        meant = pl.col(name) == value
        asks = {
            "alike": f"{count} {value!r} as {name}, which looks like {oddity.like!r}. Is it another one?",
            "new": f"{count} {value!r} as {name}, which comes for the first time in the newest batch. Is it right?",
            "rare": f"{count} {value!r} as {name}, which is rare. Is it right?",
        }[oddity.kind]
    first = rows.filter(meant).sort(BATCH, LINE).head(_MOST_IDS).collect()
    ids = tuple(f"{batch}:{line}" for batch, line in first.select(BATCH, LINE).iter_rows())
    samples = tuple(f"{id_of(row[BATCH], row[LINE])}: {_said(row)}" for row in first.head(_SAMPLES).iter_rows(named=True))
    return Question(oddity.kind, table, name, "", value, asks, oddity.rows, ids, samples, oddity.like, oddity.bound)


_MOST_IDS = 100
"""Of so many accepted rows the names are kept: more are not relabelled one by one."""


def _said(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items() if name not in HIDDEN and value is not None)


def about_inferred(data: DataSpec, tables: Tables, table: str) -> Iterator[Question]:
    """Ranges and values that only warn, as a first look at the data proposes them."""
    for name, spec in data.contract_of(table).columns.items():
        rules = [rule for rule in _INFERRED if getattr(spec, rule) is not None and spec.severity_of(rule) == "warn"]
        if not rules:
            continue
        said = _range(spec, rules)
        asks = f"{table}.{name} should be {said}; so far other values are only counted. Should they be refused?"
        yield Question("inferred", table, name, "+".join(rules), said, asks, _outside(tables, table, name, spec))


def _range(spec: ColumnSpec, rules: Iterable[str]) -> str:
    if "values" in rules:
        return "one of " + ", ".join(map(str, spec.values or ()))
    low, high = ("" if bound is None else f"{bound:.10g}" for bound in (spec.min, spec.max))
    return f"from {low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"


def _outside(tables: Tables, table: str, name: str, spec: ColumnSpec) -> int:
    """How many rows of the table break the rules."""
    if not tables.exists(table) or name not in (rows := tables.read(table)).collect_schema():
        return 0
    value = pl.col(name)
    outside = [value < spec.min] if spec.min is not None else []
    outside += [value > spec.max] if spec.max is not None else []
    outside += [~value.cast(pl.String).is_in([str(item) for item in spec.values])] if spec.values is not None else []
    try:
        return int(rows.select(pl.any_horizontal(outside).sum()).collect().item() or 0)
    except pl.exceptions.PolarsError:
        return 0
