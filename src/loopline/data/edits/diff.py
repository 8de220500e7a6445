"""What differs between two versions of a table: rows that came, went and changed, cell by cell; memory does not grow with the table.

Files that both versions hold are not read at all. Of the others the rows are compared by hashes, part by part: a row's key decides its part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loopline.data.edits.conditions import require_columns
from loopline.data.edits.rows import plain_rows, require_table
from loopline.data.spec import HIDDEN
from loopline.engine.step import Progress, Silence
from loopline.lake.tables import Tables

_PART_ROWS = 1_000_000
_HASH, _LEFT, _RIGHT = "__hash", "__left", "__right"


@dataclass(frozen=True)
class Difference:
    """What differs.

    Parameters
    ----------
    key
        The columns by which rows were matched; empty where whole rows were.
    added, removed, changed
        How many rows; without a key a changed row is one removed and one added.
    cells
        From a column to how many changed rows differ in it.
    new_columns, lost_columns, retyped
        What became of the columns: names and types.
    came, went, changes
        The first rows of each kind; of changed ones the key, and before and after of the cells that differ.
    """

    table: str
    one: int
    other: int
    key: tuple[str, ...]
    added: int = 0
    removed: int = 0
    changed: int = 0
    cells: Mapping[str, int] = field(default_factory=dict)
    new_columns: Mapping[str, str] = field(default_factory=dict)
    lost_columns: Mapping[str, str] = field(default_factory=dict)
    retyped: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    came: pl.DataFrame = field(default_factory=pl.DataFrame)
    went: pl.DataFrame = field(default_factory=pl.DataFrame)
    changes: tuple[tuple[Mapping[str, Any], Mapping[str, tuple[Any, Any]]], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.new_columns or self.lost_columns or self.retyped)

    def as_json(self) -> dict[str, Any]:
        """What differs as plain values, with the first rows of each kind."""
        return {
            "table": self.table,
            "from": self.one,
            "to": self.other,
            "key": list(self.key),
            **{count: getattr(self, count) for count in ("added", "removed", "changed")},
            "cells": dict(self.cells),
            "new_columns": dict(self.new_columns),
            "lost_columns": dict(self.lost_columns),
            "retyped": {column: list(kinds) for column, kinds in self.retyped.items()},
            "samples": {
                "added": plain_rows(self.came),
                "removed": plain_rows(self.went),
                "changed": [{"key": dict(named), "cells": {column: list(pair) for column, pair in cells.items()}} for named, cells in self.changes],
            },
        }


def diff(
    tables: Tables, name: str, one: int, other: int, *, key: Sequence[str] = (), samples: int = 5, part_rows: int = _PART_ROWS, progress: Progress | None = None
) -> Difference:
    """What differs between two versions of a table.

    Parameters
    ----------
    key
        The columns that name a row. Where they are not in both versions or name several rows, whole rows are compared.
    samples
        How many rows of each kind are shown.
    part_rows
        How many rows are compared at a time.

    Raises
    ------
    Mistake
        When there is no such table or version.
    """
    require_table(tables, name)
    before, after = (rows.drop(*HIDDEN, strict=False) for rows in tables.apart(name, one, other))
    schemas = before.collect_schema(), after.collect_schema()
    require_columns([column for column in key if column not in schemas[0]], schemas[1], where="--key")
    sides = _alike(before, after)
    shape = _shape(*schemas)
    keyed = tuple(key) if key and all(column in schemas[0] and column in schemas[1] for column in key) else ()
    rows = max(int(side.select(pl.len()).collect(engine="streaming").item()) for side in sides)
    parts = max(1, -(-rows // part_rows))
    said = progress or Silence()
    if keyed:
        by_key = _by_key(sides, keyed, parts, samples, said)
        if by_key is not None:
            return Difference(name, one, other, keyed, **by_key, **shape)
    return Difference(name, one, other, (), **_by_row(sides, parts, samples, said), **shape)


def _shape(before: pl.Schema, after: pl.Schema) -> dict[str, Any]:
    return {
        "new_columns": {name: str(kind) for name, kind in after.items() if name not in before},
        "lost_columns": {name: str(kind) for name, kind in before.items() if name not in after},
        "retyped": {name: (str(kind), str(after[name])) for name, kind in before.items() if name in after and after[name] != kind},
    }


def _alike(before: pl.LazyFrame, after: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The columns that both have, with one type in both."""
    schemas = before.collect_schema(), after.collect_schema()
    kinds: dict[str, pl.DataType] = {}
    for name, kind in schemas[0].items():
        if name in schemas[1]:
            other = schemas[1][name]
            kinds[name] = kind if kind == other else pl.Float64() if kind.is_numeric() and other.is_numeric() else pl.String()
    first, second = (side.select(pl.col(name).cast(kind) for name, kind in kinds.items()) for side in (before, after))
    return first, second


