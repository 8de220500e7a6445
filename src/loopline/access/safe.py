"""The safe: hashes of passwords, sessions and tries to sign in, in a database apart from ledger and lake, because they must be able to vanish."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from loopline.access.keys import settings_folder
from loopline.errors import Fault, Mistake

VARIABLE = "LOOPLINE_ACCOUNTS"
VERSION = "1"
_WAIT_S = 30.0
_ADVISORY = 0x10091F
_FORMS = f"set {VARIABLE} to a file, or to postgresql://user@host/database where several machines serve the pages"

METADATA = sa.MetaData()
ACCOUNTS = sa.Table(
    "access_accounts",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    # Counts what ends every session: a new password, and a revocation. Clocks of several machines would not agree on what came first.
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("made", sa.Double, nullable=False),
    sa.Column("changed", sa.Double, nullable=False),
    sa.Column("is_revoked", sa.Boolean, nullable=False),
)
SESSIONS = sa.Table(
    "access_sessions",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, index=True),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("made", sa.Double, nullable=False),
    sa.Column("seen", sa.Double, nullable=False),
)
TRIES = sa.Table(
    "access_tries",
    METADATA,
    sa.Column("who", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("last", sa.Double, nullable=False, index=True),
)
KEPT = sa.Table("access_kept", METADATA, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))


class Safe:
    """The database of accounts: a file that nobody else may read, or Postgres. It is a context manager, and threads may share it."""

    def __init__(self, engine: Engine, key: bytes) -> None:
        self._engine = engine
        self.key = key

    @classmethod
    def open(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The safe; it is made where there is none yet.

        It lies where ``LOOPLINE_ACCOUNTS`` says, a file or a URL of Postgres, else in ``loopline/accounts.db`` of the user's folder for settings,
        beside the private key.

        Raises
        ------
        Mistake
            When the address is none, or a newer Loopline made the safe.
        Fault
            When it cannot be read or made.
        """
        url = place(environment)
        file = Path(str(url.database)) if url.drivername == "sqlite" else None
        try:
            if file is not None:
                _guard(file, is_named=bool((os.environ if environment is None else environment).get(VARIABLE)))
            engine = _connect(url)
        except OSError as error:
            raise Fault(f"the accounts cannot be read or made ({error.strerror})", where=str(file), remedy=_FORMS) from None
        try:
            with _told(engine):
                return cls(engine, _made(engine))
        except BaseException:
            engine.dispose()
            raise

    @property
    def where(self) -> str:
        """The file, or the address without a password."""
        return _said(self._engine.url)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with _told(self._engine), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, one at a time; it is undone where an error leaves it."""
        with _told(self._engine), _writing(self._engine) as connection:
            yield connection


def place(environment: Mapping[str, str] | None = None) -> URL:
    """Where the safe lies, or will lie.

    Raises
    ------
    Mistake
        When ``LOOPLINE_ACCOUNTS`` names neither a file nor a Postgres.
    """
    among = os.environ if environment is None else environment
    said = among.get(VARIABLE) or str(settings_folder(among) / "accounts.db")
    if "://" not in said:
        return URL.create("sqlite", database=str(Path(said).expanduser()))
    try:
        url = make_url(said)
    except (ArgumentError, ValueError):
        raise Mistake("the address of the accounts is not a URL", where=VARIABLE, remedy=_FORMS) from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise Mistake(f"accounts are kept in a file or in Postgres, not in {url.drivername}", where=VARIABLE, remedy=_FORMS)
    return url.set(drivername="postgresql+psycopg")


def _guard(file: Path, *, is_named: bool) -> None:
    """Make the file for nobody else to read before SQLite does; its companions take over the mode."""
    if is_named and not file.parent.is_dir():
        # A mistyped name would be accounts that nobody finds again.
        remedy = f"correct {VARIABLE}, or make the folder first: mkdir -p {file.parent}"
        raise Mistake(f"there is no folder {file.parent}, where {VARIABLE} says that the accounts lie", where=str(file), remedy=remedy)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if file.stat().st_mode & 0o077:
        raise Mistake("others may read the hashes of passwords", where=str(file), remedy=f"take that from them: chmod 600 {file}")


def _connect(url: URL) -> Engine:
    if url.drivername != "sqlite":
        return sa.create_engine(url, connect_args={"application_name": "loopline", "connect_timeout": 10}, pool_pre_ping=True, hide_parameters=True)
    engine = sa.create_engine(url, connect_args={"timeout": _WAIT_S, "isolation_level": None}, pool_reset_on_return=None, hide_parameters=True)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    # What is deleted is overwritten: an old hash is not to be found in the file's free pages.
    connection.execute("PRAGMA secure_delete=ON")


def _begin(connection: Connection) -> None:
    begin = "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
    connection.connection.cursor().execute(begin)


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            # What is counted is read before it is written: two at once would count one.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY)))
        yield connection


def _made(engine: Engine) -> bytes:
    """The key for what browsers keep signed, once the tables are there; of several that open a new safe at once, one makes it."""
    with engine.begin() as connection:
        kept = _kept(connection) if sa.inspect(connection).has_table(KEPT.name) else {}
    if not kept:
        with _writing(engine) as connection:
            METADATA.create_all(connection)
            kept = _kept(connection)
            if not kept:
                kept = {"version": VERSION, "key": secrets.token_hex(32)}
                connection.execute(sa.insert(KEPT), [{"name": name, "value": value} for name, value in kept.items()])
    if kept["version"] != VERSION:
        what = f"another Loopline made the accounts (version {kept['version']}; this one knows {VERSION})"
        raise Mistake(what, where=_said(engine.url), remedy="install the newer one: pip install --upgrade loopline")
    return bytes.fromhex(kept["key"])


def _kept(connection: Connection) -> dict[str, str]:
    return {name: value for name, value in connection.execute(sa.select(KEPT.c.name, KEPT.c.value))}


def _said(url: URL) -> str:
    return str(url.database) if url.drivername == "sqlite" else url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """Turns the database's errors into one line, which names none of what was asked for."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        said = getattr(cause, "sqlite_errorname", "") or type(cause).__name__
        remedy = "check that the file and its folder can be written" if engine.dialect.name == "sqlite" else "check that the database runs"
        raise Fault(f"the accounts' database failed ({said})", where=_said(engine.url), remedy=f"{remedy}, or {_FORMS}", retry=True) from None
