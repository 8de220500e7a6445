"""MySQL and MariaDB as sources, through PyMySQL: rows come as text, and Polars types them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import polars as pl

from loopline.data.sources.querying import BATCH_ROWS, MOMENT, NAIVE, Question, Scalar, Unfit, checked, column, decimals, parts
from loopline.errors import Fault, LooplineError, Mistake

_WHOLE, _REAL, _DECIMAL, _BIT = (1, 2, 3, 8, 9, 13), (4, 5), (0, 246), 16
_TEXTS = (15, 247, 248, 249, 250, 251, 252, 253, 254)
_TIMES = {7: MOMENT, 10: pl.Date(), 12: NAIVE, 14: pl.Date()}
_BINARY = 63
_WRONG_LOGIN, _NO_RIGHT, _NO_TABLE, _NO_DATABASE = (1044, 1045, 1698), (1142, 1143), (1146,), (1049,)
_GONE = (1040, 1053, 1152, 1184, 1205, 1213, 1317, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 3024)


class Mysql:
    """A MySQL or MariaDB database that was asked, in one read-only transaction that sees one moment.

    TIMESTAMP columns are moments in UTC, DATETIME columns have no zone. TIME, JSON, ENUM and SET come as text, bytes in hexadecimal.
    """

    def __init__(self, url: str, question: Question, *, where: str) -> None:
        self._where = where
        self._question = question
        self.greatest: Scalar | None = None
        self._driver = _driver(where)
        # Nothing is decoded: a decoder for each cell takes longer than Polars takes for the column.
        encoders = {kind: encode for kind, encode in self._driver.converters.conversions.items() if not isinstance(kind, int)}
        with self._told():
            self._connection = self._driver.connect(**_address(url, where), charset="utf8mb4", conv=encoders, connect_timeout=20, autocommit=True)
        try:
            with self._told():
                self._describe()
        except BaseException:
            self.close()
            raise

    def _describe(self) -> None:
        with self._connection.cursor() as cursor:
            # A reader that takes its time is no reason to hang up.
            cursor.execute("SET time_zone = '+00:00', SESSION net_write_timeout = 3600")
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            cursor.execute(f"SELECT * FROM {self._asked} LIMIT 0")
            fields = cursor._result.fields
        names = [field.name for field in fields]
        checked(names, self._question, where=self._where)
        self._fields: dict[str, tuple[int, bool]] = {field.name: (field.type_code, field.charsetnr == _BINARY) for field in fields}

    @property
    def _asked(self) -> str:
        asked = f"(\n{self._question.select}\n)" if self._question.query else ".".join(map(_quoted, parts(self._question.table or "")))
        return f"{asked} AS asked"

    def _grown(self) -> str:
        """The cursor as it is compared: texts by their bytes, so that equal means the same."""
        name = _quoted(self._question.cursor or "")
        return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if self._is_text else name

    @property
    def _is_text(self) -> bool:
        return self._fields[self._question.cursor or ""][0] in _TEXTS

    def _statement(self) -> tuple[str, tuple[Scalar, ...] | None]:
        """The query and what is bound in it."""
        question, text = self._question, f"SELECT * FROM {self._asked}"
        bound: tuple[Scalar, ...] | None = None
        order = [self._grown() if name == question.cursor else _quoted(name) for name in question.by()]
        ending = f" ORDER BY {', '.join(order)}" if order else ""
        if question.cursor is None or question.since is None:
            return text + ending, bound
        value = "CAST(%s AS BINARY)" if self._is_text else "CAST(%s AS DECIMAL(65, 30))" if self._is_decimal else "%s"
        condition = f" WHERE {_percent(self._grown())} >= {value} OR {_percent(_quoted(question.cursor))} IS NULL"
        return _percent(text) + condition + _percent(ending), (question.since,)

    @property
    def _is_decimal(self) -> bool:
        return self._fields[self._question.cursor or ""][0] in _DECIMAL

    def schema(self, texts: frozenset[str]) -> dict[str, pl.DataType]:
        """The columns and their types."""
        return {name: pl.String() if name in texts else _dtype(code) for name, (code, _) in self._fields.items()}

    def frames(self, texts: frozenset[str]) -> Iterator[pl.DataFrame]:
        """The rows, some at a time, while the database sends them."""
        schema = self.schema(texts)
        with self._told():
            cursor = self._connection.cursor(self._driver.cursors.SSCursor)
            cursor.execute(*self._statement())
            while part := cursor.fetchmany(BATCH_ROWS):
                cells = list(zip(*part, strict=True))
                frame = pl.DataFrame([_texts(name, values, *self._fields[name]) for name, values in zip(schema, cells, strict=True)])
                self._note(frame)
                try:
                    yield frame.with_columns(self._typed(frame, name, dtype) for name, dtype in schema.items())
                except Unfit:
                    self._restart()
                    raise
            cursor.close()

    def _note(self, frame: pl.DataFrame) -> None:
        """Take note of the greatest value of the cursor; of whole numbers as a number, lest MySQL compare them as fractions."""
        known = frame[self._question.cursor].drop_nulls() if self._question.cursor else pl.Series([], dtype=pl.String())
        if len(known):
            self.greatest = int(known[-1]) if self._fields[self._question.cursor or ""][0] in _WHOLE else str(known[-1])

    def _restart(self) -> None:
        """Read what the database still sends, so that it can be asked again within the same moment."""
        self._connection._result._finish_unbuffered_query()

    def _typed(self, frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
        return decimals(frame, name) if self._fields[name][0] in _DECIMAL and dtype != pl.String() else column(frame, name, dtype)

    def close(self) -> None:
        """End the connection, and with it what it still sends."""
        # A polite end would read all rows that are still to come.
        self._connection._force_close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what MySQL says into one line."""
        try:
            yield
        except self._driver.MySQLError as error:
            raise self._explained(error) from None
        except (OSError, RuntimeError, UnicodeError):
            raise self._gone() from None

    def _gone(self) -> Fault:
        what = "the database went away, or does not answer"
        return Fault(what, where=self._where, remedy="nothing was taken; check that it runs, then ask again", retry=True)

    def _explained(self, error: Any) -> LooplineError:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = " ".join(str(error.args[1] if len(error.args) > 1 else error).split())
        if code in _WRONG_LOGIN:
            return Mistake("the database refused the user or the password", where=self._where, remedy="check both; a password is given as ${NAME}")
        if code in _NO_DATABASE:
            return Mistake("there is no such database", where=self._where, remedy="check its name in the URL")
        if code in _NO_TABLE:
            return Mistake(said, where=self._where, remedy=f"check the name; {self._tables()}")
        if code in _NO_RIGHT:
            return Mistake(said, where=self._where, remedy="grant the user SELECT on it")
        if code in _GONE or not code or isinstance(error, self._driver.InterfaceError):
            return self._gone()
        return Mistake(f"the query cannot be run: {said}", where=self._where, remedy="try it in the database's own shell")

    def _tables(self) -> str:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SHOW TABLES")
                found = [row[0] for row in cursor.fetchmany(12)]
        except self._driver.MySQLError:
            return "it may be in another database"
        return f"the tables are {', '.join(found) or 'none that this user may see'}"


