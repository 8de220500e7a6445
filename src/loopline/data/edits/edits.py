"""A person's hand on a table: rows are updated, deleted or upserted in one commit, with an entry that says who did it, why, and how many rows.

What is to be done lies in the lake before it is announced in the ledger, and is announced before the table changes. An edit that was killed
in between is finished by the next one who writes to the table: the table remembers it, so that it is done once.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.edits.amending import FROM, ORIGIN, WAS, Plan, planned_delete, planned_update, planned_upsert
from loopline.data.edits.edited import Edited, opened
from loopline.data.edits.restoring import finish_restore, target_of
from loopline.data.formats.opening import read_bytes
from loopline.data.formats.reading import Chunk, bytes_of
from loopline.data.rewind import EDIT
from loopline.data.spec import BATCH, LINE, OWN, ROW, DataSpec, SourceSpec
from loopline.errors import CheckFailed, Fault, Mistake
from loopline.lake.versions import Commit
from loopline.ledger.entry import Draft, Entry, canonical, digest
from loopline.ledger.store import Ledger
from loopline.workspace import Workspace

PATIENCE_S = 60.0
"""How long an edit waits for another writer of the project."""


class Refused(CheckFailed):
    """An edit of which some rows break the contract, so that nothing was done."""

    def __init__(self, plan: Plan, table: str) -> None:
        reasons: dict[str, int] = {}
        for row in plan.broken:
            for reason in row.reasons:
                reasons[reason] = reasons.get(reason, 0) + 1
        said = "; ".join(f"{reason} ({count:,})" if count > 1 else reason for reason, count in reasons.items())
        count = len(plan.broken)
        super().__init__(
            f"{count:,} row{'s break' if count > 1 else ' breaks'} the contract: {said}",
            where=f"table {table!r}",
            remedy="nothing was changed; mend the rows, or change the contract",
        )
        self.broken = plan.broken
        self.reasons = reasons


@dataclass(frozen=True)
class Asked:
    """Who asks for an edit, and why; a rehearsal shows what it would do, and does nothing."""

    by: str
    why: str = ""
    rehearses: bool = False


@dataclass(frozen=True)
class Done:
    """What an edit did, or would do.

    Parameters
    ----------
    entry
        The id of its entry; None where nothing was to be done, or it was a rehearsal.
    """

    table: str
    plan: Plan
    version_before: int
    version: int
    entry: str | None


def update(workspace: Workspace, data: DataSpec, table: str, *, where: str, values: Sequence[str], asked: Asked) -> Done:
    """Gives columns new values in the rows that meet a condition; call it under the project's lease.

    Raises
    ------
    Refused
        When a row would break the contract; then nothing is done.
    Mistake
        When the table, the condition or a value is not what it should be.
    """
    edited = _ready(workspace, data, table, asked)
    plan = planned_update(edited.rows(), where, values, edited.terms())
    return _carried_out(edited, plan, {"where": where, "set": list(values)}, asked)


def delete(workspace: Workspace, data: DataSpec, table: str, *, where: str, asked: Asked) -> Done:
    """Takes out the rows that meet a condition; earlier versions keep them. Call it under the project's lease.

    Raises
    ------
    Mistake
        When the table or the condition is not what it should be.
    """
    edited = _ready(workspace, data, table, asked)
    return _carried_out(edited, planned_delete(edited.rows(), where), {"where": where}, asked)


def upsert(workspace: Workspace, data: DataSpec, table: str, path: Path, *, asked: Asked) -> Done:
    """Changes the rows whose key is in a file, and adds the others; call it under the project's lease.

    Columns that the file does not have stay as they are. The file's bytes are kept in the lake.

    Raises
    ------
    Refused
        When a row breaks the contract; then nothing is done.
    Mistake
        When the table, its key or the file is not what it should be.
    """
    edited = _ready(workspace, data, table, asked)
    if not edited.source.key:
        raise Mistake(f"table {table!r} has no key by which rows are changed", where=f"data.sources.{table}", remedy="say key: [COLUMN, ...]")
    content = bytes_of(path)
    batch = records(content, edited.source, path.name)
    if batch.refused:
        first = batch.refused[0]
        what = f"{len(batch.refused):,} of {batch.read:,} records cannot be cut into columns: line {first.line}: {first.reasons[0]}"
        raise CheckFailed(what, where=path.name, remedy="nothing was changed; mend the file, or take it in with loopline data ingest")
    plan = planned_upsert(edited.rows(), batch.frame, edited.terms())
    return _carried_out(edited, plan, {"file": path.name}, asked, raw=content)


@dataclass(frozen=True)
class Restored:
    """What a restore did, or would do.

    Parameters
    ----------
    to
        The version that is the newest one again, under a new number.
    out, back
        The batches that leave the table, and those that come back.
    undone, redone
        The edits that no longer hold, and those that hold again.
    entry
        The id of its entry; None where nothing was to be done, or it was a rehearsal.
    """

    table: str
    to: int
    version_before: int
    version: int
    rows_before: int
    rows: int
    out: tuple[Entry, ...]
    back: tuple[Entry, ...]
    undone: tuple[Entry, ...]
    redone: tuple[Entry, ...]
    entry: str | None

    def as_json(self) -> dict[str, Any]:
        """The restore as plain values."""
        return {
            **{field: getattr(self, field) for field in ("table", "to", "version_before", "version", "rows_before", "rows", "entry")},
            **{name: _told_batches(getattr(self, name)) for name in ("out", "back")},
            **{name: _told_edits(getattr(self, name)) for name in ("undone", "redone")},
        }


def _told_batches(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [{"batch": entry.key, "file": entry.body["file"], "accepted": entry.body["accepted"]} for entry in entries]


def _told_edits(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [{"entry": entry.id, "verb": entry.body["verb"], "by": entry.actor, "why": entry.body["why"]} for entry in entries]


def restore(workspace: Workspace, data: DataSpec, table: str, *, asked: Asked, version: int | None = None, at: datetime | None = None) -> Restored:
    """Makes an earlier version of a table the newest one again; call it under the project's lease.

    Batches that came after it are out of the table, and stay out until their files have new content or a person takes them in again;
    later edits no longer hold. Nothing is lost: every version stays, so that a restore can be restored from.

    Raises
    ------
    Mistake
        When there is no such version, or the table was not whole then.
    """
    edited = _ready(workspace, data, table, asked, checked=False)
    to = target_of(edited, version=version, at=at)
    now = edited.tables.version(table)
    then, present = edited.course.at(to), edited.course.entries

    def only(one: Sequence[Entry], other: Sequence[Entry], what: Callable[[Entry], bool]) -> tuple[Entry, ...]:
        known = {entry.key for entry in other if what(entry)}
        return tuple(entry for entry in one if what(entry) and entry.key not in known)

    out, back = only(present, then, _is_batch), only(then, present, _is_batch)
    undone, redone = only(present, then, _is_edit), only(then, present, _is_edit)
    rows = edited.tables.read(table, version=to).select(pl.len()).collect().item()
    if asked.rehearses or to == now.version:
        return Restored(table, to, now.version, now.version, now.rows, rows, out, back, undone, redone, None)
    body = {"table": table, "verb": "restore", "why": asked.why, "to": to, "version_before": now.version, "rows_before": now.rows, "rows": rows}
    done = _finished(edited, begin(edited, body, asked.by))
    return Restored(table, to, now.version, done.body["version"], now.rows, rows, out, back, undone, redone, done.id)


def _is_batch(entry: Entry) -> bool:
    return entry.kind == "batch"


def _is_edit(entry: Entry) -> bool:
    return entry.kind == EDIT and entry.body["verb"] in _ACTS


def records(content: bytes, source: SourceSpec, file: str) -> Chunk:
    """The records of a file that a person gives, read as the source's files are; it may be of another format."""
    return read_bytes(content, source.model_copy(update={"format": None}), where=file)[0]


