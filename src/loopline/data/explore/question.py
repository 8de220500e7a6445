"""A question to somebody who knows the subject, with what was seen that raises it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl

from loopline.data.explore.associations import Associations
from loopline.data.explore.coverage import Coverage
from loopline.data.explore.distribution import Distribution
from loopline.data.explore.missing import Missing
from loopline.data.explore.survey import Survey
from loopline.data.proposals.leaks import Finding

_YEAR_NAME = re.compile(r"(?i)(^|_)(year|yr|jahr|annee)(_|$)|year$")


@dataclass(frozen=True)
class Question:
    """What an expert should be asked.

    Parameters
    ----------
    kind
        The rule that raises it.
    columns
        The columns that it is about; none for one about the whole table.
    ask
        The question.
    because
        What was seen.
    weight
        How much hangs on the answer: 3 much, 2 something, 1 little.
    examples
        Values that show it.
    """

    kind: str
    columns: tuple[str, ...]
    ask: str
    because: str
    weight: int
    examples: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "columns": list(self.columns), "examples": list(self.examples)}


@dataclass(frozen=True)
class Look:
    """What the rules look at.

    Parameters
    ----------
    now
        The moment of the look, without a zone (UTC): what is later is in the future.
    """

    survey: Survey
    distributions: Mapping[str, Distribution]
    missing: Missing
    coverage: Coverage | None
    associations: Associations
    leaks: tuple[Finding, ...]
    now: datetime

    @property
    def sample(self) -> pl.DataFrame:
        """The rows that were drawn."""
        return self.survey.sample

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers that vary and describe rows, not name them."""
        names = {finding.column for finding in self.leaks if finding.kind != "leak"}
        return tuple(name for name, one in self.distributions.items() if one.type in ("integer", "number") and name not in names and one.profile.known)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Columns of texts that hold something."""
        return tuple(name for name, one in self.distributions.items() if one.type == "text" and one.profile.known)

    @cached_property
    def values(self) -> Mapping[str, pl.DataFrame]:
        """Of each column of texts, the distinct ones of the sample with their counts (``text``, ``count``), the most frequent first."""
        return {name: _values(self.sample[name]) for name in self.texts}

    def of_rows(self, rows: int) -> str:
        """So many rows, in words: of all, or of the sample."""
        return f"{rows:,} {'row' if rows == 1 else 'rows'}" + ("" if self.survey.is_whole else f" of the sample of {self.sample.height:,}")


Rule = Callable[[Look], Iterable[Question]]


def quoted(values: Iterable[str], *, most: int = 4) -> str:
    """Texts as a list in words, each in quotes."""
    shown = list(values)
    cut = [text if len(text) <= 40 else text[:39] + "…" for text in shown[:most]]
    more = f" and {len(shown) - most:,} more" if len(shown) > most else ""
    return ", ".join(f"“{text}”" for text in cut) + more


def is_year(name: str) -> bool:
    """Whether a column's name says that it holds years."""
    return bool(_YEAR_NAME.search(name))


def _values(series: pl.Series) -> pl.DataFrame:
    return series.drop_nulls().cast(pl.String).alias("text").value_counts(name="count").sort(["count", "text"], descending=[True, False])
