"""What is asked of a database, whichever it is, and what it gives: typed frames of one moment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from loopline.errors import Mistake

BATCH_ROWS = 100_000
MOMENT, NAIVE = pl.Datetime("us", "UTC"), pl.Datetime("us")
Scalar = str | int | float
_EXACT_DIGITS = 15
"""Digits of a decimal that a number of 64 bits always holds."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Parameters
    ----------
    table, query
        One of both.
    cursor
        The column that grows: rows come in its order, nulls first.
    order
        Columns by which rows with one value of it, or all rows where there is no cursor, are ordered.
    since
        Only rows whose cursor is at least this, or null.
    """

    table: str | None = None
    query: str | None = None
    cursor: str | None = None
    order: Sequence[str] = ()
    since: Scalar | None = None

    @property
    def select(self) -> str:
        """The query in its own words, without what ends it."""
        return (self.query or "").strip().rstrip(";").strip()

    def by(self) -> list[str]:
        """The columns to order by."""
        return [*([self.cursor] if self.cursor else []), *(name for name in self.order if name != self.cursor)]


class Unfit(Exception):
    """A column has a value that its type does not hold; the query is asked again, with that column as text."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class Session(Protocol):
    """A database that was asked, in a transaction that sees one moment."""

    def schema(self, texts: frozenset[str]) -> dict[str, pl.DataType]:
        """The columns and their types; those in `texts` are texts."""

    def frames(self, texts: frozenset[str]) -> Iterator[pl.DataFrame]:
        """The rows, some at a time, from the beginning.

        Raises
        ------
        Unfit
            When a column has a value that its type does not hold.
        """

    @property
    def greatest(self) -> Scalar | None:
        """The greatest value of the cursor in the frames so far, as the database compares it."""

    def close(self) -> None:
        """End the transaction and the connection."""


def column(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
    """A column of texts as a type.

    Raises
    ------
    Unfit
        When a value does not fit it.
    """
    texts = frame[name]
    if dtype == pl.String():
        return texts
    if dtype == NAIVE:
        values = texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    elif dtype == MOMENT:
        values = texts.str.strip_suffix("+00").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us", time_zone="UTC")
    elif dtype == pl.Date():
        values = texts.str.to_date("%Y-%m-%d", strict=False)
    else:
        values = texts.cast(dtype, strict=False)
    if values.null_count() > texts.null_count():
        raise Unfit(name)
    return values


def decimals(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column of decimals as numbers.

    Raises
    ------
    Unfit
        When one has more digits than a number holds.
    """
    texts = frame[name]
    bare = texts.str.replace(r"^-?0*", "").str.replace(r"^([0-9]*)\.([0-9]*?)0*$", "$1$2").str.strip_chars_start("0").str.strip_chars_end("0")
    if bool((bare.str.len_chars() > _EXACT_DIGITS).sum()):
        raise Unfit(name)
    return column(frame, name, pl.Float64())


def checked(columns: Sequence[str], question: Question, *, where: str) -> None:
    """Check that the result has names of its own, and the columns that are declared.

    Raises
    ------
    Mistake
        When it has not.
    """
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise Mistake(f"the query gives {columns.count(twice)} columns named {twice!r}", where=where, remedy="give each a name of its own, with AS")
    for name, what in (*(((question.cursor, "cursor"),) if question.cursor else ()), *((name, "key") for name in question.order)):
        if name not in columns:
            raise Mistake(f"there is no column {name!r}, which {what} names", where=where, remedy=f"the columns are: {', '.join(columns[:20])}")


def parts(table: str) -> list[str]:
    """A table's name, and that of its schema before it; a part in double quotes may hold dots.

    Examples
    --------
    >>> parts('shop."odd.name"')
    ['shop', 'odd.name']
    """
    return [quoted.replace('""', '"') if quoted else plain for quoted, plain in re.findall(r'"((?:[^"]|"")+)"|([^."]+)', table)]
