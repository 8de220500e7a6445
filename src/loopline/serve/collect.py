"""The log's segments as Delta tables, and how the outcomes that came fit the predictions that were made."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from loopline.declaration import counted
from loopline.engine.step import Facts
from loopline.lake.tables import Tables
from loopline.ledger.entry import now
from loopline.serve.records import DECODERS, GENERAL, OF_PREDICTIONS, SCHEMAS
from loopline.serve.segments import KINDS, Kind, Segment, Slice, listing, slices
from loopline.workspace import Job

FILE = "collected.json"
"""Where what has been collected is counted, in the log's folder."""

_CORRECTABLE: frozenset[Kind] = frozenset({"outcomes", "feedback", "measures"})
"""Of what is said of one thing several times the newest holds."""
_SKEW = timedelta(hours=1)
"""Clocks of two machines may differ by so much; one that is further ahead had jumped."""


@dataclass
class Collected:
    """What has been collected so far: counts that are cheap to carry on, and the table versions at which they hold.

    It is a cache beside the log. The truth is in the tables: where a version is not the one written here, because a collection
    was killed or a table restored, everything is counted anew.
    """

    versions: dict[str, int | None] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    days: dict[str, list[int]] = field(default_factory=dict)
    heard: dict[str, list[float | None]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Collected:
        """The cache in a file; an empty one where there is none, it cannot be read, or it counts other things."""
        try:
            said = json.loads(file.read_bytes())
            return cls(**said) if set(said) == {one.name for one in fields(cls)} else cls()
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, file: Path) -> None:
        """Keep it, wholly or not at all."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)))
        os.replace(part, file)


def run(job: Job) -> Facts:
    """Append what the listed segments hold beyond the tables, and count how outcomes fit predictions.

    A slice of a segment is one commit that carries the segment's name and the slice's end as its application transaction: killed
    anywhere, the next run goes on behind the last commit, and no record is there twice.
    """
    tables, folder = Tables(job.workspace.lake), job.workspace.lake.log
    file = folder / FILE
    state = Collected.read(file)
    whole = state.versions != versions(tables)
    if whole:
        state = Collected()
    days = _append(job, tables, state)
    if whole or state.versions != versions(tables):
        recount(tables, state, None if whole else days)
        state.versions = versions(tables)
        if folder.is_dir():
            state.write(file)
    return _facts(job, tables, state)


def versions(tables: Tables) -> dict[str, int | None]:
    """The version of each of the log's tables; None where it does not exist yet."""
    return {kind: tables.version(kind).version if tables.exists(kind) else None for kind in KINDS}


def latest(told: pl.LazyFrame, by: Sequence[str] = ("prediction_id",)) -> pl.LazyFrame:
    """One outcome for each prediction: of several, the one that came last holds.

    Parameters
    ----------
    told
        The table ``outcomes``, or a part of it; or ``feedback``.
    by
        Of what there is one each: of feedback for each prediction and person, ``prediction_id`` and ``who``.
    """
    return told.sort("time", maintain_order=True).unique(by, keep="last", maintain_order=True)


def no_later(told: pl.DataFrame, collected: datetime) -> pl.DataFrame:
    """The records with times no later than their collection: else what was said while a clock was far ahead would hold against every correction.

    Those from ahead keep their distances from one another, and with them their order.
    """
    ahead = pl.col("time") > collected + _SKEW
    return told.with_columns(time=pl.when(ahead).then(pl.col("time") - (pl.col("time").max() - collected)).otherwise("time"))


def _append(job: Job, tables: Tables, state: Collected) -> set[date]:
    """Append what is new; the days of the predictions that it is about."""
    days: set[date] = set()
    todo = [(kind, segment) for kind in KINDS for segment in _listed(job, kind)]
    new_bytes = sum(segment.size_bytes - _done(tables, state, kind, segment) for kind, segment in todo)
    read = 0
    for kind, segment in todo:
        for part in slices(segment, after=state.offsets[segment.name]):
            frame, broken = _frame(kind, part)
            frame = no_later(frame, now()) if kind in _CORRECTABLE else frame
            if kind == "refused":
                # One commit: the second of two with the same name and end would be taken for a repetition.
                _commit(tables, state, kind, pl.concat([frame, broken]), part)
            else:
                if broken.height:
                    _commit(tables, state, "refused", broken, replace(part, segment=f"{part.segment}:broken"))
                _commit(tables, state, kind, frame, part)
                if kind in (*OF_PREDICTIONS, "feedback"):
                    days |= set(frame["day"].unique().to_list())
            state.offsets[segment.name] = part.end
            read += part.end - part.start
            job.progress.at(read, new_bytes, unit="bytes of the log")
    return days


