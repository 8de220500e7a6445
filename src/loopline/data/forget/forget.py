"""Somebody is forgotten: their rows leave every version and file of the lake, which is proved, and the fact stays without the data.

Each step finds what is still there and erases it, so that a process may be killed anywhere and the same command does the rest. What tells
their rows by batch and line goes first, the rows that name these batches and lines last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from loopline.data.edits.edited import QUARANTINE
from loopline.data.edits.edits import Asked
from loopline.data.forget.erasing import without
from loopline.data.forget.forgotten import remember
from loopline.data.forget.proof import Look, Proof, in_blob, prove
from loopline.data.forget.reach import Reach, reach
from loopline.data.forget.scrubbing import (
    Traces,
    blank_segments,
    predicted_for,
    refused_of,
    scrubbed_blob,
    without_origins,
    without_outcomes,
    without_predictions,
    without_raw,
    without_requests,
    without_rows,
)
from loopline.data.rewind import FORGET
from loopline.data.spec import BATCH, LINE, DataSpec, SourceSpec
from loopline.engine.step import Progress, Silence
from loopline.errors import Fault
from loopline.lake.blobs import Blobs
from loopline.lake.erasure import Change, Erased, erase
from loopline.lake.inventory import Inventory
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, digest
from loopline.workspace import Workspace

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ORIGINS = (BATCH, LINE)
_BESIDE: tuple[tuple[str, bool, Callable[[Traces, pl.DataFrame], tuple[pl.DataFrame, int]]], ...] = (
    ("mends", False, without_origins),
    ("cleaned", False, without_origins),
    (QUARANTINE, True, without_raw),
    ("outcomes", False, without_outcomes),
    ("feedback", False, without_outcomes),
    ("predictions", False, without_predictions),
    ("refused", True, without_requests),
)
"""The tables beside those of the data, in the order in which they are rid of somebody; whether their rows stay; and how."""
_LISTED = 100


@dataclass(frozen=True)
class Forgot:
    """What was done, or would be.

    Parameters
    ----------
    keys
        How many keys were given.
    digests
        The salted digests by which they are kept out from now on.
    tables
        From each table that was reached to what was erased there; a row that several versions wrote counts once for each.
    rows
        How many rows of theirs the newest version of each table had.
    blobs, lost
        How many blobs were written anew, and the deliveries that had to be given up as a whole.
    lines
        How many lines of the prediction log were blanked.
    proof
        What was looked through afterwards; None for a rehearsal.
    """

    table: str
    keys: int
    digests: tuple[str, ...]
    tables: Mapping[str, Erased]
    rows: Mapping[str, int]
    blobs: int
    lost: tuple[str, ...]
    lines: int
    proof: Proof | None
    entry: str | None


@dataclass
class _Work:
    workspace: Workspace
    data: DataSpec
    traces: Traces
    rehearses: bool
    progress: Progress
    erased: dict[str, Erased] = field(default_factory=dict)
    blobs: int = 0
    lost: list[str] = field(default_factory=list)
    lines: int = 0


def forget(
    workspace: Workspace,
    data: DataSpec,
    table: str,
    values: Sequence[Sequence[str]],
    *,
    asked: Asked,
    columns: Sequence[str] = (),
    also: Sequence[str] = (),
    spared: Sequence[str] = (),
    progress: Progress | None = None,
) -> Forgot:
    """Erases the rows with some keys from every version and file of a table, and of those that hold the same people's rows.

    Killed anywhere, it does the rest when it is called again with the same keys. Call it under the project's lease.

    Parameters
    ----------
    values, columns, also, spared
        As for `reach.reach`.

    Raises
    ------
    Mistake
        When a table, column or key is not what it should be.
    Fault
        When something of theirs is left, which is a defect of a file or of this program; it says where.
    """
    tables = Tables(workspace.lake)
    reaches = reach(
        data, lambda name: tables.read(name).collect_schema() if tables.exists(name) else None, table, values, columns=columns, also=also, spared=spared
    )
    main = data.main if any(one.table == data.main for one in reaches) else None
    work = _Work(workspace, data, Traces(reaches, main=main), asked.rehearses, progress or Silence())
    rows = {one.table: int(one.keys.rows(tables.read(one.table).select(one.keys.columns).collect()).sum()) for one in reaches}
    digests, begun = ([], None) if asked.rehearses else _begun(work, asked)
    _find(work)
    _beside(work)
    _blobs(work)
    for one in reversed(reaches):
        work.progress.say(f"erasing rows of {one.table}")
        _erase(work, one.table, partial(without_rows, one))
    proof = None if asked.rehearses else _proved(work)
    entry = None if begun is None or proof is None else _noted(work, begun, rows, proof)
    return Forgot(table, len(set(map(tuple, values))), tuple(digests), work.erased, rows, work.blobs, tuple(work.lost), work.lines, proof, entry)


def _begun(work: _Work, asked: Asked) -> tuple[list[str], Entry]:
    """Keep the keys' digests, by which later deliveries are known, and say that their rows are being forgotten."""
    reaches, tables = work.traces.reaches, Tables(work.workspace.lake)
    digests = sorted({kept for one in reaches for kept in remember(tables, one.table, one.keys)})
    table = reaches[0].table
    body = {
        "table": table,
        "state": "begun",
        "verb": "forget",
        "why": asked.why,
        "columns": list(reaches[0].keys.columns),
        "keys": len(digests),
        "digests": digests[:_LISTED],
    }
    return digests, work.workspace.ledger.append(Draft(kind=FORGET, subject=table, key=digest(digests), body=body, actor=asked.by))[0]


