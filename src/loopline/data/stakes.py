"""What is at stake in the rows of a table, for a charter: the outcome and the money of no model and of a perfect one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from loopline.charter.spec import CharterSpec
from loopline.charter.worth import columns_of
from loopline.data.outcome import Target, outcome_facts, target_of
from loopline.data.spec import HIDDEN, ROW


@dataclass(frozen=True)
class Stakes:
    """What is predicted, the facts of `loopline.data.outcome.outcome_facts`, and the table's columns."""

    target: Target
    outcome: dict[str, Any]
    schema: dict[str, pl.DataType]


def stakes(rows: pl.LazyFrame, charter: CharterSpec) -> Stakes:
    """What is at stake in the rows.

    Raises
    ------
    Mistake
        When the target or a worth expression is not what the charter says.
    """
    schema = {name: dtype for name, dtype in rows.collect_schema().items() if name not in HIDDEN}
    wanted = {charter.predict, *columns_of(charter.worth)}
    frame = rows.sort(ROW).select(name for name in schema if name in wanted).collect()
    target = target_of(frame, charter, columns=list(schema))
    return Stakes(target, outcome_facts(frame, charter, target, columns=list(schema)), schema)
