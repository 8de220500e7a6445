"""Some records of a batch through the contract again: as they came, with their corrections, against what the table holds by now."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from loopline.data.batches import KINDS, Holding, holding
from loopline.data.casting import DATES, ISO, absent, formats
from loopline.data.cleaning.cleaning import Cleaned, declared, planned
from loopline.data.contract.contract import Checked, Terms, check
from loopline.data.contract.terms import place_of as where_of
from loopline.data.contract.terms import terms_of
from loopline.data.formats.reading import Chunk, Refusal
from loopline.data.formats.records import AFTER_QUOTE, SPREAD, UNCLOSED
from loopline.data.quarantine.cells import cut, decoded
from loopline.data.quarantine.mends import corrections, taken_up
from loopline.data.spec import BATCH, HIDDEN, LINE, ColumnSpec, ContractSpec, DataSpec, SourceSpec
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.workspace import Workspace

_UNCUT = frozenset({AFTER_QUOTE, SPREAD, UNCLOSED, "it stands above the header", "some bytes are not UTF-8"})
"""Why a record could not be cut into columns, in a quarantine from before cells were kept there."""
_COUNTED = "fields for the header"


@dataclass(frozen=True)
class Place:
    """Where records belong: a batch that a table holds.

    Parameters
    ----------
    entry
        The batch's own entry.
    schema
        The table's columns; empty where nothing of it was ever accepted.
    """

    data: DataSpec
    table: str
    batch: str
    entry: Entry
    schema: pl.Schema

    @property
    def source(self) -> SourceSpec:
        """The source whose table it is."""
        return self.data.sources[self.table]

    @property
    def contract(self) -> ContractSpec:
        """The table's contract."""
        return self.data.contract_of(self.table)

    @property
    def about(self) -> Mapping[str, Any]:
        """How the delivery is written, as far as its entry says so."""
        return self.entry.body.get("about") or {}

    @property
    def keeps_cells(self) -> bool:
        """Whether the quarantine has the cells of every record that could be cut: those without any could not."""
        return bool(self.entry.body.get("columns"))


def standing(workspace: Workspace, data: DataSpec, table: str) -> Holding:
    """What a table holds, once it is whole.

    Raises
    ------
    Mistake
        When there is no such source, or the last run of the intake was cut short.
    """
    if table not in data.sources:
        raise Mistake(f"there is no source {table!r}", remedy=f"the sources are: {', '.join(data.sources)}")
    held = holding(workspace.ledger.read(kinds=KINDS, subject=table))
    if held.begun is not None:
        raise Mistake(f"a delivery into {table} was cut short, and is to be finished first", remedy="loopline run --until data")
    return held


def place_of(workspace: Workspace, data: DataSpec, held: Holding, table: str, batch: str, *, schema: pl.Schema | None = None) -> Place:
    """The batch's place.

    Parameters
    ----------
    schema
        The table's columns, where they are known already.

    Raises
    ------
    Mistake
        When the table does not hold the batch, or owes it a check.
    """
    if batch in held.owed:
        what = f"batch {batch[:8]} of {table} waits to be checked again, since the contract has changed"
        raise Mistake(what, remedy="loopline run --until data; what was mended is put in there")
    if batch not in held.held:
        raise Mistake(f"table {table} does not hold batch {batch[:8]} any more", remedy="loopline data quarantine list shows what it holds")
    return Place(data, table, batch, held.held[batch], schema_of(workspace, table) if schema is None else schema)


def schema_of(workspace: Workspace, table: str) -> pl.Schema:
    """A table's columns; none where nothing of it was ever accepted."""
    tables = Tables(workspace.lake)
    return tables.read(table).collect_schema() if tables.exists(table) else pl.Schema()


def columns_of(place: Place, kept: pl.DataFrame) -> list[str]:
    """The batch's columns in their order: as its entry says, else as records of it in quarantine show, else those of its table."""
    said = place.entry.body.get("columns")
    if said:
        return list(said)
    known = kept["cells"].drop_nulls()
    return list(json.loads(known[0])) if len(known) else [name for name in place.schema if name not in HIDDEN]


