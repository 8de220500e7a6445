"""Rows to predictions: checked against the package's signature, scored, decided, each with its id."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np

from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.model.predictor import Predictor, Scores
from loopline.model.reasons import Explained
from loopline.model.signing import Trust
from loopline.serve.apart import NOTHING, Apart, Decided, Decider
from loopline.serve.lookups import Found, Lookups
from loopline.serve.outcomes import Truth
from loopline.serve.signature import Problem, Signature
from loopline.serve.split import unit_of

HINTS = 100
"""From so many problems in one request on, no more nearest names are looked for: nobody reads them, and they would hold up the server."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prediction as it stands in the log.

    Parameters
    ----------
    time, event_time
        When it was made, and the moment that it is about, as ISO 8601 in UTC.
    key, row
        The row as it was sent, with what was looked up, and its key columns once more.
    score
        Binary: probability of the positive class. Multiclass: probability of the decided class. Regression: the value.
    scores
        Multiclass: probability of each class.
    looked_up
        What was looked up of the row, by the lookups' names; None where nothing was.
    leg
        Id of the entry that began the leg of the rollout in which it was made; None where no package was on trial.
    ms
        Time in milliseconds that scoring took, told while a rollout compares, of rows that were asked alone.
    holdout
        Whether it was decided without the model; None where there was no hold-out.
    instead_of
        What the model decided, where that was not done.
    experiment, arm
        Id of the entry that began the experiment that it took part in, and its arm; None where it took part in none.
    """

    id: str
    time: str
    event_time: str
    package: str
    key: dict[str, Any]
    row: dict[str, Any]
    score: float
    scores: dict[str, float] | None
    decision: str | float
    looked_up: dict[str, Found] | None = None
    leg: str | None = None
    ms: float | None = None
    holdout: bool | None = None
    instead_of: str | float | None = None
    experiment: str | None = None
    arm: str | None = None


def stamp(moment: datetime | date) -> str:
    """A moment as ISO 8601 in UTC; naive ones are taken as UTC, and a date as its midnight.

    >>> stamp(date(2013, 7, 1))
    '2013-07-01T00:00:00Z'
    """
    if not isinstance(moment, datetime):
        return f"{moment.isoformat()}T00:00:00Z"
    return (moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment).isoformat() + "Z"


def id_head(package: str, moment: datetime) -> str:
    """How the ids of a package's predictions of a day begin."""
    return f"{moment:%Y%m%d}-{package[:8]}-"


def prediction_ids(package: str, moment: datetime, count: int) -> list[str]:
    """New ids that carry the day and the package; 80 random bits keep those of all servers apart."""
    head = id_head(package, moment)
    noise = os.urandom(10 * count)
    return [head + base64.b32encode(noise[at : at + 10]).decode().lower() for at in range(0, 10 * count, 10)]