def _listed(job: Job, kind: Kind) -> list[Segment]:
    """The segments as long as they were when the step was asked for."""
    sizes: Mapping[str, int] = job.step.inputs["segments"][kind]
    found = listing(job.workspace.lake.log, kind)
    return [Segment(kind, segment.name, segment.path, sizes[segment.name]) for segment in found if segment.name in sizes]


def _done(tables: Tables, state: Collected, kind: Kind, segment: Segment) -> int:
    """The byte up to which a segment is in its table."""
    if segment.name not in state.offsets:
        state.offsets[segment.name] = (tables.batch_version(kind, segment.name) or 0) if tables.exists(kind) else 0
    return state.offsets[segment.name]


def _commit(tables: Tables, state: Collected, kind: Kind, frame: pl.DataFrame, part: Slice) -> None:
    commit = tables.append(kind, frame, batch=part.segment, batch_version=part.end)
    if kind == "refused" and not commit.repeated:
        for name, rows in frame.group_by("kind").len().iter_rows():
            state.refused[name] = state.refused.get(name, 0) + rows


def _frame(kind: Kind, part: Slice) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A slice's records as a frame, and the lines that are no record, as refused ones."""
    decoder = DECODERS[kind]
    cells: list[tuple[Any, ...]] = []
    broken: list[tuple[Any, ...]] = []
    for line in part.lines:
        if not line.strip():
            # Somebody was forgotten: their line was overwritten with spaces.
            continue
        try:
            cells.append(decoder.decode(line).cells())
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            # Only a damaged disk makes such a line. Its time is unknown: the segment's name has the day.
            moment = datetime.strptime(part.segment[:8], "%Y%m%d").replace(tzinfo=UTC)
            reason = f"{part.segment}, bytes {part.start} to {part.end}: the line is no record ({error})"
            broken.append((moment, moment.date(), "line", "", json.dumps([reason]), line.decode("utf-8", "replace")))
    return _rows(kind, cells), _rows("refused", broken)


