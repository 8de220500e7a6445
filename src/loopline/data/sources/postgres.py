"""PostgreSQL as a source: rows come as text by COPY, and Polars cuts and types them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl

from loopline.data.sources.querying import MOMENT, NAIVE, Question, Scalar, checked, column, decimals, parts
from loopline.errors import Fault, LooplineError, Mistake

_BLOCK = 8 << 20
_WHOLE, _REAL, _TEXTS, _DECIMAL = (20, 21, 23, 26), (700, 701), (25, 1042, 1043, 18, 19), 1700
_SINCE = "loopline.since"
_CANNOT_GROW = ("NaN", "nan", "Infinity", "infinity", "inf")


class Postgres:
    """A PostgreSQL database that was asked, in one read-only transaction that sees one moment.

    Values of types that have no counterpart here come as PostgreSQL writes them: arrays, JSON, intervals (as ISO 8601), ranges, UUIDs, enumerations,
    bytes (in hexadecimal).
    """

    def __init__(self, url: str, question: Question, *, where: str) -> None:
        self._where = where
        self._question = question
        self.greatest: Scalar | None = None
        self._psycopg = _driver(where)
        with self._told():
            self._connection = self._psycopg.connect(url, connect_timeout=20, application_name="loopline")
        try:
            with self._told():
                self._describe()
        except BaseException:
            self.close()
            raise

    def _describe(self) -> None:
        execute = self._connection.execute
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL extra_float_digits = 1")
        execute("SET LOCAL bytea_output = 'hex'; SET LOCAL statement_timeout = 0; SET LOCAL client_encoding = 'UTF8'")
        found = execute(self._select("LIMIT 0", bound=False)).description or []
        checked([item.name for item in found], self._question, where=self._where)
        self._types: dict[str, int] = {item.name: item.type_code for item in found}
        if self._question.cursor:
            code = self._types[self._question.cursor]
            self._cursor_type = execute("SELECT format_type(%s, NULL)", (code,)).fetchone()[0]
        if self._question.since is not None:
            execute("SELECT set_config(%s, %s, true)", (_SINCE, str(self._question.since)))

    def _select(self, ending: str, *, bound: bool = True) -> Any:
        """The query as it is sent; the value of the cursor is bound as a setting, since COPY takes no parameters."""
        sql, question = self._psycopg.sql, self._question
        asked = sql.SQL("(\n{}\n)").format(sql.SQL(question.select)) if question.query else sql.Identifier(*parts(question.table or ""))
        text = sql.SQL("SELECT * FROM {} AS asked").format(asked)
        if bound and question.since is not None:
            text += sql.SQL(" WHERE {0} >= current_setting({1})::{2} OR {0} IS NULL").format(
                self._grown(), sql.Literal(_SINCE), sql.SQL(self._cursor_type if not self._is_text else "text")
            )
        if bound and (by := question.by()):
            first = self._grown() if question.cursor else sql.Identifier(by[0])
            text += sql.SQL(" ORDER BY {} NULLS FIRST").format(sql.SQL(" NULLS FIRST, ").join([first, *map(sql.Identifier, by[1:])]))
        return text + sql.SQL(" " + ending)

    @property
    def _is_text(self) -> bool:
        return self._types[self._question.cursor or ""] in _TEXTS

    def _grown(self) -> Any:
        """The cursor as it is compared: texts by their bytes, so that equal means the same."""
        sql = self._psycopg.sql
        name = sql.Identifier(self._question.cursor)
        return sql.SQL('{}::text COLLATE "C"').format(name) if self._is_text else name

    def schema(self, texts: frozenset[str]) -> dict[str, pl.DataType]:
        """The columns and their types."""
        return {name: pl.String() if name in texts else _dtype(code) for name, code in self._types.items()}

    def frames(self, texts: frozenset[str]) -> Iterator[pl.DataFrame]:
        """The rows, some megabytes at a time."""
        sql = self._psycopg.sql
        with self._told(), self._connection.cursor() as cursor:
            statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(self._select(""))
            with cursor.copy(statement) as copied:
                rows: list[bytes] = []
                size = 0
                for row in copied:
                    rows.append(bytes(row))
                    size += len(row)
                    if size >= _BLOCK:
                        yield self._frame(rows, texts)
                        rows, size = [], 0
        if rows:
            yield self._frame(rows, texts)

    def _frame(self, rows: Sequence[bytes], texts: frozenset[str]) -> pl.DataFrame:
        dtypes = self.schema(texts)
        direct = {name: dtype if dtype in (pl.Int64(), pl.Float64()) and self._types[name] != _DECIMAL else pl.String() for name, dtype in dtypes.items()}
        if not dtypes:
            return pl.DataFrame(height=len(rows))
        frame = pl.read_csv(io.BytesIO(b"".join(rows)), has_header=False, schema=direct)
        if self._question.cursor:
            self._note(frame[self._question.cursor])
        return frame.with_columns(self._typed(frame, name, dtype) for name, dtype in dtypes.items() if dtype != direct[name])

    def _typed(self, frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
        if self._types[name] == _DECIMAL:
            return decimals(frame, name)
        return frame[name] == "t" if dtype == pl.Boolean() else column(frame, name, dtype)

    def _note(self, texts: pl.Series) -> None:
        """Take note of the greatest value of the cursor, which is the last one."""
        known = texts.drop_nulls()
        if known.is_empty():
            return
        self.greatest = str(known[-1])
        if self.greatest.lstrip("-") in _CANNOT_GROW and not self._is_text:
            what = f"the greatest value of the cursor {self._question.cursor!r} is {self.greatest}, and nothing is beyond it"
            raise Mistake(what, where=self._where, remedy="leave such rows out with query: SELECT ... WHERE ...")

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what PostgreSQL says into one line."""
        try:
            yield
        except self._psycopg.Error as error:
            raise self._explained(error) from None

    def _explained(self, error: Any) -> LooplineError:
        errors, said = self._psycopg.errors, " ".join(str(error.diag.message_primary or error).split())
        if isinstance(error, errors.UndefinedTable):
            return Mistake(said, where=self._where, remedy=f"check the name; {self._tables()}")
        if isinstance(error, (errors.InvalidAuthorizationSpecification, errors.InvalidPassword)) or "authentication failed" in said or "no password" in said:
            return Mistake("the database refused the user or the password", where=self._where, remedy="check both; a password is given as ${NAME}")
        if isinstance(error, errors.InsufficientPrivilege):
            return Mistake(said, where=self._where, remedy="grant the user SELECT on it")
        if isinstance(error, errors.InvalidCatalogName) or (said.startswith("connection") and "does not exist" in said):
            return Mistake("there is no such database, or no such user", where=self._where, remedy="check the names in the URL")
        if isinstance(error, (errors.SyntaxErrorOrAccessRuleViolation, self._psycopg.ProgrammingError)):
            return Mistake(f"the query cannot be run: {said}", where=self._where, remedy="try it in the database's own shell")
        if isinstance(error, (self._psycopg.DataError, errors.ReadOnlySqlTransaction)):
            return Mistake(f"the query fails on the data: {said}", where=self._where, remedy="mend the query")
        what = "the database went away, or does not answer"
        return Fault(what, where=self._where, remedy="nothing was taken; check that it runs, then ask again", retry=True)

    def _tables(self) -> str:
        try:
            self._connection.rollback()
            found = self._connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables "
                "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 2 LIMIT 12"
            ).fetchall()
        except self._psycopg.Error:
            return "it may be in another schema"
        return f"the tables are {', '.join(name if schema == 'public' else f'{schema}.{name}' for schema, name in found) or 'none that this user may see'}"


def _driver(where: str) -> Any:
    try:
        import psycopg  # noqa: PLC0415
        import psycopg.sql  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Mistake("PostgreSQL needs an extra", where=where, remedy="pip install 'loopline[postgres]'") from None
    return psycopg


def _dtype(code: int) -> pl.DataType:
    if code in _WHOLE:
        return pl.Int64()
    if code in _REAL or code == _DECIMAL:
        return pl.Float64()
    return {16: pl.Boolean(), 1082: pl.Date(), 1114: NAIVE, 1184: MOMENT}.get(code, pl.String())
