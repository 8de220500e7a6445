"""The main table with what its lookups found, as a versioned table of its own: the step ``join``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.data.derived.growth import Held, held, new_rows
from loopline.data.derived.lookups import KNOWN, Known, known, look_up, moment_us, require_fits, settled
from loopline.data.derived.made import last_made, record, still_holds
from loopline.data.ingest import measured
from loopline.data.moments import Lookup, joined_name
from loopline.data.spec import HIDDEN, ROW, ColumnSpec
from loopline.engine.step import Facts
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry, digest
from loopline.workspace import Job

CHUNK = 1_000_000
"""So many rows of the main table are joined at once, so that memory does not grow with it."""


@dataclass
class _Counts:
    """What became of the rows: how many were asked for, found, left out and without a moment, for each lookup; and the latest moment of each."""

    asked: int = 0
    found: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    without_moment: dict[str, int] = field(default_factory=dict)
    latest_us: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> _Counts:
        counts = body["counts"]
        return cls(counts["asked"], *(dict(counts[name]) for name in ("found", "left_out", "without_moment", "latest_us")))

    def plain(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("asked", "found", "left_out", "without_moment", "latest_us")}

    def add(self, into: str, name: str, count: int) -> None:
        counts: dict[str, int] = getattr(self, into)
        counts[name] = counts.get(name, 0) + count


def run(job: Job) -> Facts:
    """Join the main table with what its lookups find; the facts of the step ``join``.

    Raises
    ------
    Mistake
        When a lookup does not fit the tables, or the target or a worth expression is not what the declaration says.
    """
    reads, tables = job.step.reads, Tables(job.workspace.lake)
    main, into = reads["main"], joined_name(reads["main"])
    at = {name: held(tables, name, version) for name, version in job.step.inputs["tables"].items()}
    sources = {name: tables.read(name, version=one.version) for name, one in at.items()}
    lookups = _settled([Lookup.of(said) for said in reads["lookups"]], main, sources)
    job.progress.say(f"looking {' and '.join(lookup.name for lookup in lookups)} up for {main}")
    before = last_made(job.workspace.ledger, into)
    made_by = digest({"lookups": [lookup.plain() for lookup in lookups], "main": main, "code": job.step.made_from["code"]})
    fresh, why = _fresh(tables, before, made_by, main, at, lookups)
    if fresh is None or before is None:
        fresh, before = sources[main], None
    counts = _Counts.of(before.body) if before is not None else _Counts()
    added = _write(job, tables, into, fresh, lookups, sources, counts, begins=before is None)
    now = tables.version(into)
    body = {
        **{"id": now.id, "version": now.version, "rows": now.rows, "added": added, "incremental": before is not None, "why": why},
        **{"made_by": made_by, "made_from": {name: one.plain() for name, one in at.items()}, "counts": counts.plain()},
    }
    record(job, into, body, reads=tuple(at), after=before)
    schemas = {name: source.collect_schema() for name, source in sources.items()}
    facts = measured(job.workspace, into, CharterSpec.model_validate({name: reads[name] for name in MEASURED_FOR}), _specs(reads, lookups), job.progress)
    told = [_told(lookup, counts, schemas) for lookup in lookups]
    for warning in (warning for one in told for warning in one["warnings"]):
        job.progress.say(f"  {warning}")
    return {
        **facts,
        "says": f"{'; '.join(one['says'] for one in told)}; {facts['says']}",
        "main": into,
        "tables": {into: {"id": now.id, "version": now.version, "rows": now.rows}},
        "lookups": told,
        "plans": [lookup.plain() for lookup in lookups],
        "joined": {"rows": now.rows, "added": added, "incremental": before is not None, "why": why},
    }


def _settled(lookups: Sequence[Lookup], main: str, sources: Mapping[str, pl.LazyFrame]) -> list[Lookup]:
    """The lookups with their columns named, once they fit the main table and one another."""
    schema, fitted, taken = sources[main].collect_schema(), [], list[str]()
    for lookup in lookups:
        table = sources[lookup.table].collect_schema()
        one = settled(lookup, table)
        require_fits(one, schema, table, name=main, taken=taken)
        taken += one.ours
        fitted.append(one)
    return fitted


def _fresh(tables: Tables, before: Entry | None, made_by: str, main: str, at: Mapping[str, Held], lookups: Sequence[Lookup]) -> tuple[pl.LazyFrame | None, str]:
    """The main table's new rows, where it is certain that nothing would be found otherwise for those before; else None, and why."""
    if before is None:
        return None, ""
    if not still_holds(tables, before, made_by):
        return None, "it is declared otherwise, or was changed since"
    was = before.body["made_from"]
    for lookup in lookups:
        name, latest = lookup.table, before.body["counts"]["latest_us"].get(lookup.name)
        if at[name].is_version(was[name]):
            continue
        if lookup.as_of is None:
            return None, f"{name} has changed, and is joined as it is now"
        later = new_rows(tables, name, was[name], at[name])
        if later is None:
            return None, f"rows of {name} were changed or taken out, not only added"
        first = known(later, lookup).frame[KNOWN].min()
        if latest is not None and first is not None and first <= latest:
            return None, f"{name} has new rows that were known at the moment of earlier rows of {main}"
    fresh = new_rows(tables, main, was[main], at[main])
    return fresh, "" if fresh is not None else f"rows of {main} were changed or taken out, not only added"


