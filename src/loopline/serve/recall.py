"""A prediction that was made, found again by its id: in the log's segments, or in the table that they were collected into."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.records import day_told
from loopline.serve.segments import records

_TABLE = "predictions"


@dataclass(frozen=True, slots=True)
class Recalled:
    """A prediction as it was answered: the package that made it, the row as it was sent with what was looked up, and what was said."""

    id: str
    package: str
    row: dict[str, Any]
    score: float
    decision: str


def recall(lake: Lake, id: str) -> Recalled:
    """The prediction with an id.

    Raises
    ------
    Mistake
        When no prediction has it.
    """
    if Tables(lake).exists(_TABLE):
        day = day_told(id)
        # The day, where the id carries one, spares all files but its own: a table may have millions of rows.
        there = pl.lit(True) if day is None else pl.col("day") == day
        found = Tables(lake).read(_TABLE).filter(there, pl.col("prediction_id") == id).select("package", "row", "score", "decision").head(1).collect()
        if found.height:
            package, row, score, decision = found.row(0)
            return Recalled(id, package, json.loads(row), score, decision)
    # What was answered since the last collection stands only in the log.
    wanted = json.dumps(id).encode()
    for part in records(lake.log, "predictions"):
        for line in part.lines:
            if wanted in line and (said := json.loads(line))["id"] == id:
                return Recalled(id, said["package"], said["row"], said["score"], str(said["decision"]))
    raise Mistake(f"there is no prediction {id[:80]!r}", where="--id", remedy="give the id as it was answered, such as 20130701-c2a91f00-5vexsdnsobs3usr7")