def _rows(kind: Kind, cells: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(cells, schema=dict(SCHEMAS[kind]), orient="row")


def recount(tables: Tables, state: Collected, days: Iterable[date] | None) -> None:
    """Count anew the days that were touched, or with None every day and every refusal."""
    if days is None:
        state.refused = dict(tables.read("refused").group_by("kind").len().collect().iter_rows()) if tables.exists("refused") else {}
    if tables.exists("outcomes"):
        state.days |= {day.isoformat(): counts for day, *counts in _fit(tables, days).iter_rows()}
    if tables.exists("feedback"):
        state.heard |= {day.isoformat(): figures for day, *figures in _heard(tables, days).iter_rows()}


def _fit(tables: Tables, days: Iterable[date] | None) -> pl.DataFrame:
    """For each day: outcomes, predictions with an outcome, those without a known prediction, repeated ones, contradicted ids."""
    outcomes = _of_days(tables.read("outcomes"), days).select("prediction_id", "outcome", "day")
    told = outcomes.group_by("prediction_id", "day").agg(rows=pl.len(), differ=pl.col("outcome").n_unique() > 1)
    return (
        told.join(_known(tables, days), on="prediction_id", how="left")
        .with_columns(pl.col("known").fill_null(False))
        .group_by("day")
        .agg(
            received=pl.col("rows").sum(),
            matched=pl.col("known").sum(),
            early=(~pl.col("known")).sum(),
            repeated=pl.col("rows").sum() - pl.len(),
            contradictory=pl.col("differ").sum(),
        )
        .sort("day")
        .collect()
    )


def _heard(tables: Tables, days: Iterable[date] | None) -> pl.DataFrame:
    """For each day of predictions, of the feedback: items, each person's last words, those on a known prediction, figures of the ratings, and words on none."""
    told = _of_days(tables.read("feedback"), days).select("prediction_id", "who", "time", "rating", "day")
    rating = pl.col("rating")
    held = latest(told, ("prediction_id", "who")).join(_known(tables, days), on="prediction_id", how="left")
    figures = held.group_by("day").agg(
        held=pl.len(),
        matched=pl.col("known").count(),
        rated=rating.count(),
        total=rating.sum(),
        low=rating.min(),
        high=rating.max(),
        general=pl.col("prediction_id").str.contains(GENERAL).sum(),
    )
    return told.group_by("day").agg(received=pl.len()).join(figures, on="day").sort("day").collect()


def _known(tables: Tables, days: Iterable[date] | None) -> pl.LazyFrame:
    """The ids of the predictions that were made, marked as known."""
    if not tables.exists("predictions"):
        return pl.LazyFrame(schema={"prediction_id": pl.String, "known": pl.Boolean})
    return _of_days(tables.read("predictions"), days).select("prediction_id", known=pl.lit(True))


def _of_days(rows: pl.LazyFrame, days: Iterable[date] | None) -> pl.LazyFrame:
    return rows if days is None else rows.filter(pl.col("day").is_in(list(days)))


def feedback(state: Collected) -> dict[str, Any]:
    """How much feedback came, how it fits the predictions, and how they are rated."""
    columns = list(zip(*state.heard.values(), strict=True)) or [()] * 8
    received, held, matched, rated, general = (int(sum(counts)) for counts in (*columns[:4], columns[7]))
    lows, highs = ([one for one in column if one is not None] for column in columns[5:7])
    return {
        **{"received": received, "matched": matched, "general": general, "early": held - matched - general},
        **{"repeated": received - held, "malformed": state.refused.get("feedback", 0)},
        **{"rated": rated, "mean": sum(columns[4]) / rated if rated else None, "low": min(lows, default=None), "high": max(highs, default=None)},
    }


def _fitting(early: int, repeated: int, malformed: int) -> list[str]:
    """What did not fit, in words."""
    told = ((early, "for predictions not known (yet)"), (repeated, "repeated"), (malformed, "malformed"))
    return [f"{count:,} {what}" for count, what in told if count]


def _said(feedback: Mapping[str, Any]) -> str:
    """How much feedback came, and how much of it belongs to a known prediction, in words; empty where none came."""
    if not feedback["received"] and not feedback["malformed"]:
        return ""
    about_all = [f"{feedback['general']:,} about all decisions"] if feedback["general"] else []
    parts = [f"{feedback['matched']:,} for known predictions", *about_all, *_fitting(feedback["early"], feedback["repeated"], feedback["malformed"])]
    return f"; {counted(feedback['received'], 'item of feedback', 'items of feedback')}: {', '.join(parts)}"


def _facts(job: Job, tables: Tables, state: Collected) -> Facts:
    received, matched, early, repeated, contradictory = (sum(counts) for counts in zip(*state.days.values(), strict=True)) if state.days else (0,) * 5
    malformed = state.refused.get("outcome", 0)
    refused = state.refused.get("row", 0)
    heard = feedback(state)
    made = tables.version("predictions") if tables.exists("predictions") else None
    rows = made.rows if made else 0
    parts = [counted(rows, "prediction"), f"{counted(matched, 'outcome')} matched"] if rows or received else ["nothing served yet"]
    parts += [*_fitting(early, repeated, malformed), *([f"{contradictory:,} contradicted (the latest word holds)"] if contradictory else [])]
    parts += [f"{counted(refused)} refused"] if refused else []
    return {
        "says": ", ".join(parts) + _said(heard),
        "champion": job.step.inputs["champion"],
        "predictions": {"rows": rows, "version": made.version if made else None},
        "refused": refused,
        "outcomes": {
            "received": received,
            "matched": matched,
            "early": early,
            "repeated": repeated,
            "contradictory": contradictory,
            "malformed": malformed,
        },
        "feedback": heard,
        "versions": {name: version for name, version in versions(tables).items() if version is not None},
    }
