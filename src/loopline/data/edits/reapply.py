"""Edits that outlive a new check: a table that was made anew from its batches gets them again, in their order.

An edit speaks of the rows that were there when it was made, by the batch and the line that they came with; so it never touches what came later.
Where a file changed and took the place of what it delivered before, an edit goes over to the rows of which the file still says the same.
What a person said, and a changed contract no longer accepts, goes to the quarantine like any row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from loopline.data.contract.contract import check
from loopline.data.edits.amending import FROM, ORIGIN, WAS, Broken, broken_of, held_to, planned_upsert, same_in
from loopline.data.edits.edited import QUARANTINE, Edited, Standing, opened, standing
from loopline.data.edits.edits import numbered, records, rows_of, said
from loopline.data.rewind import EDIT
from loopline.data.spec import BATCH, HIDDEN, LINE, DataSpec
from loopline.ledger.entry import Draft, Entry, digest, now
from loopline.workspace import Workspace

_NOW = "__now"


@dataclass(frozen=True)
class _Counts:
    changed: int = 0
    added: int = 0
    removed: int = 0
    quarantined: int = 0

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(self.changed + other.changed, self.added + other.added, self.removed + other.removed, self.quarantined + other.quarantined)


def reapply(workspace: Workspace, data: DataSpec, table: str, *, before: int | None = None, parents: tuple[str, ...] = ()) -> Entry | None:
    """Brings the edits again that a table lost when it was made anew; the entry that says so, or None where it lost none.

    It may be killed and called again: each edit is in the table once. Call it under the project's lease.

    Parameters
    ----------
    before
        Only edits whose entry has a smaller sequence: those that were made before a batch which is about to be checked again. All where None.
    parents
        Ids of the entries that this one follows from.
    """
    edited = opened(workspace, data, table)
    found = standing(edited.course.entries)
    due = [edit for edit in found.holds if edit.id in found.due and (before is None or (edit.seq < before and not _moved(found, edit)))]
    if not due or not edited.tables.exists(table):
        return None
    counts = _Counts()
    for edit in due:
        counts += _ACTS[edit.body["verb"]](edited, edit, found)
    body = {
        "table": table,
        "state": "done",
        "verb": "reapply",
        "edits": [edit.id for edit in due],
        **vars(counts),
        "version": edited.tables.version(table).version,
    }
    key = digest([body, found.due[due[0].id]])
    return workspace.ledger.append(Draft(kind=EDIT, subject=table, key=key, body=body, parents=(*parents, *(edit.id for edit in due))))[0]


def _moved(found: Standing, edit: Entry) -> bool:
    """Whether some of an edit's rows may live on in another batch, which is not there before it is taken in."""
    return any(seq > edit.seq for seq, _, _ in found.taken)


def _update(edited: Edited, edit: Entry, found: Standing) -> _Counts:
    counts, broken = _changed(edited, edit, found, _living(rows_of(edited, edit), edit, found), said(edited, edit)["columns"])
    _refuse(edited, edit, broken, found.due[edit.id])
    return counts


def _changed(edited: Edited, edit: Entry, found: Standing, rows: pl.DataFrame, given: Sequence[str]) -> tuple[_Counts, tuple[Broken, ...]]:
    """Give the table's rows the edit's values again; the rows that the contract refuses with them leave the table."""
    present = edited.rows()
    schema = present.collect_schema()
    columns = [name for name in given if name in schema]
    stays = rows.filter(pl.col(_NOW) == pl.col(BATCH))
    fresh = pl.concat([_at_home(present, stays, columns), _gone_over(edited, present, rows, columns)])
    before = present.join(fresh.lazy().select(ORIGIN), on=list(ORIGIN), how="semi").collect()
    before = fresh.select(ORIGIN).join(before, on=list(ORIGIN), how="left", maintain_order="left").select(schema.names())
    checked = check(fresh, held_to(present, fresh, columns, edited.terms()))
    good = checked.accepted.select(schema.names())
    kept = before.join(good.select(ORIGIN), on=list(ORIGIN), how="semi", maintain_order="left")
    changed = good.filter(~same_in(kept, good, columns)).select(*columns, *ORIGIN)
    version = found.due[edit.id]
    if changed.height:
        edited.tables.amend(edited.name, changed, on=ORIGIN, batch=edit.key, batch_version=version)
    broken = broken_of(fresh, checked)
    if broken:
        edited.tables.remove(edited.name, fresh[checked.refused["place"].to_list()], on=ORIGIN, batch=f"{edit.key}:out", batch_version=version)
    return _Counts(changed.height, _mended(edited, edit, stays, version), len(broken), len(broken)), broken


