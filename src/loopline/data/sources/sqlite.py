"""SQLite as a source, through Python's own module."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.sources.querying import BATCH_ROWS, MOMENT, NAIVE, Question, Scalar, Unfit, checked, column
from loopline.errors import Fault, LooplineError, Mistake

_EXACT = 2**53
_DECLARED = {"date": pl.Date(), "datetime": NAIVE, "timestamp": NAIVE, "timestamptz": MOMENT}


class Sqlite:
    """An SQLite database that was asked, in one transaction.

    A column's type is that of what it holds, since a declared one binds nothing in SQLite; those declared BOOLEAN, DATE, DATETIME, TIMESTAMP
    are read so where all their values allow it. Bytes come in hexadecimal.
    """

    def __init__(self, path: Path, question: Question, *, where: str) -> None:
        self._where = where
        self._question = question
        self.greatest: Scalar | None = None
        if not path.is_file():
            raise Mistake("there is no such database", where=where, remedy="write sqlite:///PATH, with a fourth / before an absolute path")
        with self._told():
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=30, check_same_thread=False)
        try:
            with self._told():
                self._connection.execute("BEGIN")
                self._describe()
        except BaseException:
            self.close()
            raise

    def _describe(self) -> None:
        names = [item[0] for item in self._connection.execute(f"SELECT * FROM {self._asked} LIMIT 0").description]
        checked(names, self._question, where=self._where)
        declared: dict[str, str] = {}
        if self._question.table:
            declared = {row[1]: row[2].lower() for row in self._connection.execute(f"PRAGMA table_info({_quoted(self._question.table)})")}
        self._types = dict(zip(names, map(self._type, self._contents(names), [declared.get(name, "") for name in names]), strict=True))
        cursor = self._question.cursor
        if cursor and self._mixed[names.index(cursor)]:
            what = f"the cursor {cursor!r} holds bytes, or texts beside numbers, which have no common order"
            raise Mistake(what, where=self._where, remedy="cast it in a query")

    @property
    def _asked(self) -> str:
        return f"(\n{self._question.select}\n)" if self._question.query else _quoted(self._question.table or "")

    def _where_clause(self) -> tuple[str, tuple[Scalar, ...]]:
        if self._question.cursor is None or self._question.since is None:
            return "", ()
        name = _quoted(self._question.cursor)
        return f" WHERE {name} COLLATE BINARY >= ? OR {name} IS NULL", (self._question.since,)

    def _contents(self, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Of each column: whether it has integers, fractions, texts, bytes; and its least and greatest integer."""
        condition, bound = self._where_clause()
        found: list[tuple[Any, ...]] = []
        # SQLite takes at most 2,000 columns in a result.
        for start in range(0, len(names), 300):
            kinds = [
                f"max(typeof({n}) = 'integer'), max(typeof({n}) = 'real'), max(typeof({n}) = 'text'), max(typeof({n}) = 'blob'), "
                f"min(CASE WHEN typeof({n}) = 'integer' THEN {n} END), max(CASE WHEN typeof({n}) = 'integer' THEN {n} END)"
                for n in map(_quoted, names[start : start + 300])
            ]
            row = self._connection.execute(f"SELECT {', '.join(kinds)} FROM {self._asked}{condition}", bound).fetchone()
            found += [row[index : index + 6] for index in range(0, len(row), 6)]
        self._mixed = [bool(blob) or bool((whole or real) and text) for whole, real, text, blob, _, _ in found]
        return found

    @staticmethod
    def _type(content: tuple[Any, ...], declared: str) -> pl.DataType:
        whole, real, text, blob, low, high = content
        if whole and not (real or text or blob):
            return pl.Boolean() if declared.startswith("bool") and low >= 0 and high <= 1 else pl.Int64()
        if real and not (text or blob):
            return pl.Float64() if not whole or (low >= -_EXACT and high <= _EXACT) else pl.String()
        if text and not (whole or real or blob):
            return _DECLARED.get(declared, pl.String())
        return pl.String() if whole or real or text or blob else _declared(declared)

    def schema(self, texts: frozenset[str]) -> dict[str, pl.DataType]:
        """The columns and their types."""
        return {name: pl.String() if name in texts else dtype for name, dtype in self._types.items()}

    def frames(self, texts: frozenset[str]) -> Iterator[pl.DataFrame]:
        """The rows, some at a time."""
        condition, bound = self._where_clause()
        order = ", ".join(f"{_quoted(name)} COLLATE BINARY" for name in self._question.by())
        schema = self.schema(texts)
        # Bytes that are no UTF-8 in a text are shown, rather than lost.
        self._connection.text_factory = (lambda data: data.decode("utf-8", "backslashreplace")) if self._odd else str
        with self._told():
            rows = self._connection.execute(f"SELECT * FROM {self._asked}{condition}{f' ORDER BY {order}' if order else ''}", bound)
            while part := self._fetched(rows):
                cells = list(zip(*part, strict=True))
                if self._question.cursor:
                    self.greatest = next((cell for cell in reversed(cells[list(schema).index(self._question.cursor)]) if cell is not None), self.greatest)
                yield pl.DataFrame([_series(name, values, schema[name]) for name, values in zip(schema, cells, strict=True)])

    _odd = False

    def _fetched(self, rows: sqlite3.Cursor) -> list[tuple[Any, ...]]:
        try:
            return rows.fetchmany(BATCH_ROWS)
        except sqlite3.OperationalError as error:
            if "decode to UTF-8" not in str(error) or self._odd:
                raise
            self._odd = True
            raise Unfit("") from None

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what SQLite says into one line."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from None

    def _explained(self, error: sqlite3.DatabaseError) -> LooplineError:
        said = str(error)
        if "no such table" in said:
            found = [row[0] for row in self._connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name LIMIT 12")]
            return Mistake(said, where=self._where, remedy=f"the tables are {', '.join(found) or 'none'}")
        if "not a database" in said or "malformed" in said:
            return Mistake("this is no SQLite database, or a damaged one", where=self._where, remedy="check the path, or take a copy that is whole")
        if "locked" in said or "busy" in said:
            return Fault("another process writes to the database", where=self._where, remedy="nothing was taken; ask again", retry=True)
        if isinstance(error, sqlite3.OperationalError) and "disk I/O" not in said and "unable to open" not in said:
            return Mistake(f"the query cannot be run: {said}", where=self._where, remedy="try it in the sqlite3 shell")
        return Fault(f"the database cannot be read ({said})", where=self._where, remedy="nothing was taken; check the disk, then ask again", retry=True)


def _declared(declared: str) -> pl.DataType:
    """The type of a column that holds nothing: the one that it is declared to have."""
    kind = declared.split("(")[0].strip()
    if kind.startswith("bool"):
        return pl.Boolean()
    if "int" in kind:
        return pl.Int64()
    return pl.Float64() if any(word in kind for word in ("real", "floa", "doub")) else _DECLARED.get(kind, pl.String())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _series(name: str, cells: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    if dtype == pl.Boolean():
        return pl.Series(name, cells, dtype=pl.Int64()).cast(pl.Boolean())
    if dtype in (pl.Int64(), pl.Float64()):
        return pl.Series(name, cells, dtype=dtype, strict=dtype == pl.Int64())
    texts = pl.Series(name, [cell if cell is None or type(cell) is str else _text(cell) for cell in cells], dtype=pl.String())
    if dtype == pl.String():
        return texts
    if dtype in (NAIVE, MOMENT):
        texts = texts.str.replace("T", " ", literal=True).str.replace(r"(?:Z|\+00(?::?00)?)$", "")
    return column(texts.to_frame(), name, dtype)


def _text(cell: Any) -> str:
    return cell.hex() if isinstance(cell, bytes) else repr(cell)
