"""What a package's windows are estimated from: estimates that the ledger has, and the test part, which is read and scored at first need."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import polars as pl

from loopline.engine.step import brief_digest, source_digest
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.model.columns import raw
from loopline.model.package import Package
from loopline.model.predictor import Predictor
from loopline.watch.estimate import Reference, estimates
from loopline.watch.estimated import Estimated
from loopline.watch.gauge import Gauge, as_judged
from loopline.watch.windows import Window

_CODE = tuple(f"watch/{module}.py" for module in ("confidence", "estimate", "expected", "reweighted"))


@dataclass(frozen=True, eq=False)
class Basis:
    """Estimates windows, each once.

    Parameters
    ----------
    evidence
        The blob of the test part's rows; None where nothing new is estimated, because the package does not decide or came from elsewhere.
    worth
        The declared worth as plain values.
    known
        The bodies of the package's windows that the ledger has, by start: an estimate in them holds as long as the window has as many rows.
    """

    blobs: Blobs
    package: Package
    gauge: Gauge
    evidence: str | None
    worth: Any
    known: Mapping[str, Mapping[str, Any]]

    @cached_property
    def name(self) -> str:
        """Names everything that an estimate depends on beside the window's rows."""
        return brief_digest([self.package.digest, self.evidence, self.worth, self.gauge.yardstick.hides, [source_digest(room) for room in _CODE]])

    def estimated(self, frame: pl.DataFrame, made: Sequence[Window], span: timedelta) -> list[Window]:
        """The windows with what they are expected to show.

        Parameters
        ----------
        frame
            The rows that the windows were made of, as `loopline.watch.windows.windows` takes them.
        """
        kept = {window.start: one for window in made if (one := self._kept(window)) is not None}
        fresh = [window for window in made if window.start not in kept]
        if fresh and self.evidence is not None:
            # What chance took from the policy is expected to earn what others decide: that is no word on the model.
            own = frame.filter(~pl.col("holdout"), ~pl.col("tried"))
            kept |= dict(estimates(own, fresh, self._reference, span=span))
        return [replace(window, estimated=kept.get(window.start)) for window in made]

    def _kept(self, window: Window) -> Estimated | None:
        """The ledger's estimate of a window whose rows have not changed; None where there is none that holds."""
        said = self.known.get(window.start.isoformat(), {}).get("estimated")
        holds = said is not None and said["rows"] == window.rows and (self.evidence is None or said["basis"] == self.name)
        return Estimated.of_json(said) if said is not None and holds else None

    @cached_property
    def _reference(self) -> Reference:
        try:
            rows = self.blobs.get(str(self.evidence))
        except Mistake:
            return Reference.without(self.gauge.yardstick, "the rows of the test part are not at hand", self.name)
        frame = pl.read_parquet(io.BytesIO(rows))
        predictor = Predictor(self.package)
        scores = predictor.predict(raw(frame, predictor.columns))
        return Reference.of(as_judged(frame, scores, self.gauge), self.gauge.yardstick, self.name)
