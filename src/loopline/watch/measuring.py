"""Windows measured from the log, slice by slice: what was asked, decided and earned, and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from loopline.declaration import counted
from loopline.watch.basis import Basis
from loopline.watch.domain import Sample, areas, looked_at
from loopline.watch.elapsed import told_after
from loopline.watch.gauge import Gauge
from loopline.watch.merging import merged
from loopline.watch.served import SLICE_ROWS, Log, decoded, slices
from loopline.watch.windows import SCORE, Window, windows
from loopline.workspace import Job


@dataclass(frozen=True)
class ToldFrom:
    """What a classifier tells the champion's windows from, and what it found before: rows and area by the window's start."""

    sample: Sample
    known: Mapping[datetime, tuple[int, float]]

    @classmethod
    def of(cls, sample: Sample, own: Mapping[str, Mapping[str, Any]]) -> ToldFrom:
        """The sample, with what the bodies of windows say."""
        bodies = [body for body in own.values() if body.get("apart") is not None]
        return cls(sample, {datetime.fromisoformat(body["start"]): (body["rows"], body["apart"]) for body in bodies})


def measure(job: Job, log: Log, sizes: pl.DataFrame, basis: Basis, span: timedelta, told_from: ToldFrom | None) -> list[Window]:
    """The windows of a package that `sizes` names, with what is expected of them.

    Parameters
    ----------
    sizes
        What `Log.sizes` says of them.
    """
    measured = basis.gauge
    looked = looked_at(measured.yardstick.features)
    classes = measured.yardstick.classes if measured.yardstick.task == "multiclass" else ()
    made: list[Window] = []
    done = 0
    for part in slices(log, measured.yardstick.package, span, sizes, most=SLICE_ROWS):
        rows = decoded(part, measured.columns, classes)
        apart = {} if told_from is None else areas(rows, told_from.sample, looked, span=span, known=told_from.known)
        waited = told_after(part, span)
        own = [replace(one, apart=apart.get(one.start), told_after_s=waited.get(one.start)) for one in windows(rows, measured.yardstick, span=span)]
        own = basis.estimated(rows, own, span)
        if made and own and made[-1].start == own[0].start:
            own[0] = merged(made.pop(), own[0], measured.yardstick.features)
        made += own
        done += part.height
        job.progress.at(done, unit="predictions", note=counted(len(made), "window"))
    return made


def with_score_spread(measured: Gauge, scattered: tuple[tuple[int, float], ...]) -> Gauge:
    """The gauge with the score's natural variation, as the windows of the test part show it."""
    features = tuple(replace(bins, spread=scattered) if bins.name == SCORE else bins for bins in measured.yardstick.features)
    return replace(measured, yardstick=replace(measured.yardstick, features=features))
