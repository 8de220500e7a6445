"""Worth by segment: what the decisions earned for each value of the columns that the business thinks in. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.assessment.groups import grouped
from loopline.model.estimates import Estimate, of_mean
from loopline.model.evaluate import SUPPORT
from loopline.watch.decisions import Decisions

COLUMNS = 4
"""Columns whose segments are told where none is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What the decisions of a segment earned.

    Parameters
    ----------
    each, added
        Money per decision, and above no model; the intervals of `added` hold together for all segments.
    share
        Of all decisions.
    acted
        Share acted on (binary); None for other tasks.
    """

    name: str
    column: str
    rows: int
    share: float
    each: Estimate
    added: Estimate
    acted: float | None

    @property
    def loses(self) -> bool:
        """Whether the model surely earns less there than no model would."""
        return self.added.is_below_zero

    def as_json(self) -> dict[str, Any]:
        """The segment as plain values."""
        return {
            "name": self.name,
            "column": self.column,
            "rows": self.rows,
            "share": self.share,
            "per_decision": self.each.as_json(),
            "added": self.added.as_json(),
            "total": self.added.value * self.rows,
            "acted": self.acted,
            "loses": self.loses,
        }


def segments(decisions: Decisions, columns: Sequence[str], *, confidence: float) -> list[Segment]:
    """The segments of the columns, in their order, that rest on `SUPPORT` rows at least.

    With the confidence divided by the number of segments (Bonferroni), one that is said to lose money is no find among many.
    """
    looked = [one for name in columns if name in decisions.columns for one in _rows_of(decisions, name)]
    level, blocks = 1 - (1 - confidence) / max(1, len(looked)), decisions.blocks
    told = []
    for name, label, rows in looked:
        each = of_mean(decisions.judged.money[rows], blocks[rows], level=confidence)
        added = of_mean(decisions.gain[rows], blocks[rows], level=level)
        if each is not None and added is not None:
            acted = float(np.mean(decisions.judged.decision[rows])) if decisions.yardstick.task == "binary" else None
            count = int(rows.sum())
            told.append(Segment(name=label, column=name, rows=count, share=count / len(decisions), each=each, added=added, acted=acted))
    return told


def _rows_of(decisions: Decisions, column: str) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """The column, the name and the rows of each of its segments that has rows enough."""
    groups = grouped(column, decisions.columns[column])
    for code, label in enumerate(groups.labels):
        rows = np.asarray(groups.codes == code)
        if rows.sum() >= SUPPORT:
            yield column, label, rows
