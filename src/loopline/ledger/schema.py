"""The ledger's tables, as its queries see them; the migrations make them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, Table, Text
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
