"""What a package served, as frames: predictions beside their newest outcome, the requests' JSON as columns. Lazy, and read slice by slice."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from loopline.data.spec import ColumnType
from loopline.errors import Fault
from loopline.serve.collect import latest
from loopline.serve.split import CONTROL
from loopline.watch.windows import starts

SLICE_ROWS = 200_000
"""Rows whose requests are decoded at a time."""

_DTYPES: Mapping[ColumnType, Any] = {"integer": pl.Float64, "number": pl.Float64, "boolean": pl.Boolean}


def apart(columns: Collection[str]) -> dict[str, pl.Expr]:
    """Whether chance took a prediction from its package's policy: ``holdout``, held out; ``tried``, given to another arm of an experiment than the control.

    Parameters
    ----------
    columns
        Those of the table: one that was written before anything was split does not say so.
    """
    arm = pl.col("arm").is_not_null() & (pl.col("arm") != CONTROL) if "arm" in columns else pl.lit(False)
    return {"holdout": pl.col("holdout").fill_null(False) if "holdout" in columns else pl.lit(False), "tried": arm}


def joined(predictions: pl.LazyFrame, outcomes: pl.LazyFrame | None, package: str) -> pl.LazyFrame:
    """A package's predictions with what `apart` tells, ``when`` (the moment that each is about), ``outcome`` (the last one, null where none is) and ``told``.

    Parameters
    ----------
    predictions, outcomes
        The tables of the same names.
    """
    taken, when = apart(predictions.collect_schema()), pl.coalesce("event_time", "time").dt.cast_time_unit("us")
    own = predictions.filter(pl.col("package") == package).select("prediction_id", "time", "row", "score", "scores", "decision", **taken, when=when)
    if outcomes is None:
        return own.with_columns(outcome=pl.lit(None, dtype=pl.String), told=pl.lit(None, dtype=pl.Datetime("us", "UTC")))
    return own.join(latest(outcomes.select("prediction_id", "outcome", "time")).rename({"time": "told"}), on="prediction_id", how="left")


def slices(frame: pl.LazyFrame, span: timedelta, *, most: int = SLICE_ROWS) -> Iterator[pl.DataFrame]:
    """The rows in slices of whole windows, in the order of time, each of about `most` rows at most, so that memory does not grow with them all."""
    sizes = frame.group_by(start=starts(pl.col("when"), span)).len().sort("start").collect(engine="streaming")
    first: datetime | None = None
    filled = 0
    for start, rows in sizes.iter_rows():
        if first is not None and filled + rows > most:
            yield _between(frame, first, start)
            first, filled = None, 0
        first, filled = start if first is None else first, filled + rows
    if first is not None:
        yield _between(frame, first, None)


def _between(frame: pl.LazyFrame, first: datetime, until: datetime | None) -> pl.DataFrame:
    part = frame.filter(pl.col("when") >= first)
    whole = (part if until is None else part.filter(pl.col("when") < until)).collect(engine="streaming")
    # Sums of floats depend on the order: the same tables must give the same windows to the last digit.
    return whole.sort("when", "prediction_id")


def decoded(frame: pl.DataFrame, columns: Mapping[str, ColumnType], classes: Sequence[str] = ()) -> pl.DataFrame:
    """The frame with ``row`` as a struct of the named columns, and ``scores`` as one of the classes' probabilities where there are classes.

    Booleans stay, numbers are float64, all else is text. A value of another type is null: the server has checked the types.
    """
    made = [_struct(frame["row"], {name: _DTYPES.get(kind, pl.String) for name, kind in columns.items()})]
    if classes:
        made.append(_struct(frame["scores"], dict.fromkeys(classes, pl.Float64)))
    return frame.with_columns(made)


def _struct(texts: pl.Series, schema: Mapping[str, Any]) -> pl.Series:
    """JSON objects as a struct; JSON Lines are read in parallel, which a decoding of each text is not."""
    if not schema:
        return pl.Series(texts.name, [{}] * len(texts), dtype=pl.Struct({}))
    lines = texts.fill_null("{}").str.join("\n").item() if len(texts) else ""
    if not lines:
        return pl.Series(texts.name, [], dtype=pl.Struct(schema))
    read = pl.read_ndjson(io.BytesIO(lines.encode()), schema=dict(schema), ignore_errors=True)
    if read.height != len(texts):
        raise Fault(
            f"{len(texts) - read.height:,} logged requests cannot be read",
            where="table predictions",
            remedy="restore it: loopline ledger log shows its versions",
        )
    return read.to_struct(texts.name)


def refused_rows(refused: pl.LazyFrame | None, predictions: pl.LazyFrame, package: str, span: timedelta) -> dict[datetime, int]:
    """Rows refused by a package, by the start of the window.

    A refused row has no moment that can be trusted: it counts in the window of the prediction that was made nearest to its arrival, and no later than
    that. After the last prediction its moment moves on with the clock, so that what is refused when nothing is answered any more has windows of its own.

    Parameters
    ----------
    predictions
        What `joined` gives.
    """
    if refused is None:
        return {}
    turned_away = refused.filter((pl.col("kind") == "row") & (pl.col("package") == package)).select("time").sort("time").collect()
    if turned_away.is_empty():
        return {}
    made = predictions.select("time", "when", made="time").sort("time").collect()
    if made.height:
        last, near = made["time"][-1], turned_away.join_asof(made, on="time", strategy="nearest")
        on = pl.when(pl.col("time") > last).then(pl.col("time") - pl.col("made")).otherwise(pl.duration())
        turned_away = near.select(time=pl.min_horizontal(pl.col("when") + on, "time"))
    counted = turned_away.group_by(start=starts(pl.col("time"), span)).len()
    return dict(counted.iter_rows())
