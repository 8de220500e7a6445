"""A first look at a table, as a data engineer takes it: distributions, what is missing, what goes together, and what to ask; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from loopline.data.explore.associations import MEASURES, Associations, associations
from loopline.data.explore.coverage import Coverage, coverage, time_column
from loopline.data.explore.distribution import Distribution, distribution
from loopline.data.explore.missing import Missing, missing
from loopline.data.explore.question import Look, Question
from loopline.data.explore.questions import questions
from loopline.data.explore.survey import Survey
from loopline.data.explore.target import Relations, relations
from loopline.data.outcome import Target
from loopline.data.proposals.leaks import Finding, find, is_identifier

_RELATED_ROWS = 50_000


@dataclass(frozen=True)
class Exploration:
    """What a first look found.

    Parameters
    ----------
    name, source
        What the table is called, and where it was read from.
    identifiers
        Columns that tell rows apart.
    leaks
        Columns that a model should not learn from, and why; only with a target can leaks be found.
    notes
        What a reader must know before the figures.
    at
        When the look was taken (UTC).
    """

    name: str
    source: str
    notes: tuple[str, ...]
    survey: Survey
    columns: tuple[Distribution, ...]
    missing: Missing
    associations: Associations
    relations: Relations | None
    coverage: Coverage | None
    identifiers: tuple[str, ...]
    leaks: tuple[Finding, ...]
    questions: tuple[Question, ...]
    at: datetime

    @property
    def cells_missing(self) -> float:
        """The share of all cells that hold nothing."""
        cells = self.survey.rows * len(self.columns)
        return sum(column.missing for column in self.columns) / cells if cells else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values: all that the page says."""
        keys = self.survey.key_repeats
        return {
            "table": self.name,
            "source": self.source,
            "notes": list(self.notes),
            "at": self.at.isoformat(timespec="seconds"),
            "rows": self.survey.rows,
            "sample": {"rows": self.survey.sample.height, "whole": self.survey.is_whole},
            "columns": [column.to_json() for column in self.columns],
            "missing": {"share": round(self.cells_missing, 6), **self.missing.to_json()},
            "associations": {**self.associations.to_json(), "measures": MEASURES},
            "target": None if self.relations is None else self.relations.to_json(),
            "time": None if self.coverage is None else self.coverage.to_json(),
            "duplicates": {**asdict(self.survey.repeats), "key": list(self.survey.key), "key_rows": None if keys is None else keys.rows},
            "identifiers": list(self.identifiers),
            "leaks": [asdict(finding) for finding in self.leaks],
            "questions": [question.to_json() for question in self.questions],
        }


def explore(
    survey: Survey,
    *,
    name: str,
    source: str = "",
    notes: Sequence[str] = (),
    target: Target | None = None,
    time: str | None = None,
    now: datetime | None = None,
) -> Exploration:
    """What a first look at a surveyed table finds.

    Parameters
    ----------
    notes
        What a reader must know before the figures.
    target
        What is to be predicted.
    time
        The column that says when a row happened; it is looked for where nobody says.
    now
        The moment of the look (UTC, without a zone); now by default.
    """
    now = now or datetime.now(UTC).replace(tzinfo=None)
    sample = survey.sample
    time = time or time_column(survey.moments, survey.rows)
    found = tuple(find(sample, target, time=time)) if target is not None else _without_target(survey, time)
    identifiers = tuple(finding.column for finding in found if finding.kind == "identifier")
    columns = tuple(distribution(survey.profile.columns[column], sample[column], whole=survey.is_whole) for column in sample.columns)
    compared = _compared(survey, identifiers, target)
    lacking = missing(sample, time=time)
    paired = associations(sample.select(compared))
    covered = coverage(time, survey.moments[time]) if time is not None and time in survey.moments else None
    look = Look(survey, {column.name: column for column in columns}, lacking, covered, paired, found, now)
    return Exploration(
        name=name,
        source=source,
        notes=tuple(notes),
        survey=survey,
        columns=columns,
        missing=lacking,
        associations=paired,
        relations=_related(survey, target, compared, time),
        coverage=covered,
        identifiers=identifiers,
        leaks=tuple(finding for finding in found if finding.kind != "identifier"),
        questions=questions(look),
        at=now,
    )


def _without_target(survey: Survey, time: str | None) -> tuple[Finding, ...]:
    """What can be said of columns without knowing what is to be predicted: identifiers, and columns with one value."""
    found = []
    for name in survey.sample.columns:
        values = survey.sample[name]
        if values.n_unique() <= 1:
            found.append(Finding(name, "constant", "it holds one value in every row"))
        elif name != time and is_identifier(values):
            found.append(Finding(name, "identifier", "it names the row: each has its own"))
    return tuple(found)


def _compared(survey: Survey, identifiers: Sequence[str], target: Target | None) -> list[str]:
    """The columns that may have something to do with each other, the target first."""
    sample = survey.sample
    names = []
    for name, dtype in sample.schema.items():
        known = sample.height - sample[name].null_count()
        distinct = survey.profile.columns[name].distinct_count()
        names_rows = name in identifiers or (not (dtype.is_numeric() or dtype.is_temporal()) and distinct > 0.5 * max(1, known))
        if known and distinct > 1 and not names_rows and not dtype.is_nested():
            names.append(name)
    return sorted(names, key=lambda name: target is None or name != target.name)


def _related(survey: Survey, target: Target | None, compared: Sequence[str], time: str | None) -> Relations | None:
    if target is None:
        return None
    sample = survey.sample
    if sample.height > _RELATED_ROWS:
        sample = sample[np.sort(np.random.default_rng(0).choice(sample.height, _RELATED_ROWS, replace=False))]
    return relations(sample, target, [name for name in compared if name not in (target.name, time)])
