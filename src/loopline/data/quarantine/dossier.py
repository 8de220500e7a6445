"""Everything about one row of the quarantine: where it came from, why it is there, what the contract wants, and what was done to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from loopline.data.casting import ISO
from loopline.data.quarantine.cells import split
from loopline.data.quarantine.mending import current_cells, verdicts
from loopline.data.quarantine.mends import told
from loopline.data.quarantine.quarantine import KEY, SCHEMA, id_of
from loopline.data.quarantine.reasons import broken, wants
from loopline.data.quarantine.recheck import Place, as_delivered, standing
from loopline.data.quarantine.replay import replays
from loopline.data.spec import ColumnSpec, DataSpec
from loopline.lake.tables import Tables
from loopline.workspace import Workspace

_FEW = 100
_SOME = datetime(2026, 1, 31, 14, 30)


def dossier(workspace: Workspace, data: DataSpec, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a row of the quarantine.

    Returns
    -------
    dict
        The row's own fields with its ``id``; ``rules``, the rule behind each reason; ``cells``, one for each column: its ``cell`` as it was
        delivered, ``mended``, and what the contract ``wants``; ``fields``, what a record that could not be cut falls into;
        ``reasons_now``, why it would be refused now, None where it does not wait; ``history``.
    """
    table, batch, line = (row[name] for name in KEY)
    held = standing(workspace, data, table)
    entry = held.held.get(batch) or held.owed.get(batch)
    tables = Tables(workspace.lake)
    schema = tables.read(table).collect_schema() if tables.exists(table) else pl.Schema()
    said: dict[str, Any] = {**{name: row[name] for name in SCHEMA if name != "cells"}, "id": id_of(batch, line), "cells": [], "fields": [], "reasons_now": None}
    names: list[str] = list(schema)
    if entry is not None:
        place = Place(data, table, batch, entry, schema)
        frame = pl.DataFrame([dict(row)], schema=SCHEMA)
        names, current, uncut = current_cells(workspace, place, frame)
        delivered = as_delivered(place, frame).frame
        examples = _examples(tables, place, names)
        said["cells"] = _cells(place, names, delivered.row(0, named=True) if delivered.height else {}, current.get(line), examples)
        separator = place.about.get("separator") or place.source.separator or ","
        said["fields"] = split(row["raw"] or "", separator=separator) if line in uncut else []
        if row["state"] in ("refused", "merged") and batch in held.held:
            said["reasons_now"] = verdicts(workspace, place, frame).get(line, [])
    rules = [broken(reason, data, table, names) for reason in row["reasons"] or ()]
    said["rules"] = [{"reason": rule.reason, "rule": rule.rule, "columns": list(rule.columns), "where": rule.where, "says": rule.says} for rule in rules]
    wrong = {name for rule in rules for name in rule.columns}
    said["cells"] = [{**cell, "wrong": cell["column"] in wrong} for cell in said["cells"]]
    said["history"] = _history(workspace, row)
    return said


def _cells(
    place: Place, names: list[str], delivered: Mapping[str, Any], current: Mapping[str, Any] | None, examples: Mapping[str, str]
) -> list[dict[str, Any]]:
    cells = []
    for name in names:
        was, now = delivered.get(name), None if current is None else current.get(name)
        mended = current is not None and now != was
        asks = [wants(place.contract.columns.get(name)), f"written as {examples[name]}" if name in examples else ""]
        says = ", ".join(part for part in asks if part)
        cells.append({"column": name, "cell": was, "mended": now if mended else None, "is_mended": mended, "wants": says})
    return cells


def _examples(tables: Tables, place: Place, names: list[str]) -> dict[str, str]:
    """How dates and times are written in the batch, by one of the table's own: nobody guesses it from the name of a type."""
    forms = place.entry.body.get("formats") or {}
    kinds = {name: place.contract.columns.get(name, ColumnSpec()) for name in names}
    dated = {name: spec for name, spec in kinds.items() if spec.type in ("date", "datetime") or place.schema.get(name, pl.String()).is_temporal()}
    there = [name for name in dated if place.schema.get(name, pl.String()) in (pl.Date, pl.Datetime)]
    # The first rows do: an example is worth no look at a whole table.
    first = tables.read(place.table).select(there).head(_FEW).collect() if there else pl.DataFrame()
    examples = {}
    for name, spec in dated.items():
        known = first[name].drop_nulls().head(1) if name in there else pl.Series(dtype=pl.Datetime)
        value = known if len(known) else pl.Series([_SOME]).cast(pl.Date if spec.type == "date" else pl.Datetime)
        form = spec.format or forms.get(name) or ISO
        form = form if form != ISO else "%Y-%m-%d" if value.dtype == pl.Date else "%Y-%m-%dT%H:%M:%S"
        # Times stand in the table as of UTC, which one that is typed without a zone means, too.
        examples[name] = value.dt.strftime(form)[0]
    return examples


def _history(workspace: Workspace, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was done to the row, oldest first: ``time``, ``by``, ``what`` and ``why``."""
    table, batch, line = (row[name] for name in KEY)
    done = [{"time": row["time"].isoformat(), "by": "loopline", "what": "refused by the contract", "why": ""}]
    mended = told(Tables(workspace.lake), table, batch).filter(pl.col("line") == line)
    for said in mended.iter_rows(named=True):
        columns = ", ".join(json.loads(said["values"]))
        done.append({"time": said["time"].isoformat(), "by": said["by"], "what": f"mended {columns}", "why": said["why"]})
    for entry, plan in replays(workspace, table, batch):
        if line in plan["lines"]:
            what = "replayed: accepted" if line in plan["accepted"] else "replayed: merged" if line in plan["merged"] else "replayed: refused again"
            done.append({"time": entry.time.isoformat(), "by": entry.actor, "what": what, "why": entry.body["why"]})
    if row["state"] == "discarded":
        done.append({"time": row["moved"].isoformat(), "by": row["by"], "what": "discarded", "why": row["why"]})
    return sorted(done, key=lambda one: one["time"])