def _write(
    job: Job,
    tables: Tables,
    into: str,
    fresh: pl.LazyFrame,
    lookups: Sequence[Lookup],
    sources: Mapping[str, pl.LazyFrame],
    counts: _Counts,
    *,
    begins: bool,
) -> int:
    """Put the rows into the table; how many they are."""
    found_in = [known(sources[lookup.table], lookup) for lookup in lookups]
    added = 0
    for chunk in _chunks(fresh):
        rows = _join(chunk, found_in, counts)
        added += rows.height
        if begins:
            tables.replace(into, rows)
        elif rows.height:
            tables.append(into, rows)
        begins = False
        job.progress.at(added, unit="rows")
    return added


def _chunks(frame: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows in the order of delivery, some at a time; at least one frame."""
    first, last = frame.select(pl.col(ROW).min(), pl.col(ROW).max().alias("last")).collect().row(0)
    if first is None:
        yield frame.collect()
        return
    for start in range(first, last + 1, CHUNK):
        yield frame.filter(pl.col(ROW).is_between(start, start + CHUNK - 1)).sort(ROW).collect()


def _join(rows: pl.DataFrame, found_in: Sequence[Known], counts: _Counts) -> pl.DataFrame:
    """The rows with all that was found, without those for which something required was not."""
    counts.asked += rows.height
    kept = pl.repeat(True, rows.height, eager=True)
    found = []
    for one in found_in:
        lookup, looked = one.lookup, look_up(rows, one)
        counts.add("found", lookup.name, int(looked.found.sum()))
        counts.add("without_moment", lookup.name, int((~looked.has_moment).sum()))
        latest = rows.select(moment_us(lookup, rows.schema).max()).item() if lookup.moment is not None else None
        if latest is not None:
            counts.latest_us[lookup.name] = max(latest, counts.latest_us.get(lookup.name, latest))
        if lookup.required:
            counts.add("left_out", lookup.name, int((kept & ~looked.found).sum()))
            kept &= looked.found
        found.append(looked.values)
    own = [name for name in rows.columns if name not in HIDDEN]
    return pl.concat([rows.select(own), *found, rows.select(pl.exclude(own))], how="horizontal").filter(kept)


def _specs(reads: Mapping[str, Any], lookups: Sequence[Lookup]) -> dict[str, ColumnSpec]:
    """What is declared of the joined table's columns: the main table's, and those that were looked up as their own table declares them."""
    said = {ours: reads["columns"][lookup.table].get(theirs) for lookup in lookups for theirs, ours in (lookup.columns or {}).items()}
    specs = {**reads["columns"][reads["main"]], **{name: spec for name, spec in said.items() if spec is not None}}
    return {name: ColumnSpec.model_validate(spec) for name, spec in specs.items()}


def _told(lookup: Lookup, counts: _Counts, schemas: Mapping[str, pl.Schema]) -> dict[str, Any]:
    """What came of a lookup, and what is to be known of it."""
    found, without = counts.found.get(lookup.name, 0), counts.without_moment.get(lookup.name, 0)
    share = found / counts.asked if counts.asked else 1.0
    warnings = []
    if lookup.as_of is None:
        warnings.append(f"{lookup.table} has no as_of: its values are those of now, also for rows of long ago; what changes with the outcome would tell it")
    elif schemas[lookup.table][lookup.as_of] == pl.Date and not lookup.delay_us:
        warnings.append(f"{lookup.as_of} of {lookup.table} is a date: its rows count as known from midnight on; say delay: 1d where a day's row is made later")
    if without:
        warnings.append(f"{without:,} rows have no {lookup.moment}, so that nothing was looked up for them")
    left_out = counts.left_out.get(lookup.name, 0)
    return {
        "says": f"{lookup.name} found for {share:.1%} of rows, {lookup.says}" + (f", {left_out:,} left out without it" if left_out else ""),
        "name": lookup.name,
        "table": lookup.table,
        "columns": list(lookup.ours),
        "asked": counts.asked,
        "found": found,
        "left_out": left_out,
        "warnings": warnings,
    }
