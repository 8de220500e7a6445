"""What an edit would change: the rows before and after, held to the contract; pure, frames in, a plan out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from loopline.data.contract.contract import Checked, Terms, check
from loopline.data.edits.conditions import meeting, require_columns, with_values
from loopline.data.spec import BATCH, HIDDEN, LINE, ColumnSpec
from loopline.errors import Mistake

Verb = Literal["update", "delete", "upsert"]
ORIGIN = (BATCH, LINE)
"""The columns that name a row for as long as it lives: the batch and the line that it came with."""

WAS = "__was "
"""What stands before a column's name where an edit's blob holds the value that it replaced."""

FROM = "__from"
"""The column of an upsert's rows that holds their line in its file."""


@dataclass(frozen=True)
class Broken:
    """A row that the contract refuses: its line in the file (or in its batch), its cells, and every reason."""

    line: int
    row: Mapping[str, object]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What an edit would do.

    Parameters
    ----------
    columns
        The columns that get values.
    before, after
        The rows that change, in one order, with their hidden columns; `before` lacks those that are added and `after` those that are
        removed. Rows that are added have no batch yet, and those of an upsert have their line in its file (`FROM`).
    added, changed, removed, unchanged
        How many rows; those that are said to be what they are already are unchanged.
    broken
        The rows that break the contract: with one of them nothing is done.
    """

    verb: Verb
    columns: tuple[str, ...]
    before: pl.DataFrame
    after: pl.DataFrame
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    broken: tuple[Broken, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)


def planned_update(rows: pl.LazyFrame, where: str, values: Sequence[str], terms: Terms) -> Plan:
    """New values in the rows that meet a condition.

    Raises
    ------
    Mistake
        When the condition or a value is wrong.
    """
    before = collected(meeting(rows, where))
    made, columns = with_values(before.lazy(), values)
    fresh = collected(made)
    _require_told_apart(rows, before)
    checked = check(fresh, held_to(rows, fresh, columns, terms))
    if not checked.refused.is_empty():
        return Plan("update", columns, before, fresh.clear(), broken=broken_of(fresh, checked))
    after = checked.accepted.select(before.columns)
    same = same_in(before, after, columns)
    count = int((~same).sum())
    return Plan("update", columns, before.filter(~same), after.filter(~same), changed=count, unchanged=len(same) - count, warnings=checked.warnings)


def planned_delete(rows: pl.LazyFrame, where: str) -> Plan:
    """The rows that meet a condition are taken out.

    Raises
    ------
    Mistake
        When the condition is wrong.
    """
    before = collected(meeting(rows, where))
    _require_told_apart(rows, before)
    return Plan("delete", (), before, before.clear(), removed=before.height)


def planned_upsert(rows: pl.LazyFrame, coming: pl.DataFrame, terms: Terms) -> Plan:
    """Rows change those with their key, and are added where there are none.

    Columns that do not come stay what they are; in rows that are added they are null.

    Parameters
    ----------
    coming
        The rows that a file delivers, as texts or typed, with their line.

    Raises
    ------
    Mistake
        When a column is not in the table, or the key does not come.
    """
    schema = rows.collect_schema()
    columns = tuple(name for name in coming.columns if name not in HIDDEN)
    require_columns(columns, schema, where="the file")
    if missing := [name for name in terms.key if name not in columns]:
        raise Mistake(f"the file has no column {missing[0]!r}, which the key names", remedy="rows are changed by their key: add it")
    typed = check(coming, _of_columns(columns, terms))
    if not typed.refused.is_empty():
        return Plan("upsert", columns, rows.limit(0).collect(), coming.clear(), broken=broken_of(coming, typed))
    key = list(terms.key)
    came = typed.accepted.with_columns(pl.col(name).cast(schema[name], strict=False) for name in key)
    present = collected(rows.join(came.lazy().select(key), on=key, how="semi"))
    rest = [name for name in schema if name not in columns and name not in HIDDEN]
    whole = came.join(present.select(*key, *rest), on=key, how="left", maintain_order="left")
    whole = whole.select(*[name for name in schema if name not in HIDDEN], LINE)
    checked = check(whole, held_to(rows, present, (), replace(terms, columns=_bare(terms.columns, columns)), adds=True))
    if not checked.refused.is_empty():
        return Plan("upsert", columns, present.clear(), whole.clear(), broken=broken_of(whole, checked))
    before = checked.accepted.select(key).join(present, on=key, how="left", maintain_order="left").select(schema.names())
    is_new = before[BATCH].is_null()
    same = same_in(before, checked.accepted, [name for name in schema if name not in HIDDEN]) & ~is_new
    origin = before.select(HIDDEN)
    after = checked.accepted.with_columns(pl.col(LINE).alias(FROM)).drop(LINE).hstack(origin).filter(~same)
    added, unchanged = int(is_new.sum()), int(same.sum())
    warnings = {**typed.warnings, **checked.warnings}
    return Plan("upsert", columns, before.filter(~same & ~is_new), after, added, after.height - added, unchanged=unchanged, warnings=warnings)


def collected(rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows, gathered without holding more of the table than them.

    Raises
    ------
    Mistake
        When a condition or an expression fails on some row.
    """
    try:
        return rows.collect(engine="streaming")
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError):
        # Polars' text can print cells.
        raise Mistake("an expression cannot be computed for some row", remedy="use try_cast instead of cast, or leave these rows out with --where") from None


