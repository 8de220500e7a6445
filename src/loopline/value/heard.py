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


def heard(tables: Tables, versions: Mapping[str, int], collected: Mapping[str, Any]) -> Heard | None:
    """What customers said, from the log's table of feedback; None where nobody said anything.

    Parameters
    ----------
    versions
        The version of each of the log's tables.
    collected
        The figures of all feedback, as the collecting adds them up (`loopline.serve.collect`).
    """
    count = collected.get("received", 0) - collected.get("repeated", 0)
    if "feedback" not in versions or not count:
        return None
    words = _words(tables.read("feedback", version=versions["feedback"]))
    newest = tuple(Word(time, given, _cut(text)) for time, given, text in reversed(words.rows()))
    return Heard(count=count, **{name: collected[name] for name in ("rated", "mean", "low", "high")}, newest=newest)


def _words(given: pl.LazyFrame) -> pl.DataFrame:
    """The newest texts that are still their author's last word on a decision, oldest first; all feedback is never sorted for them."""
    has_text = pl.col("text").str.strip_chars() != ""
    looked_at = NEWEST
    while True:
        about = given.filter(has_text).select("prediction_id", "time").top_k(looked_at, by=["time", "prediction_id"]).collect()
        held = latest(given.join(about.lazy().select("prediction_id").unique(), on="prediction_id", how="semi"), ("prediction_id", "who"))
        words = held.filter(has_text).sort("time", "prediction_id").tail(NEWEST).select("time", "rating", "text").collect()
        if about.height < looked_at or words.filter(pl.col("time") >= about["time"].min()).height == NEWEST:
            return words
        looked_at *= 4


def _cut(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"
