"""The ledger's tables, as its queries see them; the migrations make them."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, bindparam, insert, make_url, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from loopline.ledger.chain import Row

SCHEMA = "0003"
"""The newest migration."""

METADATA = MetaData()

ENTRIES = Table(
    "ledger_entries",
    METADATA,
    *[Column(name, BigInteger if name == "seq" else Text, primary_key=name == "seq", autoincrement=False, nullable=False) for name in Row._fields],
)

HEAD = Table(
    "ledger_head",
    METADATA,
    Column("one", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)


@cache
def appending(drivername: str, paramstyle: str) -> tuple[str, str, str]:
    """What appends an entry, what reads the head to append after, and what moves it: compiled once, which takes a third of opening a ledger."""
    kind: Any = make_url(f"{drivername}://").get_dialect()
    dialect = kind(paramstyle=paramstyle)
    head, move = select(HEAD.c.seq, HEAD.c.hash).with_for_update(), update(HEAD).values(seq=bindparam("s"), hash=bindparam("h"))
    written = [str(statement.compile(dialect=dialect)) for statement in (insert(ENTRIES), head, move)]
    return written[0], written[1], written[2]


class Whole(GenericFunction[str]):
    """A column that is compared with a whole text, where an index holds the texts' beginnings."""

    type = Text()
    inherit_cache = True


@compiles(Whole)
def _whole(element: Whole, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


@compiles(Whole, "sqlite")
def _whole_in_sqlite(element: Whole, compiler: Any, **more: Any) -> str:
    # Of `subject = ?` SQLite would make substr(?, 1, 12), which is in none of its indexes.
    return f"({compiler.process(element.clauses, **more)} || '')"


VERSION = Table("ledger_version", METADATA, Column("version_num", Text, primary_key=True))
