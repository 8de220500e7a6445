"""How far a forgetting reaches: the tables that hold somebody's rows, and the columns in which each has their key; pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loopline.data.casting import inferred, parsed
from loopline.data.edits.conditions import require_columns
from loopline.data.forget.sought import Keys, texts
from loopline.data.moments import joined_name
from loopline.data.spec import DataSpec
from loopline.errors import Mistake

Schemas = Callable[[str], pl.Schema | None]
"""The columns of a table of the lake; None where there is none."""


@dataclass(frozen=True)
class Reach:
    """A table that a forgetting reaches, with the keys as its columns have them.

    Parameters
    ----------
    visible
        The table's columns without Loopline's own, in their order.
    """

    table: str
    keys: Keys
    visible: tuple[str, ...]


def reach(
    data: DataSpec,
    schemas: Schemas,
    table: str,
    values: Sequence[Sequence[str]],
    *,
    columns: Sequence[str] = (),
    also: Sequence[str] = (),
    spared: Sequence[str] = (),
) -> list[Reach]:
    """The tables that hold rows with some keys, the one that is asked for first.

    These are the sources and tables that declare the same key, the tables that are made of it and have the key's columns, and those that
    are named.

    Parameters
    ----------
    values
        The keys: for each a text for each column.
    columns
        The columns that hold the key, where these are not the declared key.
    also
        Further tables: ``TABLE``, or ``TABLE.COLUMN`` where the key's column has another name there (with commas between several).
    spared
        Tables that are left as they are.

    Raises
    ------
    Mistake
        When a table or column is not there, or a key does not fit its columns.
    """
    names = tuple(columns) or data.key_of(table)
    if not names:
        raise Mistake(f"table {table!r} has no key by which rows are found", where=f"data.sources.{table}", remedy="name the columns: --column COLUMN")
    wanted: dict[str, tuple[str, ...]] = {table: names}
    for other in (*data.sources, *data.tables, joined_name(data.main)):
        schema = schemas(other)
        if schema is None or not all(name in schema for name in names):
            continue
        if set(data.key_of(other)) == set(data.key_of(table)) == set(names) or table in made_of(data, other):
            wanted.setdefault(other, names)
    for said in also:
        other, _, listed = said.partition(".")
        theirs = tuple(name.strip() for name in listed.split(",")) if listed else names
        if len(theirs) != len(names):
            raise Mistake(f"{said} names {len(theirs)} columns for a key of {len(names)}", where="--also", remedy=f"name one for each of {', '.join(names)}")
        wanted[other] = theirs
    for other in spared:
        if other == table or wanted.pop(other, None) is None:
            raise Mistake(f"table {other!r} is not reached, so that it cannot be left out", where="--except", remedy=f"reached are: {', '.join(wanted)}")
    first = _keys(schemas, table, names, values, where="--key")
    return [_as_reach(data, schemas, other, theirs, first) for other, theirs in wanted.items()]


def made_of(data: DataSpec, table: str) -> frozenset[str]:
    """All tables from which a derived one, or the main one with what its lookups found, is made, directly or not."""
    found: set[str] = set()
    todo = [table]
    if table == joined_name(data.main):
        found = {data.main, *(lookup.table or name for name, lookup in data.lookups.items())}
        todo = list(found)
    known = {*data.sources, *data.tables}
    while todo:
        spec = data.tables.get(todo.pop())
        if spec is None:
            continue
        read = {*spec.reads, *(name for name in known if spec.sql and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", spec.sql))} - found
        found |= read
        todo += read
    return frozenset(found - {table})


def keys_in(text: str, columns: Sequence[str]) -> list[list[str]]:
    """The keys that a text lists: a CSV whose header names the columns, or one key in each line, with commas between its parts.

    Examples
    --------
    >>> keys_in("name,id\\nAnn,5\\n", ["id"]), keys_in("5\\n6\\n", ["id"])
    ([['5']], [['5'], ['6']])
    """
    rows = [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) if any(cell.strip() for cell in row)]
    if rows and set(columns) <= {cell.strip() for cell in rows[0]}:
        places = [[cell.strip() for cell in rows[0]].index(column) for column in columns]
        rows = [[row[place] if place < len(row) else "" for place in places] for row in rows[1:]]
    return [[cell.strip() for cell in row] for row in rows]


def read_keys(given: Iterable[str], path: Path | None, columns: Sequence[str]) -> list[list[str]]:
    """The keys that a person names, and those in a file.

    Raises
    ------
    Mistake
        When there is none, or the file cannot be read.
    """
    found = [[value] if len(columns) == 1 else next(csv.reader([value]), []) for value in given]
    if path is not None:
        try:
            found += keys_in(path.read_text(encoding="utf-8-sig"), columns)
        except (OSError, UnicodeError) as error:
            raise Mistake(
                f"the keys cannot be read ({type(error).__name__})", where=str(path), remedy="give a file of text with one key in each line"
            ) from None
    if not found:
        raise Mistake("nobody is named", remedy="say --key VALUE, or --keys-from FILE")
    return found


def _as_reach(data: DataSpec, schemas: Schemas, table: str, columns: tuple[str, ...], first: Keys) -> Reach:
    schema = schemas(table)
    if schema is None:
        raise Mistake(f"there is no table {table!r}", where="--also", remedy=f"the tables are: {', '.join((*data.sources, *data.tables))}")
    require_columns(columns, schema, where="--also")
    source = data.sources.get(table)
    written = {name: spec.format for name, spec in data.contract_of(table).columns.items() if spec.format} if source is not None else {}
    kinds = tuple(inferred(pl.Series([], dtype=schema[name]))[0] for name in columns)
    keys = Keys(columns, first.values, kinds, written, source.nulls if source is not None else ())
    return Reach(table, keys, tuple(name for name in schema if not name.startswith("__")))


def _keys(schemas: Schemas, table: str, columns: tuple[str, ...], values: Sequence[Sequence[str]], *, where: str) -> Keys:
    """The keys in the form in which they are compared: 05 is 5 where the column holds whole numbers."""
    schema = schemas(table)
    if schema is None:
        raise Mistake(f"there is no table {table!r}", remedy="the tables are listed by loopline data show")
    require_columns(columns, schema, where="--column")
    if wrong := [value for value in values if len(value) != len(columns) or not all(value)]:
        said = ", ".join(columns)
        raise Mistake(f"a key has {len(wrong[0])} parts for {len(columns)} columns ({said})", where=where, remedy=f"write {','.join(map(str.upper, columns))}")
    frame = pl.DataFrame([list(value) for value in values], schema=dict.fromkeys(columns, pl.String), orient="row")
    kinds = tuple(inferred(pl.Series([], dtype=schema[name]))[0] for name in columns)
    typed = frame.select(parsed(name, pl.String(), kind).alias(name) for name, kind in zip(columns, kinds, strict=True))
    for name, kind in zip(columns, kinds, strict=True):
        if typed[name].null_count():
            raise Mistake(f"a key is no {kind}, as column {name!r} is", where=where, remedy="write it as the table shows it")
    return Keys(columns, frozenset(typed.select(texts(pl.col(name), typed.schema[name]) for name in columns).iter_rows()), kinds)
