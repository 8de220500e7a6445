"""What a package served, as frames: predictions beside their newest outcome, the requests' JSON as columns. Lazy, and read slice by slice."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from loopline.data.spec import ColumnType
from loopline.errors import Fault
from loopline.lake.tables import Tables
from loopline.serve.collect import latest
from loopline.serve.records import SCHEMAS
from loopline.serve.split import CONTROL
from loopline.watch.windows import starts

SLICE_ROWS = 200_000
"""Rows whose requests are decoded at a time."""

_PARTS = 24
"""A window with more rows than a slice is read in so many parts of its time: a day hour by hour."""

_SHORTEST = timedelta(seconds=1)
_DTYPES: Mapping[ColumnType, Any] = {"integer": pl.Float64, "number": pl.Float64, "boolean": pl.Boolean}

WHEN = pl.coalesce("event_time", "time").dt.cast_time_unit("us")
"""The moment that a prediction is about."""
_UNTOLD = {"outcome": pl.lit(None, dtype=pl.String), "told": pl.lit(None, dtype=pl.Datetime("us", "UTC"))}

Days = frozenset[date]
"""Days on which rows arrived: those that the tables' rows are kept by."""


@dataclass(frozen=True)
class Log:
    """The log's tables; None where one does not exist."""

    predictions: pl.LazyFrame
    outcomes: pl.LazyFrame | None = None
    refused: pl.LazyFrame | None = None

    @classmethod
    def at(cls, tables: Tables, versions: Mapping[str, int]) -> Log:
        """The tables at their versions."""
        return cls.of({name: tables.read(name, version=version) for name, version in versions.items() if name in _NAMES})

    @classmethod
    def beyond(cls, tables: Tables, before: Mapping[str, int], versions: Mapping[str, int]) -> Log | None:
        """What came to the tables between two versions; None where a row has changed or gone meanwhile."""
        found: dict[str, pl.LazyFrame] = {}
        for name in _NAMES:
            if name not in versions or name not in before:
                if name in before:
                    return None
                found |= {name: tables.read(name, version=versions[name])} if name in versions else {}
                continue
            if before[name] > versions[name] or not tables.only_grew(name, before[name], versions[name]):
                return None
            found[name] = tables.apart(name, before[name], versions[name])[1]
        return cls.of(found)

    @classmethod
    def of(cls, frames: Mapping[str, pl.LazyFrame]) -> Log:
        """The tables by their names."""
        return cls(frames.get("predictions", pl.LazyFrame(schema=SCHEMAS["predictions"])), frames.get("outcomes"), frames.get("refused"))

    def packages(self) -> set[str]:
        """The packages that served, or refused to."""
        asked = [self.predictions.select("package")]
        if self.refused is not None:
            asked.append(self.refused.filter((pl.col("kind") == "row") & (pl.col("package") != "")).select("package"))
        return set(pl.concat(asked).select(pl.col("package").unique()).collect(engine="streaming")["package"].to_list())

    def on(self, days: Days) -> Log:
        """What arrived on these days, with the outcomes of it."""
        kept = pl.col("day").is_in(sorted(days))
        return Log(self.predictions.filter(kept), *(None if part is None else part.filter(kept) for part in (self.outcomes, self.refused)))

    def sizes(self, package: str, span: timedelta, only: Collection[datetime] | None = None) -> pl.DataFrame:
        """``rows`` and ``days`` of each of the package's windows, by ``start`` in the order of time; of all, or of some."""
        return _sizes(_only(joined(self.predictions, None, package), span, only), span)


_NAMES = ("predictions", "outcomes", "refused")


def _sizes(own: pl.LazyFrame, span: timedelta) -> pl.DataFrame:
    return own.group_by(start=starts(pl.col("when"), span)).agg(rows=pl.len(), days=pl.col("day").unique()).sort("start").collect(engine="streaming")


