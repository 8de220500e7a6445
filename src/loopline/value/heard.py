"""What customers said of the decisions: how many, how they rate them, and their newest words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from loopline.lake.tables import Tables
from loopline.serve.collect import latest

NEWEST, LONGEST = 5, 280


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said, when, and how they rated it; who it was is not told on."""

    time: datetime
    rating: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """All feedback together, each person's last word on a decision.

    Parameters
    ----------
    mean, low, high
        The mean rating, and the lowest and the highest one given; None where nobody rated.
    newest
        The newest texts, cut to `LONGEST` characters.
    """

    count: int
    rated: int
    mean: float | None
    low: float | None
    high: float | None
    newest: tuple[Word, ...]

    def as_json(self) -> dict[str, Any]:
        """The figures as plain values: nobody's words leave the page."""
        return {"count": self.count, "rated": self.rated, "mean": self.mean, "low": self.low, "high": self.high}


def heard(tables: Tables, versions: Mapping[str, int]) -> Heard | None:
    """What customers said, from the log's table of feedback; None where nobody said anything.

    Parameters
    ----------
    versions
        The version of each of the log's tables.
    """
    if "feedback" not in versions:
        return None
    told = latest(tables.read("feedback", version=versions["feedback"]), ("prediction_id", "who"))
    rating = pl.col("rating")
    count, rated, mean, low, high = (
        told.select(pl.len(), rating.count().alias("rated"), rating.mean().alias("mean"), rating.min().alias("low"), rating.max().alias("high"))
        .collect()
        .row(0)
    )
    if not count:
        return None
    words = told.filter(pl.col("text").str.strip_chars() != "").sort("time", "prediction_id").tail(NEWEST).select("time", "rating", "text").collect()
    newest = tuple(Word(time, given, _cut(text)) for time, given, text in reversed(words.rows()))
    return Heard(count=count, rated=rated, mean=mean, low=low, high=high, newest=newest)


def _cut(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"
