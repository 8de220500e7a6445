"""One decision at a time: who looks at what holds and then says something of it is not overtaken by another one who does so, too."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from loopline.ledger.store import Ledger


@contextmanager
def alone(ledger: Ledger) -> Iterator[None]:
    """Hold off every other process that decides on the same project, until it is done; it is let go as soon as its holder dies."""
    engine, project = ledger._engine, ledger.project
    if engine.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(f"deciding {project}".encode()).digest()[:8], signed=True)
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
            yield
        return
    database = Path(str(engine.url.database))
    with database.with_name(f"{database.name}.{quote(project, safe='')}.deciding").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