def _only(own: pl.LazyFrame, span: timedelta, only: Collection[datetime] | None) -> pl.LazyFrame:
    if only is None:
        return own
    return own.filter(starts(pl.col("when"), span).is_in(pl.Series(sorted(only), dtype=pl.Datetime("us", "UTC")).implode()))


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
    columns = predictions.collect_schema()
    taken = apart(columns)
    # Tables that were written before there was such a column do not have it.
    taken["ms"] = pl.col("ms") if "ms" in columns else pl.lit(None, dtype=pl.Float64)
    own = predictions.filter(pl.col("package") == package).select("prediction_id", "day", "time", "row", "score", "scores", "decision", **taken, when=WHEN)
    if outcomes is None:
        return own.with_columns(**_UNTOLD)
    return own.join(latest(outcomes.select("prediction_id", "outcome", "time")).rename({"time": "told"}), on="prediction_id", how="left")


def slices(log: Log, package: str, span: timedelta, sizes: pl.DataFrame, *, most: int = SLICE_ROWS) -> Iterator[pl.DataFrame]:
    """The rows of the windows in slices in the order of time, each of about `most` rows at most, so that memory does not grow with them all.

    A slice holds whole windows, or a part of one that has more rows than that. It reads no other days than those on which its rows arrived, so
    that time does not grow with the log.

    Parameters
    ----------
    sizes
        What `Log.sizes` says of the windows that are read.
    """
    for group in _groups(sizes, most):
        own = log.on(Days().union(*group.days))
        yield from _pieces(_only(joined(own.predictions, None, package).drop(*_UNTOLD), span, group.starts), own.outcomes, span, group.rows, most)


@dataclass
class _Group:
    """Windows that are read together."""

    starts: list[datetime]
    rows: int
    days: list[Days]


def _groups(sizes: pl.DataFrame, most: int) -> list[_Group]:
    """The windows in groups of at most so many rows; one that has more is a group by itself."""
    made: list[_Group] = []
    for start, rows, days in sizes.iter_rows():
        if not made or made[-1].rows + rows > most:
            made.append(_Group([], 0, []))
        made[-1].starts.append(start)
        made[-1].rows += rows
        made[-1].days.append(Days(days))
    return made


def _pieces(rows: pl.LazyFrame, outcomes: pl.LazyFrame | None, span: timedelta, count: int, most: int) -> Iterator[pl.DataFrame]:
    """The rows with their outcomes; those of one window with too many in parts of its time."""
    if count <= most or span <= _SHORTEST:
        yield _told(rows, outcomes)
        return
    part = max(span / _PARTS, _SHORTEST)
    for group in _groups(_sizes(rows, part), most):
        yield from _pieces(_only(rows, part, group.starts), outcomes, part, group.rows, most)


def _told(rows: pl.LazyFrame, outcomes: pl.LazyFrame | None) -> pl.DataFrame:
    # Sums of floats depend on the order: the same tables must give the same windows to the last digit.
    frame = rows.collect(engine="streaming").sort("when", "prediction_id")
    if outcomes is None:
        return frame.with_columns(**_UNTOLD)
    asked = outcomes.select("prediction_id", "outcome", "time").join(frame.lazy().select("prediction_id"), on="prediction_id", how="semi")
    told = latest(asked).rename({"time": "told"}).collect(engine="streaming")
    return frame.join(told, on="prediction_id", how="left", maintain_order="left")


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

    A refused row has no moment that can be trusted: it counts in the window of the prediction that was made nearest to its arrival on the same
    day, and no later than it came. On a day without predictions, and after the day's last one where rows are about the present, it counts in the
    window in which it came, so that what is refused when nothing is answered any more has windows of its own. No other day changes it.

    Parameters
    ----------
    predictions
        What `joined` gives.
    """
    if refused is None:
        return {}
    turned_away = refused.filter((pl.col("kind") == "row") & (pl.col("package") == package)).select("time", "day").sort("time").collect(engine="streaming")
    if turned_away.is_empty():
        return {}
    on = pl.col("day").is_in(turned_away["day"].unique().to_list())
    made = predictions.filter(on).select("time", "day", "when", made="time", last=pl.col("time").max().over("day")).collect(engine="streaming")
    # Of groups Polars cannot check that they are sorted, and would warn.
    near = turned_away.join_asof(made.sort("time", "when"), on="time", by="day", strategy="nearest", check_sortedness=False)
    is_after = (pl.col("time") > pl.col("last")) & (pl.col("made") - pl.col("when") <= span)
    when = near.select(when=pl.when(is_after).then("time").otherwise(pl.min_horizontal("when", "time")))
    return dict(when.group_by(start=starts(pl.col("when"), span)).len().iter_rows())
