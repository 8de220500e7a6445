"""A pandas or Polars frame to a frame of predictions of the same kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.model.signing import Trust
from loopline.serve.apart import NOTHING, Apart
from loopline.serve.batch import check, log_refused, score
from loopline.serve.champion import released
from loopline.serve.filled import filled
from loopline.serve.log import Log
from loopline.serve.scorer import load


def score_frame(lake: Lake, champion: str | None, frame: Any, *, trust: Trust, apart: Apart = NOTHING) -> Any:
    """The champion's scores and decisions for a pandas or Polars frame, as a frame of the same kind.

    Every row is there, in its place. A refused row has no score, and then there is a column ``refused`` with the reasons.
    Each prediction is logged like a served one; what is decided apart from the package's policy is the same as there.

    Raises
    ------
    Mistake
        When no package has been released yet, it is no such frame, or a column that the package needs is missing.
    """
    given = _as_polars(frame)
    scorer = load(Blobs(lake), released(champion), trust)
    scorer.set_apart(apart)
    sheet = filled(check(scorer.signature, given, where="frame"), scorer, lake, where="frame")
    with Log(lake.log) as log:
        done = score(scorer, sheet, log)
        raw = {place: json.dumps(given.row(place, named=True), default=str) for place in done.reasons}
        log_refused(scorer, log, raw, done.reasons)
    keys = [sheet.typed[name] for name in scorer.key if name in sheet.typed.columns]
    aligned = pl.DataFrame([pl.Series("__at", np.arange(given.height)), *keys])
    answers = done.out.drop(column.name for column in keys).with_columns(pl.Series("__at", done.places))
    out = aligned.join(answers, on="__at", how="left", maintain_order="left").drop("__at")
    if done.reasons:
        out = out.with_columns(pl.Series("refused", ["; ".join(done.reasons[place]) if place in done.reasons else None for place in range(given.height)]))
    return out if isinstance(frame, pl.DataFrame) else _like(frame, out)


def _as_polars(frame: Any) -> pl.DataFrame:
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.split(".")[0] != "pandas" or not hasattr(frame, "columns"):
        raise Mistake(f"{type(frame).__name__} is no frame", where="frame", remedy="give a pandas or Polars DataFrame")
    return pl.DataFrame(list(_columns(frame)))


def _columns(frame: Any) -> Iterator[pl.Series]:
    """A pandas frame's columns. Polars would ask for PyArrow for this, which weighs more than all that serves."""
    for name in frame.columns:
        values = frame[name]
        if getattr(values.dtype, "kind", "O") in "iufb" and isinstance(values.dtype, np.dtype):
            yield pl.Series(str(name), values.to_numpy())
        else:
            gone = values.isna().to_numpy()
            yield pl.Series(str(name), [None if none else value for none, value in zip(gone, values, strict=True)], strict=False)


def _like(frame: Any, out: pl.DataFrame) -> Any:
    """A frame of the same library with the same index."""
    return type(frame)({name: out[name].to_numpy() if out[name].dtype.is_numeric() else out[name].to_list() for name in out.columns}, index=frame.index)
