"""The quarantine: the table of refused rows, how some of them are named, and whether every record is accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from loopline.data.batches import KINDS, holding, merged_counts
from loopline.data.formats.reading import Chunk
from loopline.data.quarantine.cells import encoded
from loopline.data.spec import LINE, DataSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.ledger.store import Ledger
from loopline.workspace import Workspace

QUARANTINE = "quarantine"
KEY = ("table", "batch", "line")
"""What names a row of the quarantine."""
STATES = ("refused", "merged", "replayed", "discarded")
"""What became of a row: it waits; it was merged as a duplicate; it entered the table later; somebody discarded it."""
SCHEMA: dict[str, pl.DataType] = {
    "table": pl.String(),
    "batch": pl.String(),
    "source": pl.String(),
    "line": pl.Int64(),
    "raw": pl.String(),
    "reasons": pl.List(pl.String()),
    "time": pl.Datetime("us", "UTC"),
    "state": pl.String(),
    "cells": pl.String(),
    "by": pl.String(),
    "why": pl.String(),
    "moved": pl.Datetime("us", "UTC"),
}
"""`cells` is a JSON object of the record's cells as texts, null where it could not be cut; `by`, `why` and `moved` tell of the state's last change."""
_ID = re.compile(r"([0-9a-f]{4,64}):(\d+)")
_SHORT = 8


def as_delivered(delivered: Chunk, lines: pl.Series) -> pl.DataFrame:
    """Those records of a chunk that begin on some lines and could be cut into columns: ``line``, ``raw`` and ``cells``, in the chunk's order; pure."""
    places = delivered.frame[LINE].is_in(lines.implode()).arg_true()
    found = delivered.frame[LINE].gather(places).cast(pl.Int64)
    cells = encoded(delivered.frame[places] if delivered.texts is None else delivered.texts(found.to_list()))
    return pl.DataFrame({"line": found, "raw": pl.Series(delivered.raw(places.to_list()), dtype=pl.String), "cells": cells})


def rows_of(delivered: Chunk, reasons: pl.DataFrame, *, table: str, batch: str, source: str, time: datetime, state: str = "refused") -> pl.DataFrame:
    """Records of a chunk as rows of the quarantine; pure.

    Parameters
    ----------
    delivered
        The chunk as the reader gave it, before any mend: what the quarantine keeps is what came.
    reasons
        ``line`` and ``reasons`` of the records that are meant, whether they could be cut into columns or not.
    """
    cut = as_delivered(delivered, reasons["line"]).join(reasons, on="line", how="inner", maintain_order="left").select("line", "raw", "reasons", "cells")
    others = [(item.line, item.raw) for item in delivered.refused]
    uncut = pl.DataFrame(others, schema={"line": pl.Int64(), "raw": pl.String()}, orient="row").join(reasons, on="line", how="inner")
    both = pl.concat([cut, uncut.with_columns(cells=pl.lit(None, pl.String)).select(cut.columns)]).sort("line")
    fixed = {"table": table, "batch": batch, "source": source, "time": time, "state": state}
    known = both.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())
    return known.select((pl.col(name) if name in known.columns else pl.lit(None)).cast(dtype).alias(name) for name, dtype in SCHEMA.items())


def rows(tables: Tables) -> pl.LazyFrame:
    """The rows of the quarantine; those from before there were states are refused."""
    if not tables.exists(QUARANTINE):
        return pl.LazyFrame(schema=SCHEMA)
    kept = tables.read(QUARANTINE)
    known = kept.collect_schema()
    filled = [(pl.col(name) if name in known else pl.lit(None, dtype)).alias(name) for name, dtype in SCHEMA.items()]
    return kept.select(filled).with_columns(pl.col("state").fill_null("refused"))


def id_of(batch: str, line: int) -> str:
    """A row's short name."""
    return f"{batch[:_SHORT]}:{line}"


ID = pl.concat_str(pl.col("batch").str.slice(0, _SHORT), pl.lit(":"), pl.col("line").cast(pl.String)).alias("id")


