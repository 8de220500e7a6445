"""The log's records as rows of their tables: one schema and one decoder for each kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import msgspec
import polars as pl

from loopline.charter.worth import as_text
from loopline.serve.segments import Kind

_UTC = pl.Datetime("us", "UTC")
SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    "predictions": {
        "prediction_id": pl.String,
        "day": pl.Date,
        "time": _UTC,
        "event_time": _UTC,
        "package": pl.String,
        "key": pl.String,
        "row": pl.String,
        "score": pl.Float64,
        "scores": pl.String,
        "decision": pl.String,
        "looked_up": pl.String,
        "leg": pl.String,
        "ms": pl.Float64,
        "holdout": pl.Boolean,
        "instead_of": pl.String,
        "experiment": pl.String,
        "arm": pl.String,
    },
    "outcomes": {"prediction_id": pl.String, "outcome": pl.String, "time": _UTC, "day": pl.Date},
    "feedback": {"prediction_id": pl.String, "rating": pl.Float64, "text": pl.String, "who": pl.String, "time": _UTC, "day": pl.Date},
    "refused": {"time": _UTC, "day": pl.Date, "kind": pl.String, "package": pl.String, "reasons": pl.String, "raw": pl.String},
    "shadows": {
        "prediction_id": pl.String,
        "day": pl.Date,
        "time": _UTC,
        "package": pl.String,
        "kind": pl.String,
        "leg": pl.String,
        "score": pl.Float64,
        "scores": pl.String,
        "decision": pl.String,
        "ms": pl.Float64,
        "error": pl.String,
    },
    "assignments": {"assignment_id": pl.String, "day": pl.Date, "time": _UTC, "experiment": pl.String, "arm": pl.String, "prior": pl.Float64},
    "measures": {"assignment_id": pl.String, "metric": pl.String, "value": pl.Float64, "time": _UTC, "day": pl.Date},
}

GENERAL = r"^\d{8}-page-[0-9a-f]{16}$"
"""The ids of words that are about no single prediction, as `loopline.serve.feedback.general` makes them."""


_ABSENT = msgspec.Raw(b"")


class _Prediction(msgspec.Struct):
    id: str
    time: datetime
    event_time: datetime
    package: str
    key: msgspec.Raw
    row: msgspec.Raw
    score: float
    scores: msgspec.Raw
    decision: str | float
    looked_up: msgspec.Raw = _ABSENT
    leg: str | None = None
    ms: float | None = None
    holdout: bool | None = None
    instead_of: str | float | None = None
    experiment: str | None = None
    arm: str | None = None

    def cells(self) -> tuple[Any, ...]:
        scores = None if bytes(self.scores) == b"null" else str(self.scores, "utf-8")
        key, row, day = str(self.key, "utf-8"), str(self.row, "utf-8"), day_of(self.id, self.time)
        looked_up = str(self.looked_up, "utf-8") or None
        said = self.id, day, self.time, self.event_time, self.package, key, row, self.score, scores, as_text(self.decision), looked_up, self.leg, self.ms
        return *said, self.holdout, None if self.instead_of is None else as_text(self.instead_of), self.experiment, self.arm


class _Outcome(msgspec.Struct):
    id: str
    outcome: str
    time: datetime

    def cells(self) -> tuple[Any, ...]:
        return self.id, self.outcome, self.time, day_of(self.id, self.time)


class _Feedback(msgspec.Struct):
    id: str
    rating: float | None
    text: str | None
    who: str
    time: datetime

    def cells(self) -> tuple[Any, ...]:
        return self.id, self.rating, self.text, self.who, self.time, day_of(self.id, self.time)


class _Refused(msgspec.Struct):
    time: datetime
    kind: str
    package: str
    reasons: list[str]
    raw: str

    def cells(self) -> tuple[Any, ...]:
        return self.time, self.time.date(), self.kind, self.package, json.dumps(self.reasons, ensure_ascii=False), self.raw


class _Shadow(msgspec.Struct):
    id: str
    time: datetime
    package: str
    kind: str
    leg: str = ""
    score: float | None = None
    scores: msgspec.Raw = _ABSENT
    decision: str | float | None = None
    ms: float | None = None
    error: str = ""

    def cells(self) -> tuple[Any, ...]:
        decision = None if self.decision is None else as_text(self.decision)
        scores = str(self.scores, "utf-8") or None
        return self.id, day_of(self.id, self.time), self.time, self.package, self.kind, self.leg, self.score, scores, decision, self.ms, self.error


class _Assignment(msgspec.Struct):
    id: str
    time: datetime
    experiment: str
    arm: str
    prior: float | None

    def cells(self) -> tuple[Any, ...]:
        return self.id, self.time.date(), self.time, self.experiment, self.arm, self.prior


class _Measure(msgspec.Struct):
    id: str
    metric: str
    value: float
    time: datetime

    def cells(self) -> tuple[Any, ...]:
        return self.id, self.metric, self.value, self.time, self.time.date()


DECODERS: Mapping[Kind, msgspec.json.Decoder[Any]] = {
    "predictions": msgspec.json.Decoder(_Prediction),
    "outcomes": msgspec.json.Decoder(_Outcome),
    "feedback": msgspec.json.Decoder(_Feedback),
    "refused": msgspec.json.Decoder(_Refused),
    "shadows": msgspec.json.Decoder(_Shadow),
    "assignments": msgspec.json.Decoder(_Assignment),
    "measures": msgspec.json.Decoder(_Measure),
}
OF_PREDICTIONS: tuple[Kind, ...] = ("predictions", "outcomes", "shadows")
"""The kinds whose new records change how outcomes fit the predictions of their days."""


def day_of(prediction_id: str, otherwise: datetime) -> date:
    """The day that a prediction's id carries; that of the other moment where it is no such id.

    >>> day_of("20130701-0a1b2c3d-xyz", datetime(2013, 7, 2))
    datetime.date(2013, 7, 1)
    """
    return day_told(prediction_id) or otherwise.date()


def day_told(prediction_id: str) -> date | None:
    """The day that a prediction's id carries; None where it is no such id."""
    return _day(prediction_id.split("-")[0])


@lru_cache(maxsize=4096)
def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