def _require_told_apart(rows: pl.LazyFrame, chosen: pl.DataFrame) -> None:
    """Check that each chosen row is named by its origin alone."""
    origins = chosen.select(ORIGIN)
    found = rows.join(origins.unique().lazy(), on=list(ORIGIN), how="semi").select(pl.len()).collect().item() if chosen.height else 0
    if origins.null_count().sum_horizontal().sum() or found != origins.n_unique() or found != chosen.height:
        raise Mistake("some rows share their batch and line, so that they cannot be told apart", remedy="choose rows of other batches, or deliver them again")


def same_in(before: pl.DataFrame, after: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Whether rows are equal in some columns."""
    pairs = before.select(pl.col(name).alias(f"0{name}") for name in columns).hstack(after.select(pl.col(name).alias(f"1{name}") for name in columns))
    return pairs.select(same=pl.all_horizontal(pl.col(f"0{name}").eq_missing(pl.col(f"1{name}")) for name in columns))["same"]


def _of_columns(columns: Sequence[str], terms: Terms) -> Terms:
    """The contract of some columns alone."""
    time = terms.time if terms.time in columns else None
    return Terms({name: spec for name, spec in terms.columns.items() if name in columns}, terms.key, time, terms.nulls)


def _bare(specs: Mapping[str, ColumnSpec], columns: Sequence[str]) -> dict[str, ColumnSpec]:
    """The contract without what cells have been held to already, as they stood in a file or when they entered the table."""
    return {name: ColumnSpec(type=spec.type, required=spec.required, unique=spec.unique) if name in columns else spec for name, spec in specs.items()}


def held_to(rows: pl.LazyFrame, gone: pl.DataFrame, columns: Sequence[str], terms: Terms, *, adds: bool = False) -> Terms:
    """The contract for rows that take the place of others: cells that stay are not judged again, keys of other rows are not free."""
    schema = rows.collect_schema()
    specs = terms.columns if adds else _bare(terms.columns, [name for name in schema if name not in columns])
    groups = sorted({name for group in terms.unique() for name in group} & set(schema))
    asked = groups and (adds or set(groups) & set(columns))
    taken = collected(rows.join(gone.lazy().select(ORIGIN), on=list(ORIGIN), how="anti").select(groups)) if asked else None
    if adds and set(groups) == set(terms.key):
        # Rows with one of these keys are the ones that are replaced.
        taken = None
    known = {name: spec for name, spec in specs.items() if name in schema}
    return Terms(known, terms.key, terms.time, terms.nulls, taken)


def broken_of(rows: pl.DataFrame, checked: Checked) -> tuple[Broken, ...]:
    places = checked.refused["place"].to_list()
    cells = rows[places].drop(*HIDDEN, strict=False).iter_rows(named=True)
    lines = rows[LINE].gather(places).to_list()
    return tuple(Broken(line, row, tuple(reasons)) for line, row, reasons in zip(lines, cells, checked.refused["reasons"].to_list(), strict=True))
