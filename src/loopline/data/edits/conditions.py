"""Conditions and new values in SQL, as a person writes them on the command line; what is wrong is one line that says what was meant; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from loopline.data.contract.contract import nearest
from loopline.data.spec import HIDDEN
from loopline.errors import Mistake

_ASSIGNED = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^"=<>!]+?))\s*=(?!=)(.*)', re.DOTALL)
_CALL = re.compile(r"function '(\w+)'")
_TEMPORARY = "_POLARS_TMP"
_SAMPLE = "write one such as: amount > 10 AND city = 'Oslo'"
_VALUE = "__value"


def meeting(rows: pl.LazyFrame, sql: str, *, where: str = "--where") -> pl.LazyFrame:
    """The rows that meet a condition; those in which it is unknown do not.

    A text that is compared with a date or a time is read as one.

    Raises
    ------
    Mistake
        When it is not SQL, names a column that is not there, or is no condition.

    Examples
    --------
    >>> meeting(pl.LazyFrame({"page": [1], "city": ["Oslo"]}), "pages > 3 and city = 'Oslo'")
    Traceback (most recent call last):
    loopline.errors.Mistake: --where: there is no column 'pages'; did you mean 'page'?
    """
    schema = rows.collect_schema()
    _require_sql(sql, schema, where)
    # The line ends, because the condition may end with a comment.
    query = f"SELECT * FROM self WHERE (\n{sql}\n)"
    _try(query, sql, schema, where, "is no condition", _SAMPLE)
    return rows.sql(query)


def with_values(rows: pl.LazyFrame, texts: Sequence[str], *, where: str = "--set") -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """The rows with the new values that are said, and the columns that have them; each text is ``COLUMN=EXPRESSION``.

    All expressions see the rows as they were. The values have the types that the expressions give; only a bare NULL takes the column's.

    Raises
    ------
    Mistake
        When one is not so written, names a column that is not there or not free, or names one twice.
    """
    schema = rows.collect_schema()
    found: dict[str, str] = {}
    for text in texts:
        match = _ASSIGNED.fullmatch(text)
        if match is None:
            raise Mistake(f"{_short(text)} gives no column a value", where=where, remedy="write it as COLUMN=EXPRESSION, as in: pages=pages + 1")
        name, sql = (match[1] or "").replace('""', '"') or match[2].strip(), match[3]
        require_columns([name], schema, where=where)
        if name in HIDDEN:
            raise Mistake(f"{name!r} is Loopline's own column", where=where, remedy="leave it as it is")
        if name in found:
            raise Mistake(f"column {name!r} is given two values", where=where, remedy="say --set once for each column")
        _require_sql(sql, schema, where)
        _try(f"SELECT *, (\n{sql}\n) AS {_VALUE} FROM self", sql, schema, where, "is no value of a row", "write one such as: pages + 1")
        found[name] = sql
    if not found:
        raise Mistake("no column is given a value", where=where, remedy="write --set COLUMN=EXPRESSION")
    values = ", ".join(f"(\n{sql}\n) AS {_VALUE}{index}" for index, sql in enumerate(found.values()))
    made = rows.sql(f"SELECT *, {values} FROM self")
    kinds = made.collect_schema()
    columns = [_fitting(f"{_VALUE}{index}", kinds, schema[name]).alias(name) for index, name in enumerate(found)]
    return made.with_columns(columns).select(schema.names()), tuple(found)


def _fitting(value: str, kinds: pl.Schema, wanted: pl.DataType) -> pl.Expr:
    """A new value: NULL with its column's type, and a number that SQL takes for a decimal as the float that it is here."""
    kind = kinds[value]
    return pl.col(value).cast(wanted if kind == pl.Null else pl.Float64 if kind.is_decimal() else kind)


def require_columns(names: Sequence[str], schema: Mapping[str, pl.DataType], *, where: str) -> None:
    """Check that a table has the columns.

    Raises
    ------
    Mistake
        Naming the one that was perhaps meant.
    """
    for name in names:
        if name not in schema:
            raise Mistake(f"there is no column {name!r}", where=where, remedy=nearest(name, [one for one in schema if one not in HIDDEN]))


def _require_sql(sql: str, schema: pl.Schema, where: str) -> None:
    """Check that a text is one expression over columns that are there."""
    try:
        names = pl.sql_expr(sql).meta.root_names()
    except pl.exceptions.PolarsError as error:
        if call := _CALL.search(str(error)):
            raise Mistake(f"there is no function {call[1]!r}", where=where, remedy="use one of Polars' SQL functions, such as lower, abs or coalesce") from None
        raise Mistake(f"{_short(sql)} is not SQL", where=where, remedy=_SAMPLE) from None
    for name in names:
        if name not in schema and f'"{name}"' in sql:
            raise Mistake(f"there is no column {name!r}", where=where, remedy=f"a text stands in single quotes: '{name}'")
    require_columns([name for name in names if not name.startswith(_TEMPORARY)], schema, where=where)


def _try(query: str, sql: str, schema: pl.Schema, where: str, what: str, remedy: str) -> None:
    """Run a query on no rows, so that what does not fit is told before any is read."""
    try:
        pl.DataFrame(schema=schema).lazy().sql(query).collect()
    except pl.exceptions.PolarsError as error:
        said = " ".join(str(error).split("\n")[0].split())
        if "Boolean" in said or isinstance(error, (pl.exceptions.SQLSyntaxError, pl.exceptions.SQLInterfaceError)):
            raise Mistake(f"{_short(sql)} {what}", where=where, remedy=remedy) from None
        raise Mistake(f"the values do not fit each other ({said})", where=where, remedy=f"the types are: {_types(schema, sql)}") from None


def _types(schema: pl.Schema, sql: str) -> str:
    names = [name for name in dict.fromkeys(pl.sql_expr(sql).meta.root_names()) if name in schema]
    return ", ".join(f"{name} is {_named(schema[name])}" for name in names) or "those of its own values"


def _named(kind: pl.DataType) -> str:
    words = {pl.String(): "text", pl.Boolean(): "true or false", pl.Date(): "a date"}
    return words.get(kind) or ("a number" if kind.is_numeric() else "a time" if isinstance(kind, pl.Datetime) else str(kind))


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return repr(one_line if len(one_line) <= 60 else one_line[:57] + "...")
