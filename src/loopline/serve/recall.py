"""A prediction that was made, found again by its id, and what came of it: in the log's segments, or in the tables that they were collected into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import polars as pl

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.collect import FILE, Collected
from loopline.serve.records import day_told
from loopline.serve.segments import Kind, listing, slices

_TABLE = "predictions"
_NO_DAY = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A prediction as it was answered: the package that made it, the row as it was sent with what was looked up, and what was said.

    Parameters
    ----------
    time, event_time
        When it was made, and the moment that it is about; None where that is not kept.
    scores
        The probability of each class; empty but for several classes.
    ms
        How long the answer took, where that is known.
    apart
        Where chance took it from its package's policy: ``holdout``, ``instead_of`` (what the policy would have decided), ``experiment``, ``arm``.
    """

    id: str
    package: str
    row: dict[str, Any]
    score: float
    decision: str
    time: datetime | None = None
    event_time: datetime | None = None
    scores: dict[str, float] = field(default_factory=dict)
    looked_up: dict[str, Any] = field(default_factory=dict)
    ms: float | None = None
    apart: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class After:
    """What came after a prediction was answered.

    Parameters
    ----------
    outcomes
        What really happened, as it was told: ``outcome`` and ``time``, oldest first; the last one holds.
    feedback
        What people said of it: ``rating``, ``text``, ``who`` and ``time``, oldest first.
    shadows
        What a challenger on trial said of the same row: ``package``, ``decision``, ``score`` and ``error``.
    """

    outcomes: tuple[dict[str, Any], ...] = ()
    feedback: tuple[dict[str, Any], ...] = ()
    shadows: tuple[dict[str, Any], ...] = ()


def recall(lake: Lake, id: str) -> Recalled:
    """The prediction with an id; only what was kept of the day that the id carries is read.

    Raises
    ------
    Mistake
        When no prediction has it.
    """
    found = next(chain(_of_table(lake, _TABLE, id), _of_log(lake, "predictions", id)), None)
    if found is not None:
        return _recalled(id, found)
    raise Mistake(f"there is no prediction {id[:80]!r}", where="--id", remedy="give the id as it was answered, such as 20130701-c2a91f00-5vexsdnsobs3usr7")


def after(lake: Lake, id: str) -> After:
    """What came after the prediction with an id; nothing where nobody has said anything yet."""
    wanted: dict[Kind, tuple[str, ...]] = {
        "outcomes": ("outcome", "time"),
        "feedback": ("rating", "text", "who", "time"),
        "shadows": ("package", "decision", "score", "error", "time"),
    }
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for kind, names in wanted.items():
        told = [{name: said.get(name) for name in names} for said in (*_of_table(lake, kind, id), *_of_log(lake, kind, id))]
        found[kind] = tuple(sorted(({**one, "time": _moment(one["time"])} for one in told), key=lambda one: one["time"] or _NO_DAY))
    return After(found["outcomes"], found["feedback"], found["shadows"])


def _of_table(lake: Lake, name: str, id: str) -> Iterator[dict[str, Any]]:
    """The rows of a table about an id."""
    tables = Tables(lake)
    if not tables.exists(name):
        return
    rows = tables.read(name)
    if (day := day_told(id)) is not None:
        rows = rows.filter(pl.col("day") == day)
    yield from rows.filter(pl.col("prediction_id") == id).collect().iter_rows(named=True)


def _of_log(lake: Lake, kind: Kind, id: str) -> Iterator[dict[str, Any]]:
    """The records about an id that the tables have not got yet."""
    done = Collected.read(lake.log / FILE).offsets
    wanted = json.dumps(id, ensure_ascii=False).encode()
    # A segment is named by the day on which it was written, most often that of the id: it is looked into first.
    for segment in sorted(listing(lake.log, kind), key=lambda one: not one.name.startswith(id[:8])):
        for part in slices(segment, after=done.get(segment.name, 0)):
            for line in part.lines:
                if wanted in line and (said := json.loads(line))["id"] == id:
                    yield said


def _recalled(id: str, said: dict[str, Any]) -> Recalled:
    return Recalled(
        id=id,
        package=said["package"],
        row=_object(said["row"]),
        score=said["score"],
        decision=str(said["decision"]),
        time=_moment(said.get("time")),
        event_time=_moment(said.get("event_time")),
        scores=_object(said.get("scores")),
        looked_up=_object(said.get("looked_up")),
        ms=said.get("ms"),
        apart={name: said[name] for name in ("holdout", "instead_of", "experiment", "arm") if said.get(name) not in (None, False)},
    )


def _object(said: Any) -> dict[str, Any]:
    """An object of a record, which a table keeps as text."""
    value = json.loads(said) if isinstance(said, str) else said
    return value if isinstance(value, dict) else {}


def _moment(said: Any) -> datetime | None:
    return datetime.fromisoformat(said) if isinstance(said, str) else said
