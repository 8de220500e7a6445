"""Derived tables: made of others by a query, a function or of the past of one, tested, and only then put in the place of the version before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from loopline.data.contract.contract import nearest
from loopline.data.contract.sql import query
from loopline.data.contract.sql import rows as found_rows
from loopline.data.derived.functions import load, module_file, told
from loopline.data.derived.growth import Held, held, new_rows
from loopline.data.derived.made import last_made, record, still_holds
from loopline.data.derived.past import past
from loopline.data.rowwise import growing, tokens
from loopline.data.spec import BATCH, HIDDEN, LINE, OWN, ROW, TableSpec
from loopline.data.spec_contract import QuerySpec
from loopline.engine.step import Facts
from loopline.errors import CheckFailed, Mistake
from loopline.lake.columns import storable
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry, digest
from loopline.workspace import Job

Frames = Mapping[str, pl.LazyFrame]
_SHOWN = 3


@dataclass(frozen=True)
class _Made:
    """The rows of a version.

    Parameters
    ----------
    rows
        All of them, or those that are added.
    before
        The entry of the version that they are added to; None where they take the place of all.
    why
        Why they are all rows although the table is incremental; empty where it is not so.
    """

    rows: pl.DataFrame
    before: Entry | None
    why: str = ""


def run(job: Job) -> Facts:
    """Make a derived table; the facts of its step.

    Raises
    ------
    Mistake
        When the query or the function is wrong, or does not give what is declared.
    CheckFailed
        When a test finds rows; then the version before stays.
    """
    name: str = job.step.reads["table"]
    spec = TableSpec.model_validate(job.step.reads["spec"])
    tables = Tables(job.workspace.lake)
    at = {read: held(tables, read, version) for read, version in job.step.inputs["tables"].items()}
    job.progress.say(f"making table {name}")
    made = _made(job, name, spec, tables, at)
    there = None if made.before is None else tables.read(name, version=made.before.body["version"])
    whole = made.rows.lazy() if there is None else pl.concat([there.drop(HIDDEN), made.rows.lazy()], how="diagonal_relaxed")
    _require_declared(name, spec, whole, _where(job))
    warnings = _tested(job, name, spec.tests, {**_frames(tables, at), name: whole})
    before = last_made(job.workspace.ledger, name)
    version = _kept(tables, name, made, before) or _written(job, name, tables, made)
    now = tables.version(name)
    body = {
        "id": now.id,
        "version": version,
        "rows": now.rows,
        "added": made.rows.height,
        "incremental": made.before is not None,
        "why": made.why,
        "made_by": _made_by(job),
        "made_from": {read: one.plain() for read, one in at.items()},
    }
    record(job, name, body, reads=spec.read_of(tuple(at)), after=made.before)
    said = f"{name} has {now.rows:,} rows" + (f", {made.rows.height:,} of them new" if made.before else "")
    told_why = f" (all made anew: {made.why})" if made.why else ""
    return {
        "says": said + told_why,
        "table": name,
        **{key: body[key] for key in ("id", "version", "rows", "added", "incremental", "why")},
        "warnings": warnings,
    }


def _made_by(job: Job) -> str:
    """The digest of all but the rows read that decides what a table holds."""
    spec = job.step.reads["spec"]
    return digest({"spec": {part: spec[part] for part in ("sql", "function", "past", "reads", "incremental")}, "own": job.step.inputs["own"]})


def _where(job: Job) -> str:
    """The part of the declaration that the table comes from."""
    return job.step.reads.get("said_at") or f"data.tables.{job.step.reads['table']}"


def _frames(tables: Tables, at: Mapping[str, Held]) -> dict[str, pl.LazyFrame]:
    """The tables as a query or a function sees them: without Loopline's own columns, in the order of delivery."""
    return {name: _shown(tables.read(name, version=one.version)) for name, one in at.items()}


