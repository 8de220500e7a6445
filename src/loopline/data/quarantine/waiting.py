"""The refused rows that wait: for somebody's word, or, once it was given, for a replay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from loopline.data.quarantine.mends import told
from loopline.data.quarantine.quarantine import KEY, rows
from loopline.lake.tables import Tables


@dataclass(frozen=True)
class Waiting:
    """How many refused rows wait; those that entered their table, were merged or were given up wait no more.

    Parameters
    ----------
    unsaid
        Those of which nobody has said anything since they were last refused, and since when the newest of them wait.
    mended
        Those of which somebody has, so that a replay may take them in, and since when the newest of them do.
    """

    unsaid: int = 0
    unsaid_since: datetime | None = None
    mended: int = 0
    mended_since: datetime | None = None


def parted(refused: pl.LazyFrame, said: pl.DataFrame) -> pl.LazyFrame:
    """Refused rows with `said`, when somebody spoke of them last; null where nobody has since they were last refused.

    Parameters
    ----------
    said
        What `loopline.data.quarantine.mends.told` gives.
    """
    newest = said.lazy().group_by(KEY).agg(pl.col("time").max().alias("said"))
    known = refused.join(newest, on=list(KEY), how="left", maintain_order="left")
    return known.with_columns(pl.when(pl.col("said") >= pl.coalesce("moved", "time")).then("said").alias("said"))


def waiting(tables: Tables) -> Waiting:
    """What waits of all refused rows."""
    refused = rows(tables).filter(pl.col("state") == "refused").select(*KEY, "time", "moved")
    unsaid = pl.col("said").is_null()
    found = parted(refused, told(tables)).select(
        unsaid=unsaid.sum(),
        unsaid_since=pl.coalesce("moved", "time").filter(unsaid).max(),
        mended=(~unsaid).sum(),
        mended_since=pl.col("said").max(),
    )
    return Waiting(**found.collect().row(0, named=True))
