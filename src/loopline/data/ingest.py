"""The data stage's work: every source's new batches into its table, and the facts that the later stages build on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.data.batches import merged_counts
from loopline.data.casting import text_type
from loopline.data.intake import Intake
from loopline.data.listing import listing
from loopline.data.outcome import outcome_facts, say, target_of
from loopline.data.profile import profile
from loopline.data.spec import HIDDEN, ROW, ColumnSpec, ColumnType, DataSpec
from loopline.engine.step import Facts, Progress, Silence
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry, canonical
from loopline.workspace import Job, Workspace


def run(job: Job) -> Facts:
    """Take in what the sources deliver; the facts of the step ``ingest``.

    Raises
    ------
    Mistake
        When a source, the target or a worth expression is not what the declaration says.
    """
    data = DataSpec.model_validate({name: job.step.reads[name] for name in ("sources", "contract")})
    # With lookups, the step that joins them measures: worth and features may name what they find.
    charter = None if job.step.reads["looks_up"] else CharterSpec.model_validate({name: job.step.reads[name] for name in MEASURED_FOR})
    batches: list[Entry] = []
    for table, source in data.sources.items():
        files = listing(source, job.folder, where=f"data.sources.{table}.path")
        intake = Intake(job.workspace, data, table, job.progress, (job.attempt,))
        intake.take_all(files)
        batches += intake.batches
    return facts_of(job.workspace, data, charter, batches, job.progress)


def ingest_file(workspace: Workspace, data: DataSpec, path: Path, *, table: str | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Take in one file that a person delivers; call it under the project's lease.

    Parameters
    ----------
    table
        The source whose table the file belongs to; the main one by default.

    Returns
    -------
    dict
        ``batch``, ``read``, ``accepted``, ``quarantined``, ``reasons``, ``table``, ``version``, and ``repeated``: whether the
        table held this batch already.

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
        **{name: body[name] for name in ("read", "accepted", "quarantined", "reasons", "table", "version")},
        "repeated": entry.id in before,
    }


def facts_of(workspace: Workspace, data: DataSpec, charter: CharterSpec | None, batches: list[Entry], progress: Progress) -> dict[str, Any]:
    """The stage's facts about tables that are up to date; without a charter those that need no look at the rows."""
    tables = Tables(workspace.lake)
    main = data.sources[data.main]
    read, accepted, quarantined = (sum(entry.body[name] for entry in batches) for name in ("read", "accepted", "quarantined"))
    versions = {name: tables.version(name) for name in data.sources}
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
    }


def measured(workspace: Workspace, table: str, charter: CharterSpec, specs: Mapping[str, ColumnSpec], progress: Progress) -> dict[str, Any]:
    """The facts about the rows of the table that is learned from: its columns, the outcome and what is at stake, and its profile."""
    progress.say(f"looking at table {table}")
    frame = Tables(workspace.lake).read(table).sort(ROW).drop(*HIDDEN).collect()
    target = target_of(frame, charter)
    outcome = outcome_facts(frame, charter, target)
    return {
        "says": say(target, outcome),
        "columns": [_column(frame[name], specs.get(name, ColumnSpec())) for name in frame.columns],
        "task": target.task,
        "positive": target.positive,
        "classes": list(target.classes),
        "outcome": outcome,
        "profile": Blobs(workspace.lake).put(canonical(profile(frame).to_json()).encode("utf-8")),
    }


def _column(values: pl.Series, spec: ColumnSpec) -> dict[str, Any]:
    return {"name": values.name, "type": spec.type or _type(values), "use": spec.use}


def _type(values: pl.Series) -> ColumnType:
    if values.dtype.is_integer():
        return "integer"
    if values.dtype.is_numeric():
        return "number"
    if values.dtype == pl.Boolean:
        return "boolean"
    if values.dtype == pl.Date:
        return "date"
    return "datetime" if values.dtype == pl.Datetime else text_type(values.drop_nulls())
