"""The evidence for readiness: what the lake holds of a project's main table, of what was served, and of the outcomes that came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth, as_text
from loopline.data.readiness.readiness import Column, Evidence
from loopline.data.spec import HIDDEN, ColumnSpec, DataSpec
from loopline.declaration import Moment
from loopline.errors import LooplineError, Mistake
from loopline.lake.tables import Tables
from loopline.ledger.entry import now

_FEW_CLASSES = 20
_ENOUGH = 20
_LAST_DAYS = 28
_SERVED_ROWS, _DELAYS = 1000, 100_000


def evidence(data: DataSpec, charter: CharterSpec, tables: Tables, *, test_share: float, at: datetime | None = None) -> Evidence:
    """What is there of the main table; it is read column by column, so that memory does not grow with their number.

    Raises
    ------
    Mistake
        When nothing has been taken in yet.
    """
    name, source = data.main, data.sources[data.main]
    if not tables.exists(name):
        raise Mistake(f"table {name} does not exist yet: nothing was taken in", remedy="loopline run --until data")
    rows, moment = tables.read(name), at or now()
    schema = rows.collect_schema()
    total = int(rows.select(pl.len()).collect().item())
    key = [column for column in source.key if column in schema]
    repeated = total - int(rows.select(pl.struct(key).n_unique()).collect().item()) if key and total else 0
    classes, known = _outcomes(rows, schema, charter)
    due, missing = _due(rows, schema, charter, moment)
    return Evidence(
        table=name,
        rows=total,
        columns=_columns(rows, schema, data, charter, tables),
        now=moment,
        time=source.time,
        known=known,
        classes=classes,
        due=due,
        missing=missing,
        delays_s=_delays(rows, schema, charter, tables),
        key=key,
        repeated=repeated,
        fresh_within=data.contract.batch.fresh,
        worth_columns=_worth_columns(charter, classes),
        test_share=test_share,
        **_times(rows, schema, source.time),
    )


def _moment(moment: Moment, schema: Mapping[str, pl.DataType]) -> pl.Expr | None:
    """A charter's moment in each row; None where its column is no time."""
    kind = schema.get(moment.column)
    if kind is None or not (kind == pl.Date or isinstance(kind, pl.Datetime)):
        return None
    return pl.col(moment.column).cast(pl.Datetime("us", "UTC")) + pl.lit(timedelta(seconds=moment.offset_s))


def _columns(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType], data: DataSpec, charter: CharterSpec, tables: Tables) -> dict[str, Column]:
    decided = _moment(charter.decided, schema) if charter.decided else None
    outcome = pl.col(charter.predict).is_not_null() if charter.predict in schema else pl.lit(True)
    served = _served(tables)
    counts = rows.select(with_outcome=outcome.sum(), without=(~outcome).sum()).collect().row(0)
    split = min(counts) >= _ENOUGH
    shown = {}
    for name, kind in schema.items():
        if name in HIDDEN:
            continue
        there = pl.col(name).is_not_null()
        wanted = [there.mean().alias("known"), there.filter(outcome).mean().alias("with_outcome"), there.filter(~outcome).mean().alias("without_outcome")]
        if decided is not None and isinstance(kind, pl.Datetime):
            wanted.append((pl.col(name).cast(pl.Datetime("us", "UTC")) > decided).mean().alias("later"))
        found = rows.select(wanted).collect().row(0, named=True)
        # The moments that the charter counts from are planned times: they are known before they come.
        planned = name in {moment.column for moment in (charter.decided,) if moment}
        shown[name] = Column(
            known=float(found["known"] or 0.0),
            later=0.0 if planned else float(found.get("later") or 0.0),
            with_outcome=found["with_outcome"] if split else None,
            without_outcome=found["without_outcome"] if split else None,
            served=None if served is None else served.get(name),
            use=data.contract.columns.get(name, ColumnSpec()).use and name not in data.sources[data.main].key,
        )
    return shown


def _served(tables: Tables) -> dict[str, float] | None:
    """The share of the last served requests that had each column which the package asks for; None where nothing was served."""
    if not tables.exists("predictions"):
        return None
    last = tables.read("predictions").sort("time", descending=True).head(_SERVED_ROWS).select("row").collect()["row"].drop_nulls()
    if last.is_empty():
        return None
    cells = last.str.json_decode(infer_schema_length=None).struct.unnest()
    return {name: 1 - cells[name].null_count() / len(last) for name in cells.columns}


