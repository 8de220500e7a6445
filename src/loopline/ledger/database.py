"""The database under the ledger: SQLite in a file or Postgres, opened the same way, with errors that say what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from loopline.errors import Fault, LooplineError, Mistake

LOCK_WAIT_S = 120.0
"""How long SQLite waits for somebody who holds the file otherwise than through a `Ledger`."""

SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_total_relation_size('ledger_entries')",
}
"""What asks each database for the bytes that the entries take."""

PART = {
    "sqlite": "json_extract(body, '$.' || :name)",
    "postgresql": "CAST(CAST(body AS json) -> :name AS text)",
}
"""What cuts a list or an object out of an entry's body, as JSON."""

_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
_FORMS = "write sqlite:////folder/ledger.db or postgresql://user@host/database"


def parse(url: str) -> URL:
    """The URL of a ledger, with the driver that Loopline uses.

    Raises
    ------
    Mistake
        Where it is no URL, or names a database that a ledger cannot live in.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise Mistake("the ledger's address is not a URL", remedy=_FORMS) from None
    if parsed.drivername in _POSTGRES:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite":
        raise Mistake(f"a ledger lives in SQLite or Postgres, not in {parsed.drivername}", where=masked(parsed), remedy=_FORMS)
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise Mistake("a SQLite ledger needs a file and takes no options", where=masked(parsed), remedy=_FORMS)
    return parsed


def masked(url: URL) -> str:
    """The address as it may be shown: a file's path, or a URL without its password and options."""
    if url.drivername == "sqlite":
        return url.database or "sqlite://"
    return url.set(query={}).render_as_string(hide_password=True)


def connect(url: URL) -> Engine:
    """An engine for the URL; nothing is opened yet."""
    if url.drivername != "sqlite":
        connect_args: dict[str, Any] = {"application_name": "loopline", "connect_timeout": 10} | dict(url.query)
        # The statements are compiled once and run as text: both dialects take parameters by position.
        return sa.create_engine(url, paramstyle="format", connect_args=connect_args, pool_pre_ping=True, hide_parameters=True)
    engine = sa.create_engine(url, connect_args={"timeout": LOCK_WAIT_S, "isolation_level": None}, pool_reset_on_return=None, hide_parameters=True)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    _stay_with_one_file(engine, Path(str(url.database)))
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _stay_with_one_file(engine: Engine, file: Path) -> None:
    """Has every use of the engine find the file that it opened first.

    SQLite goes on in a file that was moved away, and makes a new one where the next connection finds none: what is entered in either is lost to the other.
    """
    opened: list[tuple[int, int]] = []

    def require_same(*_: object) -> None:
        if opened and identity(file) != opened[0]:
            raise gone(file)

    def remember(*_: object) -> None:
        if not opened and (found := identity(file)) is not None:
            opened.append(found)

    sa.event.listen(engine, "do_connect", require_same)
    sa.event.listen(engine, "connect", remember)
    sa.event.listen(engine, "checkout", require_same)


