"""Rows of a version of a table page by page, in the order of delivery or sorted by a column, however many they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.edits.conditions import require_columns
from loopline.data.edits.rows import require_table
from loopline.data.spec import HIDDEN, ROW
from loopline.errors import Mistake
from loopline.lake.tables import Tables

_ORDERED_ROWS = 5_000_000
"""How many rows are put in order at most; more are shown as their files hold them."""
_MOST_ORDERS = 8
_ORDERS: dict[tuple[Any, ...], NDArray[np.int64]] = {}
_PLACE = "__place"


@dataclass(frozen=True)
class Page:
    """Some rows of a version of a table, with their places.

    Parameters
    ----------
    total
        How many rows the version has.
    columns
        All of the table's columns and their types, but for Loopline's own.
    rows
        The rows of the page, with the columns that were asked for.
    places
        What names each of these rows in this version, for `row`.
    """

    version: int
    total: int
    columns: Mapping[str, str]
    rows: pl.DataFrame
    places: tuple[int, ...]


def page(
    tables: Tables,
    name: str,
    *,
    version: int | None = None,
    sort: str = "",
    descending: bool = False,
    skip: int = 0,
    limit: int = 50,
    columns: slice | None = None,
) -> Page:
    """The rows of one page of a version, in the order of delivery or sorted by a column; the table is never read whole.

    Only the column that orders is looked at in all rows, once for each version; of the others just the rows that are shown.

    Parameters
    ----------
    version
        The newest one where None.
    sort
        A column; rows without a value stand last.
    columns
        Which of the columns, by their places; all where None.

    Raises
    ------
    Mistake
        When there is no such table, version or column, or there are too many rows to be sorted.
    """
    require_table(tables, name)
    newest = tables.version(name)
    at = newest.version if version is None else version
    rows = tables.in_order(name, at)
    kinds = rows.collect_schema()
    schema = {column: str(kind) for column, kind in kinds.items() if column not in HIDDEN}
    if sort:
        require_columns([sort], {column: kinds[column] for column in schema}, where="sort")
    total = int(rows.select(pl.len()).collect().item())
    if sort and total > _ORDERED_ROWS:
        raise Mistake(
            f"{total:,} rows are too many to be sorted here", where=name, remedy=f"write some to a file: loopline data get {name} --where ... -o FILE"
        )
    if (sort or ROW in kinds) and total <= _ORDERED_ROWS:
        order = _order(rows, (newest.id, at, sort, descending), sort or ROW, descending)
        places = order[max(0, skip) : max(0, skip) + limit].tolist()
    else:
        places = list(range(max(0, skip), min(total, max(0, skip) + limit)))
    return Page(at, total, schema, _at(rows, places, list(schema)[columns or slice(None)]), tuple(places))


def row(tables: Tables, name: str, *, version: int, place: int) -> dict[str, Any]:
    """One row of a version, by the place that `page` gives it.

    Raises
    ------
    Mistake
        When there is no such table, version or row.
    """
    require_table(tables, name)
    rows = tables.in_order(name, version)
    found = _at(rows, [place], rows.collect_schema().names())
    if found.is_empty():
        raise Mistake(f"version {version} of {name} has no row at place {place}", remedy="choose it on the page of the rows")
    return found.row(0, named=True)


def _order(rows: pl.LazyFrame, key: tuple[Any, ...], by: str, descending: bool) -> NDArray[np.int64]:
    """The places of all rows in the order of a column; kept for the versions that were looked at last, since a version never changes."""
    if (known := _ORDERS.get(key)) is not None:
        return known
    read = rows.select(list(dict.fromkeys((by, ROW)))) if ROW in rows.collect_schema() else rows.select(by)
    values = read.collect()
    order = values[by].arg_sort(descending=descending, nulls_last=True)
    found = (values[ROW].gather(order) if ROW in values.columns else order).cast(pl.Int64).to_numpy()
    while len(_ORDERS) >= _MOST_ORDERS:
        _ORDERS.pop(next(iter(_ORDERS), key), None)
    _ORDERS[key] = found
    return found


def _at(rows: pl.LazyFrame, places: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
    """The rows at some places, in the order of these: places in the order of delivery where rows have one, else in that of the files."""
    marked = rows if ROW in rows.collect_schema() else rows.with_row_index(ROW)
    wanted = pl.DataFrame({_PLACE: places}, schema={_PLACE: pl.Int64})
    names = list(dict.fromkeys((*columns, ROW)))
    found = marked.filter(pl.col(ROW).is_in(wanted[_PLACE].implode())).select(names).with_columns(pl.col(ROW).cast(pl.Int64))
    joined = wanted.join(found.collect(engine="streaming"), left_on=_PLACE, right_on=ROW, how="inner", maintain_order="left", coalesce=False)
    return joined.select(columns)
