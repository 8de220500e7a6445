"""The data stage's work: every source's new batches into its table, and the facts that the later stages build on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from loopline.charter.spec import CharterSpec
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
    charter = CharterSpec.model_validate({name: job.step.reads[name] for name in ("predict", "task", "positive", "worth")})
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


def facts_of(workspace: Workspace, data: DataSpec, charter: CharterSpec, batches: list[Entry], progress: Progress) -> dict[str, Any]:
    """The stage's facts about tables that are up to date."""
    tables = Tables(workspace.lake)
    main = data.sources[data.main]
    progress.say(f"looking at table {data.main}")
    frame = tables.read(data.main).sort(ROW).drop(*HIDDEN).collect()
    target = target_of(frame, charter)
    outcome = outcome_facts(frame, charter, target)
    summary = Blobs(workspace.lake).put(canonical(profile(frame).to_json()).encode("utf-8"))
    read, accepted, quarantined = (sum(entry.body[name] for entry in batches) for name in ("read", "accepted", "quarantined"))
    versions = {name: tables.version(name) for name in data.sources}
    return {
        "says": f"{accepted:,} of {read:,} rows accepted" + (f", {quarantined:,} in quarantine" if quarantined else "") + f"; {say(target, outcome)}",
        "main": data.main,
        "tables": {name: {"id": at.id, "version": at.version, "rows": at.rows} for name, at in versions.items()},
        "read": read,
        "accepted": accepted,
        "quarantined": quarantined,
        "reasons": merged_counts([entry.body["reasons"] for entry in batches]),
        "warnings": merged_counts([entry.body["warnings"] for entry in batches]),
        "columns": [_column(frame[name], data.contract.columns.get(name, ColumnSpec())) for name in frame.columns],
        "task": target.task,
        "positive": target.positive,
        "classes": list(target.classes),
        "time": main.time,
        "order": "time" if main.time else "rows" if main.ordered else None,
        "key": list(main.key),
        "outcome": outcome,
        "profile": summary,
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
