"""Decisions of one package beside what came of them, as arrays in the order of time: what slices, criteria and what-ifs are worked out on."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.worth import Worth
from loopline.data.spec import ColumnType
from loopline.lake.tables import Tables
from loopline.model.blocks import Blocks, by_time
from loopline.model.candidates import Judge, Part
from loopline.model.columns import raw
from loopline.model.evaluate import Judged
from loopline.model.package import Package
from loopline.model.policy import ACT
from loopline.model.predictor import Predictor
from loopline.watch.gauge import Gauge, as_served
from loopline.watch.served import WHEN, decoded, joined
from loopline.watch.windows import Said, Yardstick, judge, priced

NEWEST = 100_000
"""So many decisions are looked at, the newest ones: more would tell little more, and memory must not grow with the log."""

_NO_TIME = "__when"

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Decisions:
    """Decisions whose outcome is known, for n rows in the order of time.

    Parameters
    ----------
    judged
        Decisions beside outcomes, with the money of each; its columns are the raw columns that were asked for.
    gain, perfect
        Money of each decision above no model, and of a perfect one, shape (n,).
    time
        The moment that each is about in UTC, shape (n,), datetime64[us]; NaT where the rows have none.
    asked
        Whether a person was asked instead, shape (n,).
    open_score, open_columns
        Scores and raw columns of the rows whose outcome has not come.
    """

    yardstick: Yardstick
    judged: Judged
    gain: NDArray[np.float64]
    perfect: NDArray[np.float64]
    time: NDArray[np.datetime64]
    asked: NDArray[np.bool_]
    open_score: NDArray[np.float64]
    open_columns: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.judged)

    @property
    def columns(self) -> Mapping[str, Array]:
        """The raw columns, each of shape (n,)."""
        return self.judged.columns

    @property
    def blocks(self) -> Blocks:
        """The block of each row, shape (n,): rows of one day or week are alike."""
        return by_time(self.time if not np.isnat(self.time).any() else np.arange(len(self)))

    def at(self, worth: Worth, *, without_model: bool | str | float | None = None) -> Decisions:
        """The same decisions at other prices, whose columns are among these.

        Parameters
        ----------
        without_model
            The one decision for all that they are held against; the package's where None.
        """
        constant = self.yardstick.without_model if without_model is None else without_model
        yardstick, judged = replace(self.yardstick, worth=worth, without_model=constant), self.judged
        told = Said(judged.decision, judged.score, self.asked, self.columns)
        priced_anew, gain, perfect = priced(told, judged.outcome, yardstick)
        return replace(self, yardstick=yardstick, judged=replace(priced_anew, columns=self.columns), gain=gain, perfect=perfect)

    def unaided(self, worth: Worth) -> bool | str | float:
        """The one decision for all that earns most on them at some prices, as the worth takes it."""
        judged = self.judged
        best = Judge(judged.task, judged.classes, worth).unaided(Part(judged.outcome, judged.columns))
        return best == ACT if judged.task == "binary" else best

    def where(self, kept: NDArray[np.bool_]) -> Decisions:
        """Some of them, shape (n,): those that are kept."""
        return replace(self, judged=self.judged.where(kept), gain=self.gain[kept], perfect=self.perfect[kept], time=self.time[kept], asked=self.asked[kept])

    def within(self, since: datetime | None, until: datetime | None) -> Decisions:
        """Those about moments from `since` to before `until`."""
        kept = np.ones(len(self), dtype=bool)
        if since is not None:
            kept &= self.time >= _plain(since)
        if until is not None:
            kept &= self.time < _plain(until)
        return self.where(kept)


def _plain(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def types_of(package: Package, names: Collection[str]) -> dict[str, ColumnType]:
    """The types of columns as the package's signature has them; those that it does not know are read as categories."""
    known = {column["name"]: column["type"] for column in package.parsed("signature.json")["columns"]}
    return {name: known.get(name, "category") for name in sorted(names)}


