"""Brings a ledger's tables to the newest version when it is opened, after a backup of the SQLite file."""

from __future__ import annotations

import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from loopline.errors import Mistake
from loopline.ledger.database import LOCK_WAIT_S, file_of, gone, masked, queue_of, writing
from loopline.ledger.schema import SCHEMA, VERSION

MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY = 0x10091E


def ensure_current(engine: Engine) -> None:
    """Makes or migrates the tables where they are not of this version; otherwise costs one short query.

    Any number of processes may call it at once on a ledger that does not exist yet: one makes it, the others wait.

    Raises
    ------
    Mistake
        Where a newer Loopline wrote the ledger.
    Fault
        Where there was a ledger, and its file is gone.
    """
    file = file_of(engine)
    if file is not None and not file.exists():
        if queue_of(file).exists():
            # Somebody has written here before.
            raise gone(file)
        file.parent.mkdir(parents=True, exist_ok=True)
    with engine.connect() as connection:
        version = _version(connection)
    if version == SCHEMA:
        return
    _refuse_newer(version, engine)
    if file is not None:
        _use_wal(file)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY)))
        version = _version(connection)
        if version == SCHEMA:
            return
        _refuse_newer(version, engine)
        if version and file is not None:
            _back_up(file, version)
        _migrate(connection)


def is_there(engine: Engine) -> bool:
    """Whether there is a ledger, of this version; nothing is made or migrated.

    Raises
    ------
    Mistake
        Where another Loopline wrote the ledger.
    """
    file = file_of(engine)
    if file is not None and not file.exists():
        return False
    with engine.connect() as connection:
        version = _version(connection)
    _refuse_newer(version, engine)
    if version and version != SCHEMA:
        what = f"an older Loopline wrote this ledger (version {version}; this one knows {SCHEMA})"
        raise Mistake(what, where=masked(engine.url), remedy="bring it up to date where it is at home: loopline status")
    return bool(version)


def _version(connection: Connection) -> str:
    """The version of the tables; empty where there are none yet."""
    with connection.begin_nested() if connection.in_transaction() else connection.begin():
        if not sa.inspect(connection).has_table(VERSION.name):
            return ""
        return connection.execute(sa.select(VERSION.c.version_num)).scalar() or ""


def _refuse_newer(version: str, engine: Engine) -> None:
    if version > SCHEMA:
        raise Mistake(
            f"a newer Loopline wrote this ledger (version {version}; this one knows {SCHEMA})",
            where=masked(engine.url),
            remedy="install the newer one: pip install --upgrade loopline",
        )


def _use_wal(file: Path) -> None:
    """Sets the write-ahead log, which the file remembers; SQLite does not wait here for other openers, so this does."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        connection = sqlite3.connect(file, timeout=1, isolation_level=None)
        try:
            # A new file's pages: batches are a tenth quicker with these than with 4096 bytes, single entries a twentieth slower.
            connection.execute("PRAGMA page_size=8192")
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        finally:
            connection.close()


def _back_up(file: Path, version: str) -> Path:
    """A copy of the ledger beside it, whole or not there at all; the caller holds the write lock."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = file.with_name(f"{file.name}.v{version}-{stamp}.backup")
    partial = copy.with_suffix(".partial")
    source, target = sqlite3.connect(file), sqlite3.connect(partial, isolation_level=None)
    try:
        target.execute("PRAGMA synchronous=FULL")
        source.backup(target)
    except sqlite3.Error:
        partial.unlink(missing_ok=True)
        raise
    finally:
        target.close()
        source.close()
    os.replace(partial, copy)
    return copy


def _migrate(connection: Connection) -> None:
    """Runs the missing migrations in the connection's transaction."""
    # Alembic is only needed here, and costs 0.15 s to import.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