class Scorer:
    """Scores rows with one package; threads may share it."""

    def __init__(self, predictor: Predictor) -> None:
        self.package = predictor.package
        self.signature = Signature.of(predictor.signature["columns"])
        self.truth = Truth(predictor.task, predictor.classes)
        self.family: str = predictor.manifest["family"]
        self.key: tuple[str, ...] = tuple(predictor.manifest["key"])
        self.time: str | None = predictor.manifest["time"]
        self.lookups = Lookups(predictor.signature.get("lookups", ()), self.signature.columns)
        self.decider = Decider(predictor, NOTHING)
        self._predictor = predictor
        self._names = [column.name for column in self.signature.columns]
        self._time_at = self._names.index(self.time) if self.time in self._names else None

    def set_apart(self, apart: Apart) -> None:
        """Have rows decided apart from now on; a request that is being scored is not touched.

        Raises
        ------
        Mistake
            When the hold-out's decision is none of the package's.
        """
        if apart != self.decider.apart:
            self.decider = Decider(self._predictor, apart)

    def warm(self) -> None:
        """Predict once, so that the first request does not pay for what is made lazily."""
        self.score([{**dict.fromkeys(name for lookup in self.lookups.all for name in lookup.ours), **self.example()}], datetime.now(UTC))

    def example(self) -> dict[str, Any]:
        """A row that the package takes, of this moment."""
        return self.signature.example(datetime.now(UTC))

    def score(self, rows: Sequence[object], moment: datetime, *, leg: str | None = None) -> tuple[list[Prediction], list[Problem]]:
        """A prediction for every row, or else every problem of every row; one of the two is empty.

        Parameters
        ----------
        rows
            JSON values.
        moment
            Now: the time of the predictions, and their event time where the row does not say one.
        leg
            What each prediction says of the rollout that compares it; one that was asked alone says also how long it took.
        """
        since = time.perf_counter()
        values: list[list[Any]] = []
        problems: list[Problem] = []
        found: list[dict[str, Found]] = []
        whole: list[Any] = list(rows)
        for index, row in enumerate(rows):
            read, wrong = self.signature.read(row, index, hints=len(problems) < HINTS)
            if self.lookups.all and not wrong:
                whole[index], looked_up, wrong = self.lookups.fill(whole[index], read, index, moment)
                found.append(looked_up)
            values.append(read)
            problems += wrong
        if problems or not rows:
            return [], problems
        columns = dict(zip(self._names, zip(*values, strict=True), strict=True))
        scores = self.predict(columns)
        problems = [Problem(int(index), "", "the model has no finite score for it", "values like those seen in training") for index in unscored(scores)]
        ms = (time.perf_counter() - since) * 1000 if leg is not None and len(rows) == 1 else None
        if problems:
            return [], problems
        decided = self.decider.decide(scores, columns, lambda: [unit_of(dict(zip(self._names, row, strict=True)), self.key) for row in values])
        return list(self._predictions(whole, values, found, scores, decided, moment, leg, ms)), []

    def predict(self, columns: Mapping[str, Any], *, whole_periods: bool = False) -> Scores:
        """Scores and decisions for columns of n typed values each, as `Predictor.predict` gives them; the features must be among them."""
        return self._predictor.predict(columns, whole_periods=whole_periods)

    @property
    def limited_per(self) -> str | None:
        """What the policy's limit counts by, such as ``day``; None where it has none."""
        return self._predictor.policy.get("per")

    @property
    def tells_reasons(self) -> bool:
        """Whether the package has the background that reasons are told against."""
        return self._predictor.background is not None

    def reasons(self, columns: Mapping[str, Any], row: int = 0) -> Explained:
        """Why one of the rows of typed columns gets its score."""
        return self._predictor.explain(columns, row)

    def typed(self, row: object) -> dict[str, list[Any]]:
        """A row as columns of one typed value each; the row as it stands in the log, with what was looked up.

        Raises
        ------
        Mistake
            When the row is not as the signature wants it.
        """
        values, problems = self.signature.read(row, 0)
        if problems:
            raise Mistake(problems[0].what, where=problems[0].where, remedy=f"give {problems[0].expected}")
        return {name: [value] for name, value in zip(self._names, values, strict=True)}

    def explain(self, row: object) -> Explained:
        """Why a row gets its score; the row as `typed` takes it.

        Raises
        ------
        Mistake
            When the row is not as the signature wants it, or the package tells no reasons.
        """
        return self.reasons(self.typed(row))

    def _predictions(
        self,
        rows: Sequence[Any],
        values: Sequence[Sequence[Any]],
        found: Sequence[dict[str, Found]],
        scores: Scores,
        decided: Decided,
        moment: datetime,
        leg: str | None,
        ms: float | None,
    ) -> Iterator[Prediction]:
        now = stamp(moment)
        decisions = decided.decision.tolist()
        numbers = scores.score.tolist()
        by_class = scores.scores.tolist() if scores.scores is not None else None
        for at, (id, row) in enumerate(zip(prediction_ids(self.package, moment, len(rows)), rows, strict=True)):
            event = values[at][self._time_at] if self._time_at is not None else None
            yield Prediction(
                id=id,
                time=now,
                event_time=now if event is None else stamp(event),
                package=self.package,
                key={name: row[name] for name in self.key if name in row},
                row=row,
                score=numbers[at],
                scores=None if by_class is None else dict(zip(self.truth.classes, by_class[at], strict=True)),
                decision=decisions[at],
                looked_up=found[at] or None if found else None,
                leg=leg,
                ms=ms,
                **decided.said(at),
            )


def unscored(scores: Scores) -> list[int]:
    """The rows without a finite score."""
    return np.flatnonzero(~np.isfinite(scores.score)).tolist()


def load(blobs: Blobs, package: str, trust: Trust) -> Scorer:
    """The scorer of a package in the lake, every byte of it checked against its digest and its signature.

    Raises
    ------
    LooplineError
        When the package is not there, is not what its digest says, or nobody who is trusted signed it.
    """
    return Scorer(Predictor.load(blobs, package, trust))