def _outcomes(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType], charter: CharterSpec) -> tuple[dict[str, int], int]:
    """How many rows each class has (none for a number), and how many have an outcome."""
    if charter.predict not in schema:
        return {}, 0
    known = rows.select(charter.predict).drop_nulls()
    number = int(known.select(pl.len()).collect().item())
    distinct = int(known.select(pl.col(charter.predict).n_unique()).collect().item())
    is_number = schema[charter.predict].is_float() or (schema[charter.predict].is_integer() and distinct > _FEW_CLASSES)
    if charter.task == "regression" or (charter.task is None and is_number) or distinct > 10 * _FEW_CLASSES:
        return {}, number
    counts = known.group_by(charter.predict).len().collect()
    return {as_text(value): count for value, count in counts.iter_rows()}, number


def _due(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType], charter: CharterSpec, at: datetime) -> tuple[int, int]:
    """How many outcomes should be known by now, and how many of them are not."""
    when = _moment(charter.outcome_known, schema) if charter.outcome_known else None
    if when is None or charter.predict not in schema:
        return 0, 0
    due = when <= pl.lit(at.astimezone(UTC))
    found = rows.select(due=due.sum(), missing=(due & pl.col(charter.predict).is_null()).sum()).collect().row(0)
    return int(found[0] or 0), int(found[1] or 0)


def _delays(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType], charter: CharterSpec, tables: Tables) -> tuple[float, float] | None:
    """Seconds from the decision to the outcome, the usual one and the 95th of a hundred: of what was served, else of two columns."""
    if tables.exists("predictions") and tables.exists("outcomes"):
        outcomes, predictions = tables.read("outcomes"), tables.read("predictions")
        # Of a large log as many as tell it, by chance, each with all that was told of it: memory does not grow with the log.
        share = max(1, int(outcomes.select(pl.len()).collect().item()) // _DELAYS)
        found = _served_delays(predictions, outcomes, share)
        # Outcomes may have come of much that was never served here: then those few that were are drawn too seldom, and all of them are read.
        if found is None and share > 1:
            found = _served_delays(predictions, outcomes, 1)
        if found is not None:
            return found
    known, decided = charter.outcome_known, charter.decided
    if known is None or decided is None or known.column == decided.column:
        return None
    late, early = _moment(known, schema), _moment(decided, schema)
    return None if late is None or early is None else _quantiles(rows.select((late - early).alias("delay")))


def _served_delays(predictions: pl.LazyFrame, outcomes: pl.LazyFrame, share: int) -> tuple[float, float] | None:
    """The delays of one in so many of the predictions; None where they are too few to tell."""
    id = pl.col("prediction_id")
    drawn = id.hash(0) % share == 0
    asked = predictions.filter(drawn)
    told = outcomes.filter(drawn).join(asked, on="prediction_id", how="semi").group_by(id).agg(pl.col("time").min().alias("told"))
    return _quantiles(asked.join(told, on="prediction_id", how="inner").select((pl.col("told") - pl.col("time")).alias("delay")))


def _quantiles(delays: pl.LazyFrame) -> tuple[float, float] | None:
    seconds = delays.select(pl.col("delay").dt.total_seconds().cast(pl.Float64)).drop_nulls().collect(engine="streaming")["delay"]
    if len(seconds) < _ENOUGH:
        return None
    return float(seconds.quantile(0.5, "linear") or 0.0), float(seconds.quantile(0.95, "linear") or 0.0)


def _times(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType], time: str | None) -> dict[str, Any]:
    if time is None or time not in schema or not (schema[time] == pl.Date or isinstance(schema[time], pl.Datetime)):
        return {}
    found = rows.select(first=pl.col(time).min(), last=pl.col(time).max(), moments=pl.col(time).n_unique()).collect().row(0, named=True)
    first, last = _as_moment(found["first"]), _as_moment(found["last"])
    if first is None or last is None:
        return {}
    since = max(first, last - timedelta(days=_LAST_DAYS))
    newest = int(rows.select((pl.col(time).cast(pl.Datetime("us", "UTC")) >= pl.lit(since)).sum()).collect().item())
    days, all_days = ((last - start).total_seconds() / 86_400 for start in (since, first))
    return {
        "first": first,
        "last": last,
        "per_day": newest / days if days >= 1 else None,
        "gap_days": all_days / (found["moments"] - 1) if found["moments"] > 1 else None,
    }


def _as_moment(value: date | datetime | None) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _worth_columns(charter: CharterSpec, classes: Mapping[str, int]) -> Sequence[str]:
    task = charter.task or (charter.worth.tasks or ("binary" if len(classes) == 2 else "multiclass" if classes else "regression",))[0]
    try:
        return sorted(Worth.of(charter.worth, task).columns)
    except (LooplineError, ValueError):
        return []
