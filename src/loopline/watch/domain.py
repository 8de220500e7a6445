"""Whether a window's rows can be told from those of the test part, by all features together: a classifier that is trained to tell them apart.

Features that keep their own shares may still go together as they never did; no monitor of single features sees that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.watch.drift import Bins
from loopline.watch.limits import APART_ROWS
from loopline.watch.windows import SCORE, columns_of, starts

Codes = NDArray[np.uint8]
"""The bin of each feature's value, shape (rows, features)."""

APART_ROWS_NEEDED = 200
"""A classifier learns nothing to speak of from fewer rows than these."""

FEATURES_AT_MOST = 30
"""So many features the classifier looks at, those on which most hangs."""

_TREES = 16
_LEARNING: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": 7,
    "min_data_in_leaf": 20,
    "learning_rate": 0.2,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
    "verbosity": -1,
}


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of the test part, coded by the bins of the features, that windows are told from.

    Parameters
    ----------
    span
        Shape (rows,): the window that each row lies in, from 0.
    spans
        Rows of each window of the test part, and how well it was told from the other rows.
    """

    codes: Codes
    span: NDArray[np.int64]
    spans: tuple[tuple[int, float], ...]

    def as_json(self) -> dict[str, Any]:
        """The sample as plain values."""
        return {"codes": self.codes.tolist(), "span": self.span.tolist(), "spans": [list(one) for one in self.spans]}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Sample:
        """The inverse of `as_json`."""
        codes = np.asarray(said["codes"], dtype=np.uint8)
        return cls(codes.reshape(len(said["span"]), -1), np.asarray(said["span"], dtype=np.int64), tuple((rows, area) for rows, area in said["spans"]))

    @classmethod
    def of(cls, frame: pl.DataFrame, features: Sequence[Bins], *, span: timedelta) -> Sample:
        """The sample of a test part, as served rows in the order of time (`loopline.watch.windows.windows` says which columns), for windows of a span."""
        whole = frame.sort("when")
        group = whole.select(starts(pl.col("when"), span).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
        rows = _thinned(whole.height)
        codes, lies = coded(whole[rows], features), group[rows]
        spans = []
        for number, size in enumerate(np.bincount(group).tolist()):
            own = np.flatnonzero(group == number)
            others = codes[lies != number]
            if size >= APART_ROWS_NEEDED and len(others) >= APART_ROWS_NEEDED:
                spans.append((size, area(coded(whole[own[_thinned(size)]], features), others)))
        return cls(codes, lies, tuple(spans))


def looked_at(features: Sequence[Bins]) -> tuple[Bins, ...]:
    """The features that the classifier looks at: those that the model uses, the weightiest first."""
    used = sorted((bins for bins in features if bins.weight > 0 and bins.name != SCORE), key=lambda bins: (-bins.weight, bins.name))
    return tuple(used[:FEATURES_AT_MOST])


def coded(frame: pl.DataFrame, features: Sequence[Bins]) -> Codes:
    """The bin of each feature in each row."""
    columns = columns_of(frame, features)
    made = np.empty((frame.height, len(features)), dtype=np.uint8)
    for at, bins in enumerate(features):
        made[:, at] = bins.places(columns[bins.name])
    return made


def areas(
    frame: pl.DataFrame, sample: Sample, features: Sequence[Bins], *, span: timedelta, known: Mapping[datetime, tuple[int, float]]
) -> dict[datetime, float]:
    """How well each window that has rows enough is told from the sample, by its start.

    Parameters
    ----------
    frame
        Rows as `loopline.watch.windows.windows` takes them, in the order of time.
    known
        Rows and area of windows that were looked at before: one that has as many rows still is not learned again.
    """
    if len(sample.codes) < APART_ROWS_NEEDED:
        return {}
    sizes = frame.lazy().group_by(start=starts(pl.col("when"), span)).len().sort("start").collect()
    found: dict[datetime, float] = {}
    first = 0
    for start, size in sizes.iter_rows():
        if start in known and known[start][0] == size:
            found[start] = known[start][1]
        elif size >= APART_ROWS_NEEDED:
            found[start] = area(coded(frame[first + _thinned(size)], features), sample.codes)
        first += size
    return found


def area(rows: Codes, reference: Codes) -> float:
    """The area under the ROC curve with which a classifier tells the rows from the reference: 0.5 where they are alike, 1 where each gives itself away.

    It learns from one half of both and is asked about the other, and the other way round; the area is the mean of the two.

    References
    ----------
    Friedman, J. H. (2003). On multivariate goodness-of-fit and two-sample testing (a classifier's scores as a test).
    Lopez-Paz, D., Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR.
    """
    # It takes a second to load, and most turns have nothing to learn.
    lightgbm = import_module("lightgbm")
    features = np.concatenate([rows, reference]).astype(np.float32)
    is_new = np.concatenate([np.ones(len(rows)), np.zeros(len(reference))])
    half = np.concatenate([np.arange(len(rows)), np.arange(len(reference))]) % 2
    found = []
    for asked in (0, 1):
        learned = lightgbm.Dataset(features[half != asked], is_new[half != asked], params=dict(_LEARNING))
        model = lightgbm.train(dict(_LEARNING), learned, _TREES)
        scores = np.asarray(model.predict(features[half == asked], raw_score=True, num_threads=1), dtype=np.float64)
        found.append(_area(scores, is_new[half == asked] > 0))
    return float(np.mean(found))


def _area(scores: NDArray[np.float64], is_new: NDArray[np.bool_]) -> float:
    _, place, equal = np.unique(scores, return_inverse=True, return_counts=True)
    # The mean rank of those that are equal.
    ranks = (equal.cumsum() - (equal - 1) / 2)[place]
    new = int(is_new.sum())
    return float((ranks[is_new].sum() - new * (new + 1) / 2) / (new * (len(scores) - new)))


def _thinned(rows: int) -> NDArray[np.int64]:
    """The places of at most `APART_ROWS` rows, evenly spread over so many."""
    kept = min(rows, APART_ROWS)
    return np.arange(kept, dtype=np.int64) * rows // max(1, kept)