def settle(workspace: Workspace, data: DataSpec, table: str) -> Entry | None:
    """Finishes an edit that was begun and not done, because its process ended; the entry that says so.

    Whoever writes to the table calls this first, under the project's lease.
    """
    edited = opened(workspace, data, table)
    begun = edited.course.begun
    return None if begun is None else _finished(edited, begun)


@contextmanager
def lease(ledger: Ledger, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """The project's lease; edits are short, so that one waits for another.

    Raises
    ------
    Mistake
        Where another process holds it for longer.
    """
    deadline = time.monotonic() + patience_s
    while True:
        held = ledger.lease()
        try:
            held.__enter__()
            break
        except Mistake as error:
            if not error.retry or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
    try:
        yield
    finally:
        held.__exit__(None, None, None)


def _ready(workspace: Workspace, data: DataSpec, table: str, asked: Asked, *, checked: bool = True) -> Edited:
    edited = opened(workspace, data, table)
    if not asked.rehearses:
        settle(workspace, data, table)
        edited = opened(workspace, data, table)
    edited.require_ready(checked=checked)
    return edited


def _carried_out(edited: Edited, plan: Plan, says: Mapping[str, Any], asked: Asked, *, raw: bytes | None = None) -> Done:
    """Keep what is to be done in the lake, announce it, do it, and note that it is done."""
    before = edited.tables.version(edited.name).version
    if plan.broken:
        raise Refused(plan, edited.name)
    if asked.rehearses or not (plan.added or plan.changed or plan.removed):
        return Done(edited.name, plan, before, before, None)
    rows = _rows_of(plan)
    kept = {
        "verb": plan.verb,
        **says,
        "columns": list(plan.columns),
        "rows": _put(edited, rows),
        "raw": None if raw is None else edited.blobs.put(raw),
    }
    body = {
        "table": edited.name,
        "verb": plan.verb,
        "why": asked.why,
        **{name: getattr(plan, name) for name in ("added", "changed", "removed", "unchanged")},
        "version_before": before,
        "says": edited.blobs.put(canonical(kept).encode()),
    }
    begun = begin(edited, body, asked.by)
    done = _finished(edited, begun)
    return Done(edited.name, plan, before, done.body["version"], done.id)


def begin(edited: Edited, body: Mapping[str, Any], by: str) -> Entry:
    """Announce an edit; its key names it, and the rows that it adds."""
    last = edited.entries[-1].id if edited.entries else ""
    draft = Draft(kind=EDIT, subject=edited.name, key=digest([dict(body), last]), body={**body, "state": "begun"}, actor=by)
    return edited.workspace.ledger.append(draft)[0]


def _finished(edited: Edited, begun: Entry) -> Entry:
    """Do what was begun, unless the table has it already, and note that it is done."""
    if begun.body["verb"] == "restore":
        version = finish_restore(edited, begun)
    elif begun.body["verb"] in _ACTS:
        rows = rows_of(edited, begun)
        version = _ACTS[begun.body["verb"]](edited, begun, rows, said(edited, begun)["columns"]).version
    else:
        raise Fault(f"an edit of a kind that is not known here was begun ({begun.body['verb']})", remedy="finish it with the Loopline that began it")
    body = {**begun.body, "state": "done", "version": version}
    done = Draft(kind=EDIT, subject=edited.name, key=begun.key, body=body, parents=(begun.id,), actor=begun.actor)
    delivery = Draft(kind="delivery", subject=edited.name, key=begun.key, body={"edit": begun.body["verb"]}, parents=(begun.id,), actor=begun.actor)
    return edited.workspace.ledger.append(done, delivery)[0]


def _update(edited: Edited, edit: Entry, rows: pl.DataFrame, columns: Sequence[str]) -> Commit:
    return edited.tables.amend(edited.name, rows.select(*columns, *ORIGIN), on=ORIGIN, batch=edit.key)


def _delete(edited: Edited, edit: Entry, rows: pl.DataFrame, columns: Sequence[str]) -> Commit:
    return edited.tables.remove(edited.name, rows, on=ORIGIN, batch=edit.key)


def _upsert(edited: Edited, edit: Entry, rows: pl.DataFrame, columns: Sequence[str]) -> Commit:
    added = numbered(edited, edit, rows.filter(pl.col(BATCH).is_null()))
    changed = rows.filter(pl.col(BATCH).is_not_null()).select(added.columns)
    return edited.tables.upsert(edited.name, pl.concat([changed, added]), key=edited.source.key, batch=edit.key)


_ACTS = {"update": _update, "delete": _delete, "upsert": _upsert}


def numbered(edited: Edited, edit: Entry, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that an upsert adds, with their origin: a batch of their own, behind all that is there."""
    first = edited.rows().select((pl.col(ROW).max() + 1).fill_null(0)).collect().item()
    own = [name for name in rows.columns if name.startswith(OWN)]
    origin = (pl.lit(edit.key).alias(BATCH), pl.col(FROM).alias(LINE), (pl.int_range(pl.len(), dtype=pl.Int64) + first).alias(ROW))
    return rows.select(pl.exclude(own), *origin)


def said(edited: Edited, edit: Entry) -> dict[str, Any]:
    """The conditions and values of an edit, as they were said, and the digests of its rows."""
    found: dict[str, Any] = json.loads(edited.blobs.get(edit.body["says"]))
    return found


def rows_of(edited: Edited, edit: Entry) -> pl.DataFrame:
    """The rows that an edit changed, as it left them (those that it removed, as they were), with `WAS` values beside."""
    return pl.read_parquet(io.BytesIO(edited.blobs.get(said(edited, edit)["rows"])))


def _rows_of(plan: Plan) -> pl.DataFrame:
    if plan.verb == "delete":
        return plan.before
    was = plan.before.select(*ORIGIN, *(pl.col(name).alias(f"{WAS}{name}") for name in plan.columns))
    return plan.after.join(was, on=list(ORIGIN), how="left", maintain_order="left")


def _put(edited: Edited, rows: pl.DataFrame) -> str:
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return edited.blobs.put(buffer.getvalue())
