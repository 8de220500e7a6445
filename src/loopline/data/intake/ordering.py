"""What a batch is sifted by, made ready after a first look at it: the contract with its types, cleaning, keys, and what people said of it."""

from __future__ import annotations

import polars as pl

from loopline.data.cleaning import cleaning
from loopline.data.contract.terms import place_of, terms_of
from loopline.data.forget.forgotten import forgotten
from loopline.data.formats.reading import Reading
from loopline.data.intake import seen
from loopline.data.intake.sieve import Order
from loopline.data.intake.survey import survey
from loopline.data.quarantine import discards, mends
from loopline.data.sources.delivery import Delivery
from loopline.data.spec import BATCH, ROW, DataSpec
from loopline.lake.tables import Tables
from loopline.ledger.entry import now
from loopline.workspace import Workspace


def order_of(
    workspace: Workspace, data: DataSpec, table: str, reading: Reading, delivery: Delivery, *, present: pl.LazyFrame | None, replaces: bool, old: str | None
) -> Order:
    """The order for a delivery.

    Parameters
    ----------
    present
        The rows that the table holds under the present contract; None where it holds none.
    replaces
        Whether the batch takes the place of all of them.
    old
        The batch that it takes the place of.

    Raises
    ------
    Mistake
        When a column that is named is not there, a step of cleaning does not suit its column, or a table that the contract refers to is not there.
    """
    source, contract = data.sources[table], data.contract_of(table)
    schema = None if present is None or source.mode == "replace" else present.collect_schema()
    tables = Tables(workspace.lake)
    terms = terms_of(tables, data, table, reading.columns, schema=schema)
    steps = cleaning.declared(reading.columns, source.clean, contract.columns)
    plan = cleaning.planned(steps, reading.columns, nulls=source.nulls, where=place_of(data, table))
    corrections = mends.corrections(workspace, table, delivery.batch)
    taken = None
    if present is not None and source.mode == "append":
        taken = present.filter(~pl.col(BATCH).is_in([delivery.batch, old] if old else [delivery.batch]))
    # Where another row than the first may stay, it must be known before; and a filter of all that a large table holds takes more than the batch's hashes.
    foresees = source.duplicates not in ("refuse", "first") or (taken is not None and tables.version(table).rows > seen.FULL)
    looked = survey(reading, terms, plan, corrections=corrections, taken=taken, foresees=foresees)
    gone = forgotten(workspace, data, table)
    latest = source.time or source.cursor
    return Order(
        table=table,
        batch=delivery.batch,
        source=delivery.file,
        time=now(),
        terms=looked.terms,
        suspects=looked.suspects,
        plan=plan,
        replaces=replaces,
        first_row=0 if present is None or source.mode == "replace" else _next_row(present, delivery.batch),
        duplicates=source.duplicates,
        latest=latest if source.duplicates == "latest" and latest in reading.columns else None,
        taken=taken,
        corrections=corrections,
        discarded=discards.states_to_keep(workspace, table, delivery.batch),
        forgotten=None if gone.is_empty else gone,
    )


def _next_row(present: pl.LazyFrame, batch: str) -> int:
    """The first free place in the order of delivery."""
    others = present.filter(pl.col(BATCH) != batch)
    return int(others.select((pl.col(ROW).max() + 1).fill_null(0)).collect().item())
