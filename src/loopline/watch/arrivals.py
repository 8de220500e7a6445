"""What came in each window, whichever package answered it, and when: kept in chapters from turn to turn, each a blob."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from loopline.lake.blobs import Blobs
from loopline.watch.gaps import between
from loopline.watch.spans import start_of
from loopline.watch.windows import starts

SPANS = 100
"""So many windows a chapter spans."""

WINDOWS_KEPT = 28
"""So many windows with rows before a moment tell how far time had come then."""

_MOMENT = pl.Datetime("us", "UTC")
_SCHEMA: dict[str, Any] = {"start": _MOMENT, "rows": pl.Int64, "first": _MOMENT, "newest": _MOMENT, "last": _MOMENT}
_TOGETHER = (pl.col("rows").sum(), pl.col("first").min(), pl.col("newest").max(), pl.col("last").max())


def arrivals(predictions: pl.LazyFrame, span: timedelta) -> pl.DataFrame:
    """The rows of each window by its ``start``, their ``first`` and ``newest`` arrival, and the ``last`` moment that one is about."""
    when = pl.coalesce("event_time", "time").dt.cast_time_unit("us")
    each = predictions.select(start=starts(when, span), rows=pl.lit(1, pl.Int64), first="time", newest="time", last=when)
    return each.cast(_SCHEMA).group_by("start").agg(*_TOGETHER).sort("start").collect(engine="streaming")  # type: ignore[arg-type]


def together(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """What `arrivals` says of two parts of a log."""
    return pl.concat([one, other]).group_by("start").agg(*_TOGETHER).sort("start")


def rows_of(arrived: pl.DataFrame, span: timedelta) -> dict[datetime, int]:
    """The rows of each window, and those between them that have none."""
    whole: dict[datetime, int] = dict(arrived.select("start", "rows").iter_rows())
    for before, after in pairwise(arrived["start"]):
        whole |= dict.fromkeys(between(before, after, span), 0)
    return dict(sorted(whole.items()))


def newest(blobs: Blobs, chapters: Mapping[str, str], since: datetime) -> pl.DataFrame:
    """What came lately: since a moment and, of what came before, enough to know in which windows nothing came."""
    found = pl.DataFrame(schema=_SCHEMA)
    for _, blob in sorted(chapters.items(), reverse=True):
        rows = [[datetime.fromisoformat(start), rows, *map(datetime.fromisoformat, moments)] for start, rows, *moments in json.loads(blobs.get(blob))]
        found = pl.concat([pl.DataFrame(rows, schema=_SCHEMA, orient="row"), found])
        if (found["start"] < since).sum() > WINDOWS_KEPT:
            break
    return found


def written(blobs: Blobs, chapters: Mapping[str, str], arrived: pl.DataFrame, span: timedelta) -> dict[str, str]:
    """The chapters by their starts, with these windows in place of those of their chapters."""
    parts: dict[str, list[list[object]]] = {}
    for start, rows, *moments in arrived.iter_rows():
        parts.setdefault(start_of(start, SPANS * span).isoformat(), []).append([start.isoformat(), rows, *(one.isoformat() for one in moments)])
    return {**chapters, **{start: blobs.put(json.dumps(part).encode()) for start, part in parts.items()}}