def _shown(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.sort(ROW).drop(HIDDEN)


def _made(job: Job, name: str, spec: TableSpec, tables: Tables, at: Mapping[str, Held]) -> _Made:
    frames = {read: frame for read, frame in _frames(tables, at).items() if read in spec.read_of(tuple(at))}
    if spec.incremental and spec.sql is not None:
        grows, static = growing(spec.sql, tuple(frames))
        before = last_made(job.workspace.ledger, name)
        if before is None:
            return _Made(_computed(job, spec, frames), None)
        if not still_holds(tables, before, _made_by(job)):
            return _Made(_computed(job, spec, frames), None, "it is declared otherwise, or was changed since")
        was = before.body["made_from"]
        if changed := [other for other in static if other not in was or not at[other].is_version(was[other])]:
            return _Made(_computed(job, spec, frames), None, f"{changed[0]} has changed, which it is joined with")
        fresh = new_rows(tables, grows, was[grows], at[grows]) if grows in was else None
        if fresh is None:
            return _Made(_computed(job, spec, frames), None, f"rows of {grows} were changed or taken out, not only added")
        return _Made(_computed(job, spec, {**frames, grows: _shown(fresh)}), before)
    return _Made(_computed(job, spec, frames), None)


def _computed(job: Job, spec: TableSpec, frames: Frames) -> pl.DataFrame:
    """The rows, in an order that does not change from one time to the next."""
    where = _where(job)
    rows = _found(job, spec, frames, where)
    if own := [column for column in rows.columns if column.startswith(OWN)]:
        raise Mistake(f"a column is called {own[0]!r}, and names that begin with {OWN} are Loopline's own", where=where, remedy="give it another name")
    if not rows.columns:
        raise Mistake("the table has no column", where=where, remedy="select at least one")
    rows = storable(rows, where=where)
    if missing := [column for column in (*spec.key, *([spec.time] if spec.time else [])) if column not in rows.columns]:
        raise Mistake(f"the table has no column {missing[0]!r}", where=where, remedy=nearest(missing[0], rows.columns))
    if spec.key:
        return rows.sort(spec.key, maintain_order=True)
    if spec.function is not None or any(token.word == "order" for token in tokens(spec.sql or "")):
        return rows
    plain = [column for column, kind in rows.schema.items() if not kind.is_nested()]
    return rows.sort(plain, maintain_order=True) if plain else rows


def _found(job: Job, spec: TableSpec, frames: Frames, where: str) -> pl.DataFrame:
    if spec.past is not None:
        return past(frames[spec.past.table], spec.past, where=where)
    if spec.function is not None:
        return _called(job, spec.function, frames, where)
    return found_rows(query(spec.sql or "", frames, where=where), where=where)


def _called(job: Job, name: str, frames: Frames, where: str) -> pl.DataFrame:
    function: Callable[[Frames], Any] = load(name, job.folder, where=where)
    file = module_file(name, job.folder)
    try:
        made = function(frames)
        if isinstance(made, pl.LazyFrame):
            return made.collect()
    except Exception as error:  # whatever a user's function does
        raise told(error, file, where=where, function=function) from None
    if not isinstance(made, pl.DataFrame):
        raise Mistake(f"{name} returned {type(made).__name__}, and no frame", where=where, remedy="return a Polars LazyFrame or DataFrame")
    return made


def _require_declared(name: str, spec: TableSpec, whole: pl.LazyFrame, where: str) -> None:
    """Check the key and the time of all rows; nothing is written yet."""
    kind = whole.collect_schema()
    if spec.time is not None and not isinstance(kind[spec.time], (pl.Date, pl.Datetime)):
        raise Mistake(f"the time {spec.time!r} is {kind[spec.time]}", where=where, remedy="make it a date or a time")
    if spec.key:
        keys = whole.select(spec.key)
        empty, twice = keys.select(pl.any_horizontal(pl.all().is_null()).sum(), pl.struct(pl.all()).is_duplicated().sum().alias("twice")).collect().row(0)
        if empty or twice:
            why = f"is empty in {empty:,} rows" if empty else f"is not one row's own in {twice:,} rows"
            made_by, mend = ("", "query") if spec.function is None else (f", which {spec.function} returned,", "function")
            what = f"the key {', '.join(spec.key)} of table {name!r}{made_by} {why}; the version before stays"
            raise CheckFailed(what, where=where, remedy=f"mend the {mend} or the key")


def _tested(job: Job, name: str, tests: Sequence[QuerySpec], frames: Frames) -> dict[str, int]:
    """How many rows each test that only warns has found.

    Raises
    ------
    CheckFailed
        When one that stops has found any.
    """
    warnings = {}
    for test in tests:
        where = f"data.tables.{name}.tests, {test.name}"
        found = found_rows(query(test.sql, frames, where=where), where=where)
        if found.height and test.severity == "stop":
            for row in found.head(_SHOWN).iter_rows(named=True):
                job.progress.say(f"  {row}")
            remedy = "mend what it is made of or how, then: loopline run"
            raise CheckFailed(f"the test finds {found.height:,} rows and may find none; the version of {name} before stays", where=where, remedy=remedy)
        if found.height:
            warnings[test.name] = found.height
    return warnings


def _kept(tables: Tables, name: str, made: _Made, before: Entry | None) -> int | None:
    """The present version where it holds just these rows already: what is made of it need not be made anew."""
    if made.before is not None and not made.rows.height:
        return int(made.before.body["version"])
    if before is None or made.before is not None or not tables.exists(name):
        return None
    now = tables.version(name)
    if (now.id, now.rows) != (before.body["id"], made.rows.height) or now.version != before.body["version"]:
        return None
    there = tables.read(name).sort(ROW).drop(HIDDEN).collect()
    return now.version if there.schema == made.rows.schema and there.equals(made.rows) else None


def _written(job: Job, name: str, tables: Tables, made: _Made) -> int:
    """The version that holds the rows, with where they are from."""
    first = 0 if made.before is None else int(tables.read(name).select((pl.col(ROW).max() + 1).fill_null(0)).collect().item())
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    rows = made.rows.with_columns(pl.lit(job.step.key).alias(BATCH), (place + 1).alias(LINE), (place + first).alias(ROW))
    return (tables.replace(name, rows) if made.before is None else tables.append(name, rows)).version
