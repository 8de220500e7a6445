"""The one writer of a project: a lock that the operating system or the database frees when its holder dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from loopline.errors import Mistake


@contextmanager
def hold_file(ledger: Path, project: str) -> Iterator[None]:
    """Holds the project's lease through a lock on a file beside the ledger.

    Raises
    ------
    Mistake
        Where another process holds it; says which, and since when.
    """
    place = ledger.with_name(f"{ledger.name}.{quote(project, safe='')}.lease")
    file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(project, os.pread(file, 4096, 0).decode(errors="replace")) from None
        os.ftruncate(file, 0)
        os.pwrite(file, _holder().encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(file, 0)
    finally:
        os.close(file)


@contextmanager
def hold_advisory(engine: Engine, project: str) -> Iterator[None]:
    """Holds the project's lease through an advisory lock of its own session on Postgres.

    Raises
    ------
    Mistake
        Where another session holds it; says which, and since when.
    """
    number = int.from_bytes(hashlib.sha256(f"loopline lease {project}".encode()).digest()[:8], signed=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        if not session.scalar(sa.select(sa.func.pg_try_advisory_lock(number))):
            raise _taken(project, session.scalar(_HOLDER, {"high": (number >> 32) & 0xFFFFFFFF, "low": number & 0xFFFFFFFF}) or "")
        session.execute(sa.select(sa.func.set_config("application_name", f"loopline {_holder()}"[:63], False)))
        try:
            yield
        finally:
            session.execute(sa.select(sa.func.set_config("application_name", "loopline", False)))
            session.scalar(sa.select(sa.func.pg_advisory_unlock(number)))


_HOLDER = sa.text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = CAST(:high AS oid) AND l.objid = CAST(:low AS oid) AND l.objsubid = 1"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _holder() -> str:
    """Who holds a lease, short enough for the 63 bytes of a Postgres session's name."""
    return f"{os.getpid()}@{socket.gethostname()[:20]} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _taken(project: str, holder: str) -> Mistake:
    who, _, since = holder.removeprefix("loopline ").strip().partition(" ")
    process, _, host = who.partition("@")
    said = f"process {process} on {host}, since {since}" if since else "another process"
    return Mistake(f"{said}, is already running project {project!r}", remedy="wait for it, or end it", retry=True)