def _find(work: _Work) -> None:
    """Find the batches and lines of somebody's rows and refused records, in all versions, and the predictions that were made for them."""
    tables, traces = Tables(work.workspace.lake), work.traces
    origins: dict[str, list[pl.DataFrame]] = {one.table: [] for one in traces.reaches}
    for one in traces.reaches:
        work.progress.say(f"looking for rows in every version of {one.table}")
        for frame in _files(work, one.table, (*one.keys.columns, *_ORIGINS)):
            origins[one.table].append(frame.filter(one.keys.rows(frame)).select(_ORIGINS))
    for frame in _files(work, QUARANTINE, ("table", "batch", "line", "raw")):
        theirs = frame.filter(refused_of(traces, frame)).select("table", pl.col("batch").alias(BATCH), pl.col("line").alias(LINE))
        for table in origins:
            origins[table].append(theirs.filter(pl.col("table") == table).select(_ORIGINS))
    found = {table: pl.concat(parts).unique() for table, parts in origins.items() if parts}
    ids: set[str] = set()
    if traces.main is not None and tables.exists("predictions"):
        for frame in _files(work, "predictions", ("prediction_id", "key", "row")):
            ids |= set(frame["prediction_id"].filter(predicted_for(traces, frame)).to_list())
    if traces.main is not None:
        ids |= blank_segments(traces, work.workspace.lake.log, rehearses=True)[2]
    work.traces = Traces(traces.reaches, found, frozenset(ids), traces.main)


