"""A package's test part as it was kept: what a gate judges by, and what two packages are compared on."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.model.blocks import Blocks
from loopline.model.candidates import Part
from loopline.model.columns import raw
from loopline.model.policy import money
from loopline.model.predictor import Predictor, Scores

OUTCOME, UNAIDED, BLOCK = "__outcome", "__unaided", "__block"


@dataclass(frozen=True, eq=False)
class Kept:
    """Raw columns, outcomes, the money of each row without a model, and what each is resampled with."""

    frame: pl.DataFrame
    part: Part
    unaided: NDArray[np.float64]
    blocks: Blocks

    @classmethod
    def of(cls, parquet: bytes, task: Task, columns: frozenset[str]) -> Kept:
        """The test part from its file; `columns` are those that worth, policies and slices read."""
        frame = pl.read_parquet(io.BytesIO(parquet))
        outcome = frame[OUTCOME].to_numpy() if task != "multiclass" else np.array(frame[OUTCOME].to_list(), dtype=object)
        there = [name for name in frame.columns if name in columns]
        return cls(frame.drop(OUTCOME, UNAIDED, BLOCK), Part(outcome, raw(frame, there)), frame[UNAIDED].to_numpy(), frame[BLOCK].to_numpy())

    def scores(self, predictor: Predictor) -> Scores:
        """What a package says of the rows; a column that they do not have is null, and `lacks` names it.

        Raises
        ------
        Mistake
            When they have none of its columns, or a value does not fit its column.
        """
        return predictor.predict(raw(self.frame, [name for name in predictor.columns if name in self.frame.columns]))

    def lacks(self, predictor: Predictor) -> list[str]:
        """The columns that a package reads and the rows do not have."""
        return [name for name in predictor.columns if name not in self.frame.columns]


@dataclass(frozen=True, eq=False)
class Rival:
    """Another package on a package's kept rows.

    Parameters
    ----------
    earned
        The money of each of its decisions, shape (n,); None where it cannot score the rows.
    note
        Why it cannot, or what it had to do without.
    """

    package: str
    earned: NDArray[np.float64] | None
    note: str = ""

    @classmethod
    def of(cls, rival: Predictor, predictor: Predictor, kept: Kept, worth: Worth) -> Rival:
        """What a rival earns on the rows that were kept of a package."""
        for what in ("task", "target", "positive"):
            if rival.manifest[what] != predictor.manifest[what]:
                return cls(rival.package, None, f"its {what} is {rival.manifest[what]!r}, and now it is {predictor.manifest[what]!r}")
        try:
            scores = kept.scores(rival)
        except Mistake as error:
            return cls(rival.package, None, str(error))
        absent = kept.lacks(rival)
        note = f"it had to do without {', '.join(absent)}" if absent else ""
        return cls(rival.package, money(rival.policy, worth, scores.decision, kept.part.outcome, kept.part.columns), note)