def as_delivered(place: Place, kept: pl.DataFrame) -> Chunk:
    """Rows of the quarantine as the records that they were."""
    columns = columns_of(place, kept)
    schema = {**dict.fromkeys(columns, pl.String()), LINE: pl.Int64()}
    whole = kept.filter(pl.col("cells").is_not_null())
    frame = decoded(whole["cells"], columns).with_columns(whole["line"].alias(LINE)) if whole.height else pl.DataFrame(schema=schema)
    found, uncut = [], []
    for line, raw, reasons in kept.filter(pl.col("cells").is_null()).select("line", "raw", "reasons").iter_rows():
        cells = None if place.keeps_cells else _cut_again(place, raw or "", reasons or (), columns)
        if cells is None:
            uncut.append(Refusal(line, raw or "", tuple(reasons or ())))
        else:
            found.append({**cells, LINE: line})
    ordered = pl.concat([frame, pl.DataFrame(found, schema=schema)]).sort(LINE)
    texts = dict(kept.select("line", "raw").iter_rows())
    return Chunk(ordered, tuple(uncut), lambda wanted: [texts[line] for line in ordered[LINE].gather(list(wanted))])


def _cut_again(place: Place, raw: str, reasons: Sequence[str], columns: Sequence[str]) -> dict[str, str | None] | None:
    if any(reason in _UNCUT or reason.endswith(_COUNTED) for reason in reasons):
        return None
    return cut(raw, columns, separator=place.about.get("separator") or place.source.separator, quote=place.source.quote)


def as_mended(workspace: Workspace, place: Place, kept: pl.DataFrame) -> Chunk:
    """Rows of the quarantine as the records that they are by now."""
    return taken_up(as_delivered(place, kept), corrections(workspace, place.table, place.batch))


def clean(place: Place, records: pl.DataFrame, *, only: Collection[str] | None = None) -> Cleaned:
    """Records as the declared cleaning leaves them.

    Parameters
    ----------
    only
        The columns that are cleaned; all that the declaration says where None.
    """
    steps = declared(records.schema, place.source.clean, place.contract.columns)
    wanted = {name: cleaning for name, cleaning in steps.items() if only is None or name in only}
    return planned(wanted, records.schema, nulls=place.source.nulls, where=where_of(place.data, place.table)).clean(records)


def verdict(workspace: Workspace, place: Place, records: pl.DataFrame, *, leave: pl.DataFrame | None = None) -> Checked:
    """What the contract says of a few cleaned records of a batch.

    Parameters
    ----------
    leave
        The batch and line of rows of the table whose keys are free, since these records take their place.

    Raises
    ------
    Mistake
        When dates may be read in two ways, and nothing says in which.
    """
    return check(records, _terms(workspace, place, records, leave))


def _terms(workspace: Workspace, place: Place, records: pl.DataFrame, leave: pl.DataFrame | None) -> Terms:
    """The contract for some records: types and formats are those of the table and of the batch, not what so few values tell."""
    tables, source = Tables(workspace.lake), place.source
    terms = terms_of(tables, place.data, place.table, records.columns, schema=place.schema or None)
    forms = place.entry.body.get("formats") or {}
    specs = dict(terms.columns)
    for name, spec in terms.columns.items():
        if name in records.columns and spec.type in ("date", "datetime") and spec.format is None and records.schema[name] == pl.String:
            specs[name] = spec.model_copy(update={"format": forms.get(name) or _only(records, name, spec, place)})
    groups = sorted({name for group in terms.unique() for name in group})
    if not groups or not set(groups) <= set(place.schema):
        return replace(terms, columns=specs)
    there = tables.read(place.table)
    if source.mode == "upsert":
        there = there.filter(pl.col(BATCH) == place.batch)
    if leave is not None:
        there = there.join(leave.lazy(), on=[BATCH, LINE], how="anti")
    return replace(terms, columns=specs, taken=there.select(groups).collect())


def _only(records: pl.DataFrame, name: str, spec: ColumnSpec, place: Place) -> str | None:
    """The one format of some dates: a few of them may fit a format that is not the batch's."""
    known = records.filter(~absent(name, pl.String(), place.source.nulls))[name]
    form, either = formats(known, spec.type or "date")
    if either and form not in (ISO, DATES[0]):
        what = f"in {name} day and month could also be the other way round: so few values do not tell"
        raise Mistake(what, where=f"data.contract.{name}", remedy=f"say how its dates are written, as in format: '{form}'")
    return form
