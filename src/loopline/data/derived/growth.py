"""What came to a table since it was last looked at, where all that was there is there still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from loopline.data.spec import ROW
from loopline.lake.tables import Tables


@dataclass(frozen=True)
class Held:
    """A version of a table: its identity, how many rows it has, and the greatest place in the order of delivery; -1 where it has none."""

    id: str
    version: int
    rows: int
    last: int

    def plain(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)

    def is_version(self, said: Mapping[str, Any]) -> bool:
        """Whether it is the version of these plain values."""
        return (self.id, self.version) == (said["id"], said["version"])


def held(tables: Tables, name: str, at: Mapping[str, Any]) -> Held:
    """The version of a table that a step's inputs name by ``id`` and ``version``."""
    rows, last = tables.read(name, version=at["version"]).select(pl.len(), pl.col(ROW).max()).collect().row(0)
    return Held(at["id"], at["version"], rows, -1 if last is None else last)


def new_rows(tables: Tables, name: str, before: Mapping[str, Any], now: Held) -> pl.LazyFrame | None:
    """The rows that a version has beyond an earlier one; None where it is not certain that it has all of that one's rows as they were.

    Parameters
    ----------
    before
        The plain values of the earlier version.
    """
    if before["id"] != now.id or before["version"] > now.version or not tables.only_grew(name, before["version"], now.version):
        return None
    fresh = tables.read(name, version=now.version).filter(pl.col(ROW) > before["last"])
    return fresh if int(fresh.select(pl.len()).collect().item()) == now.rows - before["rows"] else None
