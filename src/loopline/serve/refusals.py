"""Why rows were refused, by how often."""

from __future__ import annotations

import json
from datetime import date

import polars as pl

from loopline.lake.place import Lake
from loopline.lake.tables import Tables

_TABLE = "refused"


def reasons(lake: Lake, first: date, last: date, *, most: int = 20) -> list[tuple[str, int]]:
    """The most frequent reasons for which rows were refused on some days, with the number of rows; a row with several counts for each."""
    tables = Tables(lake)
    if not tables.exists(_TABLE):
        return []
    rows = tables.read(_TABLE).filter(pl.col("day").is_between(first, last), pl.col("kind") == "row")
    counted: dict[str, int] = {}
    for said, count in rows.group_by("reasons").len().collect(engine="streaming").iter_rows():
        for reason in json.loads(said):
            counted[str(reason)] = counted.get(str(reason), 0) + count
    return sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:most]
