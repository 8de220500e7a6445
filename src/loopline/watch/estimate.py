"""Metrics and worth of a window before its outcomes come: from calibrated scores, or from the weighted test part. Pure: frames in, values out.

Either way it is taken for granted that what a row's features bring about is as it was (covariate shift): where the world has changed how features
and outcome belong together, no estimate without outcomes can see it.

References
----------
Guerra, R. et al. (2013) and NannyML's documentation (confidence-based performance estimation, direct loss estimation). Shimodaira, H. (2000).
Improving predictive inference under covariate shift by weighting the log-likelihood function. Hausman, J. A. (1978). Specification tests in
econometrics: of two estimators, the less exact one is believed where they differ by more than their errors explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.declaration import figure
from loopline.model.evaluate import outcomes
from loopline.watch.confidence import Confidence, confidence
from loopline.watch.earned import Sums
from loopline.watch.estimated import Estimated, Figure, Method, together
from loopline.watch.expected import Floats, Measure, Weighed, losses, measures
from loopline.watch.reweighted import Places, Weights, distance_left, weights
from loopline.watch.windows import AWAITED, LOSS, SCORE, Said, Window, Yardstick, earns, said, starts

PART = 1_000_000
"""So many outcomes of rows are weighed at a time; a window of more is estimated in parts."""

REFERENCE_MOST = 10_000
"""Rows of the test part that are weighted; more of them are taken evenly."""

EFFECTIVE_NEEDED = 200
"""With weights worth fewer rows than these, they tell too little."""

FAR = 0.1
"""Weighted by their features, rows whose scores are still so far from the window's do not stand for it."""

DISAGREE = 3.0
"""Standard errors by which both methods may differ before the one that knows the features is believed."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What estimates are made from: the test part's scores, decisions and outcomes.

    Parameters
    ----------
    chances
        The chance of each outcome by the score; in words why there are none.
    weighable
        The rows that are weighted, with weights of one.
    places
        Their bin of each feature, and of the score under `SCORE`.
    awaited
        1 for those of them whose outcome would be seen once the package serves, else 0: what is expected is expected of such rows.
    basis
        Names all that an estimate depends on beside the window.
    """

    yardstick: Yardstick
    chances: Confidence | str
    weighable: Weighed
    places: Places
    awaited: Floats
    basis: str

    @classmethod
    def of(cls, frame: pl.DataFrame, yardstick: Yardstick, basis: str = "") -> Reference:
        """The reference of a frame as `loopline.watch.windows.windows` takes it, in which every outcome is known."""
        frame = _scored(frame.filter(pl.col("outcome").is_not_null()), yardstick)
        spoken = said(frame, yardstick)
        known = _codes(outcomes(yardstick.task, frame["outcome"].to_list(), yardstick.positive), yardstick)
        even = np.unique(np.linspace(0, frame.height - 1, min(frame.height, REFERENCE_MOST)).astype(np.int64)) if frame.height else np.empty(0, np.int64)
        taken = frame[even]
        row = taken["row"].struct.unnest() if taken["row"].dtype.base_type() == pl.Struct else pl.DataFrame()
        places = {
            bins.name: bins.places(taken["score"] if bins.name == SCORE else row[bins.name])
            for bins in yardstick.features
            if bins.name == SCORE or bins.name in row.columns
        }
        weighable = _weighed(spoken.where(even), [(known[even], np.ones(len(even)))], yardstick)
        awaited = taken.select(AWAITED).to_series().to_numpy().astype(np.float64) if yardstick.hides else np.ones(len(even))
        return cls(yardstick, confidence(yardstick.task, known, spoken.score), weighable, places, awaited, basis)

    @classmethod
    def without(cls, yardstick: Yardstick, why: str, basis: str = "") -> Reference:
        """The reference of a package whose test part is not at hand: it says why nothing is estimated."""
        nothing = np.empty(0)
        return cls(yardstick, why, Weighed(yardstick.task, nothing, nothing, nothing, nothing, nothing), {}, nothing, basis)


