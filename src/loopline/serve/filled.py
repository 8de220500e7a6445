"""What a table of rows does not say, looked up in the lake as of each row's moment: for batches what `loopline.serve.lookups` is for requests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from loopline.data.derived.lookups import Known, known, look_up, require_fits, settled
from loopline.data.moments import Lookup
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.batch import Sheet
from loopline.serve.published import typed_as
from loopline.serve.scorer import Scorer


@dataclass(frozen=True, eq=False)
class _Ready:
    """A version of a table, ready to be looked into."""

    known: Known
    schema: pl.Schema
    version: int


class Filler:
    """Fills in what the rows of a table lack, part by part; each table is read once, so that all parts are of the same version.

    Parameters
    ----------
    now
        The moment of rows that do not tell theirs.
    versions
        From a lookup's name to the version of its table; the newest where it is not named.
    """

    def __init__(self, scorer: Scorer, lake: Lake, *, now: datetime, versions: Mapping[str, int] | None = None) -> None:
        self._scorer = scorer
        self._tables = Tables(lake)
        self._now = now
        self._versions = versions or {}
        self._ready: dict[str, _Ready] = {}

    def fill(self, sheet: Sheet, *, where: str = "") -> Sheet:
        """Some of the rows with the columns that they lack, as they were known at each row's moment; a row without its moment is refused.

        Raises
        ------
        Mistake
            When a column that is looked up by is missing, or a table no longer has what the package takes.
        """
        for lookup in self._scorer.lookups.all:
            absent = [ours for ours in lookup.ours if ours not in sheet.typed.columns]
            if absent:
                sheet = self._one(sheet, lookup.only(frozenset(absent)), where)
        return sheet

    def _one(self, sheet: Sheet, lookup: Lookup, where: str) -> Sheet:
        rows = sheet.typed
        for ours, _ in lookup.keys:
            if ours not in rows.columns:
                what = f"the column {ours!r} is missing, and {', '.join(lookup.ours)} are looked up by it"
                raise Mistake(what, where=where, remedy=f"add it, or add {', '.join(lookup.ours)}")
        ready = self._ready.get(lookup.name) or self._ready.setdefault(lookup.name, self._read(lookup))
        timed = rows if lookup.moment is None or lookup.moment in rows.columns else rows.with_columns(pl.lit(self._now).alias(lookup.moment))
        fitted = ready.known.lookup
        require_fits(fitted, timed.schema, ready.schema, name="the rows")
        looked = look_up(timed, ready.known)
        columns = {column.name: column for column in self._scorer.signature.columns}
        values = [typed_as(series, columns[series.name], lookup) for series in looked.values]
        reasons = dict(sheet.reasons)
        _refuse(reasons, (~looked.has_moment).arg_true(), f"{lookup.moment}: it is null, and {lookup.table} is looked up {lookup.says}; expected a time")
        if lookup.required:
            what = f"{lookup.ours[0]}: it is missing, and {lookup.table} has nothing for the row {lookup.says}; expected it to be sent"
            _refuse(reasons, (looked.has_moment & ~looked.found).arg_true(), what)
        found = pl.DataFrame(
            {
                "found": looked.found,
                "as_of": looked.as_of.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
                "version": pl.Series([ready.version] * rows.height, dtype=pl.Int64),
                "columns": pl.Series([list(fitted.ours)] * rows.height, dtype=pl.List(pl.String)),
            }
        )
        said = {**(sheet.looked_up.struct.unnest().to_dict() if sheet.looked_up is not None else {}), lookup.name: found.to_struct()}
        return replace(sheet, typed=rows.with_columns(values), reasons=dict(sorted(reasons.items())), looked_up=pl.DataFrame(said).to_struct("looked_up"))

    def _read(self, lookup: Lookup) -> _Ready:
        version = self._versions.get(lookup.name)
        version = self._tables.version(lookup.table).version if version is None else version
        table = self._tables.read(lookup.table, version=version)
        schema = table.collect_schema()
        return _Ready(known(table, settled(lookup, schema)), schema, version)


def filled(sheet: Sheet, scorer: Scorer, lake: Lake, *, where: str = "") -> Sheet:
    """All rows with the columns that they lack, from the newest versions; see `Filler.fill`."""
    return Filler(scorer, lake, now=datetime.now(UTC)).fill(sheet, where=where)


def newest(scorer: Scorer, lake: Lake, columns: Collection[str]) -> dict[str, int]:
    """From the name of each lookup that rows with such columns need to the newest version of its table."""
    needed = [lookup for lookup in scorer.lookups.all if not set(lookup.ours) <= set(columns)]
    return {lookup.name: Tables(lake).version(lookup.table).version for lookup in needed}


def _refuse(reasons: dict[int, list[str]], places: Iterable[int], why: str) -> None:
    for place in places:
        reasons[place] = [*reasons.get(place, ()), why]