def _driver(where: str) -> Any:
    try:
        import pymysql  # noqa: PLC0415
        import pymysql.cursors  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Mistake("MySQL and MariaDB need an extra", where=where, remedy="pip install 'loopline[mysql]'") from None
    return pymysql


def _address(url: str, where: str) -> dict[str, Any]:
    """Where the URL leads: host and port or a socket (``?unix_socket=``), user, database; ``?ssl_ca=`` turns encryption on."""
    cut = urlsplit(url)
    options = dict(parse_qsl(cut.query))
    database = unquote(cut.path.lstrip("/"))
    if not database:
        raise Mistake("the URL names no database", where=where, remedy="write mysql://USER:${PASSWORD}@HOST/DATABASE")
    known = {"unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_verify_cert", "ssl_verify_identity", "charset"}
    if odd := sorted(set(options) - known):
        raise Mistake(f"the URL has an option that is not known: {odd[0]}", where=where, remedy=f"known are {', '.join(sorted(known - {'charset'}))}")
    options.pop("charset", None)
    try:
        port = cut.port or 3306
    except ValueError:
        raise Mistake("the URL's port is no number", where=where, remedy="write HOST:3306") from None
    return {
        "host": cut.hostname or "localhost",
        "port": port,
        "user": unquote(cut.username or ""),
        "password": unquote(cut.password or ""),
        "database": database,
        **options,
    }


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _percent(text: str) -> str:
    """A part of a query beside which values are bound."""
    return text.replace("%", "%%")


def _dtype(code: int) -> pl.DataType:
    if code in _WHOLE or code == _BIT:
        return pl.Int64()
    if code in _REAL or code in _DECIMAL:
        return pl.Float64()
    return _TIMES.get(code, pl.String())


def _texts(name: str, cells: Sequence[Any], code: int, binary: bool) -> pl.Series:
    if code == _BIT:
        cells = [None if cell is None else str(int.from_bytes(cell)) for cell in cells]
    elif binary and code in (*_TEXTS, 255):
        cells = [cell.hex() if isinstance(cell, bytes) else cell for cell in cells]
    elif any(isinstance(cell, bytes) for cell in cells):
        cells = [cell.decode("utf-8", "backslashreplace") if isinstance(cell, bytes) else cell for cell in cells]
    return pl.Series(name, cells, dtype=pl.String())