def identity(file: Path) -> tuple[int, int] | None:
    """The device of a file and its number there, by which it is told from another of its name; None where there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def gone(file: Path) -> Fault:
    """That a ledger is not where it was."""
    if file.exists():
        what, remedy = "another file is where the ledger was", "put the ledger back, or end what runs on it and start it anew on this one"
    else:
        what = "the ledger is gone from where it was"
        remedy = "put it back, or restore it from a backup; to begin anew without it, name another file under workspace.ledger"
    return Fault(f"{what}: nothing is read or entered", where=str(file), remedy=remedy, retry=True)


def queue_of(file: Path) -> Path:
    """The file beside a ledger in which its writers wait for their turn; it stays."""
    return file.with_name(f"{file.name}.queue")


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    # Keys are digests, so that a large batch touches pages all over their index: 16 MB of cache instead of 2.
    connection.execute("PRAGMA cache_size=-16000")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails at once when another wrote in between.
    begin = "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
    connection.connection.cursor().execute(begin)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, once it is this writer's turn; it is committed at the end, or undone where an error leaves it."""
    with _turn(file_of(engine)), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def _turn(file: Path | None) -> Iterator[None]:
    """One writer after the other, in the order in which they came.

    SQLite alone lets them try again after naps of up to 0.1 s: of 32 writers some waited 10 s, and most of the time none wrote.
    Postgres queues by itself.
    """
    if file is None:
        yield
        return
    queue = os.open(queue_of(file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(queue, fcntl.LOCK_EX)
        yield
    finally:
        os.close(queue)


def file_of(engine: Engine) -> Path | None:
    """The SQLite file, or None on Postgres."""
    return Path(str(engine.url.database)) if engine.dialect.name == "sqlite" else None


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Turns the database's errors into one line with the remedy, without passwords and without parameters."""
    try:
        yield
    except LooplineError:
        raise
    except DBAPIError as error:
        raise explain(error.orig or error, engine.url) from None
    except (engine.dialect.loaded_dbapi.Error, sqlite3.Error) as error:
        raise explain(error, engine.url) from None
    except OSError as error:
        raise explain(error, engine.url) from None
    except SQLAlchemyError as error:
        raise Fault(f"the ledger's database failed: {type(error).__name__}", where=masked(engine.url), remedy="try again", retry=True) from None


def explain(error: BaseException, url: URL) -> LooplineError:
    """What a driver's error means, and the remedy."""
    where = masked(url)
    if isinstance(error, OSError):
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space and run the command again" if is_full else "check the folder and its permissions"
        return Fault(f"the ledger's folder cannot be used: {error.strerror or error}", where=where, remedy=remedy)
    code = str(getattr(error, "sqlite_errorname", ""))
    if code.startswith("SQLITE_IOERR") and _is_full(where):
        code = "SQLITE_FULL"
    for start, told_as in _SQLITE_ERRORS.items():
        if code.startswith(start):
            kind, what, remedy, retry = told_as
            return kind(what, where=where, remedy=remedy, retry=retry)
    text = " ".join(str(error).split())
    if url.password:
        text = text.replace(str(url.password), "***")
    state = getattr(error, "sqlstate", None)
    if state is None and url.drivername != "sqlite":
        return Fault(f"the ledger's database does not answer: {text[:300]}", where=where, remedy="check that it runs and that the address is right", retry=True)
    return Fault(f"the ledger's database failed: {text[:300]}", where=where, remedy="check the database and its log")


def _is_full(file: str) -> bool:
    """Whether the disk has no room; SQLite calls it a failure of the disk where the write-ahead log's index does not fit."""
    try:
        return shutil.disk_usage(Path(file).parent).free < _ROOM_BYTES
    except OSError:
        return False


_ROOM_BYTES = 100_000

_SQLITE_ERRORS: dict[str, tuple[type[LooplineError], str, str, bool]] = {
    "SQLITE_BUSY": (Fault, f"other processes held the ledger for more than {LOCK_WAIT_S:.0f} s", "end them, or try again", True),
    "SQLITE_LOCKED": (Fault, "the ledger is locked", "try again", True),
    "SQLITE_FULL": (Fault, "the disk is full: nothing was written to the ledger", "free some space and run the command again", True),
    "SQLITE_READONLY": (Mistake, "the ledger cannot be written", "give write permission to the file and its folder, or choose another folder", False),
    "SQLITE_PERM": (Mistake, "the ledger cannot be written", "give write permission to the file and its folder, or choose another folder", False),
    "SQLITE_CANTOPEN": (Mistake, "the ledger cannot be opened", "check that it is a file and that you may read and write it and its folder", False),
    "SQLITE_NOTADB": (Mistake, "the file is not a SQLite database", "name another file, or restore the ledger from a backup", False),
    "SQLITE_CORRUPT": (Fault, "the ledger's file is damaged", "restore it from the newest *.backup file beside it", False),
    "SQLITE_IOERR": (Fault, "the disk failed under the ledger", "check the disk's space and health, then run the command again", True),
}
