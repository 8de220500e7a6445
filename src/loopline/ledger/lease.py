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
    file = os.open(_place(ledger, project), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
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


def file_holder(ledger: Path, project: str) -> str:
    """Who holds the project's lease, in words; empty where nobody does. No lock is tried: that would be in the way of whoever takes the lease now."""
    try:
        said = _place(ledger, project).read_text(errors="replace")
    except OSError:
        return ""
    process, _, host = said.partition(" ")[0].partition("@")
    return _named(said) if said and (host != _host() or _lives(process)) else ""


def _place(ledger: Path, project: str) -> Path:
    return ledger.with_name(f"{ledger.name}.{quote(project, safe='')}.lease")


def _lives(process: str) -> bool:
    """Whether a process of this machine is there: a dead one leaves its name in the file."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def hold_advisory(engine: Engine, project: str) -> Iterator[None]:
    """Holds the project's lease through an advisory lock of its own session on Postgres.

    Raises
    ------
    Mistake
        Where another session holds it; says which, and since when.
    """
    number = _number(project)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        if not session.scalar(sa.select(sa.func.pg_try_advisory_lock(number))):
            raise _taken(project, session.scalar(_HOLDER, _halves(number)) or "")
        session.execute(sa.select(sa.func.set_config("application_name", f"loopline {_holder()}"[:63], False)))
        try:
            yield
        finally:
            session.execute(sa.select(sa.func.set_config("application_name", "loopline", False)))
            session.scalar(sa.select(sa.func.pg_advisory_unlock(number)))


def advisory_holder(engine: Engine, project: str) -> str:
    """Who holds the project's lease on Postgres, in words; empty where nobody does."""
    with engine.connect() as session:
        said = session.scalar(_HOLDER, _halves(_number(project)))
    return "" if said is None else _named(said)


def _number(project: str) -> int:
    """The number of the project's advisory lock."""
    return int.from_bytes(hashlib.sha256(f"loopline lease {project}".encode()).digest()[:8], signed=True)


def _halves(number: int) -> dict[str, int]:
    return {"high": (number >> 32) & 0xFFFFFFFF, "low": number & 0xFFFFFFFF}


_HOLDER = sa.text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = CAST(:high AS oid) AND l.objid = CAST(:low AS oid) AND l.objsubid = 1"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _holder() -> str:
    """Who holds a lease, short enough for the 63 bytes of a Postgres session's name."""
    return f"{os.getpid()}@{_host()} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _host() -> str:
    return socket.gethostname()[:20]


def _named(holder: str) -> str:
    """A holder in words."""
    who, _, since = holder.removeprefix("loopline ").strip().partition(" ")
    process, _, host = who.partition("@")
    return f"process {process} on {host}, since {since}" if since else "another process"


def _taken(project: str, holder: str) -> Mistake:
    return Mistake(f"{_named(holder)}, is already running project {project!r}", remedy="wait for it (loopline tick --wait 10min does), or end it", retry=True)
