"""Who was forgotten, by salted digests of their keys: so that nobody comes back with the next delivery, and nobody can be read from the list.

A key that can be guessed (a number, an address that somebody knows) can be looked up by whoever has the lake: a digest hides a key, it does not
lose it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import polars as pl

from loopline.data.forget.sought import Digests, Keys, bucket_of, digest_of
from loopline.data.spec import DataSpec
from loopline.lake.tables import Tables
from loopline.ledger.entry import now
from loopline.workspace import Workspace

FORGOTTEN = "forgotten"
"""The lake table of digests."""
_SCHEMA: Mapping[str, pl.DataType] = {
    "table": pl.String(),
    "columns": pl.List(pl.String()),
    "kinds": pl.List(pl.String()),
    "salt": pl.String(),
    "digest": pl.String(),
    "bucket": pl.Int64(),
    "time": pl.Datetime("us", "UTC"),
}


class Forgotten:
    """Tells which records of a table belong to somebody who was forgotten.

    It takes a frame of records, as texts or typed, and gives a series that is true where one is theirs. `in_text` tells it of the text of a
    record that could not be cut into columns.
    """

    def __init__(self, known: tuple[Digests, ...]) -> None:
        self._known = known

    @property
    def is_empty(self) -> bool:
        """Whether nobody was forgotten."""
        return not self._known

    def __call__(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each record is theirs."""
        found = pl.repeat(False, frame.height, eager=True)
        for keys in self._known:
            found = found | keys.rows(frame)
        return found.alias("forgotten")

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each record is theirs."""
        return self(frame)

    def has(self, record: Mapping[str, object]) -> bool:
        """Whether an object of a JSON text is theirs."""
        return any(keys.has(record) for keys in self._known)

    def in_text(self, raw: str) -> bool:
        """Whether a record that could not be cut into columns seems to be theirs."""
        return any(keys.in_text(raw) for keys in self._known)


def forgotten(workspace: Workspace, data: DataSpec, table: str) -> Forgotten:
    """Who was forgotten in a table; nobody is the usual case, and costs nothing."""
    tables = Tables(workspace.lake)
    if not tables.exists(FORGOTTEN):
        return Forgotten(())
    rows = tables.read(FORGOTTEN).filter(pl.col("table") == table).collect()
    source = data.sources.get(table)
    columns = data.contract_of(table).columns if source is not None else {}
    written = {name: spec.format for name, spec in columns.items() if spec.format}
    return Forgotten(
        tuple(
            Digests(
                tuple(part["columns"][0]),
                part["salt"][0],
                frozenset(part["digest"]),
                frozenset(part["bucket"]),
                tuple(part["kinds"][0]),
                written,
                source.nulls if source else (),
            )
            for part in rows.with_columns(pl.col("columns", "kinds").list.join("\x1f").name.suffix("_")).partition_by("columns_", "kinds_", "salt")
        )
    )


def remember(tables: Tables, table: str, keys: Keys) -> list[str]:
    """Keeps the digests of keys, each once; the digests, sorted."""
    there = tables.read(FORGOTTEN).collect() if tables.exists(FORGOTTEN) else pl.DataFrame(schema=_SCHEMA)
    salt = there["salt"][0] if there.height else secrets.token_hex(16)
    values = sorted(keys.values)
    made = pl.DataFrame(
        {
            "table": [table] * len(values),
            "columns": [list(keys.columns)] * len(values),
            "kinds": [list(keys.kinds)] * len(values),
            "salt": [salt] * len(values),
            "digest": [digest_of(value, salt) for value in values],
            "key": ["\x1f".join(value) for value in values],
            "time": [now()] * len(values),
        },
        schema={**{name: kind for name, kind in _SCHEMA.items() if name != "bucket"}, "key": pl.String()},
    )
    made = made.with_columns(bucket_of("key").alias("bucket")).select(list(_SCHEMA))
    fresh = made.join(there.filter(pl.col("table") == table), on=["digest", "columns"], how="anti")
    if fresh.height:
        tables.append(FORGOTTEN, fresh)
    return sorted(made["digest"])
