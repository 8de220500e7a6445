"""The contract run as unit tests: on a sample of each source, on the tables in the lake, or on a file before it is delivered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.contract.batch_rules import Whole, judge
from loopline.data.contract.contract import Terms
from loopline.data.contract.sql import query, rows
from loopline.data.profiles.profile import Profile, profile
from loopline.data.spec import BATCH, HIDDEN, ROW, DataSpec, SourceSpec
from loopline.data.spec_contract import BatchSpec, QuerySpec, ReferenceSpec
from loopline.data.testing.cases import Outcome, Trial, Verdict, shown, try_rows
from loopline.data.testing.sample import FILE, Sample, cleaned, drawn, drawn_from, evenly, evenly_from, file_at
from loopline.data.testing.visible import Visible
from loopline.declaration import say_duration
from loopline.engine.step import Progress
from loopline.errors import LooplineError, Mistake
from loopline.lake.tables import Tables

_COMPARED = 20_000


@dataclass(frozen=True)
class Report:
    """The verdicts on one table.

    Parameters
    ----------
    origin
        What was looked at: files, or a version in the lake.
    read, tested
        How many rows there are, and how many of them were looked at.
    """

    table: str
    origin: str
    read: int
    tested: int
    verdicts: tuple[Verdict, ...]
    seconds: float
    began: datetime

    def count(self, *outcomes: str) -> int:
        """How many cases ended so."""
        return sum(verdict.outcome in outcomes for verdict in self.verdicts)

    @property
    def stopping(self) -> list[Verdict]:
        """The verdicts for which a batch would not be taken in as the contract wants it.

        Where it declares how many rows may be refused, a rule that refuses rows stops nothing below that.
        """
        lets = any((verdict.kind, verdict.outcome) == ("refused", "pass") for verdict in self.verdicts)
        failed = [verdict for verdict in self.verdicts if verdict.outcome in ("fail", "error")]
        return [verdict for verdict in failed if not (lets and verdict.outcome == "fail" and verdict.severity == "refuse")]


@dataclass(frozen=True)
class _Asked:
    """What is to be tested, and how."""

    data: DataSpec
    folder: Path
    tables: Tables
    rows: int | None
    progress: Progress


def run_tests(
    data: DataSpec,
    folder: Path,
    tables: Tables,
    *,
    table: str | None = None,
    rows: int | None = None,
    file: Path | None = None,
    lake: bool = False,
    progress: Progress,
) -> Iterator[Report]:
    """A report on each declared table, or on one; nothing is written.

    Parameters
    ----------
    rows
        How many rows of each table are looked at, drawn at random; all where None.
    file
        A file that is not delivered yet, in the place of the table's source; of the main table where none is named.
    lake
        Whether the tables are looked at as the lake holds them, not the sources.

    Raises
    ------
    Mistake
        When there is no such table, or its source cannot be read.
    """
    known = (*data.sources, *data.tables)
    if table is not None and table not in known:
        raise Mistake(f"there is no table {table!r}", remedy=f"the tables are: {', '.join(known)}")
    if file is not None and (table in data.tables or lake):
        raise Mistake("a file is delivered to a source's table", where=str(file), remedy="leave --lake out, and name a source with --table")
    asked = _Asked(data, folder, tables, rows, progress)
    wanted = [table] if table is not None else [data.main] if file is not None else list(known)
    for name in wanted:
        progress.say(f"testing {name}")
        yield _derived(asked, name) if name in data.tables else _lake(asked, name) if lake else _source(asked, name, file)


def _source(asked: _Asked, table: str, file: Path | None) -> Report:
    began, clock = datetime.now(UTC), time.monotonic()
    source, contract = asked.data.sources[table], asked.data.contract_of(table)
    if file is not None:
        files = [file_at(file)]
        sample = drawn_from(files, source, rows=asked.rows)
    else:
        sample = drawn(source, asked.folder, rows=asked.rows, where=f"data.sources.{table}", progress=asked.progress)
    # Rows of one key take each other's place from file to file in these modes, but in one file a key comes once.
    apart = [FILE] if source.mode != "append" else []
    trial, passed_over = _tried(asked, table, cleaned(sample.frame, source, contract), apart=apart, came=sample.frame)
    moment = began if file is not None else _came(sample, asked.folder, began)
    verdicts = [
        *_readable(sample),
        *trial.verdicts,
        *passed_over,
        *_batch(asked, table, contract.batch, sample, trial, moment),
        *_queries(asked, table, contract.tests, _with_trial(asked, table, trial, source, alone=file is None)),
    ]
    names = list(sample.files)
    origin = names[0] if len(names) == 1 else f"{len(names)} files of {source.place}"
    return Report(table, origin, sample.read, sample.frame.height, tuple(verdicts), time.monotonic() - clock, began)


def _lake(asked: _Asked, table: str) -> Report:
    began, clock = datetime.now(UTC), time.monotonic()
    contract = asked.data.contract_of(table)
    if not asked.tables.exists(table):
        return Report(table, "the lake", 0, 0, (_not_made(table),), 0.0, began)
    version = asked.tables.version(table)
    frame = evenly_from(asked.tables.read(table), asked.rows)
    trial, passed_over = _tried(asked, table, frame, apart=[])
    verdicts = [*trial.verdicts, *passed_over, *_queries(asked, table, contract.tests, Visible(asked.data, asked.folder, asked.tables))]
    return Report(table, f"version {version.version} in the lake", version.rows, frame.height, tuple(verdicts), time.monotonic() - clock, began)


def _derived(asked: _Asked, table: str) -> Report:
    """The key and the tests of a table that is made of others, once it is there."""
    began, clock = datetime.now(UTC), time.monotonic()
    spec = asked.data.tables[table]
    if not asked.tables.exists(table):
        return Report(table, "the lake", 0, 0, (_not_made(table),), 0.0, began)
    version = asked.tables.version(table)
    frame = evenly_from(asked.tables.read(table), asked.rows)
    trial = try_rows(frame, Terms(key=spec.key, time=spec.time))
    verdicts = [*trial.verdicts, *_queries(asked, table, spec.tests, Visible(asked.data, asked.folder, asked.tables))]
    return Report(table, f"version {version.version} in the lake", version.rows, frame.height, tuple(verdicts), time.monotonic() - clock, began)


def _not_made(table: str) -> Verdict:
    return Verdict(f"{table}: is there", "table", "skipped", why="the table has not been made yet; make it with: loopline run --until data")


def _tried(asked: _Asked, table: str, frame: pl.DataFrame, *, apart: Sequence[str], came: pl.DataFrame | None = None) -> tuple[Trial, list[Verdict]]:
    """The verdicts on rows (as they came and cleaned, or as the lake holds them), and the references that cannot be looked at."""
    typed = came is None
    source, contract = asked.data.sources[table], asked.data.contract_of(table)
    references, passed_over = _references(asked, table, frame, contract.references)
    terms = Terms(
        contract.columns,
        key=source.key,
        time=source.time,
        nulls=() if typed else source.nulls,
        decimal="." if typed else source.decimal,
        together=contract.unique,
        rules=contract.rules,
        references=references,
    )
    merged = source.duplicates in ("first", "latest")
    trial = try_rows(frame, terms, apart=apart, merged=merged, came=came)
    if merged and source.key:
        why = f"rows with one key are merged (duplicates: {source.duplicates})"
        passed_over.append(Verdict(f"key {', '.join(source.key)}", "unique", "skipped", columns=source.key, why=why))
    return trial, passed_over


def _references(
    asked: _Asked, table: str, frame: pl.DataFrame, wanted: Sequence[ReferenceSpec]
) -> tuple[list[tuple[ReferenceSpec, pl.DataFrame]], list[Verdict]]:
    """The values that each reference allows: all that the other table holds, never a sample of them."""
    seen = Visible(asked.data, asked.folder, asked.tables)
    found: list[tuple[ReferenceSpec, pl.DataFrame]] = []
    passed_over = []
    for reference in wanted:
        name = f"{', '.join(reference.columns)} in {reference.table}({', '.join(reference.target)})"
        try:
            allowed = seen[reference.table]
            if missing := [column for column in reference.target if column not in allowed.collect_schema()]:
                raise Mistake(f"table {reference.table!r} has no column {missing[0]!r}")
            there = allowed.select(reference.target).drop_nulls().unique().collect()
            if reference.table == table and set(reference.target) <= set(frame.columns):
                own = frame.select(pl.col(column).cast(there.schema[column], strict=False) for column in reference.target)
                there = pl.concat([there, own]).drop_nulls().unique()
            found.append((reference, there))
        except LooplineError as error:
            passed_over.append(Verdict(name, "reference", "skipped", reference.severity, reference.columns, why=str(error)))
    return found, passed_over


def _readable(sample: Sample) -> Iterator[Verdict]:
    """Whether every record could be cut into columns."""
    why = "; ".join(f"{count:,} x {reason}" for reason, count in sample.unreadable.items())
    samples = tuple({"file": None, "line": refusal.line, "values": {"": refusal.raw[:200]}} for refusal in sample.refusals)
    yield Verdict("records: readable", "readable", "fail" if sample.refused else "pass", "refuse", (), sample.read, sample.refused, samples, why)


def _came(sample: Sample, folder: Path, otherwise: datetime) -> datetime:
    """When the newest file came."""
    try:
        return max(datetime.fromtimestamp((folder / name).stat().st_mtime, UTC) for name in sample.files)
    except (OSError, ValueError):
        return otherwise


def _batch(asked: _Asked, table: str, batch: BatchSpec, sample: Sample, trial: Trial, moment: datetime) -> Iterator[Verdict]:
    """The verdicts of the rules over a whole batch: how many rows, how fresh, how many refused, how far from those before."""
    source, tested = asked.data.sources[table], sample.frame.height
    refused = sample.refused + (trial.refused / tested * (sample.read - sample.refused) if tested else 0)
    before = _before(asked.tables, table, batch.against) if batch.shift is not None else []
    now = evenly([trial.accepted.drop(*HIDDEN, strict=False)], _COMPARED)
    moving = frozenset((*source.key, *((source.time,) if source.time else ())))
    whole = Whole(sample.read, round(refused), _newest(trial.accepted, source.time), profile(now), before, moment, moving)
    broken: dict[str, list[str]] = {}
    for one in judge(batch.model_copy(update={"rows": None}), whole):
        broken.setdefault(one.rule, []).append(one.says)
    if batch.rows is not None:
        wrong = {file: count for file, count in sample.files.items() if not batch.rows.holds(count)}
        said = "; ".join(f"{file} has {count:,}" for file, count in list(wrong.items())[:5])
        yield _batch_verdict(f"batch: rows {batch.rows}", "rows", batch, [said] if wrong else [], len(sample.files), len(wrong))
    if batch.fresh is not None:
        yield _batch_verdict(f"batch: fresh {say_duration(batch.fresh)}", "fresh", batch, broken.get("fresh", []))
    if batch.refused is not None:
        yield _batch_verdict(f"batch: refused {batch.refused:.4g}", "refused", batch, broken.get("refused", []))
    if batch.shift is not None and not before:
        why = "there are no batches before this one in the lake"
        yield Verdict(f"batch: shift {batch.shift:.4g}", "shift", "skipped", batch.severity, why=why)
    elif batch.shift is not None:
        yield _batch_verdict(f"batch: shift {batch.shift:.4g}", "shift", batch, broken.get("shift", []))


def _batch_verdict(name: str, kind: str, batch: BatchSpec, broken: Sequence[str], looked_at: int = 0, count: int = 0) -> Verdict:
    outcome: Outcome = "pass" if not broken else "warn" if batch.severity == "warn" else "fail"
    return Verdict(name, kind, outcome, batch.severity, (), looked_at, count, (), "; ".join(broken[:5]))


def _newest(rows_: pl.DataFrame, time_: str | None) -> datetime | None:
    if time_ is None or time_ not in rows_.columns or not rows_.schema[time_].is_temporal():
        return None
    newest = rows_.select(pl.col(time_).max().cast(pl.Datetime("us"))).item()
    return None if newest is None else newest.replace(tzinfo=UTC)


def _before(tables: Tables, table: str, against: int) -> list[Profile]:
    """The profiles of the last batches of a table, the newest first."""
    if not tables.exists(table):
        return []
    kept = tables.read(table)
    last = kept.group_by(BATCH).agg(pl.col(ROW).max()).sort(ROW, descending=True).head(against).collect()[BATCH].to_list()
    return [profile(evenly_from(kept.filter(pl.col(BATCH) == batch).drop(*HIDDEN), _COMPARED)) for batch in last]


def _with_trial(asked: _Asked, table: str, trial: Trial, source: SourceSpec, *, alone: bool) -> Visible:
    """The tables as a query sees them: the rows on trial are their table, or a part of it where a file is yet to be delivered."""
    rows_ = trial.accepted.lazy()
    if not alone and source.mode != "replace" and asked.tables.exists(table):
        kept = asked.tables.read(table)
        if source.mode == "upsert":
            kept = kept.join(rows_.select(source.key).unique(), on=list(source.key), how="anti")
        rows_ = pl.concat([kept, rows_], how="diagonal_relaxed")
    return Visible(asked.data, asked.folder, asked.tables, {table: rows_})


def _queries(asked: _Asked, table: str, tests: Sequence[QuerySpec], tables: Mapping[str, pl.LazyFrame]) -> Iterator[Verdict]:
    """Each query must find no row."""
    for test in tests:
        where = f"test {test.name!r} of {table}"
        try:
            found = rows(query(test.sql, tables, where=where), where=where)
        except LooplineError as error:
            yield Verdict(test.name, "test", "error", test.severity, why=str(error))
            continue
        broken = found.height
        yield Verdict(
            test.name, "test", "pass" if not broken else "warn" if test.severity == "warn" else "fail", test.severity, (), broken, broken, shown(found)
        )


def as_json(report: Report) -> dict[str, Any]:
    """A report as plain values."""
    return {
        "table": report.table,
        "origin": report.origin,
        "read": report.read,
        "tested": report.tested,
        "seconds": round(report.seconds, 3),
        "tests": [
            {
                "name": verdict.name,
                "kind": verdict.kind,
                "outcome": verdict.outcome,
                "severity": verdict.severity,
                "columns": list(verdict.columns),
                "rows": verdict.rows,
                "broken": verdict.broken,
                "samples": [dict(sample) for sample in verdict.samples],
                "why": verdict.why,
            }
            for verdict in report.verdicts
        ],
    }