def estimates(frame: pl.DataFrame, made: Sequence[Window], reference: Reference, *, span: timedelta) -> Iterator[tuple[datetime, Estimated]]:
    """What each window of the frame is expected to show, by its start.

    Parameters
    ----------
    frame
        As `loopline.watch.windows.windows` takes it; `made` is what it gave. Outcomes are not looked at.
    """
    scored = _scored(frame, reference.yardstick).with_columns(start=starts(pl.col("when"), span))
    scored = scored.filter(AWAITED) if reference.yardstick.hides else scored
    parts = scored.partition_by("start", as_dict=True, include_key=False)
    for window in made:
        yield window.start, estimate(parts.get((window.start,), scored[:0]), window, reference)


def estimate(frame: pl.DataFrame, window: Window, reference: Reference) -> Estimated:
    """What the rows of one window are expected to show.

    Parameters
    ----------
    frame
        Those of the window's rows that have a score, and an outcome that can come.
    """
    chances, rows, counts = reference.chances, window.rows, window.counts
    if isinstance(chances, str) or frame.is_empty():
        why = chances if isinstance(chances, str) else f"no row {'that was acted on ' if reference.yardstick.hides else ''}has a score"
        return Estimated(method="none", why=why, rows=rows, basis=reference.basis)
    most = max(1, PART // max(2, len(reference.yardstick.classes), len(chances.shares)))
    confident = together([_confident(part, chances, reference) for part in frame.iter_slices(most)])
    weighed = weights({name: places for name, places in reference.places.items() if name != SCORE}, counts)
    if not weighed.moved:
        return _because(confident, "the scores' own probabilities: the window's features are mixed as the test part's are", rows)
    told = replace(weighed, each=weighed.each * reference.awaited)
    unlike = _unlike(weighed, told.effective, counts, reference)
    if unlike:
        return _because(confident, f"the scores' own probabilities: the test part cannot be weighted to stand for the window ({unlike})", rows)
    weighted = _weighted(told, reference, frame.height)
    apart = _apart(confident, weighted, reference.yardstick.task)
    if apart is None:
        return _because(confident, "the scores' own probabilities: weighting the test part to the window's features agrees with them", rows)
    return _because(weighted, f"the test part weighted to the window's features: the scores' own probabilities do not hold for such rows ({apart})", rows)


def _because(made: Estimated, why: str, rows: int) -> Estimated:
    return replace(made, why=why, rows=rows)


def _scored(frame: pl.DataFrame, yardstick: Yardstick) -> pl.DataFrame:
    """The rows that have a score: of any other there is nothing to expect."""
    frame = frame.filter(pl.col("score").is_finite() & pl.col("decision").is_not_null())
    return frame.filter(pl.col("scores").is_not_null()) if yardstick.task == "multiclass" else frame


def _confident(frame: pl.DataFrame, chances: Confidence, reference: Reference) -> Estimated:
    spoken = said(frame, reference.yardstick)
    possible = chances.possible(spoken.score)
    weighed = _weighed(spoken, possible, reference.yardstick)
    rows, place = frame.height, chances.bins(spoken.score)
    here = np.bincount(place, minlength=len(chances.rows))
    known = chances.rows[place]

    def told(measure: Measure) -> Figure:
        chance, influence = (each.reshape(len(possible), rows) for each in (weighed.weight, measure.influence))
        scatter = np.maximum((chance * influence**2).sum(axis=0) - (chance * influence).sum(axis=0) ** 2, 0.0)
        # As though each bin held one more row, of even chances: that nothing else was seen there does not make it impossible.
        scatter = (known * scatter + np.ptp(influence, axis=0) ** 2 / 4) / (known + 1)
        by_bin = np.bincount(place, weights=scatter, minlength=len(here))
        doubt = np.sqrt(np.sum(here * by_bin / np.maximum(chances.rows, 1))) / rows
        return Figure(measure.value, float(np.sqrt(scatter.sum())) / rows, float(doubt))

    figures = {name: told(measure) for name, measure in measures(weighed).items()}
    return _made("confidence", weighed, figures, rows, reference)


def _weighted(weighed: Weights, reference: Reference, rows: int) -> Estimated:
    known = reference.weighable
    taken = Weighed(known.task, known.outcome, known.decision, known.score, known.money, weighed.each)

    def told(measure: Measure) -> Figure:
        spread = weighed.each * measure.influence**2
        whole = float(weighed.each.sum())
        return Figure(measure.value, float(np.sqrt(spread.sum() / whole / rows)), float(np.sqrt((weighed.each * spread).sum())) / whole)

    return _made("weighted", taken, {name: told(measure) for name, measure in measures(taken).items()}, rows, reference)


def _made(method: Method, weighed: Weighed, figures: Mapping[str, Figure], rows: int, reference: Reference) -> Estimated:
    money, loss = (_sums(values, weighed.weight, rows) for values in (weighed.money, losses(weighed)))
    return Estimated(method=method, why="", rows=rows, basis=reference.basis, money=money, loss=loss, figures=figures)


def _sums(values: Floats, weight: Floats, rows: int) -> Sums:
    """The sums that so many rows are expected to have."""
    each = rows / float(weight.sum())
    return Sums(rows, float((weight * values).sum()) * each, float((weight * values**2).sum()) * each)


def _unlike(weighed: Weights, effective: float, counts: Mapping[str, Sequence[int]], reference: Reference) -> str:
    """Why the weighted test part does not stand for the window; empty where it does."""
    if weighed.unlike:
        return weighed.unlike
    if effective < EFFECTIVE_NEEDED:
        return f"its weights are worth only {effective:.0f} rows"
    scored = list(counts.get(SCORE, ()))
    if SCORE in reference.places and any(scored):
        left = distance_left(weighed, reference.places[SCORE], scored)
        # The mean squared distance of two samples of the same shares is about (bins / 8 ln 2)(1 / n + 1 / m).
        chance = 2 * np.sqrt(len(scored) / 8 / np.log(2) * (1 / weighed.effective + 1 / sum(scored)))
        if left > max(FAR, chance):
            return f"so weighted its scores are still {left:.2f} away from the window's"
    return ""


def _apart(confident: Estimated, weighted: Estimated, task: Task) -> str | None:
    """In words, where both methods differ by more than their errors explain, in money or in the task's loss; None where they agree."""
    for name, what in (("worth", "a worth"), (LOSS[task], f"a {LOSS[task]}")):
        first, second = confident.figures.get(name), weighted.figures.get(name)
        if first is None or second is None:
            continue
        # Of the noise, the first tells of the window's own rows, the second of others like them.
        error = np.hypot(first.doubt, np.hypot(second.doubt, second.noise))
        if abs(first.value - second.value) > DISAGREE * error:
            return f"{what} of {figure(first.value)} against {figure(second.value)}"
    return None


def _codes(known: NDArray[Any], yardstick: Yardstick) -> NDArray[Any]:
    """Outcomes or decisions as `Weighed` takes them."""
    if yardstick.task != "multiclass":
        return known.astype({"binary": bool, "regression": np.float64}[yardstick.task])
    place = {label: at for at, label in enumerate(yardstick.classes)}
    return np.array([place.get(label, -1) for label in known.tolist()], dtype=np.int64)


def _weighed(spoken: Said, possible: Sequence[tuple[Any, Floats]], yardstick: Yardstick) -> Weighed:
    """Every row with each of its outcomes, one outcome after the other; their weights are as they are given."""
    rows, task = len(spoken.decision), yardstick.task
    decision = _codes(spoken.decision, yardstick)
    outcome, score, money = [], [], []
    for one, _ in possible:
        code = np.broadcast_to(np.asarray(one), (rows,))
        outcome.append(code)
        score.append(np.where(code < 0, 0.0, spoken.score[np.arange(rows), code]) if task == "multiclass" else spoken.score)
        named = np.array([*yardstick.classes, None], dtype=object)[code] if task == "multiclass" else code
        money.append(earns(spoken, named, yardstick))
    weight = np.concatenate([chance for _, chance in possible])
    return Weighed(task, np.concatenate(outcome), np.tile(decision, len(possible)), np.concatenate(score), np.concatenate(money), weight)
