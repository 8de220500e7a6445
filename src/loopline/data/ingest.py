"""The data stage's work: every source's new batches into its table, and the facts that the later stages build on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.data.batches import merged_counts
from loopline.data.casting import inferred, kind_of_text
from loopline.data.intake.intake import Intake
from loopline.data.listing import listing
from loopline.data.outcome import say
from loopline.data.profiles.profile import Profile, ProfileBuilder
from loopline.data.quarantine.quarantine import balances, totals
from loopline.data.spec import HIDDEN, ColumnSpec, DataSpec
from loopline.data.stakes import stakes
from loopline.engine.step import Facts, Progress, Silence
from loopline.errors import CheckFailed, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, canonical
from loopline.workspace import Job, Workspace


def run(job: Job) -> Facts:
    """Take in what the sources deliver; the facts of the step ``ingest``.

    Raises
    ------
    Mistake
        When a source, the target or a worth expression is not what the declaration says.
    CheckFailed
        When a rule holds a batch back; the other sources are taken in by then.
    """
    reads = job.step.reads
    data = DataSpec.model_validate({name: reads[name] for name in ("sources", "contract", "tables") if name in reads})
    # With lookups, the step that joins them measures: worth and features may name what they find.
    charter = CharterSpec.model_validate({name: reads[name] for name in MEASURED_FOR}) if reads["measures"] else None
    wanted = reads.get("only", list(data.sources))
    batches: dict[str, list[Entry]] = {}
    stopped: list[CheckFailed] = []
    for table in (table for table in in_order(data) if table in wanted):
        source = data.sources[table]
        files = listing(source, job.folder, where=f"data.sources.{table}.path") if source.is_local else []
        intake = Intake(job.workspace, data, table, job.progress, (job.attempt,))
        try:
            intake.take_all(files, folder=job.folder)
        except CheckFailed as error:
            stopped.append(error)
        batches[table] = intake.batches
    if stopped:
        raise stopped[0]
    return facts_of(job.workspace, data, charter, [entry for table in wanted for entry in batches[table]], job.progress, tables=wanted)


def in_order(data: DataSpec) -> list[str]:
    """The sources in an order in which a table that others refer to comes before them, as far as that can be."""
    placed: list[str] = []

    def place(table: str, above: tuple[str, ...]) -> None:
        if table in placed or table in above or table not in data.sources:
            return
        for reference in data.contract_of(table).references:
            place(reference.table, (*above, table))
        placed.append(table)

    for table in data.sources:
        place(table, ())
    return placed


def ingest_file(workspace: Workspace, data: DataSpec, path: Path, *, table: str | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Take in one file that a person delivers; call it under the project's lease.

    Parameters
    ----------
    table
        The source whose table the file belongs to; the main one by default.

    Returns
    -------
    dict
        ``batch``, ``read``, ``accepted``, ``quarantined``, ``merged``, ``reasons``, ``warnings``, ``cleaned``, ``table``, ``version``, and
        ``repeated``: whether the table held this batch already.

    Raises
    ------
    Mistake
        When there is no such source, or the file cannot be read.
    """
    table = table or data.main
    if table not in data.sources:
        raise Mistake(f"there is no source {table!r}", remedy=f"the sources are: {', '.join(data.sources)}")
    intake = Intake(workspace, data, table, progress or Silence())
    before = {entry.id for entry in intake.batches}
    entry = intake.take(path)
    body = entry.body
    return {
        "batch": entry.key,
        **{name: body[name] for name in ("read", "accepted", "quarantined", "merged", "reasons", "warnings", "cleaned", "table", "version")},
        "repeated": entry.id in before,
    }