def _parts(sides: tuple[pl.LazyFrame, pl.LazyFrame], by: Sequence[str], parts: int, progress: Progress) -> Iterator[tuple[pl.LazyFrame, pl.LazyFrame]]:
    """Both sides part by part: rows that are equal in the columns `by` are in the same part."""
    for part in range(parts):
        progress.at(part, parts, unit="parts")
        chosen = pl.struct(list(by)).hash(seed=1) % parts == part
        yield (sides[0].filter(chosen), sides[1].filter(chosen)) if parts > 1 else sides


def _by_key(sides: tuple[pl.LazyFrame, pl.LazyFrame], key: Sequence[str], parts: int, samples: int, progress: Progress) -> dict[str, Any] | None:
    """The differences by key; None where a key names several rows."""
    names = sides[0].collect_schema().names()
    rest = [name for name in names if name not in key]
    counts = {"added": 0, "removed": 0, "changed": 0}
    cells = dict.fromkeys(rest, 0)
    shown: dict[str, list[pl.DataFrame]] = {name: [] for name in counts}
    for pair in _parts(sides, key, parts, progress):
        hashed = [side.select(*key, pl.struct(names).hash(seed=2).alias(_HASH)).collect(engine="streaming") for side in pair]
        if any(side.select(key).is_duplicated().any() for side in hashed):
            return None
        on = list(key)
        keys = {
            "added": hashed[1].join(hashed[0], on=on, how="anti", nulls_equal=True),
            "removed": hashed[0].join(hashed[1], on=on, how="anti", nulls_equal=True),
            "changed": hashed[0].join(hashed[1].rename({_HASH: _RIGHT}), on=on, how="inner", nulls_equal=True).filter(pl.col(_HASH) != pl.col(_RIGHT)),
        }
        for kind, found in keys.items():
            counts[kind] += found.height
        for kind, side in (("added", pair[1]), ("removed", pair[0])):
            some = keys[kind].select(on).sort(on).head(samples)
            shown[kind].append(side.join(some.lazy(), on=on, how="semi", nulls_equal=True).collect(engine="streaming"))
        if keys["changed"].height:
            both = _both(pair, keys["changed"].select(on), rest)
            differ = both.select((~pl.col(f"{_LEFT}{name}").eq_missing(pl.col(f"{_RIGHT}{name}"))).sum().alias(name) for name in rest)
            cells = {name: cells[name] + differ[name].item() for name in rest}
            shown["changed"].append(both.sort(on).head(samples))
    came, went, changed = (pl.concat(frames).sort(key).head(samples) if frames else pl.DataFrame() for frames in shown.values())
    ordered = dict(sorted(((name, count) for name, count in cells.items() if count), key=lambda item: -item[1]))
    return {**counts, "cells": ordered, "came": came, "went": went, "changes": tuple(_changes(changed, key, rest))}


def _both(pair: tuple[pl.LazyFrame, pl.LazyFrame], keys: pl.DataFrame, rest: Sequence[str]) -> pl.DataFrame:
    """The rows with some keys, of both sides beside each other."""
    on = keys.columns
    left, right = (
        side.join(keys.lazy(), on=on, how="semi", nulls_equal=True).rename({name: f"{mark}{name}" for name in rest}).collect(engine="streaming")
        for side, mark in zip(pair, (_LEFT, _RIGHT), strict=True)
    )
    return left.join(right, on=on, how="inner", nulls_equal=True)


def _changes(changed: pl.DataFrame, key: Sequence[str], rest: Sequence[str]) -> Iterator[tuple[dict[str, Any], dict[str, tuple[Any, Any]]]]:
    for row in changed.iter_rows(named=True):
        pairs = {name: (row[f"{_LEFT}{name}"], row[f"{_RIGHT}{name}"]) for name in rest}
        yield {name: row[name] for name in key}, {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _by_row(sides: tuple[pl.LazyFrame, pl.LazyFrame], parts: int, samples: int, progress: Progress) -> dict[str, Any]:
    """The differences of whole rows, each counted as often as it is there."""
    names = sides[0].collect_schema().names()
    counts = {"added": 0, "removed": 0}
    shown: dict[str, list[pl.DataFrame]] = {"added": [], "removed": []}
    if not names:
        return counts
    row = pl.struct(names).hash(seed=2).alias(_HASH)
    for pair in _parts(sides, names, parts, progress):
        left, right = (side.select(row).group_by(_HASH).len(name).collect(engine="streaming") for side, name in zip(pair, (_LEFT, _RIGHT), strict=True))
        both = left.join(right, on=_HASH, how="full", coalesce=True).with_columns(pl.col(_LEFT, _RIGHT).fill_null(0).cast(pl.Int64))
        for kind, side, more in (("added", pair[1], pl.col(_RIGHT) - pl.col(_LEFT)), ("removed", pair[0], pl.col(_LEFT) - pl.col(_RIGHT))):
            found = both.filter(more > 0)
            counts[kind] += int(found.select(more.sum()).item())
            some = found.select(_HASH).head(samples)
            if some.height:
                shown[kind].append(side.with_columns(row).join(some.lazy(), on=_HASH, how="semi").drop(_HASH).unique().head(samples).collect())
    came, went = (pl.concat(frames).head(samples) if frames else pl.DataFrame() for frames in shown.values())
    return {**counts, "came": came, "went": went}