def _files(work: _Work, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Some columns of every data file of a table that has them, whichever version holds it."""
    inventory, lake = Inventory(work.workspace.lake), work.workspace.lake
    for path in inventory.paths(f"{lake.tables}/{table}"):
        data = inventory.read(path) if path.endswith(".parquet") and "/_delta_log/" not in path else None
        if data is not None:
            try:
                schema = pl.read_parquet_schema(data)
                if all(name in schema for name in columns):
                    yield pl.read_parquet(data, columns=list(columns))
            except (pl.exceptions.PolarsError, OSError):
                # Whether that matters is told when it is to be written anew.
                continue


def _beside(work: _Work) -> None:
    tables = Tables(work.workspace.lake)
    for name, stays, change in _BESIDE:
        if name == "predictions" and work.traces.main is not None:
            # By predictions the outcomes are found, so that these are rid of them before.
            work.lines = blank_segments(work.traces, work.workspace.lake.log, rehearses=work.rehearses)[0]
        if tables.exists(name) and (work.traces.main is not None or name in ("mends", "cleaned", QUARANTINE)):
            _erase(work, name, partial(change, work.traces), bare=stays)


def _erase(work: _Work, name: str, change: Change, *, bare: bool = False) -> None:
    """Erase from all files of a table; where something was erased, its newest version gets a new number: what holds is another."""
    lake = work.workspace.lake
    done = erase(lake, name, change, scrub=work.traces.scrubbed, bare=bare, rehearses=work.rehearses)
    work.erased[name] = done
    if done.rows and not work.rehearses:
        Tables(lake).mark(name, batch="forget", batch_version=1 + (Tables(lake).batch_version(name, "forget") or 0))


def _blobs(work: _Work) -> None:
    """Write blobs anew without somebody's rows: deliveries by their format, others by what they hold."""
    blobs, inventory, traces = Blobs(work.workspace.lake), Inventory(work.workspace.lake), work.traces
    delivered, published, kept = _delivered(work), _published(work), _foreign(work) | _packaged(work)
    paths = [path for path in inventory.paths("blobs") if _DIGEST.fullmatch(path.rsplit("/", 1)[1])]
    for done, path in enumerate(paths):
        work.progress.at(done, len(paths), unit="blobs")
        name = path.rsplit("/", 1)[1]
        data = inventory.read(path)
        if data is None or name in kept:
            continue
        if name in published:
            work.blobs += 1
            if not work.rehearses:
                blobs.erase(name, None)
            continue
        changed, successor, count = False, data, 0
        for one, source, file in delivered.get(name, ()):
            rest, theirs = without(successor, source, one.keys, file=file)
            changed, count = changed or bool(theirs), count + theirs
            if rest is None:
                work.lost.append(file)
                successor = b""
                break
            successor = rest
        if name not in delivered:
            rest, count = scrubbed_blob(traces, data)
            changed, successor = rest is not None, rest or data
        if not changed:
            continue
        work.blobs += 1
        if not work.rehearses:
            blobs.erase(name, successor or None)


def _published(work: _Work) -> frozenset[str]:
    """What is published of lookups into tables that hold rows of theirs: it is given up, and the next run publishes the tables as they are then."""
    theirs = {one.table for one in work.traces.reaches if any(one.keys.rows(frame).any() for frame in _files(work, one.table, one.keys.columns))}
    return frozenset(entry.body["blob"] for entry in work.workspace.ledger.read(kinds=("lookup",)) if entry.body["table"] in theirs)


def _delivered(work: _Work) -> dict[str, list[tuple[Reach, SourceSpec, str]]]:
    """From the digest of a delivery's bytes to the table, its source and its file."""
    found: dict[str, list[tuple[Reach, SourceSpec, str]]] = {}
    blobs = Blobs(work.workspace.lake)
    for one in work.traces.reaches:
        source = work.data.sources.get(one.table)
        if source is None:
            continue
        for entry in work.workspace.ledger.read(kinds=("begun", "batch", "undone", "edit"), subject=one.table):
            raw, file, read_as = entry.body.get("raw"), entry.body.get("file", ""), source
            if entry.kind == "edit" and entry.body["verb"] == "upsert":
                said = json.loads(blobs.get(entry.body["says"]))
                raw, file, read_as = said["raw"], said["file"], source.model_copy(update={"format": None})
            if raw and (one, read_as, file) not in found.setdefault(raw, []):
                found[raw].append((one, read_as, file))
    return found


def _foreign(work: _Work) -> frozenset[str]:
    """The blobs of other projects that share the lake: those that no entry of this one names."""
    if not work.workspace.lake.project:
        return frozenset()
    named = _named(work, work.workspace.ledger.read())
    return frozenset(path.rsplit("/", 1)[1] for path in Inventory(work.workspace.lake).paths("blobs")) - named


def _packaged(work: _Work) -> frozenset[str]:
    """The blobs of packages, which are signed: they are never written anew, and what they hold is told."""
    return _named(work, work.workspace.ledger.read(kinds=("package",)))


def _named(work: _Work, entries: Sequence[Entry]) -> frozenset[str]:
    """The digests that entries name, and those that the blobs so named name in turn."""
    blobs, seen = Blobs(work.workspace.lake), set[str]()
    todo = {name for entry in entries for name in (*_DIGEST.findall(json.dumps(dict(entry.body))), entry.key, entry.subject) if _DIGEST.fullmatch(name)}
    while todo:
        name = todo.pop()
        if name not in seen and blobs.exists(name):
            seen.add(name)
            data = blobs.get(name)
            todo |= set(_DIGEST.findall(data.decode("utf-8"))) - seen if data[:1] in (b"{", b"[") else set()
    return frozenset(seen)


def _proved(work: _Work) -> Proof:
    lake, traces = work.workspace.lake, work.traces
    looks: dict[str, Look] = {name: partial(_changes, partial(change, traces)) for name, _, change in _BESIDE}
    looks |= {one.table: partial(_changes, partial(without_rows, one)) for one in traces.reaches}
    foreign, packaged = _foreign(work), _packaged(work)
    proof = prove(lake, traces, looks, foreign | packaged, work.progress)
    blobs = Blobs(lake)
    proof.packages = sorted(name for name in packaged if in_blob(blobs.get(name), traces))
    return proof


def _changes(change: Change, frame: pl.DataFrame) -> bool:
    return change(frame)[1] > 0


def _noted(work: _Work, begun: Entry, rows: Mapping[str, int], proof: Proof) -> str:
    """The id of the entry that says that it is done; nothing of theirs is left."""
    if proof.left:
        shown = ", ".join(proof.left[:5])
        what = f"{len(proof.left)} files hold something of theirs still: {shown}"
        raise Fault(what, where=f"table {begun.subject!r}", remedy="run this again; if it stays, report it")
    tables = Tables(work.workspace.lake)
    body: dict[str, Any] = {
        **begun.body,
        "state": "done",
        "removed": sum(rows.values()),
        "tables": {name: {"rows": rows.get(name), "erased": done.rows, "files": done.files} for name, done in work.erased.items() if done.rows},
        "blobs": work.blobs,
        "lost": len(work.lost),
        "lines": work.lines,
        "scanned": {name: getattr(proof, name) for name in ("data_files", "logs", "blobs", "segments")},
        "packages": proof.packages,
        "version": tables.version(begun.subject).version,
    }
    done = Draft(kind=FORGET, subject=begun.subject, key=begun.key, body=body, parents=(begun.id,), actor=begun.actor)
    stale = [
        Draft(kind="delivery", subject=one.table, key=begun.key, body={"edit": "forget"}, parents=(begun.id,), actor=begun.actor)
        for one in work.traces.reaches
        if one.table in work.data.sources
    ]
    return work.workspace.ledger.append(done, *stale)[0].id