def served(
    tables: Tables, versions: Mapping[str, int], measured: Gauge, columns: Mapping[str, ColumnType], *, with_open: bool = False, most: int = NEWEST
) -> Decisions | None:
    """What a package decided and what came of it, from the log's tables: its newest decisions; None where it has not served.

    Parameters
    ----------
    versions
        The version of each of the log's tables.
    columns
        Columns of the requests that are read beside those of the gauge, with their types.
    with_open
        Whether the rows without an outcome are read too.
    """
    if "predictions" not in versions:
        return None
    outcomes = tables.read("outcomes", version=versions["outcomes"]) if "outcomes" in versions else None
    predictions = tables.read("predictions", version=versions["predictions"]).filter(pl.col("package") == measured.yardstick.package)
    newest = _newest(predictions, outcomes, measured.yardstick.package, most=most, with_open=with_open)
    classes = measured.yardstick.classes if measured.yardstick.task == "multiclass" else ()
    return of_frame(decoded(newest, {**measured.columns, **columns}, classes), measured.yardstick) if newest.height else None


def _newest(predictions: pl.LazyFrame, outcomes: pl.LazyFrame | None, package: str, *, most: int, with_open: bool) -> pl.DataFrame:
    """The newest decisions of a package's predictions, in the order of time.

    Twice as many predictions nearly always have them: only those are joined with what came of them, so that memory does not grow with the log.
    """

    def found(predictions: pl.LazyFrame, outcomes: pl.LazyFrame | None) -> pl.DataFrame:
        # What chance took from the policy is no decision of its own.
        frame = joined(predictions, outcomes, package).filter(~pl.col("holdout"), ~pl.col("tried"))
        frame = frame if with_open else frame.filter(pl.col("outcome").is_not_null())
        return frame.sort("when", "prediction_id").tail(most).collect(engine="streaming")

    many = 2 * most
    late = predictions.select(when=WHEN).top_k(many, by="when").select(pl.len(), pl.min("when")).collect(engine="streaming")
    if late.item(0, "len") == many:
        lately = predictions.filter(late.item(0, "when") <= WHEN)
        told = None if outcomes is None else outcomes.join(lately.select("prediction_id"), on="prediction_id", how="semi")
        if (newest := found(lately, told)).height == most:
            return newest
    return found(predictions, outcomes)


def on_test_part(package: Package, evidence: bytes, measured: Gauge, columns: Mapping[str, ColumnType]) -> Decisions | None:
    """What the package decides on its test part, as if it had been served there; None where no row of it has a time, though it has the column."""
    frame = pl.read_parquet(io.BytesIO(evidence))
    timed = measured.time is not None and frame[measured.time].dtype.is_temporal()
    gauge = replace(measured, columns={**measured.columns, **columns}, time=measured.time if timed else _NO_TIME)
    if not timed:
        frame = frame.with_columns(pl.lit(datetime(1970, 1, 1)).alias(_NO_TIME))
    predictor = Predictor(package)
    scores = predictor.predict(raw(frame, [name for name in predictor.columns if name in frame.columns]))
    made = as_served(frame, scores, gauge)
    if not made.height:
        return None
    found = of_frame(made.sort("when", maintain_order=True), measured.yardstick)
    return found if timed else replace(found, time=np.full(len(found), np.datetime64("NaT"), dtype="datetime64[us]"))


def of_frame(frame: pl.DataFrame, yardstick: Yardstick) -> Decisions:
    """The decisions of a frame as `loopline.watch.windows.windows` takes it, in the order of its rows."""
    known = frame.filter(pl.col("outcome").is_not_null())
    waiting = frame.filter(pl.col("outcome").is_null())
    judged, gain, perfect = judge(known, yardstick) if known.height else _none(yardstick)
    return Decisions(
        yardstick=yardstick,
        judged=replace(judged, columns=_columns(known)),
        gain=gain,
        perfect=perfect,
        time=known["when"].dt.replace_time_zone(None).to_numpy(),
        asked=np.asarray(known["decision"] == "ask"),
        open_score=waiting["score"].to_numpy(),
        open_columns=_columns(waiting),
    )


def _columns(frame: pl.DataFrame) -> dict[str, Array]:
    row = frame["row"].struct.unnest()
    return raw(row, row.columns)


def _none(yardstick: Yardstick) -> tuple[Judged, NDArray[np.float64], NDArray[np.float64]]:
    nothing = np.empty(0)
    typed = nothing.astype({"binary": bool, "multiclass": object, "regression": np.float64}[yardstick.task])
    scores = np.empty((0, len(yardstick.classes))) if yardstick.task == "multiclass" else nothing
    return Judged(yardstick.task, yardstick.classes, typed, typed, scores, nothing), nothing, nothing
