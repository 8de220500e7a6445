"""The project's tables as a query or a reference sees them: rows on trial, what the lake holds, else what the sources hold now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from loopline.data.contract.contract import Terms, check
from loopline.data.spec import ContractSpec, DataSpec, SourceSpec
from loopline.data.testing.sample import FILE, Sample, cleaned, drawn
from loopline.errors import Mistake
from loopline.lake.tables import Tables


class Visible(Mapping[str, pl.LazyFrame]):
    """Tables by name, each looked up when it is asked for, and once.

    Parameters
    ----------
    folder
        Where the sources' relative paths start.
    tables
        The lake's tables; None where only sources are looked at.
    instead
        Rows that stand for a table, whatever the lake holds.
    """

    def __init__(self, data: DataSpec, folder: Path, tables: Tables | None, instead: Mapping[str, pl.LazyFrame] | None = None) -> None:
        self._data = data
        self._folder = folder
        self._tables = tables
        self._found: dict[str, pl.LazyFrame] = dict(instead or {})

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._found
        yield from (name for name in (*self._data.sources, *self._data.tables) if name not in self._found)

    def __len__(self) -> int:
        return len(set(self))

    def _look_up(self, name: str) -> pl.LazyFrame:
        if self._tables is not None and self._tables.exists(name):
            return self._tables.read(name)
        if name in self._data.sources:
            source = self._data.sources[name]
            sample = drawn(source, self._folder, rows=None, where=f"data.sources.{name}")
            return accepted(sample, source, self._data.contract_of(name)).lazy()
        raise Mistake(f"table {name!r} has not been made yet", where=f"data.tables.{name}", remedy="make it with: loopline run --until data")


def accepted(sample: Sample, source: SourceSpec, contract: ContractSpec) -> pl.DataFrame:
    """The rows of a sample that the contract's columns and the key let into the table, typed, with their line."""
    terms = Terms(contract.columns, key=source.key, time=source.time, nulls=source.nulls, decimal=source.decimal)
    return check(cleaned(sample.frame.drop(FILE), source, contract), terms).accepted


def keys_of(frame: pl.LazyFrame, source: SourceSpec | None, contract: ContractSpec) -> dict[str, pl.Series]:
    """The columns of a table whose values come once, as far as the key and the contract say; else those in which none comes twice."""
    said = {name for name, spec in contract.columns.items() if spec.unique} | {group[0] for group in contract.unique if len(group) == 1}
    if source is not None and len(source.key) == 1:
        said.add(source.key[0])
    schema = frame.collect_schema()
    names = [name for name in schema if name in said]
    if not names:
        names = [name for name, kind in schema.items() if (kind == pl.String or kind.is_integer()) and not name.startswith("__")]
    whole = frame.select(names).collect()
    return {name: whole[name] for name in names if not whole[name].null_count() and whole[name].n_unique() == whole.height}