def _at_home(present: pl.LazyFrame, stays: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows of the table that have the edit's own batch and line, with its values."""
    order = present.collect_schema().names()
    here = present.join(stays.lazy().select(ORIGIN), on=list(ORIGIN), how="semi").drop(columns).collect()
    return here.join(stays.select(*columns, *ORIGIN), on=list(ORIGIN), how="left", maintain_order="left").select(order)


def _gone_over(edited: Edited, present: pl.LazyFrame, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows of files that took the place of earlier ones, where they still say what the edit found, with its values."""
    schema = present.collect_schema()
    moved = rows.filter(pl.col(_NOW) != pl.col(BATCH))
    visible = [name for name in schema if name not in HIDDEN and name in moved.columns]
    found = [f"{WAS}{name}" if name in columns else name for name in visible]
    known = [name for name in visible if name in columns or name in edited.source.key] if edited.source.key else visible
    was = moved.select(pl.col(_NOW).alias(BATCH), *(pl.col(old).cast(schema[name], strict=False).alias(name) for old, name in zip(found, visible, strict=True)))
    new = moved.select(pl.col(name).alias(f"{_NOW}{name}") for name in columns)
    wanted = was.select(BATCH, *known).hstack(new).unique([BATCH, *known], keep="none")
    joined = present.join(wanted.lazy(), on=[BATCH, *known], how="inner", nulls_equal=True).collect()
    joined = joined.filter(pl.struct(BATCH, *known).is_unique()) if joined.height else joined
    kept = [name for name in schema if name not in columns]
    made = joined.select(*kept, *(pl.col(f"{_NOW}{name}").alias(name) for name in columns)).select(schema.names())
    return made.cast({name: rows.schema[name] for name in columns})


def _mended(edited: Edited, edit: Entry, stays: pl.DataFrame, version: int) -> int:
    """Bring in the rows whose record the contract now refuses as it was delivered, but accepts as the edit left it; how many."""
    refused = _quarantined(edited)
    if refused is None:
        return 0
    present = edited.rows()
    schema = present.collect_schema()
    waiting = refused.select(pl.col("batch").alias(BATCH), pl.col("line").alias(LINE)).collect().unique()
    there = present.join(stays.lazy().select(ORIGIN), on=list(ORIGIN), how="semi").select(ORIGIN).collect()
    absent = stays.join(waiting, on=list(ORIGIN), how="semi").join(there, on=list(ORIGIN), how="anti")
    if absent.is_empty():
        return 0
    whole = absent.select([name for name in schema if name in absent.columns])
    terms = held_to(present, whole, (), edited.terms(), adds=True)
    good = check(whole, terms).accepted
    if good.height:
        edited.tables.append(edited.name, good, batch=f"{edit.key}:in", batch_version=version)
        keys = good.select(pl.lit(edited.name).alias("table"), pl.col(BATCH).alias("batch"), pl.col(LINE).alias("line"), pl.lit("replayed").alias("state"))
        if "state" in refused.collect_schema():
            edited.tables.amend(QUARANTINE, keys, on=("table", "batch", "line"))
        else:
            edited.tables.remove(QUARANTINE, keys, on=("table", "batch", "line"))
    return good.height


def _delete(edited: Edited, edit: Entry, found: Standing) -> _Counts:
    rows, present = _living(rows_of(edited, edit), edit, found), edited.rows()
    schema = present.collect_schema()
    visible = [name for name in rows.columns if name in schema and name not in HIDDEN]
    same = rows.with_columns(pl.col(name).cast(schema[name], strict=False) for name in visible)
    stays, moved = same.filter(pl.col(_NOW) == pl.col(BATCH)), same.filter(pl.col(_NOW) != pl.col(BATCH)).with_columns(pl.col(_NOW).alias(BATCH))
    parts = [
        present.join(stays.lazy().select(ORIGIN), on=list(ORIGIN), how="semi").select(ORIGIN),
        present.join(moved.lazy().select(BATCH, *visible), on=[BATCH, *visible], how="semi", nulls_equal=True).select(ORIGIN),
    ]
    gone = pl.concat(parts).collect()
    if gone.height:
        edited.tables.remove(edited.name, gone, on=ORIGIN, batch=edit.key, batch_version=found.due[edit.id])
    return _Counts(removed=gone.height)


def _upsert(edited: Edited, edit: Entry, found: Standing) -> _Counts:
    rows, columns = _delivered(edited, edit)
    values = [name for name in columns if name not in edited.source.key]
    living = _living(rows.filter(pl.col(BATCH).is_not_null()), edit, found)
    counts, broken = _changed(edited, edit, found, living, values) if living.height and values else (_Counts(), ())
    if edit.id not in found.carried:
        more, also = _added(edited, edit, rows.filter(pl.col(BATCH).is_null()), found.due[edit.id])
        counts, broken = counts + more, (*broken, *also)
    _refuse(edited, edit, broken, found.due[edit.id])
    return counts


def _added(edited: Edited, edit: Entry, rows: pl.DataFrame, version: int) -> tuple[_Counts, tuple[Broken, ...]]:
    """Bring in the rows that an upsert added, once under each contract."""
    if rows.is_empty():
        return _Counts(), ()
    schema = edited.rows().collect_schema()
    coming = rows.select(*(name for name in rows.columns if name in schema and name not in HIDDEN), pl.col(FROM).alias(LINE))
    broken: list[Broken] = []
    plan = planned_upsert(edited.rows(), coming, edited.terms())
    while plan.broken:
        broken += plan.broken
        coming = coming.filter(~pl.col(LINE).is_in([row.line for row in plan.broken]))
        plan = planned_upsert(edited.rows(), coming, edited.terms())
    done = edited.tables.batch_version(edited.name, f"{edit.key}:new")
    fresh = plan.after.filter(pl.col(BATCH).is_null())
    if fresh.height and (done is None or done < version):
        edited.tables.upsert(edited.name, numbered(edited, edit, fresh), key=edited.source.key, batch=f"{edit.key}:new", batch_version=version)
        return _Counts(added=fresh.height, quarantined=len(broken)), tuple(broken)
    return _Counts(quarantined=len(broken)), tuple(broken)


def _delivered(edited: Edited, edit: Entry) -> tuple[pl.DataFrame, list[str]]:
    """The rows that an upsert brought, and their columns: as the file has them, because a changed contract may read its texts in another way."""
    rows, kept = rows_of(edited, edit), said(edited, edit)
    schema = edited.rows().collect_schema()
    columns = [name for name in kept["columns"] if name in schema]
    texts = records(edited.blobs.get(kept["raw"]), edited.source, kept["file"]).frame.select(*columns, pl.col(LINE).alias(FROM))
    return rows.drop(columns).join(texts, on=FROM, how="inner", maintain_order="left"), columns


_ACTS = {"update": _update, "delete": _delete, "upsert": _upsert}


def _living(rows: pl.DataFrame, edit: Entry, found: Standing) -> pl.DataFrame:
    """The rows of an edit, with the batch in which they live now beside."""
    became = {batch: found.became(batch, edit.seq) for batch in rows[BATCH].unique().to_list()}
    return rows.with_columns(pl.col(BATCH).replace_strict(became, return_dtype=pl.String).alias(_NOW))


def _quarantined(edited: Edited) -> pl.LazyFrame | None:
    """The refused rows of the table that nobody has dealt with; None where there is no quarantine."""
    if not edited.tables.exists(QUARANTINE):
        return None
    refused = edited.tables.read(QUARANTINE).filter(pl.col("table") == edited.name)
    return refused.filter(pl.col("state").is_in(["refused"]) | pl.col("state").is_null()) if "state" in refused.collect_schema() else refused


def _refuse(edited: Edited, edit: Entry, broken: Sequence[Broken], version: int) -> None:
    """Put what the contract refuses of an edit into the quarantine, in the place of what it refused of it before."""
    name = f"{edited.name}:{edit.key}"
    if (edited.tables.batch_version(QUARANTINE, name) or 0) >= version:
        return
    if edited.tables.exists(QUARANTINE):
        outdated = edited.tables.read(QUARANTINE).filter(pl.col("batch") == edit.key).select("table", "batch").limit(1).collect()
        if outdated.height:
            edited.tables.remove(QUARANTINE, outdated, on=("table", "batch"))
    if broken:
        moment = now()
        rows = [
            {
                "table": edited.name,
                "batch": edit.key,
                "source": f"edit {edit.id}",
                "line": row.line,
                "raw": _text(row.row),
                "reasons": list(row.reasons),
                "time": moment,
                "state": "refused",
            }
            for row in broken
        ]
        edited.tables.append(QUARANTINE, pl.DataFrame(rows), batch=name, batch_version=version)


def _text(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)