def rehearse_file(workspace: Workspace, data: DataSpec, path: Path, *, table: str | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """What would become of a file's records, were it delivered now; nothing is written.

    Returns
    -------
    dict
        ``read``, ``accepted``, ``quarantined``, ``merged``, ``reasons``, ``warnings`` and ``table``.

    Raises
    ------
    Mistake
        When there is no such source, or the file cannot be read.
    """
    table = table or data.main
    if table not in data.sources:
        raise Mistake(f"there is no source {table!r}", remedy=f"the sources are: {', '.join(data.sources)}")
    counts = Intake(workspace, data, table, progress or Silence()).rehearse(path)
    return {
        "table": table,
        "read": counts.read,
        "accepted": counts.accepted,
        "quarantined": counts.refused + counts.discarded,
        "merged": counts.merged,
        "reasons": dict(counts.reasons),
        "warnings": dict(counts.warnings),
    }


def pull(workspace: Workspace, data: DataSpec, table: str, folder: Path, progress: Progress) -> list[Entry]:
    """Ask a source for what is new, whatever its schedule says; the entries of the batches that came. Call it under the project's lease.

    Raises
    ------
    Mistake
        When there is no such source, or it cannot be read.
    CheckFailed
        When a rule holds a batch back.
    """
    if table not in data.sources:
        raise Mistake(f"there is no source {table!r}", remedy=f"the sources are: {', '.join(data.sources)}")
    intake = Intake(workspace, data, table, progress)
    before = {entry.id for entry in intake.batches}
    source = data.sources[table]
    files = listing(source, folder, where=f"data.sources.{table}.path") if source.is_local else []
    intake.take_all(files, folder=folder)
    came = [entry for entry in intake.batches if entry.id not in before]
    if came:
        body = {"file": came[-1].body["file"]}
        workspace.ledger.append(Draft(kind="delivery", subject=table, key=came[-1].key, body=body, parents=tuple(entry.id for entry in came)))
    return came


def facts_of(
    workspace: Workspace, data: DataSpec, charter: CharterSpec | None, batches: list[Entry], progress: Progress, *, tables: Sequence[str]
) -> dict[str, Any]:
    """The stage's facts about tables that are up to date; without a charter those that need no look at the rows."""
    lake = Tables(workspace.lake)
    main = data.sources[data.main]
    counts = totals(balance for balance in balances(workspace.ledger, lake, tables) if not balance.owed)
    read, accepted, quarantined = counts["read"], counts["accepted"], counts["quarantined"]
    versions = {name: lake.version(name) for name in tables}
    says = f"{accepted:,} of {read:,} rows accepted" + (f", {quarantined:,} in quarantine" if quarantined else "")
    facts = {} if charter is None else measured(workspace, data.main, charter, data.contract.columns, progress)
    return {
        **facts,
        "says": f"{says}; {facts['says']}" if facts else says,
        "main": data.main,
        "tables": {name: {"id": at.id, "version": at.version, "rows": at.rows} for name, at in versions.items()},
        "read": read,
        "accepted": accepted,
        "quarantined": quarantined,
        "reasons": merged_counts([entry.body["reasons"] for entry in batches]),
        "warnings": merged_counts([entry.body["warnings"] for entry in batches]),
        "time": main.time,
        "order": "time" if main.time else "rows" if main.ordered else None,
        "key": list(main.key),
        "newest": {name: _newest(entry.body.get("newest") for entry in batches if entry.subject == name) for name in tables},
    }


def _newest(moments: Iterable[str | None]) -> str | None:
    """The latest of some moments in UTC; None where no row says when it happened."""
    return max((moment for moment in moments if moment is not None), key=datetime.fromisoformat, default=None)


def measured(workspace: Workspace, table: str, charter: CharterSpec, specs: Mapping[str, ColumnSpec], progress: Progress) -> dict[str, Any]:
    """The facts about the rows of the table that is learned from: its columns, the outcome and what is at stake, and its profile."""
    progress.say(f"looking at table {table}")
    rows = Tables(workspace.lake).read(table)
    found = stakes(rows, charter)
    target, outcome, schema = found.target, found.outcome, found.schema
    builder = ProfileBuilder()
    for part in rows.drop(*HIDDEN).collect_batches(maintain_order=True):
        builder.add(part)
    whole = builder.profile()
    return {
        "says": say(target, outcome),
        "columns": [_column(name, dtype, specs.get(name, ColumnSpec()), whole) for name, dtype in schema.items()],
        "task": target.task,
        "positive": target.positive,
        "classes": list(target.classes),
        "outcome": outcome,
        "profile": Blobs(workspace.lake).put(canonical(whole.to_json()).encode("utf-8")),
    }


def _column(name: str, dtype: pl.DataType, spec: ColumnSpec, whole: Profile) -> dict[str, Any]:
    kind = spec.type or inferred(pl.Series(name, [], dtype=dtype))[0]
    if spec.type is None and dtype == pl.String and (column := whole.columns.get(name)) is not None:
        kind = kind_of_text(column.known, column.distinct_count())
    return {"name": name, "type": kind, "use": spec.use}