def place_in(id: str) -> tuple[str, int]:
    """The beginning of a batch's digest, and the line, in a row's short name.

    Raises
    ------
    Mistake
        When it is none.
    """
    match = _ID.fullmatch(id.strip().lower())
    if match is None:
        raise Mistake(f"{id[:80]!r} names no row of the quarantine", remedy="write it as BATCH:LINE, as in 3f9a12c0:417; loopline data quarantine lists them")
    return match[1], int(match[2])


@dataclass(frozen=True)
class Filter:
    """Some rows of the quarantine; all where nothing is said.

    Parameters
    ----------
    batch
        The beginning of a batch's digest.
    reason
        A part of a reason; capitals do not count.
    states
        Any of these; all where empty.
    ids
        Just these rows.
    """

    table: str | None = None
    batch: str | None = None
    reason: str | None = None
    states: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether nothing is said, so that all rows are meant."""
        return not (self.table or self.batch or self.reason or self.states or self.ids)

    def of(self, kept: pl.LazyFrame) -> pl.LazyFrame:
        """The rows that are meant.

        Raises
        ------
        Mistake
            When an id is none.
        """
        if self.table is not None:
            kept = kept.filter(pl.col("table") == self.table)
        if self.batch is not None:
            kept = kept.filter(pl.col("batch").str.starts_with(self.batch.strip().lower()))
        if self.reason is not None:
            word = self.reason.casefold()
            kept = kept.filter(pl.col("reasons").list.eval(pl.element().str.to_lowercase().str.contains(word, literal=True)).list.any())
        if self.states:
            kept = kept.filter(pl.col("state").is_in(list(self.states)))
        if self.ids:
            places = [place_in(id) for id in self.ids]
            kept = kept.filter(pl.any_horizontal((pl.col("line") == line) & pl.col("batch").str.starts_with(batch) for batch, line in places))
        return kept


def require_table(data: DataSpec, table: str | None) -> None:
    """Check that a table is one of a source.

    Raises
    ------
    Mistake
        When there is no such source.
    """
    if table is not None and table not in data.sources:
        raise Mistake(f"there is no source {table!r}", remedy=f"the sources are: {', '.join(data.sources)}")


def found(tables: Tables, data: DataSpec, chosen: Filter) -> pl.DataFrame:
    """The rows that are meant, in the order of their tables, files and lines.

    Raises
    ------
    Mistake
        When there is no such source, no row has one of the ids, or two have.
    """
    require_table(data, chosen.table)
    meant = chosen.of(rows(tables)).sort(*KEY[:1], "source", "batch", "line").collect()
    for id in chosen.ids:
        batch, line = place_in(id)
        same = meant.filter((pl.col("line") == line) & pl.col("batch").str.starts_with(batch))
        if same.is_empty():
            raise Mistake(f"no row of the quarantine that is meant has the id {id}", remedy="loopline data quarantine list shows the rows and their ids")
        if same.height > 1:
            where = " and ".join(f"table {table}, batch {batch[:16]}" for table, batch in same.select("table", "batch").iter_rows())
            raise Mistake(f"{id} could be {same.height} rows: {where}", remedy="give more digits of the batch, or --table")
    return meant


def one(tables: Tables, data: DataSpec, id: str, *, table: str | None = None) -> dict[str, Any]:
    """The row with the id.

    Raises
    ------
    Mistake
        When there is none, or there are several.
    """
    return found(tables, data, Filter(table=table, ids=(id,))).row(0, named=True)


@dataclass(frozen=True)
class Balance:
    """Where the records of a batch are; `read` is the sum of the others, or something is lost.

    Parameters
    ----------
    accepted
        How many the contract accepted when the batch was taken in; those that entered later are `replayed`.
    forgotten
        How many were of people who are forgotten, and are kept nowhere.
    owed
        Whether the batch is to be checked again, since the contract has changed.
    """

    table: str
    batch: str
    source: str
    read: int
    accepted: int
    refused: int
    merged: int
    replayed: int
    discarded: int
    forgotten: int
    owed: bool

    @property
    def is_even(self) -> bool:
        """Whether every record is somewhere."""
        return self.read == self.accepted + self.refused + self.merged + self.replayed + self.discarded + self.forgotten


def balances(ledger: Ledger, tables: Tables, names: Iterable[str]) -> list[Balance]:
    """The balance of each batch that these tables hold, in the order of delivery."""
    found_states = rows(tables).group_by("table", "batch", "state").len().collect()
    counts = {(table, batch, state): count for table, batch, state, count in found_states.iter_rows()}
    even = []
    for name in names:
        held = holding(ledger.read(kinds=KINDS, subject=name))
        for batch, entry in {**held.owed, **held.held}.items():
            states = {state: counts.get((name, batch, state), 0) for state in STATES}
            body = entry.body
            counted = {count: body.get(count, 0) for count in ("read", "accepted", "forgotten")}
            even.append(Balance(table=name, batch=batch, source=body["file"], owed=batch in held.owed, **counted, **states))
    return even


def totals(batches: Iterable[Balance]) -> dict[str, int]:
    """How many records were ``read``, are ``accepted`` (at once or later), wait or were discarded (``quarantined``), or were ``merged``."""
    every = list(batches)
    return {
        "read": sum(batch.read for batch in every),
        "accepted": sum(batch.accepted + batch.replayed for batch in every),
        "quarantined": sum(batch.refused + batch.discarded for batch in every),
        "merged": sum(batch.merged for batch in every),
    }


@dataclass(frozen=True)
class Listing:
    """What the quarantine holds, as it is shown.

    Parameters
    ----------
    rows
        How many rows are meant.
    reasons
        How many of them give each reason, most often first.
    groups
        How many there are of each table, batch, source, state and reason.
    shown
        The first of them, in the order of their files.
    """

    rows: int
    reasons: dict[str, int]
    groups: list[dict[str, Any]]
    batches: list[Balance]
    shown: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """The listing as plain values."""
        batches = [{**asdict(one), "is_even": one.is_even} for one in self.batches]
        return {"rows": self.rows, "reasons": self.reasons, "groups": self.groups, "batches": batches, "refused": self.shown}


def listing(workspace: Workspace, data: DataSpec, chosen: Filter, *, limit: int = 20, skip: int = 0) -> Listing:
    """What the quarantine holds of the rows that are meant.

    Parameters
    ----------
    limit, skip
        How many rows are shown, and how many before them are not.

    Raises
    ------
    Mistake
        When there is no such source, or an id is none.
    """
    require_table(data, chosen.table)
    tables = Tables(workspace.lake)
    meant = chosen.of(rows(tables))
    said = meant.explode("reasons").group_by("table", "batch", "source", "state", pl.col("reasons").alias("reason")).agg(pl.len().alias("rows"))
    sorted_groups = said.sort("table", "source", "batch", "rows", "reason", descending=[False, False, False, True, False])
    part = meant.sort("table", "source", "batch", "line").slice(skip, limit).select(ID, "table", "batch", "source", "line", "state", "reasons", "raw")
    # Together, so that the rows are read once.
    groups, counted, first = pl.collect_all([sorted_groups, meant.select(pl.len()), part])
    reasons = merged_counts([{reason: count} for reason, count in groups.select("reason", "rows").iter_rows() if reason is not None])
    names = [chosen.table] if chosen.table else list(data.sources)
    batches = [batch for batch in balances(workspace.ledger, tables, names) if batch.batch.startswith(chosen.batch or "")]
    return Listing(int(counted.item()), reasons, groups.to_dicts(), batches, first.to_dicts())


def move(tables: Tables, table: str, batch: str, changes: pl.DataFrame, *, name: str, version: int) -> None:
    """Give rows of a batch other states, once for each name and version.

    Parameters
    ----------
    changes
        The rows' `line`, and the columns that change; where a new list of reasons is null, the old one stays.
    """
    done = tables.batch_version(QUARANTINE, name)
    if done is not None and done >= version:
        return
    mine = rows(tables).filter((pl.col("table") == table) & (pl.col("batch") == batch)).collect()
    joined = mine.join(changes, on="line", how="inner", suffix="_new")
    fresh = [pl.coalesce(f"{column}_new", column).alias(column) if column == "reasons" else pl.col(f"{column}_new").alias(column)
             for column in changes.columns if column != "line"]  # fmt: skip
    changed = joined.with_columns(fresh).select(list(SCHEMA))
    if changed.height:
        tables.upsert(QUARANTINE, changed, key=KEY, batch=name, batch_version=version)
