"""The ledger's tables, as its queries see them; the migrations make them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

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

VERSION = Table("ledger_version", METADATA, Column("version_num", Text, primary_key=True))
