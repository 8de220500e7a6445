"""Rows with one key in one batch: which of them stays, and into which the others are merged; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from loopline.data.spec import LINE
from loopline.data.spec_source import Duplicates

LOSERS: Mapping[str, pl.DataType] = {"place": pl.Int64(), "into": pl.Int64(), "reason": pl.String()}
"""The losing rows: their place in the frame from 0, the line of the row that stays (null where none does), and why, in words."""


def losers(frame: pl.DataFrame, key: Sequence[str], rule: Duplicates, *, order: Sequence[str] = ()) -> pl.DataFrame:
    """The rows that make room for another one with the same key, in the frame's order, with the columns of `LOSERS`.

    A row in which a part of the key is null has no key: it never loses here, and the contract refuses it.

    Parameters
    ----------
    frame
        The rows with the columns of the key and of the order, and their line (`LINE`), by which they are sorted already.
    rule
        ``first`` and ``refuse`` keep the first row of a key, ``latest`` the last one by `order`, ``none`` keeps none of them.
    order
        The columns that say which row is the latest: the greatest values, and where these are equal or there are none, the greatest line.
        A null is older than any value.

    Examples
    --------
    >>> frame = pl.DataFrame({"id": [1, 2, 1], "at": [9, 0, 5], LINE: [2, 3, 4]})
    >>> losers(frame, ["id"], "latest", order=["at"]).row(0)
    (2, 2, 'merged into line 2 (latest)')
    """
    keyed = frame.lazy().select(pl.int_range(pl.len(), dtype=pl.Int64).alias("place"), pl.col(LINE).cast(pl.Int64).alias("line"), *_distinct(key, order))
    names = [f"key{index}" for index in range(len(key))]
    several = keyed.drop_nulls(names).filter(pl.len().over(names) > 1)
    if rule == "none":
        reason = pl.lit("the key ") + pl.lit(" and ".join(key)) + pl.format(" stands in {} rows", pl.len().over(names))
        return several.select("place", pl.lit(None, pl.Int64).alias("into"), reason.alias("reason")).sort("place").collect()
    if rule == "latest":
        by = [*(f"order{index}" for index in range(len(order))), "place"]
        ranked = several.sort(by, nulls_last=False)
        stays = (pl.col("place").last().over(names), pl.col("line").last().over(names))
    else:
        ranked = several.sort("place")
        stays = (pl.col("place").first().over(names), pl.col("line").first().over(names))
    reason = pl.lit(f"{' and '.join(key)} repeats an earlier row") if rule == "refuse" else pl.format("merged into line {} ({})", pl.col("into"), pl.lit(rule))
    lost = ranked.with_columns(stays[0].alias("stays"), stays[1].alias("into")).filter(pl.col("place") != pl.col("stays"))
    return lost.select("place", "into", reason.alias("reason")).sort("place").collect()


def _distinct(key: Sequence[str], order: Sequence[str]) -> list[pl.Expr]:
    """The columns under names of their own, because a key and an order may share some."""
    return [*(pl.col(name).alias(f"key{index}") for index, name in enumerate(key)), *(pl.col(name).alias(f"order{index}") for index, name in enumerate(order))]
