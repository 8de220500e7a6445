"""Queries over tables: one SELECT, checked against the tables' columns before a row is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from loopline.data.spec import OWN
from loopline.errors import Mistake

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*"|`[^`]*`)
    |(?P<word>[^\W\d]\w*)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_READS_FILES = re.compile(r"(?:read|scan)_\w+", re.IGNORECASE)
_BEGINS = ("select", "with")
# Texts with a letter before the quote have escapes, so that other eyes than Polars' would see their end elsewhere.
_UNCLEAR_TEXT = ("e", "n", "b", "r", "x", "u")
_WRITES = ("insert", "update", "delete", "create", "drop", "alter", "truncate", "copy", "merge", "replace", "set", "explain", "show", "describe", "values")
_SCAN = re.compile(r"^\s*(?:Csv|Parquet|NDJson|NDJSON|Ipc|IPC|Json|JSON|Python) SCAN\b", re.MULTILINE)
_NO_TABLE = re.compile(r"relation '([^']+)' was not found")
_NO_COLUMN = re.compile(r"unable to find column \"([^\"]+)\"|no column named '([^']+)'|column '([^']+)' not found")
_NO_FUNCTION = re.compile(r"unsupported function '([^']+)'")
_POLARS_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


@dataclass(frozen=True)
class _Token:
    """A word or sign of a query; `name` is what an identifier means, without its quotes."""

    kind: str
    text: str

    @property
    def name(self) -> str:
        if self.kind != "quoted":
            return self.text
        return self.text[1:-1].replace('""', '"') if self.text.startswith('"') else self.text[1:-1]


def query(sql: str, tables: Mapping[str, pl.LazyFrame], *, where: str) -> pl.LazyFrame:
    """The rows that a query finds in tables; nothing is read until they are collected.

    Only ``SELECT`` and ``WITH ... SELECT`` are understood, and only the given tables can be read: no file, no other place. Hidden
    columns (``__batch``, ``__line``, ``__row``) are there for a query that names them.

    Parameters
    ----------
    tables
        The tables by name; those that the query does not name are not looked at.
    where
        What the query belongs to, for what is said of it.

    Raises
    ------
    Mistake
        When it is no such query, or names a table, a column or a function that is not there.
    """
    tokens = list(_tokens(sql, where))
    _require_select(tokens, where)
    names = {token.name for token in tokens if token.kind in ("word", "quoted")}
    read = {name: _shown(tables[name], names) for name in _named(tables, names)}
    _rehearse(sql, {name: frame.collect_schema() for name, frame in read.items()}, tables, where)
    return pl.SQLContext(read).execute(sql, eager=False)


def rows(found: pl.LazyFrame, *, where: str, limit: int | None = None) -> pl.DataFrame:
    """The rows that a query finds, or the first of them.

    Raises
    ------
    Mistake
        When a value cannot be taken for what the query takes it for.
    """
    try:
        return (found if limit is None else found.head(limit)).collect()
    except _POLARS_FAULTS as error:
        raise Mistake(f"the query cannot be answered: {_first_line(error)}", where=where, remedy="use try_cast, or leave such rows out") from None


def tables_of(sql: str, known: Iterable[str]) -> tuple[str, ...]:
    """Which of the known tables a query may read: those that it names anywhere."""
    return _named(known, {token.name for token in _cut(sql) if token.kind in ("word", "quoted")})


def _named(tables: Iterable[str], names: set[str]) -> tuple[str, ...]:
    folded = {name.casefold() for name in names}
    return tuple(name for name in tables if name.casefold() in folded)


def _cut(sql: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or ""
        if kind != "skip":
            yield _Token(kind, match[0])


def _tokens(sql: str, where: str) -> Iterator[_Token]:
    """The words and signs of a query, once it is sure where its texts end."""
    before: _Token | None = None
    for token in _cut(sql):
        if token.kind == "text" and before is not None and before.kind == "word" and before.text.casefold() in _UNCLEAR_TEXT:
            raise Mistake(f"{before.text}{token.text} is no plain text", where=where, remedy="write texts in plain quotes, as in 'text'")
        if token.kind == "sign" and token.text in "$'\"`":
            what = "a text in $$" if token.text == "$" else f"a quote {token.text} that is not closed"
            raise Mistake(f"the query has {what}", where=where, remedy="write texts as 'text' and names as \"name\"")
        yield token
        before = token


def _require_select(tokens: list[_Token], where: str) -> None:
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    words = [token for token in tokens if token.text != "("]
    if not words:
        raise Mistake("the query is empty", where=where, remedy="write it as in: select id from orders where total < 0")
    if any(token.text == ";" for token in tokens):
        raise Mistake("there are several queries", where=where, remedy="write one, without ; in it")
    begin = words[0].text.casefold()
    if begin not in _BEGINS:
        what = (
            f"{words[0].text.upper()} is not allowed: a query only reads"
            if begin in _WRITES
            else f"a query begins with SELECT or WITH, not with {words[0].text}"
        )
        raise Mistake(what, where=where, remedy="write it as in: select id from orders where total < 0")
    for token, after in zip(tokens, tokens[1:], strict=False):
        if token.kind in ("word", "quoted") and after.text == "(" and _READS_FILES.fullmatch(token.name):
            raise Mistake(f"{token.name} reads files, which a query may not", where=where, remedy="declare a source, and read its table")


def _shown(frame: pl.LazyFrame, names: set[str]) -> pl.LazyFrame:
    """The table without Loopline's own columns, but for those that the query names."""
    hidden = [name for name in frame.collect_schema().names() if name.startswith(OWN) and name not in names]
    return frame.drop(hidden) if hidden else frame


def _rehearse(sql: str, schemas: Mapping[str, pl.Schema], tables: Iterable[str], where: str) -> None:
    """Resolve the query over empty tables: what it names must be there, and nothing else may be read."""
    empty = {name: pl.DataFrame(schema=schema).lazy() for name, schema in schemas.items()}
    try:
        plan = pl.SQLContext(empty).execute(sql, eager=False)
        plan.collect_schema()
        reads = _SCAN.search(plan.explain(optimized=False))
    except _POLARS_FAULTS as error:
        raise _mistake(str(error), schemas, tables, where) from None
    if reads is not None:
        raise Mistake("the query reads a file", where=where, remedy="declare a source, and read its table")


def _mistake(said: str, schemas: Mapping[str, pl.Schema], tables: Iterable[str], where: str) -> Mistake:
    if match := _NO_TABLE.search(said):
        return Mistake(f"there is no table {match[1]!r}", where=where, remedy=_perhaps(match[1], tables, "the tables are"))
    if match := _NO_COLUMN.search(said):
        name = next(part for part in match.groups() if part is not None)
        columns = dict.fromkeys(column for schema in schemas.values() for column in schema)
        return Mistake(f"there is no column {name!r}", where=where, remedy=_perhaps(name, columns, "the columns are"))
    if match := _NO_FUNCTION.search(said):
        return Mistake(f"there is no function {match[1]!r}", where=where, remedy="see docs/data/contract.md for what a query may use")
    line = said.strip().split("\n")[0].removeprefix("sql parser error: ")
    return Mistake(f"this is no query that is understood: {line[:200]}", where=where, remedy="mend it there")


def _perhaps(name: str, among: Iterable[str], otherwise: str) -> str:
    known = [other for other in among if not other.startswith(OWN)]
    near = [other for other in known if other.casefold() == name.casefold()] or get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise}: {', '.join(known[:20]) or 'none yet'}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:200]
